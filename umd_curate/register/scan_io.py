"""Writes what the register step makes of a scan: the resampled images with their sidecars, and its receipt."""

from dataclasses import dataclass

from umd_curate.model.catalogue.register import ACTIVITY_CHANGED
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding
from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.registration import MotionEntry, MotionReceipt, RegistrationReceipt
from umd_curate.model.sidecars import FindingEntry, ResampledSidecar
from umd_curate.model.steps import Place, Unit
from umd_curate.model.transforms import Rigid
from umd_curate.register import io
from umd_curate.register.engine import Resampled, Stored, measure_overlap, write_resampled
from umd_curate.register.judge import MOVED_DEG, MOVED_MM
from umd_curate.register.motion import Motion
from umd_curate.register.overlap import MAX_MEAN_CHANGE, Overlap, remarks
from umd_curate.register.plan import PAIRS, PET_ON
from umd_curate.register.protocol import RegistrationEngineDescription
from umd_curate.register.transforms_io import write_rigid
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import read_grid, read_volume

ANATOMY = "anatomy"


@dataclass(frozen=True, slots=True)
class Placed:
    """What was written for a scan."""

    outputs: tuple[Artifact, ...]
    findings: tuple[Finding, ...]
    measured: dict[str, Json]
    overlap: Overlap
    transform: str  # file name of the rigid transform; empty: the identity


def correct_motion(motion: Motion | None, wanted: str) -> tuple[Rigid, str]:
    """Transform of a scan and how it was found: the identity unless gate and settings both ask for a correction."""
    if motion is not None and wanted == "correct" and motion.verdict == "moved":
        return motion.common, "rigid"
    return Rigid.identity(), "identity"


def place_scan(
    unit: Unit, place: Place, config: UmdConfig, files: io.ScanFiles, rigid: Rigid, stored: Stored
) -> Placed:
    """Write the images of a scan on each other's grids, as the settings ask.

    Parameters
    ----------
    rigid
        PET points to CT or MR points.
    stored
        How the CT or MR is stored.
    """
    outputs: list[Artifact] = []
    findings: list[Finding] = []
    transform = ""
    if not rigid.is_identity():
        transform = f"{unit.name}_{What.TO_ANATOMY}.tfm"
        path = f"{io.folder_of(files.pet)}/{transform}"
        write_rigid(place.resolve(path), rigid)
        outputs.append(artifact(What.TO_ANATOMY, path, place.resolve(path)))
    fixed = read_grid(place.resolve(files.pet.path))
    anatomy = io.carried(read_volume(place.resolve(files.anatomy.path)), rigid)
    overlap = measure_overlap(anatomy.grid, fixed)
    measured: dict[str, Json] = {}
    if "pet" in config.register_.grids:
        role = dict(PAIRS)[files.role]
        target = f"{io.folder_of(files.pet)}/{unit.name}_{role}.nii.gz"
        made = write_resampled(place.resolve(target), anatomy, fixed, stored)
        found = remarks(unit.name, made.mean)
        sidecar = _sidecar(files, "pet", files.role, stored, overlap, made, transform, found)
        outputs += _written(place, target, role, sidecar)
        findings += found
        measured |= {"interpolation": made.interpolation, **_measures(overlap, made)}
        measured["mean_change"] = round(made.mean.change, 6)
    measured |= {"overlap_part": round(overlap.part, 6), "overlap_ml": round(overlap.volume_ml, 3)}
    if ANATOMY in config.register_.grids:
        made_outputs, made_findings, change = _pet_on_anatomy(unit, place, files, rigid, transform)
        outputs += made_outputs
        findings += made_findings
        measured["activity_change"] = change
    return Placed(tuple(outputs), tuple(findings), measured, overlap, transform)


