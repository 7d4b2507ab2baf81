"""Arrow-free declarations of the tables: a column is declared once, as a field of a frozen dataclass.

`columns_of` gives name, type and whether it may be null; `store/parquet.py` makes the Arrow schema of it.
"""

from dataclasses import dataclass, fields
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

ColumnType = Literal["string", "int64", "float64", "bool", "list<string>", "list<float64>", "list<int64>"]

_SCALARS: dict[type, ColumnType] = {str: "string", int: "int64", float: "float64", bool: "bool"}
_LISTS: dict[type, ColumnType] = {str: "list<string>", float: "list<float64>", int: "list<int64>"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, type and whether it may be null."""

    name: str
    type: ColumnType
    nullable: bool


def columns_of(row: type) -> tuple[Column, ...]:
    """Columns of a frozen dataclass, in the order of its fields.

    Raises
    ------
    TypeError
        A field's type has no column type.
    """
    hints = get_type_hints(row)
    return tuple(_column(entry.name, hints[entry.name]) for entry in fields(row))


def _column(name: str, hint: Any) -> Column:  # noqa: ANN401  (a type hint is any object)
    nullable = False
    if get_origin(hint) in {Union, UnionType}:
        options = [option for option in get_args(hint) if option is not type(None)]
        nullable = len(options) < len(get_args(hint))
        if len(options) != 1:
            raise TypeError(name)
        hint = options[0]
    hint = getattr(hint, "__supertype__", hint)
    if get_origin(hint) is tuple:
        return Column(name, _LISTS[get_args(hint)[0]], nullable)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Column(name, "string", nullable)
    return Column(name, _SCALARS[hint], nullable)
