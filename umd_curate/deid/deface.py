"""Decides what is body in an image, carries the block of a face to each image, and says what takes its place; pure arrays.

The block is one in patient space, found on a coarse grid along RAS+, and carried to each image of the session by its affine.
Whether there is a head is decided by `head`, which voxels of it go by `shell`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.deid.head import COARSE_MM, Head
from umd_curate.deid.morphology import Mask
from umd_curate.deid.shell import face_block
from umd_curate.model.geometry import Float64, Grid, Volume, apply_affine

Array = NDArray[np.generic]
Box = tuple[slice, slice, slice]  # of voxels [k, j, i]

SKIN_HU = -300.0  # between air and skin, as CT skin surfaces are rendered
BONE_HU = 200.0
CAVITY_HU = (-200.0, 200.0)  # soft tissue with its noise, neither air nor bone
BRAIN_MEAN_HU = (5.0, 75.0)  # brain 20-45 HU, blood and contrast above; marrow is fat and lies below
AIR_HU = -1000
PET_SKIN_PART = 0.2  # of the median of what is above the mean: fat and skin, above scatter and blur
ALIGNED_VOXELS = 0.25  # an image whose axes stray less over its whole length is sampled axis by axis
BRAIN_MARGIN_VOXELS = 2  # 6 mm of the coarse grid
DEEP_VOXELS = 3  # 9 mm, just within scalp and skull: the skin of an image whose patient moved by 4 mm goes all the same
MISSED_VOXELS = 5  # up to 15 mm: how far beyond the cavity that is found the brain goes, into the tips of its fossae
MIN_BRAIN_ML, MAX_BRAIN_ML = 30.0, 2200.0  # less where the view ends in the skull base
HOT_OVER_NECK = 3.0  # FDG: brain at 4-10 SUV, muscle and fat of the neck at 0.3-1
REFERENCE_MM = 90.0  # of neck and shoulders below the chin


@dataclass(frozen=True, eq=False)
class FaceMask:
    """A block of voxels in patient space, on a coarse grid; `only` names the one image that it is for, empty means all."""

    mask_kji: Mask
    affine: Float64
    only: str = ""

    @property
    def volume_ml(self) -> float:
        """Volume of the block, air before the face included [mL]."""
        return float(self.mask_kji.sum()) * abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000.0


def coarse(volume: Volume) -> tuple[Volume, Mask]:
    """Nearest voxels on a cubic grid of `COARSE_MM` along RAS+; and where the image has any.

    Returns
    -------
    Image of shape [k, j, i] with i, j, k running right, front and up, float32, and the mask of its field of view.
    """
    corners = volume.grid.corners_ras_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    ni, nj, nk = (int(n) for n in np.floor((high - low) / COARSE_MM).astype(int) + 1)
    affine = np.diag([COARSE_MM, COARSE_MM, COARSE_MM, 1.0])
    affine[:3, 3] = low
    to_voxel: Float64 = np.asarray(np.linalg.inv(volume.affine) @ affine, np.float64)
    values = np.zeros((nk, nj, ni), np.float32)
    seen = np.zeros((nk, nj, ni), np.bool_)
    axes = to_voxel[:3, :3]
    if np.abs(axes - np.diag(np.diag(axes))).max() * max(ni, nj, nk) < ALIGNED_VOXELS:
        _sample_along_axes(volume, to_voxel, values, seen)
        return Volume(values, affine), seen
    j, i = np.meshgrid(np.arange(nj), np.arange(ni), indexing="ij")
    for k in range(nk):
        points = np.stack([i.ravel(), j.ravel(), np.full(i.size, k, np.intp)], axis=1)
        inside, index = nearest_inside(apply_affine(to_voxel, points), volume.grid)
        values[k].ravel()[inside] = volume.array_kji[index[:, 2], index[:, 1], index[:, 0]]
        seen[k].ravel()[inside] = True
    return Volume(values, affine), seen


def continued(values_kji: NDArray[np.float32], seen_kji: Mask) -> tuple[NDArray[np.float32], Mask]:
    """The image with what its view leaves out above and below, each column as it ends; and where that is more than a voxel away.

    The edge of an oblique view runs through slices of the coarse grid. Without this, a head that it cuts would seem closed there.
    """
    is_straight = seen_kji.sum() == math.prod(int(seen_kji.any(axis=one).sum()) for one in ((1, 2), (0, 2), (0, 1)))
    if is_straight:
        return values_kji, np.zeros_like(seen_kji)
    k = np.arange(len(seen_kji))[:, None, None]
    low = seen_kji.argmax(axis=0)
    high = len(seen_kji) - 1 - seen_kji[::-1].argmax(axis=0)
    beyond = ((k < low - 1) | (k > high + 1)) & seen_kji.any(axis=0)
    return np.take_along_axis(values_kji, np.clip(k, low, high), axis=0), beyond


def _sample_along_axes(volume: Volume, to_voxel: Float64, values: NDArray[np.float32], seen: Mask) -> None:
    """Fill `values` and `seen` where the image's axes run along the grid's: each axis by itself."""
    sources, targets = [], []
    for axis, count in enumerate(values.shape):
        n = 2 - axis
        index = np.rint(to_voxel[n, n] * np.arange(count) + to_voxel[n, 3]).astype(np.intp)
        inside = np.flatnonzero((index >= 0) & (index < volume.array_kji.shape[axis]))
        if not len(inside):
            return
        targets.append(slice(int(inside[0]), int(inside[-1]) + 1))  # in a row, since the index is monotonic
        sources.append(index[inside])
    for k, source in zip(range(targets[0].start, targets[0].stop), sources[0], strict=True):
        rows = volume.array_kji[source].take(sources[1], axis=0)
        values[k, targets[1], targets[2]] = rows.take(sources[2], axis=1)
    seen[tuple(targets)] = True


def nearest_inside(points_ijk: Float64, grid: Grid) -> tuple[Mask, NDArray[np.intp]]:
    """Which points lie in the grid, and the nearest voxel (i, j, k) of each that does."""
    index = np.rint(points_ijk).astype(np.intp)
    limits = np.array(grid.shape_kji[::-1])
    inside = np.asarray(((index >= 0) & (index < limits)).all(axis=1), np.bool_)
    return inside, index[inside]


def tissue(image_kji: NDArray[np.float32], modality: str, seen_kji: Mask) -> Mask:
    """Voxels that are body rather than air.

    Parameters
    ----------
    image_kji
        CT [HU], MR [any unit] or PET [any unit proportional to activity].
    modality
        ``ct``, ``mr`` or ``pet``.
    seen_kji
        Field of view.
    """
    return seen_kji & (image_kji > skin_value(image_kji, modality, seen_kji))


def skin_value(image_kji: NDArray[np.float32], modality: str, seen_kji: Mask) -> float:
    """Value between air and body; parameters as of `tissue`. Infinite where an image shows nothing."""
    if modality == "ct":
        return SKIN_HU
    values = image_kji[seen_kji & (image_kji > 0)]
    if not len(values):
        return float("inf")
    if modality == "mr":
        return _otsu(np.minimum(values, np.percentile(values, 99))) * 0.5
    return PET_SKIN_PART * float(np.percentile(values[values > values.mean()], 50))


def _otsu(values: NDArray[np.float32]) -> float:
    """Threshold that parts two classes best (Otsu 1979, doi 10.1109/TSMC.1979.4310076)."""
    counts, edges = np.histogram(values, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(np.float64)
    total = below[-1]
    mass = np.cumsum(counts * centres)
    above = total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    best = between >= np.nanmax(between) * (1 - 1e-3)  # a gap between the classes is a plateau: its middle is meant
    return float(centres[best].mean())


def face_mask(body: Volume, head: Head, brain_kji: Mask | None) -> FaceMask:
    """Block of the face on the coarse grid; see `shell.face_block`."""
    return FaceMask(face_block(np.asarray(body.array_kji, np.bool_), head, brain_kji), body.affine)


def carry(face: FaceMask, grid: Grid) -> tuple[tuple[slice, slice, slice], Mask]:
    """The block on an image's grid: the box of voxels around it, and the mask within that box."""
    empty = (slice(0, 0), slice(0, 0), slice(0, 0)), np.zeros((0, 0, 0), np.bool_)
    where = np.argwhere(face.mask_kji)
    if not len(where):
        return empty
    low, high = where.min(axis=0)[::-1] - 2, where.max(axis=0)[::-1] + 2
    corners = np.array([(i, j, k) for i in (low[0], high[0]) for j in (low[1], high[1]) for k in (low[2], high[2])])
    in_image = apply_affine(np.linalg.inv(grid.affine) @ face.affine, corners)
    limits = np.array(grid.shape_kji[::-1])
    start = np.clip(np.floor(in_image.min(axis=0)).astype(int), 0, limits)
    stop = np.clip(np.ceil(in_image.max(axis=0)).astype(int) + 1, 0, limits)
    if (stop <= start).any():
        return empty
    box = tuple(slice(int(a), int(b)) for a, b in zip(start[::-1], stop[::-1], strict=True))
    j, i = np.meshgrid(*(np.arange(one.start, one.stop) for one in box[1:]), indexing="ij")
    points = np.stack([i.ravel(), j.ravel(), np.zeros(i.size, np.intp)], axis=1)
    padded = np.pad(face.mask_kji, 1, mode="edge")  # the last coarse slice may end before the image's own last one
    shift = np.eye(4)
    shift[:3, 3] = 1.0
    coarse_grid = Grid((padded.shape[0], padded.shape[1], padded.shape[2]), face.affine)
    to_coarse = shift @ np.linalg.inv(face.affine) @ grid.affine
    mask = np.zeros([one.stop - one.start for one in box], np.bool_)
    for k, plane in enumerate(mask, start=box[0].start):  # the points of a whole clinical CT would take 1.4 GB
        points[:, 2] = k
        inside, index = nearest_inside(apply_affine(to_coarse, points), coarse_grid)
        plane.ravel()[inside] = padded[index[:, 2], index[:, 1], index[:, 0]]
    return (box[0], box[1], box[2]), mask


