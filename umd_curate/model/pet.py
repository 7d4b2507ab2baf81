"""What decides the SUV of one PET slice: every input of the derivation, typed, as the header has it.

Nothing is converted, filled in or judged here: a missing, empty or unreadable element is None, a number keeps the unit
that the writer gave it, dates and times stay DICOM text. `convert/suv.py` decides what they mean.
"""

from dataclasses import dataclass
from enum import Enum


class MappingFault(Enum):
    """Why the real world value mappings of an enhanced PET's frame, (0040,9096), give no scale."""

    UNIT_UNKNOWN = "unit unknown"  # no mapping has a unit that is known
    COMPETING = "competing"  # several scales in one unit
    CONTRADICTED = "contradicted"  # the header's own units and slope say otherwise


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Supplement:
    """What the site's own records say of one injection, from a row of the supplement table; None where they say nothing.

    It is private as the header is: `injection_datetime` is the true one until the dates of the header are shifted. The
    reason for an override stays in the table.
    """

    source: str  # where the values come from, a plain word such as ``ris``; published in the receipt
    weight_kg: float | None = None
    height_m: float | None = None
    sex: str | None = None  # M, F or O
    injected_bq: float | None = None
    injection_datetime: str | None = None  # DT, in the scanner's local time
    half_life_s: float | None = None
    override: bool = False  # whether it goes above a header that says otherwise


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PetContext:
    """What the SUV of a slice needs beyond its own header.

    Parameters
    ----------
    late_series_time
        Some slice of the series was acquired before SeriesTime (0008,0031), so that none may take it for the start.
    supplement
        What the site's records say of the injection.
    """

    late_series_time: bool = False
    supplement: Supplement | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PetHeader:
    """The SUV inputs of one slice (PS3.3 C.8.9); its repr shows no value, since dates and weights may identify."""

    units: str | None = None  # (0054,1001)
    suv_type: str | None = None  # (0054,1006)
    rescale_slope: float | None = None  # (0028,1053)
    rescale_intercept: float | None = None  # (0028,1052)
    mapping_fault: MappingFault | None = None  # of an enhanced PET
    mapped_from: float | None = None  # (0040,9216) or (0040,9214): stored values for which its scale holds
    mapped_to: float | None = None  # (0040,9211) or (0040,9213)
    corrected_image: tuple[str, ...] = ()  # (0028,0051)
    decay_correction: str | None = None  # (0054,1102)

    weight: float | None = None  # (0010,1030), meant in kg
    size: float | None = None  # (0010,1020), meant in m
    sex: str | None = None  # (0010,0040)

    radiopharmaceuticals: int = 0  # items of (0054,0016)
    total_dose: float | None = None  # (0018,1074), meant in Bq
    dose_is_mbq: bool = False  # Enhanced PET: (0018,1074) is meant in MBq (PS3.3 C.8.22.4)
    half_life_s: float | None = None  # (0018,1075)
    radionuclide_code: str | None = None  # (0008,0100) of (0054,0300)
    radionuclide_name: str | None = None  # (0008,0104) of (0054,0300)
    injection_time: str | None = None  # (0018,1072) TM
    injection_datetime: str | None = None  # (0018,1078) DT

    series_date: str | None = None  # (0008,0021)
    series_time: str | None = None  # (0008,0031)
    acquisition_date: str | None = None  # (0008,0022)
    acquisition_time: str | None = None  # (0008,0032)
    acquisition_datetime: str | None = None  # (0008,002A) DT
    utc_offset: str | None = None  # (0008,0201)
    frame_reference_time_ms: float | None = None  # (0054,1300)
    frame_duration_ms: float | None = None  # (0018,1242)
    decay_correction_datetime: str | None = None  # (0018,9701) DT

    ge_scan_datetime: str | None = None  # (0009,xx0D) GEMS_PETD_01
    ge_injection_datetime: str | None = None  # (0009,xx3B) GEMS_PETD_01
    siemens_decay_datetime: str | None = None  # (0071,xx22) SIEMENS MED PT
    philips_suv_factor: float | None = None  # (7053,xx00) Philips PET Private Group
    philips_activity_factor: float | None = None  # (7053,xx09) Philips PET Private Group

    context: PetContext = PetContext()  # of the series; never in a header
