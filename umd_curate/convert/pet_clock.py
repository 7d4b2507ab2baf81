"""Which instants count: injection, acquisition, and the time to which a PET slice is decay-corrected.

How dates and times are written is known to `dicom_time.py`; what decay does between two instants, to `decay.py`.
"""

from dataclasses import dataclass
from typing import Final

from umd_curate.convert.decay import average_time_s
from umd_curate.convert.derivation import Derivation
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.dicom_time import DAY_US, SECOND_US, parse_date, parse_datetime, parse_offset, parse_time
from umd_curate.model.findings import Refused
from umd_curate.model.pet import PetHeader

LONG_HALF_LIFE_S: Final = 3 * 3600.0  # from here on an injection without a date may be of another day
CLOCK_TOLERANCE_S: Final = 60.0  # of two elements for one injection: 0.6 % of the SUV for F-18
REFERENCE_TOLERANCE_PART: Final = 0.0015  # of a half-life, between two starts of one scan: 0.1 % of the SUV
MIN_REFERENCE_TOLERANCE_S: Final = 2.0  # acquisition times are often written in whole seconds


@dataclass(frozen=True, slots=True)
class PetClock:
    """Instants of one slice [us since year 1] in the scanner's local time.

    `reference` is None where it does not enter the SUV; `reference_source` and `reference_tag` name what gave it.
    """

    injected: int
    acquired: int | None
    reference: int | None = None
    reference_source: str = ""
    reference_tag: str = ""

    def after_injection_s(self, instant: int) -> float:
        """Seconds from the injection to `instant`."""
        return (instant - self.injected) / SECOND_US


def clock_of(header: PetHeader, half_life_s: float, derivation: Derivation, *, with_reference: bool) -> PetClock:
    """Find the instants of a slice.

    Parameters
    ----------
    header
        The slice's inputs.
    half_life_s
        (0018,1075) [s]: decides whether a missing injection date may be inferred.
    with_reference
        Whether the decay reference time is wanted (DecayCorrection START).

    Raises
    ------
    Refused
        A needed time is missing or two contradict each other.
    """
    acquired = acquired_at(header, derivation)
    reference, source, tag = (
        reference_at(header, acquired, half_life_s, derivation) if with_reference else (None, "", "")
    )
    scan = acquired if acquired is not None else reference
    if scan is None:
        raise derivation.refusal(codes.SCAN_TIME_MISSING, "(0008,0032) AcquisitionTime is missing")
    clock = PetClock(_injected_at(header, scan, half_life_s, derivation), acquired, reference, source, tag)
    if acquired is not None:
        derivation.take("AcquisitionTime", "(0008,0032)", clock.after_injection_s(acquired), "s after injection")
    return clock


def scan_start_s(header: PetHeader, derivation: Derivation) -> float | None:
    """Start of the slice's acquisition in seconds after injection, where the SUV can do without it.

    None where the header does not tell it, and, with a finding, where two elements tell different times of injection.
    """
    quiet = Derivation(derivation.place)
    if not header.half_life_s:
        return None
    try:
        clock = clock_of(header, header.half_life_s, quiet, with_reference=False)
    except Refused as refusal:
        if refusal.finding.code == codes.TIMES_CONTRADICT.code:
            detail, measured = refusal.finding.detail, refusal.finding.measured
            derivation.note(codes.SCAN_START_CONTRADICTED, detail, measured=measured)
        return None
    return None if clock.acquired is None else clock.after_injection_s(clock.acquired)


def acquired_at(header: PetHeader, derivation: Derivation) -> int | None:
    """Start of the slice's acquisition: (0008,0022) with (0008,0032), else (0008,002A)."""
    time = parse_time(header.acquisition_time)
    if time is None:
        return _local(header.acquisition_datetime, header, derivation, "(0008,002A) AcquisitionDateTime")
    day = parse_date(header.acquisition_date)
    if day is None:
        day = _day_near(header.series_date, header.series_time, time)
        if day is None:
            return None
        derivation.note(codes.SCAN_DATE_INFERRED, "(0008,0022) AcquisitionDate taken from (0008,0021) SeriesDate")
    return day * DAY_US + time


