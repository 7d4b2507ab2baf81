"""How the axes of two grids go together, and which voxels of one make up a voxel of the other along an axis.

Decides which grids count as aligned: their axes run along each other, in any order and direction. Leaves what is done with
the weights, and grids that cross, to `footprint.py`.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64, Grid

AXIS_DRIFT_LIMIT = 0.02  # [moving voxels] by which an axis may leave its partner over the whole fixed grid
FINER_TOLERANCE = 1e-6  # part of a voxel; equal spacings count as "not coarser"

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class AxisWeights:
    """Along one axis: which moving voxels make up each fixed voxel.

    Parameters
    ----------
    index, weight
        Shape (fixed voxels, terms): moving voxel and its weight; a row sums to 1 where any part is covered, else to 0.
    covered
        Part of each fixed voxel that lies inside the moving grid, 0 to 1.
    is_area
        Whether the weights are exact parts of the footprint (else linear between centres).
    """

    index: NDArray[np.intp]
    weight: Float64
    covered: Float64
    is_area: bool


def axis_weights(n_moving: int, n_fixed: int, step: float, offset: float) -> AxisWeights:
    """Weights along one axis, fixed voxel `f` having its centre at moving coordinate ``offset + step * f``.

    Parameters
    ----------
    n_moving, n_fixed
        Number of voxels of both grids along the axis.
    step, offset
        Fixed to moving coordinate [moving voxels]; `step` must be positive.
    """
    centre = offset + step * np.arange(n_fixed)
    low, high = centre - step / 2, centre + step / 2
    inside = np.minimum(high, n_moving - 0.5) - np.maximum(low, -0.5)
    covered = np.clip(inside / step, 0.0, 1.0)
    is_area = step >= 1 - FINER_TOLERANCE
    if is_area:
        terms = int(np.ceil(step)) + 1
        index = np.floor(low + 0.5).astype(np.intp)[:, None] + np.arange(terms)
        part = np.minimum(high[:, None], index + 0.5) - np.maximum(low[:, None], index - 0.5)
        weight = np.clip(part, 0.0, None)
        weight[weight < FINER_TOLERANCE * step] = 0.0
        weight[(index < 0) | (index >= n_moving)] = 0.0
    else:
        at = np.clip(centre, 0.0, n_moving - 1.0)
        first = np.floor(at).astype(np.intp)
        index = np.stack([first, first + 1], axis=1)
        weight = np.stack([1 - (at - first), at - first], axis=1)
        weight[covered == 0.0] = 0.0
    total = weight.sum(axis=1, keepdims=True)
    weight = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return AxisWeights(np.clip(index, 0, n_moving - 1), weight, covered, is_area)


@dataclass(frozen=True, slots=True)
class AxisPairing:
    """How the array axes [k, j, i] of a moving grid follow those of a fixed one.

    Parameters
    ----------
    order
        Moving array axis for each fixed array axis.
    flipped
        Whether that axis runs against the fixed one.
    step, offset
        Fixed to moving coordinate along each fixed array axis after ordering and flipping [moving voxels].
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    step: tuple[float, float, float]
    offset: tuple[float, float, float]

    def arrange(self, array_kji: NDArray[np.generic]) -> NDArray[np.generic]:
        """View of a moving array with its axes in the order and direction of the fixed grid's."""
        turned = array_kji.transpose(self.order)
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]


def pair_axes(moving: Grid, fixed: Grid, drift_limit: float = AXIS_DRIFT_LIMIT) -> AxisPairing | None:
    """Pair the axes of two grids; None where they run obliquely to each other."""
    fixed_to_moving = np.linalg.inv(moving.affine) @ fixed.affine
    matrix = fixed_to_moving[2::-1, 2::-1]  # rows: moving axes k, j, i; columns: fixed axes k, j, i
    start = fixed_to_moving[2::-1, 3]
    order = [int(axis) for axis in np.abs(matrix).argmax(axis=0)]
    if sorted(order) != [0, 1, 2]:
        return None
    drift = np.abs(matrix) * (np.array(fixed.shape_kji) - 1)
    drift[order, range(3)] = 0.0
    if drift.sum(axis=1).max() > drift_limit:
        return None
    middle = start + (matrix * (np.array(fixed.shape_kji) - 1) / 2).sum(axis=1)
    flipped, steps, offsets = [], [], []
    for axis, partner in enumerate(order):
        step, at = float(matrix[partner, axis]), float(middle[partner])
        if step < 0:
            step, at = -step, moving.shape_kji[partner] - 1 - at
        flipped.append(bool(matrix[partner, axis] < 0))
        steps.append(step)
        offsets.append(at - step * (fixed.shape_kji[axis] - 1) / 2)
    return AxisPairing((order[0], order[1], order[2]), _three(flipped), _three(steps), _three(offsets))


def _three(values: list[T]) -> tuple[T, T, T]:
    return values[0], values[1], values[2]
