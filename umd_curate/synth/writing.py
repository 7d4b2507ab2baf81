"""How a scanner writes a PET into its header: units, decay correction, clocks, doses and weights; and what was injected.

One table of named ways of writing, each of which occurs in hospitals. What follows from them for the stored numbers is
in `physics.py`; that a SUV per voxel belongs to each is the truth, not the writing's concern.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umd_curate.synth.header import Header

F18_HALF_LIFE_S = 6586.2  # of (0018,1075) as European scanners write it
F18_HALF_LIFE_GE_S = 6588.0  # as GE writes it
GA68_HALF_LIFE_S = 4057.7  # as the IBSI reference objects write it


class Units(StrEnum):
    """What a stored value means after its slope (0054,1001); Philips counts become SUV by one of two private factors."""

    BQML = "BQML"
    GML = "GML"
    CM2ML = "CM2ML"
    COUNTS_SUV = "CNTS-SUV"  # x (7053,xx00) = SUVbw
    COUNTS_ACTIVITY = "CNTS-activity"  # x (7053,xx09) = Bq/mL

    @property
    def element(self) -> str:
        """Value of Units (0054,1001)."""
        return "CNTS" if self in {Units.COUNTS_SUV, Units.COUNTS_ACTIVITY} else str(self)


class Decay(StrEnum):
    """To which time the image is corrected (0054,1102)."""

    START = "START"  # start of the scan
    ADMIN = "ADMIN"  # injection
    NONE = "NONE"  # not at all


class SeriesClock(StrEnum):
    """What SeriesTime (0008,0031) tells."""

    SCAN = "scan"  # start of the first bed position
    LATE = "late"  # a reconstruction half an hour after the scan
    BETWEEN = "between"  # a reconstruction that ran while later bed positions were taken


@dataclass(frozen=True, slots=True)
class Tracer:
    """A radiopharmaceutical: text (0018,0031), codes (0054,0300) and (0054,0304), half-life [s], positron fraction."""

    text: str
    nuclide: tuple[str, str, str]
    agent: tuple[str, str, str] | None
    half_life_s: float
    positron_fraction: str

    def codes(self) -> "Header":
        """The code sequences of the radiopharmaceutical's item."""
        found: Header = {"RadionuclideCodeSequence": [_code(self.nuclide)]}
        if self.agent:
            found["RadiopharmaceuticalCodeSequence"] = [_code(self.agent)]
        return found


def _code(code: tuple[str, str, str]) -> "Header":
    return {"CodeValue": code[0], "CodingSchemeDesignator": code[1], "CodeMeaning": code[2]}


_F18 = ("C-111A1", "SRT", "^18^Fluorine")
FDG = Tracer(
    "Fluorodeoxyglucose", _F18, ("C-B1031", "SRT", "Fluorodeoxyglucose F^18^"), F18_HALF_LIFE_S, "0.9673"
)  # codes of PS3.16 CID 4020 and CID 4021
PSMA = Tracer("68Ga-PSMA-11", ("C-131A3", "SRT", "^68^Gallium"), None, GA68_HALF_LIFE_S, "0.8914")


@dataclass(frozen=True, slots=True)
class PetWriting:
    """One way of writing.

    Parameters
    ----------
    units, decay, series_time
        See their classes.
    private_times
        Whether the vendor's private decay reference time is there: GE (0009,xx0D), Siemens (0071,xx22).
    dose_in_mbq, weight_in_g, size_in_cm
        Numbers in another unit than DICOM says: (0018,1074), (0010,1030), (0010,1020).
    is_dated
        Whether the injection has a date (0018,1078) beside its time (0018,1072).
    over_midnight
        Injected before midnight, scanned after.
    one_slope
        One RescaleSlope for all slices instead of one per slice.
    tracer
        What was injected.
    """

    units: Units = Units.BQML
    decay: Decay = Decay.START
    series_time: SeriesClock = SeriesClock.SCAN
    private_times: bool = True
    dose_in_mbq: bool = False
    weight_in_g: bool = False
    size_in_cm: bool = False
    is_dated: bool = True
    over_midnight: bool = False
    one_slope: bool = False
    tracer: Tracer = FDG


Changes = Mapping[str, object]

# Name: what is written otherwise, in one sentence, and the fields of `PetWriting` that change.
WRITINGS: Mapping[str, tuple[str, Changes]] = {
    "units-gml": ("The PET is stored as SUVbw: Units (0054,1001) GML.", {"units": Units.GML}),
    "units-cm2ml": (
        "The PET is stored as SUV by body surface (Du Bois): Units (0054,1001) CM2ML.",
        {"units": Units.CM2ML},
    ),
    "units-cnts": (
        "The PET is stored in counts with Philips' factor to SUV (7053,xx00).",
        {"units": Units.COUNTS_SUV},
    ),
    "units-cnts-activity": (
        "The PET is stored in counts with Philips' factor to Bq/mL (7053,xx09) only.",
        {"units": Units.COUNTS_ACTIVITY},
    ),
    "decay-admin": ("DecayCorrection (0054,1102) is ADMIN.", {"decay": Decay.ADMIN}),
    "decay-none": (
        "DecayCorrection (0054,1102) is NONE: each bed position has decayed on its own.",
        {"decay": Decay.NONE},
    ),
    "one-slope": ("All PET slices have one RescaleSlope (0028,1053).", {"one_slope": True}),
    "over-midnight": ("The injection was before midnight and the scan after.", {"over_midnight": True}),
    "over-midnight-undated": (
        "The injection was before midnight, the scan after, and (0018,1078) with the date is missing.",
        {"over_midnight": True, "is_dated": False},
    ),
    "injection-undated": (
        "RadiopharmaceuticalStartDateTime (0018,1078) is missing; only the time (0018,1072) is there.",
        {"is_dated": False},
    ),
    "dose-in-mbq": ("RadionuclideTotalDose (0018,1074) is in MBq.", {"dose_in_mbq": True}),
    "weight-in-g": ("PatientWeight (0010,1030) is in grams.", {"weight_in_g": True}),
    "size-in-cm": ("PatientSize (0010,1020) is in centimetres.", {"size_in_cm": True}),
    "late-series-time": (
        "SeriesTime (0008,0031) is of a reconstruction half an hour after the scan, and no private time tells the start.",
        {"series_time": SeriesClock.LATE, "private_times": False},
    ),
    "series-time-between-beds": (
        "SeriesTime (0008,0031) lies between two bed positions, and no private time tells the start.",
        {"series_time": SeriesClock.BETWEEN, "private_times": False},
    ),
    "non-fdg-tracer": ("The tracer is not FDG: Ga-68 PSMA, with its own half-life.", {"tracer": PSMA}),
}

# A PET in counts is of a scanner that writes the factors to make something of them.
NEEDS_PHILIPS = frozenset(("units-cnts", "units-cnts-activity"))
