"""Arrow schemas and Parquet files from the tables that are declared as frozen dataclasses.

Long tables are written and read in batches: what is in memory is one row group, however many rows there are.
"""

import bisect
import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from umd_curate.model.tables import Column, columns_of
from umd_curate.store.files import atomic

pa.set_memory_pool(pa.system_memory_pool())  # gives memory back; pyarrow's own choice keeps some 30 MiB of it

Row = TypeVar("Row")

GROUP_ROWS = 4096  # of a row group of a long table

_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
    "list<float64>": pa.list_(pa.float64()),
    "list<int64>": pa.list_(pa.int64()),
}


def arrow_schema(columns: Sequence[Column], metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Arrow schema of declared columns."""
    entries = [pa.field(column.name, _ARROW[column.type], nullable=column.nullable) for column in columns]
    return pa.schema(entries, metadata=dict(metadata) if metadata else None)


def batch_of(rows: Sequence[Any], row_type: type) -> pa.RecordBatch:
    """Dataclass rows as a batch."""
    schema = arrow_schema(columns_of(row_type))
    arrays = [array_of(list(map(attrgetter(entry.name), rows)), entry.type) for entry in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def array_of(values: Sequence[Any] | npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Values as an Arrow array of one of the columns' types; None is null.

    The buffers are laid out here (Arrow columnar format, version 1.0): `pyarrow.array` would import pandas, of which 50 MiB
    of memory and half a second are all that this product would use.
    """
    validity = None
    if not isinstance(values, np.ndarray) and None in values:
        is_there = [value is not None for value in values]
        validity = pa.py_buffer(np.packbits(is_there, bitorder="little"))
    if pa.types.is_list(kind):
        offsets = _offsets([len(value) if value is not None else 0 for value in values])
        inner = array_of([part for value in values if value is not None for part in value], kind.value_type)
        return pa.Array.from_buffers(kind, len(values), [validity, offsets], children=[inner])
    if pa.types.is_string(kind):
        texts = [value.encode() if value is not None else b"" for value in values]
        return pa.Array.from_buffers(
            kind, len(values), [validity, _offsets(list(map(len, texts))), pa.py_buffer(b"".join(texts))]
        )
    plain = [value if value is not None else 0 for value in values]
    if pa.types.is_boolean(kind):
        data = np.packbits(np.array(plain, bool), bitorder="little")
    else:
        data = np.array(plain, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(data)])


def _offsets(lengths: Sequence[int]) -> pa.Buffer:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.py_buffer(offsets)


def rows_of(
    batch: pa.RecordBatch | pa.Table, row_type: type[Row], make: Callable[[Sequence[Any]], Row] | None = None
) -> list[Row]:
    """Dataclass rows of a batch; `make` takes the values of all fields in order, where the constructor is too slow."""
    hints = {entry.name: entry.type for entry in fields(row_type)}  # type: ignore[arg-type]
    lists = []
    for column in columns_of(row_type):
        values: list[Any] = batch.column(column.name).to_pylist()
        hint = hints[column.name]
        if isinstance(hint, type) and issubclass(hint, Enum):
            known = {entry.value: entry for entry in hint}
            values = [known[value] for value in values]
        elif column.type.startswith("list"):
            values = [tuple(value or ()) for value in values]
        lists.append(values)
    if make is not None:
        return [make(values) for values in zip(*lists, strict=True)]
    names = [column.name for column in columns_of(row_type)]
    return [row_type(**dict(zip(names, values, strict=True))) for values in zip(*lists, strict=True)]


class TableWriter:
    """Writes a long table batch by batch; rows stand in the order in which they are added."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True)
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._count = 0

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Add rows; a row group is written when it is full."""
        if not batch.num_rows:
            return
        self._waiting += batch.to_batches() if isinstance(batch, pa.Table) else [batch]
        self._count += batch.num_rows
        if self._count >= GROUP_ROWS:
            table = pa.Table.from_batches(self._waiting).cast(self._schema)
            whole = self._count - self._count % GROUP_ROWS
            self._writer.write_table(table.slice(0, whole), row_group_size=GROUP_ROWS)
            rest = table.slice(whole).combine_chunks()
            self._waiting, self._count = rest.to_batches(), rest.num_rows

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._count:
            self._writer.write_table(pa.Table.from_batches(self._waiting).cast(self._schema), row_group_size=GROUP_ROWS)
        self._writer.close()


