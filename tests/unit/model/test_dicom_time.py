import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.dicom_time import (
    SECOND_US,
    acquisition_texts,
    is_series_time_late,
    parse_date,
    parse_datetime,
    parse_offset,
    parse_time,
)


@given(st.datetimes(min_value=dt.datetime(1900, 1, 1)))  # noqa: DTZ001  (DICOM times are local)
def test_every_instant_comes_back_to_the_microsecond(instant: dt.datetime) -> None:
    parsed = parse_datetime(instant.strftime("%Y%m%d%H%M%S.%f"))
    assert parsed is not None
    assert dt.datetime(1, 1, 1) + dt.timedelta(days=-1, microseconds=parsed[0]) == instant  # noqa: DTZ001
    assert parsed[1] is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 36000), ("1050", 39000), ("10:50:30", 39030), ("105030.5 ", 39030.5), ("105030.1234567", 39030.123456)],
)
def test_short_and_old_times_are_understood(text: str, seconds: float) -> None:
    assert parse_time(text) == round(seconds * SECOND_US)


@pytest.mark.parametrize("text", [None, "", "25", "1061", "noon", "105030.", "10 50"])
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize("text", [None, "", "20250230", "***", "2025"])
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize("text", ["20250101", "2025", "20250101256000", "x"])
def test_a_datetime_without_time_is_none(text: str) -> None:
    assert parse_datetime(text) is None


def test_an_offset_has_a_sign() -> None:
    assert parse_offset("-0330") == -(3 * 60 + 30) * 60 * SECOND_US
    assert parse_datetime("20250101100000+0100") == (parse_datetime("20250101100000")[0], 3600 * SECOND_US)


# --- series time against acquisition times -------------------------------------------------------------------------


def a_slice(
    series: str | None, acquired: str | None, series_day: str | None = "20250304", day: str | None = "20250304"
):
    return series_day, series, day, acquired


@given(st.lists(st.integers(0, 86_399), min_size=1, max_size=8), st.integers(0, 86_399))
def test_a_series_time_is_late_when_some_slice_was_acquired_before_it(seconds, series):
    def clock(second):
        return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"

    slices = [a_slice(clock(series), clock(second)) for second in seconds]
    assert is_series_time_late(slices) == (min(seconds) < series)


@pytest.mark.parametrize(
    ("entry", "late"),
    [
        (a_slice("235500", "000500", "20250304", "20250305"), False),
        (a_slice("000500", "235500", "20250305", "20250304"), True),
        (a_slice("235500", "000500", "20250304", None), False),  # within half a day: the next day
        (a_slice("000500", "235500", None, "20250304"), True),
        (a_slice("110000.5", "110000.25"), True),
        (a_slice("110000", "100000", None, None), False),  # no date at all tells nothing
        (a_slice(None, "100000"), False),
        (a_slice("110000", None), False),
    ],
)
def test_dates_and_missing_times_count_for_a_late_series_time(entry, late):
    assert is_series_time_late([entry]) is late


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("20250304", "110000", "20250305120000"), ("20250304", "110000")),
        ((None, None, "20250304110000.5"), ("20250304", "110000.5")),
        (("20250303", None, "20250304110000"), ("20250304", "110000")),
        ((None, None, "20250304110000+0100"), (None, None)),  # the scanner's own offset is not at hand
        ((None, None, "20250304"), (None, None)),
        (("20250304", None, None), ("20250304", None)),
    ],
)
def test_an_acquisition_is_told_by_two_elements_or_by_one(texts, told):
    assert acquisition_texts(*texts) == told


def test_a_series_without_slices_is_not_late():
    assert not is_series_time_late([])
