"""The deface step, the PHI wall: staged volumes of a session go in, images without a face and their sidecars come out.

One block is cut from all images of a session. It is found on the CT or MR, and on the PET where that sees a head that the
CT or MR does not. Where no head is in view nothing is changed; where `deid.faces_retained` gives a reason, neither.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from umd_curate.deid.burned import Decided, decision_of
from umd_curate.deid.deface import Cut, cut_of
from umd_curate.deid.engine import Examined, examine, faces_of, is_turned, surface_cut
from umd_curate.deid.picture_io import face_pictures
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import Grid, max_corner_error_mm
from umd_curate.model.receipts import Artifact, Json, Receipt, State, What
from umd_curate.model.sidecars import DefacingReceipt, FindingEntry, ImageSidecar, PetSidecar
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.store.carried import OtherImageError, carry_volume
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import Written, read_grid, read_volume

NAME = "deface"
BURNED_IN = "burned-in"
METHOD = "geometric front shell of the head with its ears, found on the skin surface, carried to each image"
MIN_SURFACE_CUT = 0.9  # of the face's surface as each image itself shows it, on the coarse grid: PET blurs it
ROLES = {What.STAGED_CT: What.CT, What.STAGED_MR: What.MR, What.STAGED_PET: What.PET}
FRAMES = {What.STAGED_DYNAMIC_PET: What.DYNAMIC_PET, What.STAGED_GATED_PET: What.GATED_PET}  # 4D, beside a PET


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:  # noqa: ARG001  (every step plans from view and config)
    """One unit per session that has a staged image; its sidecars are inputs too.

    An image that the referee reads otherwise stays behind the wall, and so does one in which text was found until a person
    decided about it, or that a person excluded.
    """
    disputed = {
        entry.path
        for step in ("referee", BURNED_IN)
        for receipt in view.receipts(step)
        if receipt.state is not State.DONE or receipt.measured.get("verdict") == "exclude"
        for entry in receipt.inputs
    }
    decided = {
        (receipt.subject, receipt.session, entry.what): receipt.measured.get("decided")
        for receipt in view.receipts(BURNED_IN)
        for entry in receipt.inputs
    }
    units = []
    for session in view.sessions():
        names = [name for role in (*ROLES, *FRAMES) for name in (str(role), f"{role}.json")]
        found = (session.artifacts[name] for name in names if name in session.artifacts)
        inputs = tuple(entry for entry in found if entry.path not in disputed)
        if any(entry.what in set(ROLES) for entry in inputs):
            texts: dict[str, Json] = {
                str(ROLES[role]): said
                for role in ROLES
                if (said := decided.get((session.subject, session.session, str(role))))
            }
            params: dict[str, Json] = {"folder": session.folder, "burned_in": texts}
            units.append(Unit(NAME, session.stem, session.subject, session.session, inputs, params))
    return units


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Take the face out of every image of a session and write the images below the wall.

    Raises
    ------
    Refused
        DEI-303, DEI-307, DEI-308, where no reason to keep the face is given: a head is in view and no mask could be made, the
        header turns the body, a part of the face lies outside the mask. DEI-304, DEI-305: an image has no sidecar, or is not
        the one that was converted. DEI-306: what was written is not on its grid.
    """
    staged = {ROLES[role]: entry for role in ROLES if (entry := unit.input(role)) is not None}
    volumes = {role: read_volume(place.resolve(entry.path)) for role, entry in staged.items()}
    seen = {role: examine(volume, role) for role, volume in volumes.items()}
    found_on = [str(role) for role, one in seen.items() if one.head]
    is_backwards = any(is_turned(one, volumes[role], role) for role, one in _to_turn(seen))
    retained = config.deid.faces_retained if found_on or is_backwards else None
    if is_backwards and not retained:
        raise Refused(codes.HEAD_TURNED.at(unit.name))
    faces = [] if retained else faces_of(seen)
    cuts = {role: cut_of(faces, volume.grid, role) for role, volume in volumes.items()}
    texts = {role: decision_of(unit.params["burned_in"], role) for role in volumes}
    changed = {role: cuts[role].count_changed(volume.array_kji) for role, volume in volumes.items()}
    if found_on and not retained and not any(changed.values()):
        raise Refused(codes.FACE_NOT_MASKED.at(unit.name))
    pages = []
    if faces:
        images = {str(role): (volume, seen[role].skin, cuts[role]) for role, volume in volumes.items()}
        pages = face_pictures(unit.name, place, images, faces)
    surface = {role: surface_cut(one, faces) for role, one in seen.items()} if faces else {}
    _refuse_face_left(unit.name, surface)

    findings = _findings(unit.name, seen, retained)
    outputs: list[Artifact] = []
    for role, volume in volumes.items():
        text = texts[role]
        cut = cut_of(faces, volume.grid, role, [text.box(volume.grid.shape_kji)] if text and text.region else [])
        receipt = DefacingReceipt(
            state="retained" if retained else "defaced" if found_on else "no-head",
            method=METHOD if faces else "",
            voxels_changed=changed[role],
            reason=retained or "",
        )
        outputs += _write(unit, place, role, (volume.grid, cut), receipt, findings, text)
        if role is What.PET:
            outputs += _write_frames(unit, place, (volume.grid, cut), receipt, findings, text)
    measured: dict[str, Json] = {
        "head_found": bool(found_on),
        "head_found_on": ",".join(found_on),
        "head_found_by": ",".join(sorted({one.head.why for one in seen.values() if one.head})),
        "faces_retained": bool(retained),
        "mask_volume_ml": round(sum(face.volume_ml for face in faces), 1),
        **{f"{role}_voxels_changed": count for role, count in changed.items()},
        **{f"{role}_face_surface_cut": round(part, 4) for role, part in surface.items() if part is not None},
    }
    versions = {"simpleitk": version("simpleitk"), "numpy": version("numpy")}
    return unit.receipt(outputs=[*outputs, *pages], findings=findings, measured=measured, versions=versions)