@contextlib.contextmanager
def table_writer(
    path: Path, row_type: type, *, mode: int | None = None, metadata: Mapping[str, str] | None = None
) -> Iterator[TableWriter]:
    """Write a long table of dataclass rows atomically."""
    with atomic(path, mode=mode) as temporary:
        writer = TableWriter(temporary, arrow_schema(columns_of(row_type), metadata))
        try:
            yield writer
        finally:
            writer.close()


def write_rows(path: Path, rows: Iterable[Any], row_type: type, *, mode: int | None = None) -> None:
    """Write dataclass rows as one Parquet file, atomically, in the order given."""
    waiting: list[Any] = []
    with table_writer(path, row_type, mode=mode) as writer:
        for row in rows:
            waiting.append(row)
            if len(waiting) == GROUP_ROWS:
                writer.add(batch_of(waiting, row_type))
                waiting = []
        if waiting:
            writer.add(batch_of(waiting, row_type))


def write_json_lines(path: Path, rows: Iterable[Any], row_type: type) -> None:
    """Write dataclass rows as JSON Lines, atomically, in the order given; keys are in the order of the columns."""
    names = [column.name for column in columns_of(row_type)]
    values = attrgetter(*names)
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        for row in rows:
            entry = dict(zip(names, values(row), strict=True))
            handle.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")


def read_rows(path: Path, row_type: type[Row]) -> list[Row]:
    """Read a file of `write_rows` back into its dataclass."""
    return list(iterate_rows(path, row_type))


def iterate_rows(path: Path, row_type: type[Row]) -> Iterator[Row]:
    """Read a file of `write_rows` back into its dataclass, a row group at a time."""
    for batch in read_batches(path):
        yield from rows_of(batch, row_type)


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Read a table, or some columns of it, a row group at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield from file.read_row_group(number, columns=columns, use_threads=False).to_batches()


class GroupedRows:
    """Rows of a table by their number, whichever row group they are in. The group that was read last is kept."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self.schema: pa.Schema = self._file.schema_arrow
        sizes = [self._file.metadata.row_group(number).num_rows for number in range(self._file.num_row_groups)]
        self._starts: list[int] = list(itertools.accumulate(sizes, initial=0))[: len(sizes)]
        self.count = sum(sizes)
        self.groups = len(sizes)
        self._kept: tuple[int, pa.Table] | None = None

    def group_of(self, row: int) -> int:
        """Number of the row group that holds a row."""
        return bisect.bisect_right(self._starts, row) - 1

    def start_of(self, group: int) -> int:
        """Number of the first row of a row group."""
        return self._starts[group]

    def columns(self, group: int, names: Sequence[str]) -> pa.Table:
        """Some columns of a row group."""
        return self._file.read_row_group(group, columns=list(names), use_threads=False)

    def group(self, number: int) -> pa.Table:
        """All columns of a row group."""
        if self._kept is None or self._kept[0] != number:
            self._kept = None
            self._kept = number, self._file.read_row_group(number, use_threads=False)
        return self._kept[1]

    def slices(self, start: int, stop: int) -> Iterator[pa.Table]:
        """Rows from `start` up to `stop`, as tables of one row group at most."""
        while start < stop:
            group = self.group_of(start)
            first = self._starts[group]
            table = self.group(group)
            part = table.slice(start - first, min(stop - start, table.num_rows - (start - first)))
            yield part
            start += part.num_rows

    def take(self, rows: Sequence[int]) -> pa.Table:
        """Rows by number, which must ascend."""
        parts = []
        by_group: dict[int, list[int]] = {}
        for row in rows:
            group = self.group_of(row)
            by_group.setdefault(group, []).append(row - self._starts[group])
        for group, places in by_group.items():
            table = self.group(group)
            parts.append(table.take(array_of(places, pa.int64())))
        return pa.concat_tables(parts) if parts else self.schema.empty_table()

    def close(self) -> None:
        """Close the file."""
        self._kept = None
        self._file.close()