def motion_receipt(
    unit: Unit,
    place: Place,
    files: io.ScanFiles,
    rigid: Rigid,
    method: str,
    placed: Placed,
    motion: Motion | None,
    reason: str,
    findings: tuple[Finding, ...],
    engine: RegistrationEngineDescription,
) -> RegistrationReceipt:
    """The receipt of a scan's registration."""
    moved_unseen = motion is not None and motion.verdict in {"moved", "moved in parts"} and method == "identity"
    return RegistrationReceipt(
        fixed=f"{unit.session}/{What.PET}",
        moving=f"{unit.session}/{files.role}",
        frame_of_reference="same",
        method=method,
        engine=engine.name if motion else "",
        engine_version=engine.version if motion else "",
        threads=engine.threads,
        transform=placed.transform,
        angle_deg=round(rigid.angle_deg(), 4),
        shift_mm=round(rigid.shift_mm(io.middle(place, files)), 3) if not rigid.is_identity() else 0.0,
        overlap_part=round(placed.overlap.part, 6),
        motion=_motion(motion, corrected=method == "rigid"),
        override_reason=reason,
        verdict="for a human" if moved_unseen else "accepted",
        reasons=("the motion gate saw head or pelvis apart",) if moved_unseen else (),
        inputs={str(files.role): files.anatomy.sha256, str(What.PET): files.pet.sha256},
        findings=tuple(FindingEntry.of(finding) for finding in findings),
    )


def _motion(motion: Motion | None, *, corrected: bool) -> MotionReceipt:
    if motion is None:
        return MotionReceipt(verdict="not measured", limit_mm=MOVED_MM, limit_deg=MOVED_DEG)
    regions = tuple(
        MotionEntry(
            region=entry.region,
            shift_mm=entry.shift_mm,
            angle_deg=entry.angle_deg,
            along_mm=entry.along_mm,
        )
        for entry in motion.regions.values()
    )
    return MotionReceipt(
        verdict=motion.verdict,
        limit_mm=motion.limit_mm,
        limit_deg=MOVED_DEG,
        regions=regions,
        corrected=corrected,
    )


def _pet_on_anatomy(
    unit: Unit, place: Place, files: io.ScanFiles, rigid: Rigid, transform: str
) -> tuple[list[Artifact], list[Finding], float]:
    """Write the PET on the grid of the CT or MR, linear, and compare its total activity."""
    grid = read_grid(place.resolve(files.anatomy.path))
    pet = io.carried(read_volume(place.resolve(files.pet.path)), rigid.inverse())
    role = PET_ON[files.role]
    target = f"{io.folder_of(files.pet)}/{unit.name}_{role}.nii.gz"
    stored = Stored(io.pet_units(unit, place), 0.0, "float32")
    made = write_resampled(place.resolve(target), pet, grid, stored)
    overlap = measure_overlap(pet.grid, grid)
    change = round(made.mean.change, 6)
    findings = []
    if abs(change) > MAX_MEAN_CHANGE:
        detail = "change of the sum of value times volume, as a part"
        findings.append(ACTIVITY_CHANGED.at(unit.name, detail, measured=change, limit=MAX_MEAN_CHANGE))
    sidecar = _sidecar(files, str(files.role), What.PET, stored, overlap, made, transform, tuple(findings))
    sidecar = sidecar.model_copy(update={"total_change": change})
    return _written(place, target, role, sidecar), findings, change


def _sidecar(
    files: io.ScanFiles,
    reference: str,
    moving: str,
    stored: Stored,
    overlap: Overlap,
    made: Resampled,
    transform: str,
    findings: tuple[Finding, ...],
) -> ResampledSidecar:
    return ResampledSidecar(
        reference=reference,
        moving=str(moving),
        transform=transform or "identity",
        interpolation=made.interpolation,
        units=stored.units,
        fill=stored.fill,
        **_measures(overlap, made),
        voxel_sha256=made.voxel_sha256,
        inputs={str(files.role): files.anatomy.sha256, str(What.PET): files.pet.sha256},
        findings=tuple(FindingEntry.of(finding) for finding in findings),
    )


def _written(place: Place, target: str, role: str, sidecar: ResampledSidecar) -> list[Artifact]:
    beside = target.removesuffix(".nii.gz") + ".json"
    write_json(place.resolve(beside), sidecar.model_dump(mode="json", by_alias=True))
    return [artifact(role, target, place.resolve(target)), artifact(f"{role}.json", beside, place.resolve(beside))]


def _measures(overlap: Overlap, made: Resampled) -> dict[str, float]:
    return {
        "overlap_part": round(overlap.part, 6),
        "overlap_ml": round(overlap.volume_ml, 3),
        "mean_moving": round(made.mean.moving, 4),
        "mean_resampled": round(made.mean.resampled, 4),
    }
