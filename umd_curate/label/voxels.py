"""Recognises a label map that has the image's own voxels in another order or direction of the axes, and reorders it.

Pure. Different software stores the same voxels with flipped or exchanged axes; that is put right without touching a value.
Anything else is another grid and stays refused.
"""

import numpy as np

from umd_curate.model.axes import AxisPairing, pair_axes
from umd_curate.model.geometry import Float64, Grid, Volume, max_corner_error_mm

SAME_VOXELS_MM = 0.1  # a tenth of the finest CT spacing in use: room for the rounding of other software's headers
_HALF_A_VOXEL = 0.5


def reordered(labels: Volume, grid: Grid, tolerance_mm: float = SAME_VOXELS_MM) -> Volume | None:
    """The label map in the order of `grid`, with its very affine; None where the voxels are not the same ones.

    Parameters
    ----------
    labels
        Label map as stored.
    grid
        Grid of the image.
    tolerance_mm
        Largest distance of corresponding corners [mm].
    """
    pairing = pair_axes(labels.grid, grid, drift_limit=_HALF_A_VOXEL)
    if pairing is None:
        return None
    arranged = Volume(pairing.arrange(labels.array_kji), _arranged_affine(labels, pairing))
    if arranged.grid.shape_kji != grid.shape_kji or max_corner_error_mm(arranged.grid, grid) > tolerance_mm:
        return None
    return Volume(np.ascontiguousarray(arranged.array_kji), grid.affine)


def _arranged_affine(labels: Volume, pairing: AxisPairing) -> Float64:
    """Affine of the labels after their axes were put in order and direction."""
    affine = labels.affine.copy()
    for axis, partner in enumerate(pairing.order):
        column = labels.affine[:3, 2 - partner]
        affine[:3, 2 - axis] = -column if pairing.flipped[axis] else column
        if pairing.flipped[axis]:
            affine[:3, 3] += column * (labels.grid.shape_kji[partner] - 1)
    return affine