def on_grid(face: FaceMask, grid: Grid) -> Mask:
    """Carry a mask to a whole grid."""
    whole = np.zeros(grid.shape_kji, np.bool_)
    box, part = carry(face, grid)
    whole[box] = part
    return whole


def hot(image_kji: NDArray[np.float32], body_kji: Mask, head: Head) -> Mask:
    """Voxels of the head, above the chin, that take up several times as much as neck and shoulders: the brain in FDG."""
    reference = np.zeros_like(body_kji)
    reference[max(head.chin_k - round(REFERENCE_MM / COARSE_MM), 0) : head.chin_k + 1] = True
    reference &= body_kji
    inside = body_kji.copy()
    inside[: head.chin_k] = False
    if not head.is_cut:  # an oblique view goes on above the middle of its cut
        inside[head.top_k + 1 :] = False
    if not reference.any():
        return np.zeros_like(body_kji)
    return inside & (image_kji > HOT_OVER_NECK * float(np.median(image_kji[reference])))


@dataclass(frozen=True, eq=False)
class Cut:
    """What goes from one image: a box of its grid, the voxels within the box [k, j, i], and what takes their place."""

    box: tuple[slice, slice, slice]
    mask_kji: Mask
    fill: int

    def apply(self, k: int, plane_ji: Array) -> int:
        """Clear the voxels of plane k, in place; return how many were not yet so."""
        if not self.box[0].start <= k < self.box[0].stop:
            return 0
        part, mask = plane_ji[self.box[1], self.box[2]], self.mask_kji[k - self.box[0].start]
        changed = int(np.count_nonzero(mask & (part != self.fill)))
        part[mask] = self.fill
        return changed

    def count_changed(self, array_kji: Array) -> int:
        """Count the voxels that are not yet what will take their place."""
        return sum(
            int(
                np.count_nonzero(
                    self.mask_kji[k - self.box[0].start] & (array_kji[k, self.box[1], self.box[2]] != self.fill)
                )
            )
            for k in range(self.box[0].start, self.box[0].stop)
        )