STEP = Step(NAME, 5, ("deid",), plan, perform)


def _to_turn(seen: Mapping[What, Examined]) -> list[tuple[What, Examined]]:
    """Images that say whether the header turns the body: those that show a head, else all."""
    heads = [(role, one) for role, one in seen.items() if one.head]
    return heads or list(seen.items())


def _refuse_face_left(name: str, surface: Mapping[What, float | None]) -> None:
    for role, part in surface.items():
        if part is not None and part < MIN_SURFACE_CUT:
            raise Refused(
                codes.FACE_LEFT.at(name, f"{role}, part of the surface", measured=part, limit=MIN_SURFACE_CUT)
            )


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


def _write(
    unit: Unit,
    place: Place,
    role: What,
    wanted: tuple[Grid, Cut],
    receipt: DefacingReceipt,
    findings: Sequence[Finding],
    text: Decided | None,
) -> tuple[Artifact, Artifact]:
    """Write one image and its sidecar below the wall: what holds no face goes as it was packed.

    `wanted` are the grid of the image and what is cut from it, `text` what was decided about text in its pixels.
    """
    source, staged = unit.input(f"staged-{role}"), unit.input(f"staged-{role}.json")
    if source is None or staged is None:
        raise Refused(codes.NO_SIDECAR.at(unit.name, role))
    model = ImageSidecar if role in {What.CT, What.MR} else PetSidecar
    data = place.resolve(staged.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != staged.sha256:
        raise Refused(codes.STAGED_CHANGED.at(unit.name, staged.what))
    sidecar = model.model_validate_json(data)
    stem = f"{unit.params['folder']}/{unit.name}_{role}"
    image, said = place.resolve(f"{stem}.nii.gz"), place.resolve(f"{stem}.json")
    grid, cut = wanted
    change = cut.apply if cut.mask_kji.size else None
    known = Written(sidecar.voxel_sha256, source.sha256, source.size)
    try:
        written = carry_volume(place.resolve(source.path), known, image, change)
    except OtherImageError as fault:
        raise Refused(codes.STAGED_CHANGED.at(unit.name, role)) from fault
    found = read_grid(image)
    error = max_corner_error_mm(found, grid)
    if not found.is_same_as(grid):
        image.unlink()
        raise Refused(codes.PUBLISHED_WRONG.at(unit.name, f"{role}, corners, mm", measured=error))
    published = {"published_corner_error_mm": error, "published_voxels_changed": written.n_changed}
    update: dict[str, object] = {
        "defacing": receipt,
        "burned_in": text.receipt(written.n_changed - receipt.voxels_changed) if text else None,
        "voxel_sha256": written.voxel_sha256,
        "findings": (*sidecar.findings, *(FindingEntry.of(finding) for finding in findings)),
        "geometry": sidecar.geometry.model_copy(update=published) if sidecar.geometry else None,
    }
    filled = sidecar.model_copy(update=update)
    write_json(said, filled.model_dump(mode="json", by_alias=True, exclude_none=False))
    artifacts = Artifact(role, f"{stem}.nii.gz", written.sha256, written.size)
    return artifacts, artifact(f"{role}.json", f"{stem}.json", said)


def _write_frames(
    unit: Unit,
    place: Place,
    wanted: tuple[Grid, Cut],
    receipt: DefacingReceipt,
    findings: Sequence[Finding],
    text: Decided | None,
) -> list[Artifact]:
    """Write the 4D images of the session's PET without the faces that its mean lost."""
    outputs: list[Artifact] = []
    for staged, role in FRAMES.items():
        if unit.input(staged) is not None:
            outputs += _write(unit, place, role, wanted, receipt, findings, text)
    return outputs
