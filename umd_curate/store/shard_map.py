"""Where in a shard's file each volume's bytes lie, so that they are read without a copy, or fetched by one range request.

A shard has one row per row group, its volumes are not compressed again and stand alone on their pages (Parquet format 2.9,
"Data Pages", encoding PLAIN): page header, levels, four bytes of length, the bytes, end of the column chunk. The place is
taken only where the length agrees with the end of the chunk and the bytes begin as gzip does; otherwise the file was written
by somebody else, and is refused.
"""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq

from umd_curate.errors import SchemaError

_HEAD = 512  # bytes of a page before its value: the header with statistics, and the levels
_GZIP = b"\x1f\x8b"
_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes in a file."""

    start: int
    size: int


def locate(source: IO[bytes]) -> list[dict[str, Span]]:
    """Where each row's volumes lie, by column; a column that is null in a row is absent.

    Raises
    ------
    SchemaError
        The file is not laid out as the product writes shards.
    """
    with pq.ParquetFile(source) as file:
        metadata = file.metadata
        found = []
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            if group.num_rows != 1:
                raise _strange()
            spans = {}
            for index in range(group.num_columns):
                chunk = group.column(index)
                name, _, leaf = chunk.path_in_schema.partition(".")
                if leaf == "bytes" and (span := _span(chunk, source)) is not None:
                    spans[name] = span
            found.append(spans)
        return found


def _span(chunk: Any, source: IO[bytes]) -> Span | None:  # noqa: ANN401  (pyarrow is untyped)
    if chunk.compression != "UNCOMPRESSED" or chunk.dictionary_page_offset is not None:
        raise _strange()
    start, size = int(chunk.data_page_offset), int(chunk.total_compressed_size)
    source.seek(start)
    head = source.read(min(_HEAD, size))
    at = head.find(_GZIP)
    while at >= 0:
        length = int.from_bytes(head[at - _LENGTH : at], "little") if at >= _LENGTH else -1
        if length == size - at:
            return Span(start + at, length)
        at = head.find(_GZIP, at + 1)
    if size < _HEAD:
        return None  # a null has no bytes
    raise _strange()


def _strange() -> SchemaError:
    message = "A shard is not laid out as umd-curate writes it."
    return SchemaError(message, hint="Read it with `datasets.load_dataset`, or fetch the release again.")


def mapped(path: Path, span: Span) -> memoryview:
    """Bytes of a file that stay where they are; the map goes with the last view of it."""
    start = span.start - span.start % mmap.ALLOCATIONGRANULARITY
    with path.open("rb") as handle:
        view = mmap.mmap(handle.fileno(), span.start - start + span.size, access=mmap.ACCESS_READ, offset=start)
    return memoryview(view)[span.start - start :]
