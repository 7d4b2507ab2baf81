"""Parquet shards with whole volumes: one row per row group, a volume's ``.nii.gz`` bytes exactly as they lie in ``data/``.

A volume is a struct of bytes and path, the layout of `datasets.Nifti`, and the file's metadata says so: `load_dataset`
gives images without a loading script. The bytes are compressed already, so no page is compressed again. The writer holds
one row at a time; files of equal rows, written with one version of pyarrow, are equal byte by byte.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from umd_curate.model.receipts import Json
from umd_curate.model.tables import Column
from umd_curate.store.files import atomic
from umd_curate.store.parquet import arrow_schema

# A value stands alone on a page of Parquet, whose size has 31 bits; its levels, length and header are well below a KiB.
MAX_VOLUME_BYTES = 2**31 - 1024
VOLUME_TYPE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
HUB_METADATA = b"huggingface"
_PLAIN_ROWS = 4096  # of plain values that are read at a time
PICTURE_ROWS = 128  # of a row group: about a megabyte of previews, what one read of a shuffled row costs

# Chunk borders that follow the content, so that a changed row moves no other bytes on the Hub; sizes as `datasets` uses them.
# A row group of one row has no border to choose: there, the same bytes come out at more than twice the time.
_CHUNKING = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a shard: plain ones first, volumes after them, pictures last."""

    columns: tuple[Column, ...]
    volumes: tuple[str, ...]
    pictures: tuple[str, ...] = ()

    @property
    def features(self) -> dict[str, Json]:
        """The columns as `datasets.Features.to_dict` writes them."""
        plain = {column.name: _feature(column.type) for column in self.columns}
        volumes: dict[str, Json] = {name: {"_type": "Nifti"} for name in self.volumes}
        return {**plain, **volumes, **{name: {"_type": "Image"} for name in self.pictures}}

    @property
    def types(self) -> dict[str, str]:
        """Type of every column, by name."""
        return {field.name: type_name(field.type) for field in self.schema}

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with the features as metadata; every column may be null, as `datasets` has it."""
        fields = [field.with_nullable(True) for field in arrow_schema(self.columns)]
        fields += [pa.field(name, VOLUME_TYPE) for name in (*self.volumes, *self.pictures)]
        metadata = json.dumps({"info": {"features": self.features}}, sort_keys=False)
        return pa.schema(fields, metadata={HUB_METADATA: metadata.encode()})


class ShardWriter:
    """Writes one shard row by row; the file appears whole or not at all."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._layout = layout
        self._schema = layout.schema
        self._atomic = atomic(path)
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._writer = _open_writer(self._atomic.__enter__(), self._layout)
        return self

    def write(self, values: Mapping[str, object], volumes: Mapping[str, Path]) -> None:
        """Append one row.

        Parameters
        ----------
        values
            Value of every plain column.
        volumes
            File of each volume column; a column without a file is null.
        """
        assert self._writer is not None  # noqa: S101  (open between enter and exit)
        plain = pa.RecordBatch.from_pylist([dict(values)], schema=_plain_part(self._schema, self._layout))
        arrays = [*plain.columns, *(_volume_array(volumes.get(name)) for name in self._layout.volumes)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._writer.write_batch(batch, row_group_size=1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._atomic.__exit__(kind, error, traceback)


class PictureWriter:
    """Writes a shard of small pictures in row groups of `PICTURE_ROWS`; the file appears whole or not at all."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._layout = layout
        self._schema = layout.schema
        self._atomic = atomic(path)
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[dict[str, object]] = []

    def __enter__(self) -> Self:
        self._writer = _open_writer(self._atomic.__enter__(), self._layout)
        return self

    def write(self, values: Mapping[str, object], pictures: Mapping[str, tuple[str, bytes]]) -> None:
        """Append one row: the value of every plain column, and name and bytes of every picture."""
        cells = {column: {"bytes": data, "path": name} for column, (name, data) in pictures.items()}
        self._waiting.append({**values, **cells})
        if len(self._waiting) == PICTURE_ROWS:
            self._flush()

    def _flush(self) -> None:
        assert self._writer is not None  # noqa: S101  (open between enter and exit)
        if self._waiting:
            batch = pa.RecordBatch.from_pylist(self._waiting, schema=self._schema)
            self._writer.write_batch(batch, row_group_size=PICTURE_ROWS)
            self._waiting = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            if error is None:
                self._flush()
            self._writer.close()
        self._atomic.__exit__(kind, error, traceback)


@dataclass(frozen=True, slots=True)
class StoredVolume:
    """A volume as it lies in a shard; `data` shares the row group's memory."""

    data: memoryview
    path: str


@dataclass(frozen=True, slots=True)
class Footer:
    """What a Parquet file's footer says: rows, and bytes of its columns before compression."""

    rows: int
    data_bytes: int


def read_footer(path: Path) -> Footer:
    """Footer of any Parquet file."""
    metadata = pq.read_metadata(path)
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    return Footer(int(metadata.num_rows), sum(int(group.total_byte_size) for group in groups))


def volume_columns(path: Path) -> tuple[str, ...]:
    """Names of a shard's volume columns; a shard of pictures has none."""
    return tuple(field.name for field in pq.read_schema(path) if field.type == VOLUME_TYPE and not _is_picture(path))


def _is_picture(path: Path) -> bool:
    info = json.loads((pq.read_schema(path).metadata or {}).get(HUB_METADATA, b"{}")).get("info", {})
    return any(feature.get("_type") == "Image" for feature in info.get("features", {}).values())


def read_plain(source: Path | IO[bytes], columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Plain columns of a shard, or some of them, in the order of its rows; no volume and no picture is read."""
    with pq.ParquetFile(source) as file:
        plain = [field.name for field in file.schema_arrow if not pa.types.is_struct(field.type)]
        wanted = [name for name in plain if columns is None or name in columns]
        yield from file.iter_batches(_PLAIN_ROWS, columns=wanted, use_threads=False)


def read_shard(path: Path, *, volumes: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a shard one after another, each volume as `StoredVolume` or None.

    Parameters
    ----------
    path
        A shard.
    volumes
        Volume columns to read; None means all of them, an empty sequence only the plain columns.
    """
    with pq.ParquetFile(path) as file:
        names = {field.name: field.type == VOLUME_TYPE for field in file.schema_arrow}
        plain = [name for name, is_volume in names.items() if not is_volume]
        wanted = [name for name, is_volume in names.items() if is_volume and (volumes is None or name in volumes)]
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=plain + wanted)
            for index in range(table.num_rows):
                row = {name: table.column(name)[index].as_py() for name in plain}
                yield row | {name: _stored(table.column(name)[index]) for name in wanted}
            del table  # before the next row group is read: one row at a time in memory


def _open_writer(path: Path, layout: Layout) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        layout.schema,
        compression="none",
        use_dictionary=False,
        write_statistics=[column.name for column in layout.columns],
        write_page_index=True,
        use_content_defined_chunking=_CHUNKING if layout.pictures else False,
    )


def read_volume_at(path: Path, row: int, column: str) -> memoryview:
    """Bytes of one volume of a shard.

    Raises
    ------
    ValueError
        There is none.
    """
    with pq.ParquetFile(path) as file:
        if 0 <= row < file.num_row_groups:  # a row group holds one row
            found = _stored(file.read_row_group(row, columns=[column], use_threads=False).column(column)[0])
            if found is not None:
                return found.data
    message = "the shard holds no volume there"
    raise ValueError(message)


def type_name(kind: pa.DataType) -> str:
    """Name of a column's type, as the tables' declarations have it; ``volume`` for bytes and path."""
    text = str(kind).replace("element: ", "").replace("item: ", "").replace("double", "float64")
    return "volume" if kind == VOLUME_TYPE else text


def _feature(kind: str) -> Json:
    if kind.startswith("list<"):
        return {"feature": {"dtype": kind[5:-1], "_type": "Value"}, "_type": "List"}
    return {"dtype": kind, "_type": "Value"}


def _plain_part(schema: pa.Schema, layout: Layout) -> pa.Schema:
    return pa.schema([schema.field(column.name) for column in layout.columns])


def _volume_array(path: Path | None) -> pa.Array:
    if path is None:
        return pa.nulls(1, VOLUME_TYPE)
    with pa.memory_map(str(path)) as source:
        data = source.read_buffer()
    if len(data) > MAX_VOLUME_BYTES:
        message = f"a volume of a shard holds at most {MAX_VOLUME_BYTES} bytes"
        raise ValueError(message)
    offsets = pa.array([0, len(data)], pa.int32()).buffers()[1]
    values = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, data])
    return pa.StructArray.from_arrays([values, pa.array([path.name])], fields=list(VOLUME_TYPE))


def _stored(value: pa.StructScalar) -> StoredVolume | None:
    if not value.is_valid:
        return None
    return StoredVolume(memoryview(value["bytes"].as_buffer()), value["path"].as_py())
