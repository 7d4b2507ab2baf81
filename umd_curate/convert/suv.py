"""The SUV of a PET slice: which rule applies, and the factor from rescaled pixels to SUVbw.

One slice at a time, from its `PetHeader` alone. Nothing is ever filled in: a missing or contradictory input raises
`Refused` with a finding that names its tag, and each inferred unit or date is a finding. Rules: "Comprehensive Manual for
SUV Computation" of the IBSI authors (oncoray/suv_computation, CC BY 4.0), QIBA's SUV pseudo-code, PS3.3 C.8.9.

What a refusal means for the image is decided by its severity: `fail` forbids the image, `warn` forbids the SUV only.
"""

from typing import Final

from umd_curate.convert.body import MASSES, normalising_mass_kg, normalising_surface_cm2, weight_kg
from umd_curate.convert.decay import frame_mean, remaining
from umd_curate.convert.derivation import Derivation, SuvFactor
from umd_curate.convert.injection import dose_bq, half_life_s
from umd_curate.convert.pet_clock import clock_of, frame_duration_s, scan_start_s
from umd_curate.convert.supplement import supplemented
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.findings import Refused
from umd_curate.model.pet import MappingFault, PetHeader

MAX_WAIT_HALF_LIVES: Final = 12.0  # 1/4096 of the activity is left
MAPPING_FAULTS: Final = {
    MappingFault.UNIT_UNKNOWN: (codes.UNITS_UNKNOWN, "(0040,08EA) MeasurementUnitsCodeSequence holds no known unit"),
    MappingFault.COMPETING: (
        codes.MAPPINGS_COMPETE,
        "(0040,9096) RealWorldValueMappingSequence, one unit, several scales",
    ),
    MappingFault.CONTRADICTED: (
        codes.MAPPING_CONTRADICTED,
        "(0028,1053) RescaleSlope or (0028,1052) RescaleIntercept against (0040,9096) RealWorldValueMappingSequence",
    ),
}


def derive_suv(header: PetHeader, place: str) -> SuvFactor:
    """Derive how (stored value x RescaleSlope) of one slice becomes SUVbw.

    Parameters
    ----------
    header
        The slice's inputs.
    place
        Short id of the series, for findings.

    Returns
    -------
    SuvFactor
        Factor, rule, decay reference [s after injection], decay factor, inputs, intermediate values, findings.

    Raises
    ------
    Refused
        The finding names the missing or contradictory tag. Severity `fail`: not even a sound activity image.
    """
    derivation = Derivation(place)
    check_pixels(header, derivation)
    header = supplemented(header, derivation)
    if header.units is not None:
        derivation.take("Units", "(0054,1001)", header.units)
    match header.units:
        case "BQML":
            return _from_activity(header, derivation, 1.0, "BQML")
        case "CNTS":
            return _from_counts(header, derivation)
        case "GML":
            return _from_mass_normalised(header, derivation)
        case "CM2ML":
            return _from_surface_normalised(header, derivation)
        case _:
            raise derivation.refusal(
                codes.UNITS_UNKNOWN, "(0054,1001) Units is missing or none of BQML, CNTS, GML, CM2ML"
            )


def check_pixels(header: PetHeader, derivation: Derivation) -> None:
    """Check what any activity image must say of itself: one scale, slope, zero intercept, attenuation correction.

    A missing intercept counts as 0, since PS3.3 C.8.9.4 allows no other value.

    Raises
    ------
    Refused
        With severity `fail`.
    """
    if header.mapping_fault is not None:
        raise derivation.refusal(*MAPPING_FAULTS[header.mapping_fault])
    if header.rescale_slope is None or header.rescale_slope <= 0:
        raise derivation.refusal(codes.SLOPE_MISSING, "(0028,1053) RescaleSlope is missing or not above 0")
    if header.rescale_intercept:
        raise derivation.refusal(codes.INTERCEPT_NOT_ZERO, "(0028,1052) RescaleIntercept is not 0")
    if "ATTN" not in header.corrected_image:
        raise derivation.refusal(codes.NOT_ATTENUATION_CORRECTED, "(0028,0051) CorrectedImage lacks ATTN")


