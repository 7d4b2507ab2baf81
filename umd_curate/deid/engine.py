"""Looks at the images of a session for a head: SimpleITK's morphology between the decisions of `deface` and `head`.

Thresholds and every decision about heads and faces stand there; arrays are [k, j, i] and go in and out as numpy.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umd_curate.deid.deface import (
    BONE_HU,
    BRAIN_MARGIN_VOXELS,
    BRAIN_MEAN_HU,
    CAVITY_HU,
    DEEP_VOXELS,
    MAX_BRAIN_ML,
    MIN_BRAIN_ML,
    MISSED_VOXELS,
    FaceMask,
    coarse,
    continued,
    face_mask,
    hot,
    on_grid,
    skin_value,
)
from umd_curate.deid.head import COARSE_MM, HALF_COLUMN_MM, Head, find_head
from umd_curate.deid.morphology import Mask, grown, opened, shrunk
from umd_curate.deid.shell import face_surface, find_skull, overhang_mm
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import What
from umd_curate.store.lazy import Lazy

sitk = Lazy("SimpleITK")

CLOSE_BY_VOXELS = 2  # gaps of 12 mm in a coarse skull: foramina, sutures, thin temporal bone
CARRIED_PART = 0.99  # of an image's own face surface that a block of another image must hold
UNDERSIZED = 0.92  # of the skull that a PET shows; its blur makes that one some 4 % wider than it is
SURE_SIGNS = frozenset({"neck", "column"})
BACKWARDS_MM = -25.0  # see `shell.overhang_mm`
LONE_HEAD_MM = 350.0  # a head alone is not as long in any direction
CUT_OUT_CM2 = 40.0  # of both opposite sides; ears and nose that a tight view clips are smaller, a cut leg is larger
# Trial heads: 12-15 mm of skull, scalp and air above the cavity, and a neck below it that the view cuts off; turned ones 63 mm and more above.
MAX_ABOVE_CAVITY_MM, MAX_BELOW_CAVITY_MM = 40.0, 150.0
SKULL_MM = (58.0, 92.0)  # half of a head's breadth
OPEN_BY_VOXELS = 3  # parts the brain's cavity from the spinal canal and the orbits


@dataclass(frozen=True, eq=False)
class Examined:
    """What one image shows of a head.

    Parameters
    ----------
    body
        Body mask on the coarse grid.
    head
        The head, or None.
    brain_kji
        Brain on the coarse grid: on CT the cavity within bone, on PET the hot brain; None where it is not seen.
    skin
        Value between air and body.
    role
        What the image is.
    beyond_kji
        Where the body mask goes on above and below an oblique view.
    """

    body: Volume
    head: Head | None
    brain_kji: Mask | None
    skin: float
    role: What
    beyond_kji: Mask

    def covers(self, other: "Examined") -> bool:
        """Say whether this image's view reaches up to the brow of the head that the other one shows."""
        if other.head is None:
            return False
        brow_mm = other.body.affine[2, 3] + COARSE_MM * (other.head.chin_k + other.head.brow_k) / 2
        low = self.body.affine[2, 3]
        return bool(low <= brow_mm <= low + COARSE_MM * self.body.array_kji.shape[0])


def examine(volume: Volume, role: What) -> Examined:
    """Look for a head in one image; `role` is ``ct``, ``mr`` or ``pet``."""
    image, seen = coarse(volume)
    values = image.array_kji.astype(np.float32)
    skin = skin_value(values, role, seen)
    values, beyond = continued(values, seen)
    body = largest_body(seen.any(axis=0) & (values > skin))
    brain = None
    if role is What.CT:
        brain = _cranium(values, body)
    head = find_head(body, brain)
    if head is not None and head.is_cut:
        head = _ending_with_view(head, body, seen)
    if head is not None and role is What.PET:
        brain = largest_part(opened(hot(values, body, head), 1))
    return Examined(Volume(body, image.affine), head, _plausible(brain, head), skin, role, beyond)


def _ending_with_view(head: Head, body: Mask, seen: Mask) -> Head:
    """The head up to where the view cuts it off, which is below the top of the coarse grid where the view is oblique."""
    columns = np.abs(np.arange(body.shape[2]) - head.midline_i) * COARSE_MM <= HALF_COLUMN_MM
    cut = body[head.top_k] & columns & seen.any(axis=0)
    if not cut.any():
        return head
    last = len(seen) - 1 - seen[::-1].argmax(axis=0)
    top = max(min(round(float(np.median(last[cut]))), head.top_k), head.chin_k + 1)
    return replace(head, top_k=top, brow_k=min(head.brow_k, top))


