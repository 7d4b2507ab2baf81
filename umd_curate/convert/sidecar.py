"""What the sidecar of an image says, from typed facts: nothing is looked up in a dataset here.

Decides which findings go in and how a PET's inputs become BIDS-PET fields. The facts come from `facts_io.py`,
`pet_series.py` and `geometry.py`; names and types stand in `model/sidecars.py`.
"""

from collections.abc import Callable, Mapping, Sequence

from umd_curate.convert.body import size_m, weight_kg
from umd_curate.convert.derivation import Derivation
from umd_curate.convert.injection import dose_bq, half_life_s
from umd_curate.convert.pet_series import PetSeries
from umd_curate.convert.supplement import supplemented
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.pet import PetHeader
from umd_curate.model.sidecars import FindingEntry, ImageSidecar, PetSidecar


def image_sidecar(facts: Mapping[str, object], findings: Sequence[Finding]) -> ImageSidecar:
    """Sidecar of a CT or MR; `facts` are fields of `ImageSidecar` by name."""
    return ImageSidecar.model_validate({**facts, "findings": _entries(findings)})


def pet_sidecar(facts: Mapping[str, object], series: PetSeries, findings: Sequence[Finding]) -> PetSidecar:
    """Sidecar of a PET; `facts` are its fields by name, apart from those that the SUV's inputs give."""
    assert series.first is not None  # noqa: S101  (a volume has slices)
    header = supplemented(series.first, Derivation(""))
    return PetSidecar.model_validate({**facts, **_quantities(header, series), "findings": _entries(findings)})


def _quantities(header: PetHeader, series: PetSeries) -> dict[str, object]:
    dose = _known(dose_bq, header)
    return {
        "radionuclide_half_life": _known(half_life_s, header),
        "injected_radioactivity": None if dose is None else dose / 1e6,
        "body_weight": _known(weight_kg, header),
        "body_height": _known(size_m, header),
        "scan_start": series.scan_start_s,
        "frame_duration": None if header.frame_duration_ms is None else header.frame_duration_ms / 1000.0,
        "image_decay_corrected": None if header.decay_correction is None else header.decay_correction != "NONE",
        "image_decay_correction_time": None if series.suv is None else series.suv.decay_reference_s,
        "decay_correction": header.decay_correction,
        "attenuation_correction": "ATTN" in header.corrected_image,
        "corrections": header.corrected_image,
        "suv": series.receipt(),
    }


def _known(rule: Callable[[PetHeader, Derivation], float], header: PetHeader) -> float | None:
    """Quantity by its rule; None where the rule refuses it."""
    try:
        return rule(header, Derivation(""))
    except Refused:
        return None


def _entries(findings: Sequence[Finding]) -> tuple[FindingEntry, ...]:
    return tuple(FindingEntry.of(finding) for finding in findings)
