"""The deface step, the PHI wall: staged volumes of a session go in, images without a face and their sidecars come out.

One block is cut from all images of a session. It is found on the CT or MR, and on the PET where that sees a head that the
CT or MR does not. Where no head is in view nothing is changed; where `deid.faces_retained` gives a reason, neither.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import numpy as np

from umd_curate.deid.deface import FaceMask, without_faces
from umd_curate.deid.engine import Examined, examine, faces_of
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import Grid, Volume, max_corner_error_mm
from umd_curate.model.receipts import Artifact, Json, Receipt, State, What
from umd_curate.model.sidecars import DefacingReceipt, FindingEntry, ImageSidecar, PetSidecar
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import (
    NiftiWriter,
    count_frames,
    read_back,
    read_frames,
    read_grid,
    read_volume,
    voxel_sha256,
    write_volume,
)

NAME = "deface"
METHOD = "geometric block from chin to brow, found on the skin surface, carried to each image"
ROLES = {What.STAGED_CT: What.CT, What.STAGED_MR: What.MR, What.STAGED_PET: What.PET}
FRAMES = {What.STAGED_DYNAMIC_PET: What.DYNAMIC_PET, What.STAGED_GATED_PET: What.GATED_PET}  # 4D, beside a PET


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:  # noqa: ARG001  (every step plans from view and config)
    """One unit per session that has a staged image; its sidecars are inputs too.

    An image that the referee reads otherwise stays behind the wall.
    """
    disputed = {
        entry.path
        for receipt in view.receipts("referee")
        if receipt.state is not State.DONE
        for entry in receipt.inputs
    }
    units = []
    for session in view.sessions():
        names = [name for role in (*ROLES, *FRAMES) for name in (str(role), f"{role}.json")]
        found = (session.artifacts[name] for name in names if name in session.artifacts)
        inputs = tuple(entry for entry in found if entry.path not in disputed)
        if any(entry.what in set(ROLES) for entry in inputs):
            params = {"folder": session.folder}
            units.append(Unit(NAME, session.stem, session.subject, session.session, inputs, params))
    return units


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Take the face out of every image of a session and write the images below the wall.

    Raises
    ------
    Refused
        DEI-303: a head is in view, no mask could be made, and no reason to keep the face is given. DEI-304, DEI-305: an
        image has no sidecar, or is not the one that was converted. DEI-306: what was written is not what is on disk.
    """
    staged = {ROLES[role]: entry for role in ROLES if (entry := unit.input(role)) is not None}
    volumes = {role: read_volume(place.resolve(entry.path)) for role, entry in staged.items()}
    sidecars = {role: _sidecar_of(unit, place, role, volume) for role, volume in volumes.items()}
    seen = {role: examine(volume, role) for role, volume in volumes.items()}
    found_on = [str(role) for role, one in seen.items() if one.head]
    retained = config.deid.faces_retained if found_on else None
    faces = [] if retained else faces_of(seen)
    cleared = {role: without_faces(volume, faces, role) for role, volume in volumes.items()}
    if found_on and not retained and not any(changed for _, changed in cleared.values()):
        raise Refused(codes.FACE_NOT_MASKED.at(unit.name))

    findings = _findings(unit.name, seen, retained)
    outputs: list[Artifact] = []
    for role, (volume, changed) in cleared.items():
        receipt = DefacingReceipt(
            state="retained" if retained else "defaced" if found_on else "no-head",
            method=METHOD if faces else "",
            voxels_changed=changed,
            reason=retained or "",
        )
        outputs += _write(unit, place, role, (volumes[role], volume), sidecars[role], receipt, findings)
        if role is What.PET:
            outputs += _write_frames(unit, place, faces, receipt, findings)
    measured: dict[str, Json] = {
        "head_found": bool(found_on),
        "head_found_on": ",".join(found_on),
        "head_found_by": ",".join(sorted({one.head.why for one in seen.values() if one.head})),
        "faces_retained": bool(retained),
        "mask_volume_ml": round(sum(face.volume_ml for face in faces), 1),
        **{f"{role}_voxels_changed": changed for role, (_, changed) in cleared.items()},
    }
    versions = {"simpleitk": version("simpleitk"), "numpy": version("numpy")}
    return unit.receipt(outputs=outputs, findings=findings, measured=measured, versions=versions)


STEP = Step(NAME, 2, ("deid",), plan, perform)


