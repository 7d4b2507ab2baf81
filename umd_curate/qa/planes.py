"""Flat images out of volumes, in patient space: every figure of a session has one scale and one height, whatever the grids.

A canvas is a box in RAS+ mm; a plane of it is sampled through the volume's affine, so oblique grids need no special case.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64, Volume, apply_affine

Image = NDArray[np.float64]
Bytes = NDArray[np.uint8]

MM_PER_PIXEL = 1.5
MIN_MM_PER_PIXEL = 0.5  # small images are drawn larger, up to this
USUAL_PIXELS = 480  # the longer side of a small image
MAX_PIXELS = 900  # two metres are drawn at 2.2 mm a pixel
THIN_PART = 0.3  # a stack lower than this part of its width is shown in axial planes
MARGIN_MM = 12.0


@dataclass(frozen=True, slots=True)
class Canvas:
    """What all figures of a session show: a box in RAS+ mm, the point in which their planes meet, and their scale."""

    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    mm_per_pixel: float

    def size(self, axis: int) -> int:
        """Pixels along x (0), y (1) or z (2)."""
        return max(1, round((self.high_mm[axis] - self.low_mm[axis]) / self.mm_per_pixel))

    @property
    def is_thin(self) -> bool:
        """Whether coronal and sagittal planes would show no more than a stripe."""
        return self.size(2) < THIN_PART * self.size(0)

    def ticks(self, axis: int) -> Float64:
        """Pixel centres along an axis [mm], from high to low: right to left, front to back, head to foot."""
        return np.asarray(self.high_mm[axis] - (np.arange(self.size(axis)) + 0.5) * self.mm_per_pixel, np.float64)


def canvas_around(points_ras_mm: Float64, centre_mm: tuple[float, float, float]) -> Canvas:
    """Canvas that holds all points with a margin.

    Parameters
    ----------
    points_ras_mm
        Shape (n, 3), RAS+ mm.
    centre_mm
        Where the coronal and the sagittal plane lie, RAS+ mm.
    """
    low, high = points_ras_mm.min(axis=0) - MARGIN_MM, points_ras_mm.max(axis=0) + MARGIN_MM
    longest = float((high - low).max())
    scale = min(MM_PER_PIXEL, max(MIN_MM_PER_PIXEL, longest / USUAL_PIXELS))
    scale = max(scale, longest / MAX_PIXELS)
    return Canvas(
        (float(low[0]), float(low[1]), float(low[2])),
        (float(high[0]), float(high[1]), float(high[2])),
        centre_mm,
        scale,
    )


def coronal_points(canvas: Canvas) -> Float64:
    """Pixel centres of the coronal plane, shape (rows, columns, 3): the patient's right on the viewer's left."""
    z, x = np.meshgrid(canvas.ticks(2), canvas.ticks(0), indexing="ij")
    return np.stack([x, np.full_like(x, canvas.centre_mm[1]), z], axis=-1)


def sagittal_points(canvas: Canvas) -> Float64:
    """Pixel centres of the sagittal plane, shape (rows, columns, 3): the front on the viewer's left."""
    z, y = np.meshgrid(canvas.ticks(2), canvas.ticks(1), indexing="ij")
    return np.stack([np.full_like(y, canvas.centre_mm[0]), y, z], axis=-1)


def axial_points(canvas: Canvas) -> Float64:
    """Pixel centres of the axial plane, shape (rows, columns, 3): seen from the feet, the front up."""
    y, x = np.meshgrid(canvas.ticks(1), canvas.ticks(0), indexing="ij")
    return np.stack([x, y, np.full_like(x, canvas.centre_mm[2])], axis=-1)