def same_suv(before: PetHeader, after: PetHeader) -> bool:
    """Say whether two headers of one slice give the same SUV, bit for bit, or are refused with the same code."""
    return _outcome(before) == _outcome(after)


def _outcome(header: PetHeader) -> tuple[str, float | None, float | None, float | None, float | None]:
    try:
        derived = derive_suv(header, "")
    except Refused as refusal:
        return refusal.finding.code, None, None, None, header.rescale_slope
    return derived.rule, derived.factor, derived.decay_reference_s, derived.decay_factor, header.rescale_slope


def _from_activity(header: PetHeader, derivation: Derivation, to_bqml: float, units: str) -> SuvFactor:
    """Factor = weight [g] / activity left [Bq], for pixels that are Bq/mL after `to_bqml`."""
    weight = weight_kg(header, derivation)
    dose = dose_bq(header, derivation)
    decay, reference_s, start_s, clause = _decay(header, derivation)
    tags = ("(0018,1074)",)
    left = derivation.compute("activity_at_reference", dose * decay, "Bq", "injected activity x decay factor", *tags)
    factor = to_bqml * 1000.0 * weight / left
    unit = "g/mL per Bq/mL" if to_bqml == 1.0 else "g/mL per count"
    derivation.compute("suv_factor", factor, unit, "weight in g / activity at the reference time", "(0010,1030)")
    return SuvFactor(
        factor=factor,
        rule=f"{units}/{clause}",
        decay_reference_s=reference_s,
        decay_factor=decay,
        scan_start_s=start_s,
        inputs=derivation.inputs,
        steps=tuple(derivation.steps),
        findings=tuple(derivation.findings),
    )


def _decay(header: PetHeader, derivation: Derivation) -> tuple[float, float, float | None, str]:
    """Part of the injected activity that the pixels refer to, its time after injection [s], scan start [s], clause."""
    mode = header.decay_correction
    if mode not in {"START", "ADMIN", "NONE"}:
        detail = "(0054,1102) DecayCorrection is missing or none of START, ADMIN, NONE"
        raise derivation.refusal(codes.DECAY_MODE_UNKNOWN, detail)
    derivation.take("DecayCorrection", "(0054,1102)", mode)
    if (mode == "NONE") == ("DECY" in header.corrected_image):
        derivation.note(codes.DECAY_FLAGS_CONTRADICT, "(0028,0051) CorrectedImage against (0054,1102) DecayCorrection")
    if mode == "ADMIN":
        start_s = scan_start_s(header, derivation)
        if start_s is not None and header.half_life_s:
            _check_wait(start_s, header.half_life_s, derivation)
        return 1.0, 0.0, start_s, "ADMIN"
    half_life = half_life_s(header, derivation)
    clock = clock_of(header, half_life, derivation, with_reference=mode == "START")
    start_s = None if clock.acquired is None else clock.after_injection_s(clock.acquired)
    if mode == "START":
        assert clock.reference is not None  # noqa: S101  (was asked for)
        elapsed = _check_wait(clock.after_injection_s(clock.reference), half_life, derivation)
        derivation.take("DecayReference", clock.reference_tag, elapsed, "s after injection")
        left = remaining(elapsed, half_life)
        decay = derivation.compute("decay_factor", left, "", "2^(-t / half-life)", clock.reference_tag, "(0018,1075)")
        return decay, elapsed, start_s, f"START/{clock.reference_source}"
    if start_s is None:
        raise derivation.refusal(codes.SCAN_TIME_MISSING, "(0008,0032) AcquisitionTime or its date is missing")
    duration = frame_duration_s(header, derivation)
    at_start = remaining(_check_wait(start_s, half_life, derivation), half_life)
    derivation.compute("decay_at_frame_start", at_start, "", "2^(-t / half-life)", "(0008,0032)", "(0018,1075)")
    mean = frame_mean(duration, half_life)
    derivation.compute("mean_over_frame", mean, "", "(1 - e^-λT) / (λT)", "(0018,1242)", "(0018,1075)")
    decay = derivation.compute("decay_factor", at_start * mean, "", "decay at frame start x mean over frame")
    return decay, start_s, start_s, "NONE"


