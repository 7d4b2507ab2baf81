"""Decides when an image was acquired, as seconds on one line that only serves to compare images of one patient.

A missing or malformed date or time makes the moment unknown; nothing is guessed. Which phase a PET belongs to is for
`phases`, decay and SUV for the room convert.
"""

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from umd_curate.model.headers import InstanceHeader

SECONDS_PER_DAY = 86_400

_DA = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})\Z")  # PS3.5 table 6.2-1, and the dots of ACR-NEMA
_TM = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2}(?:\.\d{1,6})?)?\Z")


@lru_cache(maxsize=4096)  # a series has few moments, a folder many slices
def seconds_of(day: str | None, time: str | None) -> float | None:
    """Seconds since an arbitrary day of a DA and a TM value; None where either is missing or malformed."""
    found_day, found_time = _DA.match((day or "").strip()), _TM.match((time or "").strip())
    if not found_day or not found_time:
        return None
    try:
        ordinal = date(*(int(part) for part in found_day.groups())).toordinal()
    except ValueError:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found_time.groups())
    return ordinal * SECONDS_PER_DAY + hours * 3600 + minutes * 60 + seconds


def acquired_s(image: InstanceHeader) -> float | None:
    """When the image's data were taken: acquisition date (0008,0022), else study date, and acquisition time (0008,0032)."""
    return seconds_of(image.acquisition_date or image.series_date or image.study_date, image.acquisition_time)


def span_s(images: Iterable[InstanceHeader]) -> tuple[float, float] | None:
    """First and last moment of acquisition; None where it is unknown of one image."""
    moments = [acquired_s(image) for image in images]
    known = [moment for moment in moments if moment is not None]
    return (min(known), max(known)) if known and len(known) == len(moments) else None
