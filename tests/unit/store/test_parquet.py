"""Tables: what was written comes back, with the declared types."""

import string
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.tables import columns_of
from umd_curate.store import parquet
from umd_curate.store.parquet import GroupedRows, array_of, arrow_schema, read_rows, rows_of, write_rows


class Kind(StrEnum):
    ONE = "one"
    TWO = "two"


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    kind: Kind
    weight_kg: float | None
    count: int
    parts: tuple[str, ...] = ()
    affine: tuple[float, ...] = ()


texts = st.text(string.printable + "äöü中", max_size=10)
rows = st.builds(
    Row,
    texts,
    st.sampled_from(Kind),
    st.none() | st.floats(allow_nan=False),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(texts, max_size=3).map(tuple),
    st.lists(st.floats(allow_nan=False), max_size=3).map(tuple),
)


@settings(max_examples=25)  # each writes and syncs a file
@given(rows=st.lists(rows, max_size=5))
def test_rows_are_read_back_as_they_were(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.parquet"
    write_rows(path, rows, Row)
    assert read_rows(path, Row) == rows


def test_an_empty_table_has_its_columns(tmp_path):
    write_rows(tmp_path / "rows.parquet", [], Row, mode=0o600)
    assert pq.read_schema(tmp_path / "rows.parquet") == arrow_schema(columns_of(Row))
    assert (tmp_path / "rows.parquet").stat().st_mode & 0o777 == 0o600


def test_equal_rows_are_equal_bytes(tmp_path):
    found = [Row("a", Kind.ONE, 1.0, 1, ("x",)), Row("b", Kind.TWO, None, 2)]
    write_rows(tmp_path / "one.parquet", found, Row)
    write_rows(tmp_path / "two.parquet", iter(found), Row)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_the_index_keeps_every_element_of_a_header(tmp_path):
    header = InstanceHeader(
        path="/raw/1", size=10, mtime_ns=5, kind=FileKind.DICOM, image_type=("ORIGINAL", "PRIMARY"), rows=128,
        position_mm=(1.5, -2.0, 3.25), patient_weight_kg=70.5,
    )  # fmt: skip
    write_rows(tmp_path / "index.parquet", [header], InstanceHeader)
    assert read_rows(tmp_path / "index.parquet", InstanceHeader) == [header]


@given(
    texts=st.lists(st.none() | texts),
    numbers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    truths=st.lists(st.none() | st.booleans()),
    lists=st.lists(st.none() | st.lists(st.floats(allow_nan=False), max_size=3)),
)
def test_arrays_are_those_of_pyarrow(texts, numbers, truths, lists):
    columns = [(texts, pa.string()), (numbers, pa.int64()), (truths, pa.bool_()), (lists, pa.list_(pa.float64()))]
    for values, kind in columns:
        made = array_of(values, kind)
        made.validate(full=True)
        assert made.equals(pa.array(values, kind))


def test_rows_are_found_by_number_across_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_ROWS", 3)
    found = [Row(str(number), Kind.ONE, None, number) for number in range(11)]
    write_rows(tmp_path / "rows.parquet", found, Row)
    rows = GroupedRows(tmp_path / "rows.parquet")
    assert (rows.count, rows.groups) == (11, 4)
    assert rows_of(rows.take([0, 2, 3, 10]), Row) == [found[number] for number in (0, 2, 3, 10)]
    assert [row for table in rows.slices(1, 8) for row in rows_of(table, Row)] == found[1:8]
    rows.close()
