"""DICOM dates and times (PS3.5 6.2) as whole microseconds.

Whole numbers, so that a shift of all dates by whole days changes no difference by a single bit, and fractional seconds are
kept. Which instant counts for what is decided in `convert/pet_clock.py`.
"""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Final

from umd_curate.model.headers import InstanceHeader
from umd_curate.model.pet import PetHeader

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")  # DA; with dots in ACR-NEMA files
_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6})\d*)?)?)?")  # TM; with colons in ACR-NEMA files
_DATETIME = re.compile(r"(\d{8})(\d{2}[\d.]*)([+-]\d{4})?")  # DT with at least an hour
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")


def parse_date(text: str | None) -> int | None:
    """Days since year 1 of a DA; None where it is missing or no date (PS3.5 6.2)."""
    match = _DATE.fullmatch((text or "").strip("\0 "))
    if match is None:
        return None
    try:
        return dt.date(*(int(part) for part in match.groups())).toordinal()
    except ValueError:
        return None


def parse_time(text: str | None) -> int | None:
    """Microseconds since midnight of a TM; None where it is missing or no time (PS3.5 6.2).

    Examples
    --------
    >>> parse_time("104829.5")
    38909500000
    """
    match = _TIME.fullmatch((text or "").strip("\0 "))
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    fraction = int((match.group(4) or "").ljust(6, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) * SECOND_US + fraction


def parse_datetime(text: str | None) -> tuple[int, int | None] | None:
    """Microseconds since year 1 of a DT and its offset from UTC [us], if it has one; None where it is no full DT."""
    match = _DATETIME.fullmatch((text or "").strip("\0 "))
    if match is None:
        return None
    day, time = parse_date(match.group(1)), parse_time(match.group(2))
    if day is None or time is None:
        return None
    return day * DAY_US + time, parse_offset(match.group(3))


def parse_offset(text: str | None) -> int | None:
    """Offset from UTC [us] of ``&ZZXX``, such as (0008,0201)."""
    match = _OFFSET.fullmatch((text or "").strip("\0 "))
    if match is None:
        return None
    minutes = int(match.group(2)) * 60 + int(match.group(3))
    return (-minutes if match.group(1) == "-" else minutes) * 60 * SECOND_US


def is_series_time_late(slices: Iterable[tuple[str | None, str | None, str | None, str | None]]) -> bool:
    """Say whether some slice of a series was acquired before the series time, which is then no start of the scan.

    Parameters
    ----------
    slices
        Of each slice: SeriesDate (0008,0021), SeriesTime (0008,0031), AcquisitionDate (0008,0022), AcquisitionTime
        (0008,0032). Where one date is missing the two times are taken to be within half a day; without any, or without a
        time, a slice tells nothing.
    """
    return any(_apart_us(*texts) < 0 for texts in slices)


def times_of(entry: InstanceHeader | PetHeader) -> tuple[str | None, str | None, str | None, str | None]:
    """What `is_series_time_late` wants of a slice."""
    acquired = acquisition_texts(entry.acquisition_date, entry.acquisition_time, entry.acquisition_datetime)
    return entry.series_date, entry.series_time, *acquired


def acquisition_texts(date: str | None, time: str | None, both: str | None) -> tuple[str | None, str | None]:
    """Date and time of an acquisition: (0008,0022) and (0008,0032), else those of (0008,002A) AcquisitionDateTime.

    One with an offset from UTC tells neither, since the offset of the scanner is not at hand.
    """
    match = _DATETIME.fullmatch((both or "").strip("\0 "))
    if parse_time(time) is not None or match is None or match.group(3):
        return date, time
    return match.group(1), match.group(2)


def _apart_us(
    series_date: str | None, series_time: str | None, acquisition_date: str | None, acquisition_time: str | None
) -> int:
    """Acquisition minus series time [us]; 0 where that is not known."""
    series, acquired = parse_time(series_time), parse_time(acquisition_time)
    days = [parse_date(series_date), parse_date(acquisition_date)]
    if series is None or acquired is None or days == [None, None]:
        return 0
    if days[0] is None or days[1] is None:
        return (acquired - series + DAY_US // 2) % DAY_US - DAY_US // 2
    return (days[1] - days[0]) * DAY_US + acquired - series