def reference_at(
    header: PetHeader, acquired: int | None, half_life_s: float, derivation: Derivation
) -> tuple[int, str, str]:
    """Time to which an image with DecayCorrection START is corrected, and keyword and tag of what gave it.

    In order: (0018,9701); GE (0009,xx0D) and Siemens (0071,xx22), which the scanners write as just that; the series time
    when no slice of the series was acquired before it (then it was not touched by post-processing); else the acquisition
    time plus the average time of the frame minus (0054,1300) (QIBA SUV committee's order; PS3.3 C.8.9.4).

    Raises
    ------
    Refused
        A needed time is missing, or the frame's times tell a start after the frame.
    """
    stated = (
        (header.decay_correction_datetime, "DecayCorrectionDateTime", "(0018,9701)"),
        (header.ge_scan_datetime, "GEScanDateTime", "(0009,100D)"),
        (header.siemens_decay_datetime, "SiemensDecayCorrectionDateTime", "(0071,1022)"),
    )
    for text, name, tag in stated:
        instant = _local(text, header, derivation, f"{tag} {name}")
        if instant is not None:
            return instant, name, tag
    if acquired is None:
        raise derivation.refusal(codes.SCAN_TIME_MISSING, "(0008,0032) AcquisitionTime or its date is missing")
    series = _series_at(header, acquired, derivation)
    if series is not None and series <= acquired and not header.context.late_series_time:
        _compare_with_frame(series, header, acquired, half_life_s, derivation)
        return series, "SeriesTime", "(0008,0031)"
    reference = _reference_from_frame(header, acquired, half_life_s, derivation)
    return reference, "FrameReferenceTime", "(0054,1300)"


def _reference_from_frame(header: PetHeader, acquired: int, half_life_s: float, derivation: Derivation) -> int:
    """Acquisition time + average time of the frame - frame reference time."""
    if header.frame_reference_time_ms is None:
        raise derivation.refusal(codes.SCAN_TIME_MISSING, "(0054,1300) FrameReferenceTime is missing")
    duration_s = frame_duration_s(header, derivation)
    reference_s = header.frame_reference_time_ms / 1000.0
    derivation.take("FrameReferenceTime", "(0054,1300)", reference_s, "s")
    derivation.note(
        codes.REFERENCE_COMPUTED, "(0008,0031) SeriesTime is missing or later than (0008,0032) AcquisitionTime"
    )
    average_s = derivation.compute(
        "average_time_of_frame",
        average_time_s(duration_s, half_life_s),
        "s after its start",
        "ln(λT / (1 - e^-λT)) / λ",
        "(0018,1242)",
        "(0018,1075)",
    )
    after_s = derivation.compute(
        "reference_after_acquisition",
        average_s - reference_s,
        "s",
        "average time of the frame - frame reference time",
        "(0054,1300)",
    )
    if after_s > reference_tolerance_s(half_life_s):
        detail = "(0054,1300) FrameReferenceTime is less than the average time of the frame, (0018,1242)"
        raise derivation.refusal(codes.FRAME_TIMES_CONTRADICT, detail, measured=after_s)
    return acquired + round(after_s * SECOND_US)


def _compare_with_frame(
    series: int, header: PetHeader, acquired: int, half_life_s: float, derivation: Derivation
) -> None:
    """Say where the frame's own times tell a later start than the series time, as one that was copied from the study has it.

    An earlier one says nothing: GE and Philips write scans whose beds all have the acquisition time of the first.
    """
    reference_ms, duration_ms = header.frame_reference_time_ms, header.frame_duration_ms
    if not reference_ms or not duration_ms or duration_ms <= 0:  # 0 is written where the time is not known
        return
    average_s = average_time_s(duration_ms / 1000.0, half_life_s)
    apart_s = (acquired - series) / SECOND_US + average_s - reference_ms / 1000.0
    if apart_s > reference_tolerance_s(half_life_s):
        detail = "(0054,1300) FrameReferenceTime against (0008,0031) SeriesTime, s"
        derivation.note(codes.SERIES_TIME_DOUBTED, detail, measured=apart_s)


def reference_tolerance_s(half_life_s: float) -> float:
    """How far two starts of one scan may lie apart [s]: both are rounded, and the SUV may move by 0.1 %."""
    return max(MIN_REFERENCE_TOLERANCE_S, REFERENCE_TOLERANCE_PART * half_life_s)


