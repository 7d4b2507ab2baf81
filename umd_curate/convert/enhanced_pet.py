"""What an enhanced PET says of one frame, as the elements of a single-frame PET, so that one set of SUV rules does for both.

An enhanced PET (PS3.3 A.56) has no Units, CorrectedImage or DecayCorrection: units and scale stand in the real world value
mapping, each correction in a flag of its own, times and duration in the frame content. Only what the header lacks is filled
in, from elements that mean the same; what the values mean for the SUV is decided in `suv.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from umd_curate.model.pet import PetHeader

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


@dataclass(frozen=True, slots=True)
class RealWorldScale:
    """One linear real world value mapping: real value = stored x slope + intercept, in the unit of that UCUM code."""

    unit: str
    slope: float | None  # (0040,9225)
    intercept: float | None  # (0040,9224)


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
        (0018,9074) FrameAcquisitionDateTime, DT.
    duration_ms
        (0018,9220) FrameAcquisitionDuration [ms].
    """

    scales: Sequence[RealWorldScale] = ()
    corrections: Mapping[str, str]
    acquired: str | None = None
    duration_ms: float | None = None


def as_single_frame(header: PetHeader, frame: EnhancedFrame) -> PetHeader:
    """Header with what the enhanced frame says in place of elements that it lacks.

    A real world mapping counts for the stored values themselves (PS3.3 C.7.6.16.2.11), so its slope and intercept replace
    those of the modality's rescale. Decay correction to a stated time, (0018,9701), is START with that time as reference;
    where the time is missing the mode stays unknown.
    """
    header = _timed(header, frame)
    if header.units is None:
        header = _scaled(header, frame.scales)
    if not header.corrected_image:
        done = tuple(value for keyword, value in CORRECTIONS if frame.corrections.get(keyword) == "YES")
        header = replace(header, corrected_image=done)
    if header.decay_correction is None:
        header = replace(header, decay_correction=_decay_mode(header, frame.corrections.get("DecayCorrected")))
    return header


def _timed(header: PetHeader, frame: EnhancedFrame) -> PetHeader:
    if header.acquisition_time is None and frame.acquired is not None:
        header = replace(header, acquisition_date=None, acquisition_datetime=frame.acquired)
    if header.frame_duration_ms is None:
        header = replace(header, frame_duration_ms=frame.duration_ms)
    return header


def _scaled(header: PetHeader, scales: Sequence[RealWorldScale]) -> PetHeader:
    for unit, (units, suv_type) in REAL_WORLD_UNITS.items():
        scale = next((scale for scale in scales if scale.unit == unit), None)
        if scale is not None:
            return replace(
                header,
                units=units,
                suv_type=suv_type,
                rescale_slope=scale.slope,
                rescale_intercept=scale.intercept,
            )
    return header


def _decay_mode(header: PetHeader, flag: str | None) -> str | None:
    if flag == "NO":
        return "NONE"
    return "START" if flag == "YES" and header.decay_correction_datetime else None
