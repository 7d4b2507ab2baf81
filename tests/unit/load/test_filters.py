"""Filters keep the rows that pyarrow keeps; what little is known of a row never drops one that would pass."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.errors import UsageError
from umd_curate.load.filters import alternatives, columns_of, keeps, may_keep

NUMBERS = st.integers(0, 3) | st.none()
WORDS = st.sampled_from(["a", "b"]) | st.none()
ROWS = st.lists(st.fixed_dictionaries({"n": NUMBERS, "w": WORDS}), min_size=1, max_size=6)
CONDITIONS = st.one_of(
    st.tuples(st.just("n"), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(0, 3)),
    st.tuples(st.just("w"), st.sampled_from(["==", "!="]), st.sampled_from(["a", "b"])),
    st.tuples(st.just("w"), st.just("in"), st.sampled_from([["a"], ["a", "b"]])),
)
FILTERS = st.lists(st.lists(CONDITIONS, min_size=1, max_size=3), min_size=1, max_size=3)


@given(ROWS, FILTERS)
def test_the_rows_are_those_of_pyarrow(rows, filters):
    schema = pa.schema([("n", pa.int64()), ("w", pa.string())])
    table = pa.Table.from_pylist(rows, schema).append_column("place", pa.array(range(len(rows))))
    wanted = table.filter(pq.filters_to_expression(filters))["place"].to_pylist()
    conditions = alternatives(filters)
    assert [place for place, row in enumerate(rows) if keeps(conditions, row)] == wanted
    assert pc.sum(table["place"]).as_py() == sum(range(len(rows)))


@given(ROWS, FILTERS, st.sampled_from([(), ("n",), ("w",), ("n", "w")]))
def test_a_row_that_passes_is_never_dropped_for_what_is_not_known(rows, filters, names):
    conditions = alternatives(filters)
    for row in rows:
        known = {name: row[name] for name in names}
        assert may_keep(conditions, known) or not keeps(conditions, row)
        if columns_of(conditions) <= set(names):
            assert may_keep(conditions, known) == keeps(conditions, row)


def test_one_list_of_conditions_must_hold_as_a_whole():
    assert alternatives([("n", ">", 1), ("w", "==", "a")]) == [[("n", ">", 1), ("w", "==", "a")]]
    assert alternatives(None) == alternatives([]) == []
    assert keeps([], {})


@pytest.mark.parametrize("filters", [[("n", "~", 1)], [("n", 1)], [["n", "==", 1]]])
def test_what_is_no_filter_is_refused(filters):
    with pytest.raises(UsageError):
        alternatives(filters)
