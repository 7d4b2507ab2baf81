"""One PET series slice by slice: SUVbw or Bq/mL for all of it, and the receipt of the whole.

`suv.py` judges a slice; here is decided what that means for the series: where no slice has an SUV but all are sound Bq/mL, the
series is kept in Bq/mL; where slices disagree about the injection, or only some have an SUV, the series is set aside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from umd_curate.convert.derivation import Derivation, DerivedValue, SuvFactor
from umd_curate.convert.pet_clock import reference_tolerance_s
from umd_curate.convert.rescale import Rescale
from umd_curate.convert.supplement import supplemented
from umd_curate.convert.suv import derive_suv
from umd_curate.convert.suv_types import SuvType, suv_types
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.dicom_time import is_series_time_late, times_of
from umd_curate.model.findings import Finding, Refused, Severity
from umd_curate.model.pet import PetContext, PetHeader
from umd_curate.model.sidecars import SuvReceipt, SuvStep, SuvTypeEntry

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
    ("radionuclide_code", "(0054,0300) RadionuclideCodeSequence"),
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


def seen_whole(context: PetContext, headers: Iterable[PetHeader]) -> PetContext:
    """Context of a series of which all slices or frames are at hand: whether one was acquired before the series time."""
    is_late = is_series_time_late(map(times_of, headers))
    return replace(context, late_series_time=context.late_series_time or is_late)


@dataclass(slots=True)
class PetSeries:
    """Receipt of a PET series under way.

    Parameters
    ----------
    place
        Short id of the series.
    context
        What the SUV needs beyond the headers.
    types
        Further types of SUV that are wanted, such as ``SUL-janma``.
    """

    place: str
    context: PetContext = field(default_factory=PetContext)
    types: Sequence[str] = ()
    first: PetHeader | None = None
    verdict: SuvFactor | Finding | None = None
    factor_min: float = float("inf")
    factor_max: float = float("-inf")
    scan_start_s: float | None = None
    last_scan_start_s: float | None = None
    slopes_differ: bool = False
    factors: list[float] = field(default_factory=list)
    references_s: tuple[float, float] | None = None
    further: tuple[SuvType, ...] = ()
    notes: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def rescale(self, header: PetHeader) -> Rescale:
        """Rescale of the next slice: to SUVbw, or to Bq/mL.

        Raises
        ------
        Refused
            The image is unsound, or this slice disagrees with the others.
        """
        header = replace(header, context=self.context)
        verdict = judge_slice(header, self.place)
        if self.first is None or self.verdict is None:
            self.first, self.verdict = header, verdict
            self._derive_types()
        self._check_shared(self.first, header)
        without = [one for one in (self.verdict, verdict) if isinstance(one, Finding)]
        if len(without) == 1:  # the slices before are written in another unit
            raise Refused(replace(without[0], severity=Severity.FAIL, detail=f"{without[0].detail}, in some slices"))
        if _rule(verdict) != _rule(self.verdict):
            raise Refused(
                codes.INPUTS_DIFFER.at(
                    self.place, "the rule of the SUV differs between slices, (0008,0031), (0008,0032)"
                )
            )
        assert header.rescale_slope is not None  # noqa: S101  (judged above)
        self.slopes_differ |= header.rescale_slope != self.first.rescale_slope
        if isinstance(verdict, Finding):
            self._note(verdict)
            return Rescale(header.rescale_slope, 0.0)
        for finding in verdict.findings:
            self._note(finding)
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
            slice_factors=tuple(self.factors) if self.factor_min != self.factor_max else None,
            decay_reference_time=suv.decay_reference_s,
            decay_factor=suv.decay_factor,
            inputs=inputs,
            steps=tuple(_published(step) for step in suv.steps),
            types={entry.name: _entry(entry) for entry in self.further},
        )

    def _derive_types(self) -> None:
        """Further types, from the first slice: what they need is the same in all."""
        if self.first is None or not isinstance(self.verdict, SuvFactor):
            return
        derivation = Derivation(self.place)
        header = supplemented(self.first, derivation)
        derivation.findings.clear()  # the slice has told them
        self.further = suv_types(header, self.types, derivation)
        for finding in derivation.findings:
            self._note(finding)

    def _note(self, finding: Finding) -> None:
        self.notes.setdefault((finding.code, finding.detail), finding)

    def _check_shared(self, first: PetHeader, header: PetHeader) -> None:
        for name, tag in SHARED:
            if getattr(first, name) != getattr(header, name):
                raise Refused(codes.INPUTS_DIFFER.at(self.place, f"{tag} differs between slices"))

    def _count(self, suv: SuvFactor) -> None:
        self.factors.append(suv.factor)
        self._check_reference(suv)
        self.factor_min = min(self.factor_min, suv.factor)
        self.factor_max = max(self.factor_max, suv.factor)
        if suv.scan_start_s is not None:
            starts = [
                start for start in (self.scan_start_s, self.last_scan_start_s, suv.scan_start_s) if start is not None
            ]
            self.scan_start_s, self.last_scan_start_s = min(starts), max(starts)

    def _check_reference(self, suv: SuvFactor) -> None:
        """Check that all slices tell one start of the scan, where each works it out from its own times."""
        if not suv.rule.endswith("START/FrameReferenceTime") or suv.decay_reference_s is None or self.first is None:
            return
        low, high = self.references_s or (suv.decay_reference_s, suv.decay_reference_s)
        self.references_s = low, high = min(low, suv.decay_reference_s), max(high, suv.decay_reference_s)
        half_life_s = supplemented(self.first, Derivation("")).half_life_s or 0.0
        if high - low > reference_tolerance_s(half_life_s):
            detail = (
                "(0054,1300) FrameReferenceTime and (0008,0032) AcquisitionTime of the slices tell several starts, s"
            )
            finding = codes.FRAME_TIMES_CONTRADICT.at(self.place, detail, measured=high - low)
            raise Refused(replace(finding, severity=Severity.FAIL))


def _published(step: DerivedValue) -> SuvStep:
    return SuvStep(name=step.name, value=step.value, unit=step.unit, rule=step.rule, tags=step.tags)


def _entry(entry: SuvType) -> SuvTypeEntry:
    return SuvTypeEntry(
        ratio=entry.ratio,
        unit=entry.unit,
        normaliser=entry.normaliser,
        normaliser_unit=entry.normaliser_unit,
        formula=entry.formula,
    )


def _rule(verdict: SuvFactor | Finding) -> str:
    return verdict.rule if isinstance(verdict, SuvFactor) else ""
