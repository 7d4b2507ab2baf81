"""Days are read however they are written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.audit import Searcher
from umd_curate.deid.days import days_in
from umd_curate.deid.identifiers import IdentifierSet, Kind


@pytest.mark.parametrize(
    "written",
    [
        "1980-03-12", "12.03.1980", "12.3.1980", "3/12/1980", "03/12/80", "12.03.80", "12 March 1980", "March 12, 1980", "Mar. 12 1980",
        "12-MAR-1980", "12th March 1980", "12. März 1980", "12 mars 1980", "12 de marzo de 1980", "1980/3/12", "12 03 1980",
    ],
)  # fmt: skip
def test_a_day_is_read_as_people_write_it(written):
    text = f"born {written}, in"
    assert "19800312" in set(days_in(text.encode()))
    search = Searcher(IdentifierSet(frozenset({(Kind.DATE, "19800312")})))
    assert {kind for kind, _ in search.in_text(text.encode())} == {Kind.DATE}


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_of_the_calendar_is_read(day):
    assert set(days_in(f"on {day.isoformat()}".encode())) == {day.isoformat().replace("-", "")}


@pytest.mark.parametrize(
    "text",
    ["1.2.3.1980", "12.03.19801", "0.12.1980.5", "31.02.1980", "99.99.1980", "12 Marchand 1980", "version 1.2.3"],
)
def test_what_is_no_day_is_not_read(text):
    assert list(days_in(text.encode())) == []


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data):
    assert all(day.isdigit() for day in days_in(data))
