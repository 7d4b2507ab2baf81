"""Reads the days that a text names, in the ways that people write them, and says them as DICOM does: YYYYMMDD.

So a search needs to know one spelling of a day, not a hundred.
"""

import re
from collections.abc import Iterator
from datetime import date

_NUMBERS = re.compile(rb"(?<![\d.])(\d{1,4})([-./ ])(\d{1,2})\2(\d{4}|\d{1,2})(?![\d.])")
_NAMED = re.compile(
    rb"(?<!\w)(\d{1,2})(?:st|nd|rd|th|er)?[. -]{1,3}(?:de |of )?([a-z\x80-\xff]{3,12})[., -]{1,3}(?:de )?(\d{4})(?!\d)"
    rb"|(?<!\w)([a-z\x80-\xff]{3,12})[. ]{1,2}(\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)",
    re.IGNORECASE,
)
_LANGUAGES = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
)
_MONTHS = {
    part: number
    for names in _LANGUAGES
    for number, name in enumerate(names.split(), start=1)
    for part in (name[:3], name)
} | {
    "janv": 1,
    "févr": 2,
    "fevr": 2,
    "fevrier": 2,
    "mrz": 3,
    "maerz": 3,
    "juil": 7,
    "aout": 8,
    "sept": 9,
    "decembre": 12,
}
_CENTURIES = (1900, 2000)  # of a year of two digits


def days_in(text: bytes) -> Iterator[str]:
    """Days that a text names, as YYYYMMDD; where order or century is open, all that are meant by it."""
    for found in _NUMBERS.finditer(text):
        first, _, second, third = found.groups()
        yield from _of_numbers(first.decode("ascii"), second.decode("ascii"), third.decode("ascii"))
    for found in _NAMED.finditer(text):
        day, month, year = found.group(1, 2, 3) if found[1] else found.group(5, 4, 6)
        number = _MONTHS.get(_text(month).lower())
        if number is not None:
            yield from _if_real(int(year), number, int(day))


def _text(word: bytes) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return word.decode("latin-1")


def _of_numbers(first: str, second: str, third: str) -> Iterator[str]:
    if len(first) == 4 and len(third) <= 2:
        yield from _if_real(int(first), int(second), int(third))
    elif len(first) <= 2:
        is_short = (len(first), len(second), len(third)) == (2, 2, 2)
        years = [int(third)] if len(third) == 4 else [start + int(third) for start in _CENTURIES if is_short]
        for year in years:
            for month, day in {(int(second), int(first)), (int(first), int(second))}:
                yield from _if_real(year, month, day)


def _if_real(year: int, month: int, day: int) -> Iterator[str]:
    try:
        yield date(year, month, day).strftime("%Y%m%d")
    except ValueError:
        return