def cut_of(faces: Sequence[FaceMask], grid: Grid, modality: str, cleared: Sequence[Box] = ()) -> Cut:
    """Face blocks on an image's grid: they become air (CT: -1000 HU; MR and PET: 0), all else stays as it is.

    `cleared` are boxes of voxels that go, too: text that a person decided to clear.
    """
    used = [face for face in faces if face.only in {"", modality}]
    parts = [(box, mask) for box, mask in (carry(face, grid) for face in used) if mask.size]
    parts += [(box, np.ones([one.stop - one.start for one in box], np.bool_)) for box in cleared]
    fill = AIR_HU if modality == "ct" else 0
    if not parts:
        return Cut((slice(0, 0), slice(0, 0), slice(0, 0)), np.zeros((0, 0, 0), np.bool_), fill)
    low = [min(box[axis].start for box, _ in parts) for axis in range(3)]
    high = [max(box[axis].stop for box, _ in parts) for axis in range(3)]
    mask = np.zeros([b - a for a, b in zip(low, high, strict=True)], np.bool_)
    for box, part in parts:
        mask[tuple(slice(one.start - a, one.stop - a) for one, a in zip(box, low, strict=True))] |= part
    k, j, i = (slice(a, b) for a, b in zip(low, high, strict=True))
    return Cut((k, j, i), mask, fill)
