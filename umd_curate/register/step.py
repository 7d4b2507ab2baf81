"""The register step: read a pair, see that it overlaps, write the CT or MR on the PET grid, keep what was measured."""

from collections.abc import Sequence
from importlib.metadata import version

from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Artifact, Receipt, What
from umd_curate.model.sidecars import FindingEntry, ResampledSidecar
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.register.engine import STORED, Resampled, measure_overlap, write_resampled
from umd_curate.register.overlap import Overlap, refusal, remarks
from umd_curate.register.plan import NAME, PAIRS, plan_pairs
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import read_grid, read_volume


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:  # noqa: ARG001  (every step plans from view and config)
    """One unit per session with a PET and a CT or MR."""
    return plan_pairs(view.sessions())


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Bring the CT or MR of a session to the grid of its PET by the identity.

    Raises
    ------
    Refused
        The images overlap too little (REG-101).
    """
    role, role_on_pet = next(pair for pair in PAIRS if unit.input(pair[0]))
    pet, moving = _input(unit, What.PET), _input(unit, role)
    stored = STORED[role]
    fixed = read_grid(place.resolve(pet.path))
    overlap = measure_overlap(read_grid(place.resolve(moving.path)), fixed)
    refused = refusal(unit.name, overlap, config.register_.min_overlap)
    if refused:
        raise Refused(refused)

    folder = pet.path.rpartition("/")[0]
    image_path = f"{folder}/{unit.name}_{role_on_pet}.nii.gz"
    resampled = write_resampled(place.resolve(image_path), read_volume(place.resolve(moving.path)), fixed, stored)
    findings = remarks(unit.name, resampled.mean)

    sidecar = ResampledSidecar(
        moving="ct" if role is What.CT else "mr",
        interpolation=resampled.interpolation,
        units=stored.units,
        fill=stored.fill,
        **_measures(overlap, resampled),
        voxel_sha256=resampled.voxel_sha256,
        inputs={str(role): moving.sha256, str(What.PET): pet.sha256},
        findings=tuple(FindingEntry.of(finding) for finding in findings),
    )
    sidecar_path = f"{folder}/{unit.name}_{role_on_pet}.json"
    write_json(place.resolve(sidecar_path), sidecar.model_dump(mode="json", by_alias=True))
    return unit.receipt(
        outputs=(
            artifact(role_on_pet, image_path, place.resolve(image_path)),
            artifact(f"{role_on_pet}.json", sidecar_path, place.resolve(sidecar_path)),
        ),
        findings=findings,
        measured={
            "transform": "identity",
            "interpolation": resampled.interpolation,
            **_measures(overlap, resampled),
            "mean_change": round(resampled.mean.change, 6),
        },
        versions={"numpy": version("numpy")},
    )


STEP = Step(name=NAME, version=2, sections=("register",), plan=plan, perform=perform)


def _measures(overlap: Overlap, resampled: Resampled) -> dict[str, float]:
    return {
        "overlap_part": round(overlap.part, 6),
        "overlap_ml": round(overlap.volume_ml, 3),
        "mean_moving": round(resampled.mean.moving, 4),
        "mean_resampled": round(resampled.mean.resampled, 4),
    }


def _input(unit: Unit, role: What) -> Artifact:
    found = unit.input(role)
    assert found is not None  # noqa: S101  (the plan gives both)
    return found