def _findings(name: str, seen: Mapping[What, Examined], retained: str | None) -> list[Finding]:
    heads = {role for role, one in seen.items() if one.head}
    findings = []
    if heads and retained:
        findings.append(codes.FACE_RETAINED.at(name))
    unsure = [
        role for role, one in seen.items() if role not in heads and any(one.covers(seen[other]) for other in heads)
    ]
    if unsure:
        detail = f"seen on {', '.join(sorted(heads))}, not on {', '.join(sorted(unsure))}"
        findings.append(codes.HEAD_UNSURE.at(name, detail))
    return findings


def _write_frames(
    unit: Unit, place: Place, faces: Sequence[FaceMask], receipt: DefacingReceipt, findings: Sequence[Finding]
) -> list[Artifact]:
    """Write the 4D images of the session's PET, frame by frame, without the faces that its mean lost."""
    outputs: list[Artifact] = []
    for staged, role in FRAMES.items():
        entry = unit.input(staged)
        if entry is None:
            continue
        source = place.resolve(entry.path)
        grid, n_frames = read_grid(source), count_frames(source)
        changed = 0
        with NiftiWriter(place.resolve(f"{_stem(unit, role)}.nii.gz"), grid, np.float32, n_frames=n_frames) as writer:
            for frame in read_frames(source):
                cleared, count = without_faces(frame, faces, What.PET)
                changed += count
                for plane in cleared.array_kji:
                    writer.write(plane)
        told = receipt.model_copy(update={"voxels_changed": changed})
        wanted = grid, writer.voxel_sha256
        outputs += _publish(unit, place, role, wanted, _sidecar(unit, place, role), told, findings)
    return outputs


def _stem(unit: Unit, role: What) -> str:
    """Path of an image below the wall, up to its suffix."""
    return f"{unit.params['folder']}/{unit.name}_{role}"


def _sidecar(unit: Unit, place: Place, role: What) -> ImageSidecar:
    """Sidecar of a staged image."""
    staged = unit.input(f"staged-{role}.json")
    if staged is None:
        raise Refused(codes.NO_SIDECAR.at(unit.name, role))
    model = ImageSidecar if role in {What.CT, What.MR} else PetSidecar
    return model.model_validate_json(place.resolve(staged.path).read_bytes())


def _sidecar_of(unit: Unit, place: Place, role: What, volume: Volume) -> ImageSidecar:
    """Sidecar of a staged image, whose receipt must be about the voxels at hand."""
    sidecar = _sidecar(unit, place, role)
    if voxel_sha256(volume) != sidecar.voxel_sha256:
        raise Refused(codes.STAGED_CHANGED.at(unit.name, role))
    return sidecar


def _write(
    unit: Unit,
    place: Place,
    role: What,
    volumes: tuple[Volume, Volume],
    sidecar: ImageSidecar,
    receipt: DefacingReceipt,
    findings: Sequence[Finding],
) -> tuple[Artifact, Artifact]:
    """Write one image, of which `volumes` are the staged and the cleared one, and its sidecar below the wall."""
    image = place.resolve(f"{_stem(unit, role)}.nii.gz")
    digest = write_volume(image, volumes[1])
    return _publish(unit, place, role, (volumes[0].grid, digest), sidecar, receipt, findings)


def _publish(
    unit: Unit,
    place: Place,
    role: What,
    wanted: tuple[Grid, str],
    sidecar: ImageSidecar,
    receipt: DefacingReceipt,
    findings: Sequence[Finding],
) -> tuple[Artifact, Artifact]:
    """Read an image below the wall back, and write its sidecar beside it; `wanted` are its grid and voxel SHA-256."""
    stem = _stem(unit, role)
    image, text = place.resolve(f"{stem}.nii.gz"), place.resolve(f"{stem}.json")
    grid, found = read_back(image)
    error = max_corner_error_mm(grid, wanted[0])
    if found != wanted[1] or not grid.is_same_as(wanted[0]):
        image.unlink()
        raise Refused(codes.PUBLISHED_WRONG.at(unit.name, f"{role}, corners, mm", measured=error))
    published = {"published_corner_error_mm": error, "published_voxels_changed": receipt.voxels_changed}
    update: dict[str, object] = {
        "defacing": receipt,
        "voxel_sha256": found,
        "findings": (*sidecar.findings, *(FindingEntry.of(finding) for finding in findings)),
        "geometry": sidecar.geometry.model_copy(update=published) if sidecar.geometry else None,
    }
    filled = sidecar.model_copy(update=update)
    write_json(text, filled.model_dump(mode="json", by_alias=True, exclude_none=False))
    return artifact(role, f"{stem}.nii.gz", image), artifact(f"{role}.json", f"{stem}.json", text)
