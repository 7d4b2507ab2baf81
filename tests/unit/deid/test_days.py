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


@pytest.mark.parametrize(
    "text",
    ["3rd of March 1961", "3. Mrz 1961", "3 Maerz 1961", "3. März 1961".encode("latin-1"), "3. März 1961".encode()],
)
def test_a_day_in_words_is_read_as_clerks_write_it(text):
    assert list(days_in(text if isinstance(text, bytes) else text.encode())) == ["19610303"]


def test_french_days_are_read_with_and_without_accents():
    said = "1er mars 1961; 15 juil. 1962; 3 fevrier 1963; le 4 août 1964; 5 sept. 1965"
    assert list(days_in(said.encode())) == ["19610301", "19620715", "19630203", "19640804", "19650905"]
    assert list(days_in("le 4 août 1964; 6 décembre 1966".encode("latin-1"))) == ["19640804", "19661206"]
