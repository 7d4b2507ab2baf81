"""The register room's door to disk: sides of a pair in, transforms, images and receipts out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from umd_curate.errors import SchemaError
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding
from umd_curate.model.geometry import Float64, Grid, Volume
from umd_curate.model.receipts import Artifact, What
from umd_curate.model.registration import RegistrationReceipt
from umd_curate.model.resampled import background, stored_as
from umd_curate.model.sidecars import FindingEntry, PetSidecar, ResampledSidecar
from umd_curate.model.steps import Place, Unit
from umd_curate.model.transforms import Rigid
from umd_curate.register.engine import STORED, Stored
from umd_curate.register.engines.masks import centre_of, side_of
from umd_curate.register.fit_io import Fitted
from umd_curate.register.motion import Motion, measure_motion
from umd_curate.register.protocol import RegistrationEngineDescription, Side
from umd_curate.register.registry import load_engine
from umd_curate.register.transforms_io import through, write_displacement, write_inverse, write_rigid
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import read_grid, read_volume, write_volume


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """Files of one scan; `role` is that of the CT or MR."""

    place: str
    role: What
    pet: Artifact
    anatomy: Artifact


def given(unit: Unit, role: str) -> Artifact:
    """Input of a unit that its plan gives."""
    found = unit.input(role)
    assert found is not None  # noqa: S101  (the plan gives it)
    return found


def folder_of(entry: Artifact) -> str:
    """Folder of an artifact, relative to the workspace."""
    return entry.path.rpartition("/")[0]


def grid_of(place: Place, entry: Artifact) -> Grid:
    """Grid of an image, from its header."""
    return read_grid(place.resolve(entry.path))


def carried(volume: Volume, rigid: Rigid) -> Volume:
    """Volume in the fixed image's space, by its affine alone; `rigid` maps fixed to moving points."""
    if rigid.is_identity():
        return volume
    return Volume(volume.array_kji, np.asarray(rigid.inverse().matrix @ volume.affine, np.float64))


def middle(place: Place, files: ScanFiles) -> Float64:
    """Middle of the PET's grid, RAS+ mm."""
    return np.asarray(grid_of(place, files.pet).corners_ras_mm()[8], np.float64)


def motion_of(place: Place, files: ScanFiles, config: UmdConfig) -> Motion:
    """What the motion gate sees of a scan."""
    pet = side_of("pet", read_volume(place.resolve(files.pet.path)))
    anatomy = side_of(str(files.role), read_volume(place.resolve(files.anatomy.path)))
    return measure_motion(pet, anatomy, load_engine(config.register_.engine))


def pet_units(unit: Unit, place: Place) -> str:
    """Unit of a PET's values, as its sidecar says; Bq/mL or SUVbw.

    Raises
    ------
    SchemaError
        The sidecar does not fit its schema.
    """
    entry = unit.input(f"{What.PET}.json")
    if entry is None:
        return "as stored"
    try:
        return PetSidecar.model_validate_json(place.resolve(entry.path).read_bytes()).units
    except ValidationError as error:
        message = "The sidecar of an image of role pet does not fit its schema."
        raise SchemaError(message) from error


def read_side(unit: Unit, place: Place, side: str) -> Side:
    """One side of a pair of sessions on its working grid."""
    files = _files(unit, side)
    role = _shown(files)
    organs = next((path for name, path in files.items() if name in {What.ORGANS, What.ORGANS_ON_PET}), None)
    labels = read_volume(place.resolve(organs)) if organs else None
    return side_of(role, read_volume(place.resolve(files[role])), labels)


def write_receipt(
    place: Place, beside: Artifact, stem: str, role: str, receipt: RegistrationReceipt
) -> tuple[Artifact, ...]:
    """Write the receipt of a pair beside an image."""
    path = f"{folder_of(beside)}/{stem}_{role}.json"
    write_json(place.resolve(path), receipt.model_dump(mode="json", by_alias=True))
    return (artifact(f"{role}.json", path, place.resolve(path)),)


