"""Decides which voxel of a label map stands at each voxel of another grid: the nearest, and 0 outside."""

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Grid, Volume


def nearest(moving: Volume, fixed: Grid) -> NDArray[np.generic]:
    """Values of `moving` at the voxel centres of `fixed`.

    Parameters
    ----------
    moving
        Label map, [k, j, i].
    fixed
        Grid of the result.

    Returns
    -------
    ndarray
        Shape of `fixed`, [k, j, i], in the type of `moving`.
    """
    to_moving = np.linalg.inv(moving.grid.affine) @ fixed.affine
    nk, nj, ni = fixed.shape_kji
    found = np.zeros(fixed.shape_kji, moving.array_kji.dtype)
    j, i = np.meshgrid(np.arange(nj), np.arange(ni), indexing="ij")
    limits = moving.array_kji.shape[::-1]
    for k in range(nk):
        at = [
            to_moving[axis, 0] * i + to_moving[axis, 1] * j + to_moving[axis, 2] * k + to_moving[axis, 3]
            for axis in range(3)
        ]
        index = [np.floor(place + 0.5).astype(np.intp) for place in at]
        inside = np.logical_and.reduce([(n >= 0) & (n < limit) for n, limit in zip(index, limits, strict=True)])
        found[k][inside] = moving.array_kji[index[2][inside], index[1][inside], index[0][inside]]
    return found