def _cranium(hu_kji: NDArray[np.float32], body: Mask) -> Mask | None:
    """Largest cavity that bone closes, if it holds what has the mean density of brain."""
    soft = (hu_kji > CAVITY_HU[0]) & (hu_kji < CAVITY_HU[1])
    within = closed_cavities(body & (hu_kji > BONE_HU))
    bridged = shrunk(grown(within, CLOSE_BY_VOXELS), CLOSE_BY_VOXELS)  # over slices whose ring of bone has a gap
    cavity = largest_part(opened(bridged & soft, OPEN_BY_VOXELS))
    if not cavity.any():
        return None
    return cavity if BRAIN_MEAN_HU[0] <= float(hu_kji[cavity].mean()) <= BRAIN_MEAN_HU[1] else None


def _plausible(brain: Mask | None, head: Head | None) -> Mask | None:
    """The brain, if its place and size allow that it is one."""
    if brain is None or head is None:
        return None
    inside = brain.copy()
    inside[: head.chin_k] = False
    volume_ml = float(inside.sum()) * COARSE_MM**3 / 1000.0
    return inside if MIN_BRAIN_ML <= volume_ml <= MAX_BRAIN_ML else None


def faces_of(seen: Mapping[What, Examined]) -> list[FaceMask]:
    """Face blocks of a session: from CT or MR, carried to all; and of each image of whose face they miss a part its own.

    The others miss it where the patient moved between the images, or where the view of the CT or MR ends below the vertex; then
    the further block is for that image alone. Where the MR's block is the first and a PET shows a much wider skull, shading has
    taken the MR's sides, and its block does not reach the chin: then the further block is for all. The brain that any of the images shows stays out of the first block, that of
    the image itself out of its own. What an image shows as brain deep below its own skin stays out of all blocks, skin or not:
    uneven shading moves the skin of an MR into the head.
    """
    brains = {role: FaceMask(one.brain_kji, one.body.affine) for role, one in seen.items() if one.brain_kji is not None}
    deep = [
        replace(brains[role], mask_kji=brains[role].mask_kji & shrunk(_body(one), DEEP_VOXELS))
        for role, one in seen.items()
        if role in brains
    ]
    faces: list[FaceMask] = []
    for role in (What.CT, What.MR, What.PET):
        one = seen.get(role)
        if one is None or one.head is None:
            continue
        if faces and (surface_cut(one, faces) or 0.0) >= CARRIED_PART:
            continue
        shown = [brains[role]] if faces and role in brains else list(brains.values())
        protected = [grown(on_grid(brain, one.body.grid), BRAIN_MARGIN_VOXELS) for brain in shown]
        block = face_mask(one.body, one.head, np.logical_or.reduce(protected) if protected else None)
        block = replace(block, mask_kji=block.mask_kji & ~one.beyond_kji)
        # Of an MR only: a PET shows its own brain, and where the patient moved, its face may lie deep in the CT.
        is_shaded = role is What.MR and What.CT in brains
        for brain in [*deep, _around_brain(seen[What.CT], brains[What.CT])] if is_shaded else deep:
            block = replace(block, mask_kji=block.mask_kji & ~on_grid(brain, one.body.grid))
        is_for_all = not faces or (What.CT not in seen and _radius_mm(seen[What.MR]) < UNDERSIZED * _radius_mm(one))
        faces.append(block if is_for_all else replace(block, only=role))
    return faces


def _radius_mm(examined: Examined) -> float:
    """Radius of the skull that an image shows; infinite where it shows no head."""
    return find_skull(_body(examined), examined.head).radius_mm if examined.head is not None else math.inf


def _around_brain(ct: Examined, brain: FaceMask) -> FaceMask:
    """Brain that a CT shows with what its cavity leaves out, deep below the CT's skin."""
    deep = shrunk(_body(ct), DEEP_VOXELS)
    near, far = (grown(brain.mask_kji, by) for by in (1, MISSED_VOXELS))
    return replace(brain, mask_kji=(near & deep) | (far & shrunk(deep, 1)))


def _body(examined: Examined) -> Mask:
    return np.asarray(examined.body.array_kji, np.bool_)


def surface_cut(examined: Examined, faces: Sequence[FaceMask]) -> float | None:
    """Part of the face's surface that one image shows and that lies in the blocks; None where it shows no head."""
    if examined.head is None:
        return None
    surface = face_surface(np.asarray(examined.body.array_kji, np.bool_), examined.head)
    if not surface.any():
        return 0.0
    blocks = [on_grid(face, examined.body.grid) for face in faces if face.only in {"", examined.role}]
    covered = np.logical_or.reduce(blocks) if blocks else np.zeros_like(surface)
    return float((surface & covered).sum() / surface.sum())