def sample(volume: Volume, points_ras_mm: Float64, fill: float) -> Image:
    """Trilinear values at points of shape (rows, columns, 3); `fill` outside the volume.

    An axis with one voxel has no extent: the value holds everywhere along it, as in a projection.
    """
    rows, columns, _ = points_ras_mm.shape
    kji = _indices(volume, points_ras_mm)
    last = np.array(volume.array_kji.shape) - 1
    inside = ((kji >= -0.5) & (kji <= last + 0.5)).all(axis=1)
    kji = np.clip(kji[inside], 0, last)
    base = np.minimum(kji.astype(np.intp), np.maximum(last - 1, 0))
    above = kji - base
    ends = [(base[:, axis], np.minimum(base[:, axis] + 1, last[axis])) for axis in range(3)]
    weights = [(1 - above[:, axis], above[:, axis]) for axis in range(3)]
    total = np.zeros(len(kji))
    for k, j, i in np.ndindex(2, 2, 2):
        values = volume.array_kji[ends[0][k], ends[1][j], ends[2][i]]
        total += weights[0][k] * weights[1][j] * weights[2][i] * values
    out = np.full(rows * columns, fill)
    out[inside] = total
    return out.reshape(rows, columns)


def sample_labels(volume: Volume, points_ras_mm: Float64) -> NDArray[np.int64]:
    """Nearest label at points of shape (rows, columns, 3); 0 outside the volume."""
    rows, columns, _ = points_ras_mm.shape
    kji = np.rint(_indices(volume, points_ras_mm)).astype(np.intp)
    inside = ((kji >= 0) & (kji < np.array(volume.array_kji.shape))).all(axis=1)
    out = np.zeros(rows * columns, np.int64)
    k, j, i = kji[inside].T
    out[inside] = volume.array_kji[k, j, i].astype(np.int64)
    return out.reshape(rows, columns)


def projection(volume: Volume, axis: int) -> Volume:
    """Maximum along the voxel axis nearest to x (0), y (1) or z (2); one voxel thick in that direction."""
    voxel_axis = int(np.argmax(np.abs(volume.affine[axis, :3]) / np.linalg.norm(volume.affine[:3, :3], axis=0)))
    highest = np.fmax.reduce(volume.array_kji, axis=2 - voxel_axis, keepdims=True)  # passes over NaN
    return Volume(np.nan_to_num(highest), volume.affine)


def edges(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pixels of a label that have a neighbour of another value: contours one pixel wide, inside the organ."""
    out = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        change = np.diff(labels, axis=axis) != 0
        before = [slice(None), slice(None)]
        after = [slice(None), slice(None)]
        before[axis], after[axis] = slice(0, -1), slice(1, None)
        out[tuple(before)] |= change
        out[tuple(after)] |= change
    return out & (labels > 0)


def window(image: Image, low: float, high: float) -> Bytes:
    """Grey values 0 to 255 for `low` to `high`."""
    return np.rint(np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def best_centre(labels: Volume) -> tuple[float, float, float]:
    """Point whose three planes cut the most organs, and of these the most labelled voxels; RAS+ mm."""
    array = labels.array_kji[::2, ::2, ::2].astype(np.int64)
    centre_kji = np.array(array.shape) / 2.0
    n_values = int(array.max()) + 1
    for axis in range(3):
        places = np.arange(array.shape[axis]).reshape([-1 if n == axis else 1 for n in range(3)])
        counts = np.bincount((places * n_values + array).ravel(), minlength=array.shape[axis] * n_values)
        table = counts.reshape(array.shape[axis], n_values)[:, 1:]
        score = (table > 0).sum(axis=1) + table.sum(axis=1) / (table.sum() + 1)
        centre_kji[axis] = int(np.argmax(score))
    x, y, z = apply_affine(labels.affine, (centre_kji * 2)[::-1][None])[0]
    return float(x), float(y), float(z)


def _indices(volume: Volume, points_ras_mm: Float64) -> Float64:
    """Continuous indices [k, j, i] of points, shape (n, 3); 0 along axes of one voxel."""
    inverse = np.asarray(np.linalg.inv(volume.affine), np.float64)
    ijk = apply_affine(inverse, points_ras_mm.reshape(-1, 3))
    kji = ijk[:, ::-1].copy()
    kji[:, np.array(volume.array_kji.shape) == 1] = 0
    return kji
