"""One PET series slice by slice: SUVbw or Bq/mL for all of it, and the receipt of the whole.

`suv.py` judges a slice; here is decided what that means for the series: where a slice has no SUV but sound Bq/mL, the
series is kept in Bq/mL; where slices disagree about the injection, the series is set aside.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from umd_curate.convert.derivation import SuvFactor
from umd_curate.convert.rescale import Rescale
from umd_curate.convert.suv import derive_suv
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.findings import Finding, Refused, Severity
from umd_curate.model.pet import PetHeader
from umd_curate.model.sidecars import SuvReceipt

# What all slices of one injection share: field of PetHeader and its tag.
SHARED: Final = (
    ("units", "(0054,1001) Units"),
    ("suv_type", "(0054,1006) SUVType"),
    ("decay_correction", "(0054,1102) DecayCorrection"),
    ("weight", "(0010,1030) PatientWeight"),
    ("size", "(0010,1020) PatientSize"),
    ("sex", "(0010,0040) PatientSex"),
    ("radiopharmaceuticals", "(0054,0016) RadiopharmaceuticalInformationSequence"),
    ("total_dose", "(0018,1074) RadionuclideTotalDose"),
    ("half_life_s", "(0018,1075) RadionuclideHalfLife"),
    ("injection_time", "(0018,1072) RadiopharmaceuticalStartTime"),
    ("injection_datetime", "(0018,1078) RadiopharmaceuticalStartDateTime"),
    ("ge_injection_datetime", "(0009,103B) GE administration time"),
    ("philips_suv_factor", "(7053,1000) Philips SUV scale factor"),
    ("philips_activity_factor", "(7053,1009) Philips activity scale factor"),
)
EARLIEST_OF_SLICES: Final = "AcquisitionTime"  # the one input of the receipt that differs from bed to bed


def judge_slice(header: PetHeader, place: str) -> SuvFactor | Finding:
    """SUV of a slice, or the finding that forbids only the SUV while the pixels are sound Bq/mL.

    Raises
    ------
    Refused
        The image is unsound, or has no SUV and is in no unit of activity.
    """
    try:
        return derive_suv(header, place)
    except Refused as refusal:
        if refusal.finding.severity is Severity.FAIL:
            raise
        if header.units != "BQML":
            raise Refused(replace(refusal.finding, severity=Severity.FAIL)) from refusal
        return refusal.finding


@dataclass(slots=True)
class PetSeries:
    """Receipt of a PET series under way; `place` is its short id."""

    place: str
    first: PetHeader | None = None
    verdict: SuvFactor | Finding | None = None
    factor_min: float = float("inf")
    factor_max: float = float("-inf")
    scan_start_s: float | None = None
    last_scan_start_s: float | None = None
    slopes_differ: bool = False
    notes: dict[str, Finding] = field(default_factory=dict)

    def rescale(self, header: PetHeader) -> Rescale:
        """Rescale of the next slice: to SUVbw, or to Bq/mL.

        Raises
        ------
        Refused
            The image is unsound, or this slice disagrees with the first.
        """
        verdict = judge_slice(header, self.place)
        if self.first is None or self.verdict is None:
            self.first, self.verdict = header, verdict
        self._check_shared(self.first, header)
        if _rule(verdict) != _rule(self.verdict):
            raise Refused(
                codes.INPUTS_DIFFER.at(
                    self.place, "the rule of the SUV differs between slices, (0008,0031), (0008,0032)"
                )
            )
        assert header.rescale_slope is not None  # noqa: S101  (judged above)
        self.slopes_differ |= header.rescale_slope != self.first.rescale_slope
        if isinstance(verdict, Finding):
            self.notes.setdefault(verdict.code, verdict)
            return Rescale(header.rescale_slope, 0.0)
        for finding in verdict.findings:
            self.notes.setdefault(finding.code, finding)
        self._count(verdict)
        return Rescale(header.rescale_slope * verdict.factor, 0.0)

    @property
    def suv(self) -> SuvFactor | None:
        """Derivation of the first slice; None where the series is kept without SUV."""
        return self.verdict if isinstance(self.verdict, SuvFactor) else None

    @property
    def units(self) -> str:
        """Unit of the written values."""
        return "SUVbw" if self.suv else "Bq/mL"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was inferred, or why there is no SUV."""
        return tuple(self.notes.values())

    def receipt(self) -> SuvReceipt | None:
        """Receipt of the SUV; None where the series is kept without."""
        suv = self.suv
        if suv is None:
            return None
        inputs = dict(suv.inputs)
        entry = inputs.get(EARLIEST_OF_SLICES)
        if isinstance(entry, dict) and self.scan_start_s is not None:
            inputs[EARLIEST_OF_SLICES] = {**entry, "value": self.scan_start_s, "value_last": self.last_scan_start_s}
        return SuvReceipt(
            rule=suv.rule,
            factor_min=self.factor_min,
            factor_max=self.factor_max,
            decay_reference_time=suv.decay_reference_s,
            decay_factor=suv.decay_factor,
            inputs=inputs,
        )

    def _check_shared(self, first: PetHeader, header: PetHeader) -> None:
        for name, tag in SHARED:
            if getattr(first, name) != getattr(header, name):
                raise Refused(codes.INPUTS_DIFFER.at(self.place, f"{tag} differs between slices"))

    def _count(self, suv: SuvFactor) -> None:
        self.factor_min = min(self.factor_min, suv.factor)
        self.factor_max = max(self.factor_max, suv.factor)
        if suv.scan_start_s is not None:
            starts = [
                start for start in (self.scan_start_s, self.last_scan_start_s, suv.scan_start_s) if start is not None
            ]
            self.scan_start_s, self.last_scan_start_s = min(starts), max(starts)


def _rule(verdict: SuvFactor | Finding) -> str:
    return verdict.rule if isinstance(verdict, SuvFactor) else ""
