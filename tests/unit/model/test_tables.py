"""A column is declared once, as a dataclass field; its name, type and nullability follow."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

import pytest

from umd_curate.model.headers import InstanceHeader
from umd_curate.model.release import TABLES
from umd_curate.model.tables import Column, columns_of

Name = NewType("Name", str)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Row:
    name: Name
    colour: Colour
    weight_kg: float | None
    count: int
    is_good: bool
    parts: tuple[str, ...]
    affine: tuple[float, ...]
    shape: tuple[int, ...]


def test_columns_follow_the_fields():
    assert columns_of(Row) == (
        Column("name", "string", nullable=False),
        Column("colour", "string", nullable=False),
        Column("weight_kg", "float64", nullable=True),
        Column("count", "int64", nullable=False),
        Column("is_good", "bool", nullable=False),
        Column("parts", "list<string>", nullable=False),
        Column("affine", "list<float64>", nullable=False),
        Column("shape", "list<int64>", nullable=False),
    )


def test_a_field_of_two_types_has_no_column():
    @dataclass(frozen=True)
    class Undecided:
        value: int | str | None

    with pytest.raises(TypeError, match="value"):
        columns_of(Undecided)


@pytest.mark.parametrize("row", [InstanceHeader, *TABLES.values()])
def test_every_declared_table_has_columns(row):
    columns = columns_of(row)
    assert columns
    assert len({column.name for column in columns}) == len(columns)
