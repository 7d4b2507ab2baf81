"""Dates move by whole days and nothing else; ages of 90 and more are one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.dates import age_between, cap_age, shift_da, shift_dt

days = st.integers(-3650, -366)
dates = st.dates(date(1900, 1, 1), date(2099, 12, 31))


def da(day: date) -> str:
    return day.strftime("%Y%m%d")


@given(dates, dates, days)
def test_whole_day_shift_keeps_every_interval(first, second, shift):
    moved_first, moved_second = (date.fromisoformat(shift_da(da(day), shift)) for day in (first, second))
    assert moved_second - moved_first == second - first
    assert moved_first == first + timedelta(days=shift)


@given(
    dates, days, st.sampled_from(["", "14", "1432", "143259", "143259.123456"]), st.sampled_from(["", "+0100", "-0930"])
)
def test_clock_time_and_offset_of_a_datetime_stay_as_written(day, shift, clock, offset):
    offset = offset if clock else ""
    assert shift_dt(da(day) + clock + offset, shift) == da(day + timedelta(days=shift)) + clock + offset


@pytest.mark.parametrize("text", ["", "2021", "202106", "20211301", "KOWALSKI", "20210631", "2021-06-01T10:00"])
def test_what_is_no_day_is_never_kept(text):
    assert shift_dt(text, -400) is None
    assert shift_da(text, -400) is None


def test_date_of_an_old_archive_with_dots_is_shifted_too():
    assert shift_da("1997.04.24", -1) == "19970423"


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("103Y", "090Y"),
        ("014M", "014M"),
        ("003W", "003W"),
        ("45", None),
        ("***", None),
    ],
)
def test_ages_of_90_years_and_more_are_one_category(written, published):
    assert cap_age(written) == published


def test_age_is_counted_in_whole_years_on_the_day_of_the_study():
    assert age_between("19600615", "20200614") == "059Y"
    assert age_between("19600615", "20200615") == "060Y"
    assert age_between("19000101", "20200101") == "090Y"
    assert age_between("20210101", "20200101") is None
