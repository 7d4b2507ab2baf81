"""What an enhanced PET says of one frame, as the elements of a single-frame PET, so that one set of SUV rules does for both.

An enhanced PET (PS3.3 A.56) has no Units, CorrectedImage or DecayCorrection: units and scale stand in the real world value
mapping, each correction in a flag of its own, times and duration in the frame content. What the header lacks is filled in
from elements that mean the same; time and duration of the frame count before those of the whole object. Mappings that
compete, or contradict the header, give no scale. What the values mean for the SUV is decided in `suv.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from umd_curate.model.pet import MappingFault, PetHeader

# Flag of the enhanced PET corrections module (PS3.3 C.8.22.3) and its value of (0028,0051) CorrectedImage (C.8.9.1).
CORRECTIONS: Final = (
    ("DecayCorrected", "DECY"),
    ("AttenuationCorrected", "ATTN"),
    ("ScatterCorrected", "SCAT"),
    ("DeadTimeCorrected", "DTIM"),
    ("GantryMotionCorrected", "MOTN"),
    ("PatientMotionCorrected", "PMOT"),
    ("CountLossNormalizationCorrected", "CLN"),
    ("RandomsCorrected", "RAN"),
    ("NonUniformRadialSamplingCorrected", "RADL"),
    ("SensitivityCalibrated", "DCAL"),
    ("DetectorNormalizationCorrection", "NORM"),
)
# UCUM code of (0040,08EA) MeasurementUnitsCodeSequence (PS3.16 CID 84, 85) -> Units, SUVType; the first that is there counts.
# UCUM knows the litre as l and as L; here it is l. Codes are case-sensitive otherwise.
REAL_WORLD_UNITS: Final[Mapping[str, tuple[str, str | None]]] = {
    "Bq/ml": ("BQML", None),
    "g/ml{SUVbw}": ("GML", "BW"),
    "{SUVbw}g/ml": ("GML", "BW"),
    "g/ml{SUVlbm}": ("GML", "LBM"),
    "{SUVlbm}g/ml": ("GML", "LBM"),
    "g/ml{SUVibw}": ("GML", "IBW"),
    "{SUVibw}g/ml": ("GML", "IBW"),
    "cm2/ml{SUVbsa}": ("CM2ML", "BSA"),
    "{SUVbsa}cm2/ml": ("CM2ML", "BSA"),
    "{counts}": ("CNTS", None),
}
USUAL_TYPES: Final = {"GML": "BW", "CM2ML": "BSA"}  # what a missing (0054,1006) SUVType means, by (0054,1001) Units
SAME_SCALE: Final = 1e-4  # relative, of two slopes that say the same: some writers keep six digits


@dataclass(frozen=True, slots=True)
class RealWorldScale:
    """One linear real world value mapping: real value = stored x slope + intercept, in the unit of that UCUM code."""

    unit: str
    slope: float | None  # (0040,9225)
    intercept: float | None  # (0040,9224)
    first: float | None = None  # (0040,9216), else (0040,9214): smallest stored value that is mapped; None: not said
    last: float | None = None  # (0040,9211), else (0040,9213): largest one

    @property
    def meaning(self) -> tuple[str, str | None] | None:
        """Units and SUVType; None where the code is not known."""
        return REAL_WORLD_UNITS.get(self.unit.replace("mL", "ml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancedFrame:
    """Elements of one frame that a single-frame PET does not have.

    Parameters
    ----------
    scales
        Real world value mappings of the frame.
    corrections
        Flags by keyword, YES or NO; those that are missing are left out.
    acquired
        (0018,9074) FrameAcquisitionDateTime, DT, or (0008,002A) AcquisitionDateTime where that is nearer to the frame; None
        where (0008,0032) AcquisitionTime stands as near.
    duration_ms
        (0018,9220) FrameAcquisitionDuration [ms]; None where (0018,1242) ActualFrameDuration stands as near to the frame.
    """

    scales: Sequence[RealWorldScale] = ()
    corrections: Mapping[str, str]
    acquired: str | None = None
    duration_ms: float | None = None


def as_single_frame(header: PetHeader, frame: EnhancedFrame) -> PetHeader:
    """Header with what the enhanced frame says in place of elements that it lacks or has for the whole object only.

    A real world mapping counts for the stored values themselves (PS3.3 C.7.6.16.2.11), so its slope and intercept replace
    those of the modality's rescale; a header that states units of its own keeps its slope, and must agree with the mapping in
    that unit where there is one. Decay correction to a stated time, (0018,9701), is START with that time as reference;
    where the time is missing the mode stays unknown.
    """
    header = _timed(header, frame)
    header = _scaled(header, frame.scales) if header.units is None else _compared(header, frame.scales)
    if not header.corrected_image:
        done = tuple(value for keyword, value in CORRECTIONS if frame.corrections.get(keyword) == "YES")
        header = replace(header, corrected_image=done)
    if header.decay_correction is None:
        header = replace(header, decay_correction=_decay_mode(header, frame.corrections.get("DecayCorrected")))
    return header


def _timed(header: PetHeader, frame: EnhancedFrame) -> PetHeader:
    if frame.acquired is not None:
        header = replace(header, acquisition_date=None, acquisition_time=None, acquisition_datetime=frame.acquired)
    if frame.duration_ms is not None:
        header = replace(header, frame_duration_ms=frame.duration_ms)
    return header


def _scaled(header: PetHeader, scales: Sequence[RealWorldScale]) -> PetHeader:
    """Header in the first known unit that is mapped, with the scale of its one mapping."""
    meaning = next((each for each in REAL_WORLD_UNITS.values() if any(scale.meaning == each for scale in scales)), None)
    if meaning is None:
        return replace(header, mapping_fault=MappingFault.UNIT_UNKNOWN) if scales else header
    units, suv_type = meaning
    scale, *others = _distinct(scales, meaning)
    if others:
        return replace(header, units=units, suv_type=suv_type, mapping_fault=MappingFault.COMPETING)
    return replace(
        header,
        units=units,
        suv_type=suv_type,
        rescale_slope=scale.slope,
        rescale_intercept=scale.intercept,
        mapped_from=scale.first,
        mapped_to=scale.last,
    )


def _compared(header: PetHeader, scales: Sequence[RealWorldScale]) -> PetHeader:
    """Header that states its units, with a fault where the mapping in that unit says otherwise."""
    units = header.units or ""
    for scale in _distinct(scales, (units, header.suv_type or USUAL_TYPES.get(units))):
        if not _is_close(scale.slope, header.rescale_slope) or (scale.intercept or 0.0) != (
            header.rescale_intercept or 0.0
        ):
            return replace(header, mapping_fault=MappingFault.CONTRADICTED)
    return header


def _distinct(scales: Sequence[RealWorldScale], meaning: tuple[str, str | None]) -> list[RealWorldScale]:
    """Mappings into one unit, each once, however its code is written."""
    return list(dict.fromkeys(replace(scale, unit="") for scale in scales if scale.meaning == meaning))


def _is_close(slope: float | None, other: float | None) -> bool:
    if slope is None or other is None:
        return slope is other
    return math.isclose(slope, other, rel_tol=SAME_SCALE)


def _decay_mode(header: PetHeader, flag: str | None) -> str | None:
    if flag == "NO":
        return "NONE"
    return "START" if flag == "YES" and header.decay_correction_datetime else None