def _check_wait(elapsed_s: float, half_life: float, derivation: Derivation) -> float:
    if elapsed_s < 0:
        detail = "the injection is later than the scan, (0018,1078) or (0018,1072)"
        raise derivation.refusal(codes.INJECTION_AFTER_SCAN, detail, measured=elapsed_s)
    if elapsed_s > MAX_WAIT_HALF_LIVES * half_life:
        detail = "more than 12 half-lives between injection and scan, (0018,1078) or (0018,1072)"
        raise derivation.refusal(codes.WAIT_TOO_LONG, detail, measured=elapsed_s)
    return elapsed_s


def _from_counts(header: PetHeader, derivation: Derivation) -> SuvFactor:
    """Philips counts: times (7053,1000) is SUVbw, else times (7053,1009) is Bq/mL; 0 means that there is none."""
    if header.philips_suv_factor is not None and header.philips_suv_factor > 0:
        derivation.take("PhilipsSUVScaleFactor", "(7053,1000)", header.philips_suv_factor, "g/mL per count")
        return _normalised(header, derivation, header.philips_suv_factor, "CNTS/PhilipsSUVScaleFactor")
    if header.philips_activity_factor is not None and header.philips_activity_factor > 0:
        factor = header.philips_activity_factor
        derivation.take("PhilipsActivityConcentrationScaleFactor", "(7053,1009)", factor, "Bq/mL per count")
        return _from_activity(header, derivation, factor, "CNTS/PhilipsActivityConcentrationScaleFactor")
    detail = "(7053,1000) and (7053,1009) of the Philips PET Private Group are missing or 0"
    raise derivation.refusal(codes.PHILIPS_FACTOR_MISSING, detail)


def _from_mass_normalised(header: PetHeader, derivation: Derivation) -> SuvFactor:
    """GML: SUVbw unless (0054,1006) says otherwise; PS3.3 C.8.9.1: absent means BW."""
    suv_type = header.suv_type or "BW"
    if suv_type == "BW":
        return _normalised(header, derivation, 1.0, "GML/BW")
    if suv_type not in MASSES:
        raise derivation.refusal(codes.SUV_TYPE_UNKNOWN, "(0054,1006) SUVType does not fit (0054,1001) Units GML")
    derivation.take("SUVType", "(0054,1006)", suv_type)
    weight = weight_kg(header, derivation)
    mass = normalising_mass_kg(suv_type, header, weight, derivation)
    return _normalised(header, derivation, weight / mass, f"GML/{suv_type}")


def _from_surface_normalised(header: PetHeader, derivation: Derivation) -> SuvFactor:
    """CM2ML: normalised by body surface; times weight [g] over surface [cm²] it is SUVbw."""
    if (header.suv_type or "BSA") != "BSA":
        raise derivation.refusal(codes.SUV_TYPE_UNKNOWN, "(0054,1006) SUVType does not fit (0054,1001) Units CM2ML")
    weight = weight_kg(header, derivation)
    surface = normalising_surface_cm2(header, weight, derivation)
    return _normalised(header, derivation, 1000.0 * weight / surface, "CM2ML/BSA")


def _normalised(header: PetHeader, derivation: Derivation, factor: float, rule: str) -> SuvFactor:
    """Factor of an image that the scanner has related to the injected activity already."""
    derivation.compute("suv_factor", factor, "g/mL per stored unit", rule, "(0054,1001)")
    return SuvFactor(
        factor=factor,
        rule=rule,
        decay_reference_s=None,
        decay_factor=None,
        scan_start_s=_plausible_start_s(header, derivation),
        inputs=derivation.inputs,
        steps=tuple(derivation.steps),
        findings=tuple(derivation.findings),
    )


def _plausible_start_s(header: PetHeader, derivation: Derivation) -> float | None:
    """Scan start [s after injection] where the SUV does not need it; None, with a finding, where the header contradicts it."""
    start_s = scan_start_s(header, derivation)
    if start_s is None or not header.half_life_s or 0 <= start_s <= MAX_WAIT_HALF_LIVES * header.half_life_s:
        return start_s
    detail = "(0018,1078) or (0018,1072) against (0008,0032) AcquisitionTime, s"
    derivation.note(codes.SCAN_START_CONTRADICTED, detail, measured=start_s)
    return None