def is_turned(examined: Examined, volume: Volume, role: What) -> bool:
    """Say whether the header turns the body: a head shows only when axes are taken for others, or looks backwards.

    Only the surest signs count: a neck between shoulders and a skull, or the dome of a lone head that the view cuts off below
    at most; on CT bone must close a cavity there, too.
    """
    body = np.asarray(examined.body.array_kji, np.bool_)
    if examined.head is not None and examined.head.why in SURE_SIGNS:
        return not examined.head.is_cut and overhang_mm(body, examined.head) < BACKWARDS_MM
    wanted = {"neck"} if examined.head is not None else {"neck", "dome"}
    least = round(LONE_HEAD_MM / COARSE_MM) if examined.head is not None else 0
    values = coarse(volume)[0].array_kji.astype(np.float32) if role is What.CT else None
    if values is not None and examined.head is not None and _lies_otherwise(_cranium(values, body), body):
        return True
    for axes, flip in _TURNS:
        turned = np.ascontiguousarray(_turn(body, axes, flip=flip))
        head = find_head(turned)
        height = int(turned.any(axis=(1, 2)).sum())
        if head is None or head.why not in wanted or height < least or not _has_skull(turned, head):
            continue
        if head.why == "dome" and _is_cut_out(turned):
            continue
        if values is None or _cranium(np.ascontiguousarray(_turn(values, axes, flip=flip)), turned) is not None:
            return True
    return False


def _has_skull(body: Mask, head: Head) -> bool:
    radius_mm = find_skull(body, head).radius_mm
    return SKULL_MM[0] <= radius_mm <= SKULL_MM[1]


def _lies_otherwise(cavity: Mask | None, body: Mask) -> bool:
    """Say whether a cranium has the neck elsewhere than below: the body ends there within the view, and goes on far above."""
    if cavity is None:
        return False
    seen, whole = (np.flatnonzero(mask.any(axis=(1, 2))) for mask in (cavity, body))
    below_mm, above_mm = (seen[0] - whole[0]) * COARSE_MM, (whole[-1] - seen[-1]) * COARSE_MM
    ends_below = whole[0] > 1 and below_mm <= MAX_BELOW_CAVITY_MM
    return bool(ends_below and above_mm > MAX_ABOVE_CAVITY_MM)


def _is_cut_out(body: Mask) -> bool:
    """Say whether the view cuts the body off on two opposite sides: a part of a leg, trunk or phantom, and no lone head."""
    limit = CUT_OUT_CM2 * 100.0 / COARSE_MM**2
    sides = ((body[:, 0], body[:, -1]), (body[:, :, 0], body[:, :, -1]))
    return any(min(int(low.sum()), int(high.sum())) > limit for low, high in sides)


_TURNS = tuple(
    (axes, flip)
    for axes in itertools.permutations(range(3))
    for flip in (False, True)
    if (axes, flip) != ((0, 1, 2), False)
)


def _turn(array_kji: NDArray[Any], axes: tuple[int, ...], *, flip: bool) -> NDArray[Any]:
    """The array with its axes taken for others, and upside down on request."""
    turned = array_kji.transpose(axes)
    return turned[::-1] if flip else turned


def largest_body(tissue_kji: Mask) -> Mask:
    """Largest connected part of a tissue mask once thin things, such as the table, are cut off.

    The part has its own surface: thin tips that the cut takes off grow back.
    """
    return grown(largest_part(opened(tissue_kji, 1)), 2) & tissue_kji


def closed_cavities(bone_kji: Mask) -> Mask:
    """What bone encloses in axial slices, small gaps closed: the cranial cavity, the spinal canal."""
    padded = np.pad(bone_kji, CLOSE_BY_VOXELS)
    inner = (slice(CLOSE_BY_VOXELS, -CLOSE_BY_VOXELS),) * 3
    closed = np.ascontiguousarray(shrunk(grown(padded, CLOSE_BY_VOXELS), CLOSE_BY_VOXELS)[inner])
    filled = np.zeros_like(closed)
    box = _around(closed)
    part = np.ascontiguousarray(closed[box])
    for k, plane in enumerate(part):
        if plane.any():
            filled[box][k] = sitk.GetArrayFromImage(sitk.BinaryFillhole(_image(plane))) > 0
    return filled & ~closed


def largest_part(mask_kji: Mask) -> Mask:
    """Largest connected part of a mask."""
    largest = np.zeros_like(mask_kji)
    box = _around(mask_kji)
    part = np.ascontiguousarray(mask_kji[box])
    if part.size:
        labelled = sitk.GetArrayFromImage(sitk.ConnectedComponent(_image(part)))
        counts = np.bincount(labelled[part])
        largest[box] = labelled == int(np.argmax(counts))
    return largest


def _around(mask: Mask) -> tuple[slice, ...]:
    """Box of a mask's voxels with one more on each side, as far as the array goes; empty for an empty mask."""
    box = []
    for axis in range(mask.ndim):
        where = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not len(where):
            return tuple(slice(0, 0) for _ in range(mask.ndim))
        box.append(slice(max(int(where[0]) - 1, 0), int(where[-1]) + 2))
    return tuple(box)


def _image(mask: Mask) -> Any:  # noqa: ANN401  (SimpleITK is untyped)
    return sitk.GetImageFromArray(mask.astype(np.uint8))
