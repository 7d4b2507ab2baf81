"""Arrow schemas and Parquet files from the tables that are declared as frozen dataclasses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from umd_curate.model.tables import Column, columns_of
from umd_curate.store.files import atomic

Row = TypeVar("Row")

_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
    "list<float64>": pa.list_(pa.float64()),
    "list<int64>": pa.list_(pa.int64()),
}


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Arrow schema of declared columns."""
    return pa.schema([pa.field(column.name, _ARROW[column.type], nullable=column.nullable) for column in columns])


def write_rows(path: Path, rows: Iterable[Any], row_type: type, *, mode: int | None = None) -> None:
    """Write dataclass rows as one Parquet file, atomically, in the order given."""
    columns = columns_of(row_type)
    table = pa.Table.from_pylist([_plain(row) for row in rows], schema=arrow_schema(columns))
    with atomic(path, mode=mode) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_index=True)


def read_rows(path: Path, row_type: type[Row]) -> list[Row]:
    """Read a file of `write_rows` back into its dataclass."""
    hints = {entry.name: entry for entry in fields(row_type)}  # type: ignore[arg-type]
    enums = {
        name: entry.type
        for name, entry in hints.items()
        if isinstance(entry.type, type) and issubclass(entry.type, Enum)
    }
    lists = {column.name for column in columns_of(row_type) if column.type.startswith("list")}
    return [row_type(**_typed(record, enums, lists)) for record in pq.ParquetFile(path).read().to_pylist()]


def _plain(row: object) -> Mapping[str, object]:
    return {
        entry.name: value.value if isinstance(value := getattr(row, entry.name), Enum) else value
        for entry in fields(row)  # type: ignore[arg-type]
    }


def _typed(record: dict[str, Any], enums: Mapping[str, Any], lists: set[str]) -> dict[str, Any]:
    for name, enum in enums.items():
        record[name] = enum(record[name])
    for name in lists:
        record[name] = tuple(record[name] or ())
    return record
