"""Sets a sheared stack upright: each slice is shifted back within its own plane, onto a rectangular grid.

A tilted gantry stacks slices along the table, not along their normal. Slices keep their plane and their distance, so only
a shift by a constant step from slice to slice is undone, linear between pixels; nothing is mixed across slices. The grid
is widened until it holds every pixel. Decides geometry and arithmetic; reading and writing are left to `upright_io.py`.
"""

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.axes import AxisWeights, axis_weights
from umd_curate.model.footprint import weighted
from umd_curate.model.geometry import Float64, Grid
from umd_curate.model.resampled import stored_as

MIN_COVERED = 0.5  # part of a pixel that a shifted slice must cover for it to have a value


class Upright:
    """The rectangular grid of a sheared one, and its planes.

    Parameters
    ----------
    sheared
        Grid whose slices are shifted against each other.
    fill
        Value where no slice was, in the image's unit.

    Attributes
    ----------
    grid
        Same rows, columns and slice planes; the step between slices is along their normal.
    shift_ji
        Shift of neighbouring slices against each other [pixels along j, i].
    """

    def __init__(self, sheared: Grid, fill: float) -> None:
        self._sheared, self._fill = sheared, fill
        row, column, step = sheared.affine[:3, :3].T
        normal = np.cross(row, column)
        shift_i, shift_j, along = np.linalg.solve(np.stack([row, column, normal], axis=1), step)
        self.shift_ji = (float(shift_j), float(shift_i))
        n_k, n_j, n_i = sheared.shape_kji
        reach_ji = [shift * (n_k - 1) for shift in self.shift_ji]
        self._start_ji = [min(0, int(np.floor(reach))) for reach in reach_ji]
        rows, columns = (n + int(np.ceil(abs(reach))) for n, reach in zip((n_j, n_i), reach_ji, strict=True))
        affine = sheared.affine.copy()
        affine[:3, 2] = along * normal
        affine[:3, 3] += self._start_ji[1] * row + self._start_ji[0] * column
        self.grid = Grid((n_k, rows, columns), affine)

    def plane(self, k: int, sheared_ji: NDArray[np.generic]) -> NDArray[np.generic]:
        """Plane k on the rectangular grid, in the number type of the slice; shape [j, i]."""
        along = [
            axis_weights(n_old, n_new, 1.0, start - shift * k)
            for n_old, n_new, start, shift in zip(
                sheared_ji.shape, self.grid.shape_kji[1:], self._start_ji, self.shift_ji, strict=True
            )
        ]
        values = _along(_along(sheared_ji, along[0], 0), along[1], 1)
        covered = np.outer(along[0].covered, along[1].covered)
        return stored_as(np.where(covered >= MIN_COVERED, values, self._fill), sheared_ji.dtype)


def _along(array: NDArray[np.generic], weights: AxisWeights, axis: int) -> Float64:
    return weighted(array, weights.index, weights.weight, axis)
