"""Moves dates by whole days and caps ages; clock times and offsets stay, so every interval holds to the fraction.

Pure text in, pure text out; which element holds a date is said by the keep list.
"""

import re
from datetime import date, timedelta

MAX_PUBLISHED_AGE_YEARS = 90  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one category

_DA = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})\Z")  # with the dots of ACR-NEMA (PS3.5 table 6.2-1)
_DT = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?\Z")
_AS = re.compile(r"(\d{3})([DWMY])\Z")
_UNITS_IN_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}


def parse_da(text: str) -> date | None:
    """Day of a DA value, or None where it is no date."""
    found = _DA.match(text.strip())
    if not found:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def shift_da(text: str, days: int) -> str | None:
    """DA value moved by whole days, as YYYYMMDD; None where it is no date or leaves the calendar."""
    day = parse_da(text)
    if day is None:
        return None
    try:
        moved = day + timedelta(days=days)
    except OverflowError:
        return None
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"


def shift_dt(text: str, days: int) -> str | None:
    """DT value whose day moves while clock time and offset stay as written.

    None where it is no DT, or where it has no day: a year or month alone cannot move by days.
    """
    found = _DT.match(text.strip())
    if not found:
        return None
    moved = shift_da(found[1], days)
    return None if moved is None else moved + (found[2] or "") + (found[3] or "")


def cap_age(text: str) -> str | None:
    """AS value, where 90 years and more become ``090Y``; None where it is no age."""
    found = _AS.match(text.strip().upper())
    if not found:
        return None
    years = int(found[1]) / _UNITS_IN_YEAR[found[2]]
    return f"{MAX_PUBLISHED_AGE_YEARS:03d}Y" if years >= MAX_PUBLISHED_AGE_YEARS else found[0]


def age_between(born: str, day: str) -> str | None:
    """Age in whole years on `day` as AS, from two DA values; None where either is missing or the order is wrong."""
    birth, then = parse_da(born), parse_da(day)
    if birth is None or then is None or then < birth:
        return None
    years = then.year - birth.year - ((then.month, then.day) < (birth.month, birth.day))
    return cap_age(f"{years:03d}Y") if years > 0 else None