def frame_duration_s(header: PetHeader, derivation: Derivation) -> float:
    """Frame duration [s] of (0018,1242).

    Raises
    ------
    Refused
        It is missing or 0.
    """
    if header.frame_duration_ms is None or header.frame_duration_ms <= 0:
        raise derivation.refusal(codes.SCAN_TIME_MISSING, "(0018,1242) ActualFrameDuration is missing or 0")
    derivation.take("ActualFrameDuration", "(0018,1242)", header.frame_duration_ms / 1000.0, "s")
    return header.frame_duration_ms / 1000.0


def _series_at(header: PetHeader, acquired: int, derivation: Derivation) -> int | None:
    time = parse_time(header.series_time)
    if time is None:
        return None
    day = parse_date(header.series_date)
    if day is None:
        day = (acquired - time + DAY_US // 2) // DAY_US
        derivation.note(codes.SCAN_DATE_INFERRED, "(0008,0021) SeriesDate taken from (0008,0022) AcquisitionDate")
    return day * DAY_US + time


def _day_near(date: str | None, time: str | None, other_time: int) -> int | None:
    """Day on which `other_time` lies within half a day of `date` and `time`; the date itself where the time is missing."""
    day, own = parse_date(date), parse_time(time)
    if day is None or own is None:
        return day
    return (day * DAY_US + own - other_time + DAY_US // 2) // DAY_US


def _injected_at(header: PetHeader, scan: int, half_life_s: float, derivation: Derivation) -> int:
    """Injection: (0018,1078), else GE (0009,xx3B), else (0018,1072) on the last such time before the scan."""
    time = parse_time(header.injection_time)
    stated = stated_injection(header, derivation)
    if stated is not None:
        instant, name, tag = stated
        if time is not None:
            _compare_clocks(instant, time, tag, derivation)
        derivation.take(name, tag, 0.0, "s after injection")
        return instant
    if time is None:
        raise derivation.refusal(
            codes.INJECTION_MISSING,
            "(0018,1078) RadiopharmaceuticalStartDateTime and (0018,1072) RadiopharmaceuticalStartTime are missing",
        )
    if half_life_s >= LONG_HALF_LIFE_S:
        raise derivation.refusal(
            codes.INJECTION_DATE_MISSING,
            "(0018,1078) RadiopharmaceuticalStartDateTime is missing, half-life 3 h or more",
        )
    instant = scan - scan % DAY_US + time
    if instant > scan:
        instant -= DAY_US
    derivation.note(
        codes.INJECTION_DATE_INFERRED, "date of (0018,1072) RadiopharmaceuticalStartTime from the acquisition"
    )
    derivation.take("RadiopharmaceuticalStartTime", "(0018,1072)", 0.0, "s after injection")
    return instant


def stated_injection(header: PetHeader, derivation: Derivation) -> tuple[int, str, str] | None:
    """Injection with its date: instant, keyword and tag of (0018,1078), else of GE (0009,xx3B); None where neither is there."""
    stated = (
        (header.injection_datetime, "RadiopharmaceuticalStartDateTime", "(0018,1078)"),
        (header.ge_injection_datetime, "GEAdministrationDateTime", "(0009,103B)"),
    )
    for text, name, tag in stated:
        instant = _local(text, header, derivation, f"{tag} {name}")
        if instant is not None:
            return instant, name, tag
    return None


def _compare_clocks(instant: int, time: int, tag: str, derivation: Derivation) -> None:
    apart = (instant - time) % DAY_US
    apart_s = min(apart, DAY_US - apart) / SECOND_US
    if apart_s > CLOCK_TOLERANCE_S:
        detail = f"{tag} and (0018,1072) RadiopharmaceuticalStartTime differ"
        raise derivation.refusal(codes.TIMES_CONTRADICT, detail, measured=apart_s)


def _local(text: str | None, header: PetHeader, derivation: Derivation, tag: str) -> int | None:
    """A DT in the scanner's local time; one without offset is local already."""
    parsed = parse_datetime(text)
    if parsed is None:
        return None
    instant, offset = parsed
    if offset is None:
        return instant
    own = parse_offset(header.utc_offset)
    if own is None:
        derivation.note(codes.CLOCK_ASSUMED_LOCAL, f"{tag} has an offset, (0008,0201) is missing")
        return instant
    return instant - offset + own
