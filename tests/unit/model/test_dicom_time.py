import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.convert.decay import average_time_s, frame_mean, remaining
from umd_curate.model.dicom_time import SECOND_US, parse_date, parse_datetime, parse_offset, parse_time


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


@given(st.floats(1.0, 1e5), st.floats(10.0, 1e7))
def test_the_mean_of_a_frame_is_the_activity_at_its_average_time(duration_s: float, half_life_s: float) -> None:
    average = average_time_s(duration_s, half_life_s)
    assert 0 < average < duration_s
    assert remaining(average, half_life_s) == pytest.approx(frame_mean(duration_s, half_life_s), rel=1e-9)