def write_pair(
    unit: Unit,
    place: Place,
    fitted: Fitted,
    fixed: Side,
    reason: str,
    findings: tuple[Finding, ...],
    engine: RegistrationEngineDescription,
) -> tuple[tuple[Artifact, ...], RegistrationReceipt]:
    """Write transforms, the moving image on the fixed session's grid, and the receipt of two sessions."""
    files, moving = _files(unit, "fixed"), _files(unit, "moving")
    stem = f"{files[_shown(files)].rpartition('/')[0]}/{unit.name}"
    source = f"from-{unit.params['moving_session']}"
    rigid_path, shift_path, inverse_path = f"{stem}_xfm.tfm", f"{stem}_xfm.nii.gz", f"{stem}_desc-inverse_xfm.nii.gz"
    write_rigid(place.resolve(rigid_path), fitted.rigid)
    outputs = [artifact(f"{source}_xfm", rigid_path, place.resolve(rigid_path))]
    if fitted.deformation is not None:
        write_displacement(place.resolve(shift_path), fitted.deformation)
        write_inverse(place.resolve(inverse_path), fitted.deformation)
        outputs += [
            artifact(f"{source}_displacement", shift_path, place.resolve(shift_path)),
            artifact(f"{source}_inverse", inverse_path, place.resolve(inverse_path)),
        ]
    outputs += _write_moved(unit, place, fitted, files, moving, f"{stem}_space-pet", f"space-pet_{source}")
    inputs = {entry.path: entry.sha256 for entry in unit.inputs}
    receipt = RegistrationReceipt(
        fixed=f"{unit.params['fixed_session']}/{_shown(files)}",
        moving=f"{unit.params['moving_session']}/{_shown(moving)}",
        frame_of_reference="unequal",
        method="override" if reason else "deformable" if fitted.deformation is not None else "rigid",
        engine=engine.name,
        engine_version=engine.version,
        threads=engine.threads,
        transform=rigid_path.rpartition("/")[2],
        displacement=shift_path.rpartition("/")[2] if fitted.deformation is not None else "",
        inverse=inverse_path.rpartition("/")[2] if fitted.deformation is not None else "",
        angle_deg=round(fitted.rigid.angle_deg(), 4),
        shift_mm=round(fitted.rigid.shift_mm(centre_of(fixed.trunk_kji, fixed.image.affine)), 3),
        overlap_part=round(fitted.overlap, 4),
        agreement=fitted.agreement,
        organs=fitted.organs,
        deformation=fitted.deformed,
        capture=fitted.capture,
        override_reason=reason,
        verdict=fitted.verdict,
        reasons=fitted.reasons,
        inputs={
            f"{side}/{role}": inputs[path]
            for side, own in (("fixed", files), ("moving", moving))
            for role, path in own.items()
        },
        findings=tuple(FindingEntry.of(finding) for finding in findings),
    )
    path = f"{stem}_xfm.json"
    write_json(place.resolve(path), receipt.model_dump(mode="json", by_alias=True))
    outputs.append(artifact(f"{source}_xfm.json", path, place.resolve(path)))
    return tuple(outputs), receipt


def _write_moved(
    unit: Unit,
    place: Place,
    fitted: Fitted,
    files: Mapping[str, str],
    moving: Mapping[str, str],
    stem: str,
    role: str,
) -> list[Artifact]:
    """Write the moving image on the fixed session's PET grid, or on its own where it has no PET."""
    shown = _shown(moving)
    reference = What.PET if What.PET in files else _shown(files)
    stored = STORED.get(What(shown), Stored("as stored", background(shown), "float32"))
    grid = read_grid(place.resolve(files[reference]))
    source = read_volume(place.resolve(moving[shown]))
    found = through(source, grid, fitted.rigid, fitted.deformation, stored.fill)
    path, beside = f"{stem}_{shown}.nii.gz", f"{stem}_{shown}.json"
    image = Volume(stored_as(found.array_kji.astype(np.float64), stored.dtype), grid.affine)
    digest = write_volume(place.resolve(path), image)
    sums = {entry.path: entry.sha256 for entry in unit.inputs}
    sidecar = ResampledSidecar(
        reference=str(reference),
        moving=shown,
        moving_session=str(unit.params["moving_session"]),
        transform=f"{unit.name}_xfm.tfm",
        interpolation="block average, then linear",
        units=stored.units,
        fill=stored.fill,
        overlap_part=round(fitted.overlap, 6),
        overlap_ml=round(fitted.overlap * int(np.prod(grid.shape_kji)) * grid.voxel_volume_ml, 3),
        mean_moving=round(float(source.array_kji.mean(dtype=np.float64)), 4),
        mean_resampled=round(float(image.array_kji.mean(dtype=np.float64)), 4),
        voxel_sha256=digest,
        inputs={f"moving/{shown}": sums[moving[shown]], f"fixed/{reference}": sums[files[reference]]},
    )
    write_json(place.resolve(beside), sidecar.model_dump(mode="json", by_alias=True))
    return [
        artifact(f"{role}_{shown}", path, place.resolve(path)),
        artifact(f"{role}_{shown}.json", beside, place.resolve(beside)),
    ]


def _files(unit: Unit, side: str) -> dict[str, str]:
    found = unit.params[side]
    assert isinstance(found, dict)  # noqa: S101  (the plan gives it)
    return {str(role): str(path) for role, path in found.items()}


def _shown(files: Mapping[str, str]) -> str:
    """Role of the image that stands for a session."""
    return str(next(role for role in (What.CT, What.MR, What.PET) if role in files))
