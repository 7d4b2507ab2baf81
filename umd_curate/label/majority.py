"""Brings a label map to a coarser grid: a voxel belongs to the organ that fills the largest part of it.

Pure. A voxel is background unless organs fill at least half of it together, so that touching organs leave no gap between
them. Against labels drawn directly on PET grids, over twelve pairs of grids of a phantom, this gave a mean Dice of 0.988
(least organ 0.922); interpolation with a Gaussian kernel per label gave 0.980 (0.879) in five times the CPU time, nearest
neighbour 0.970 (0.802). `bench/labels_on_pet_grid.py` makes these figures.
"""

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.footprint import FootprintMean
from umd_curate.model.geometry import Float64, Grid, Volume, apply_affine

INTERPOLATION = "largest part of the voxel's footprint"
FILLED = 0.5  # part of a voxel that organs must fill together
_TIE = 1e-6  # parts of a voxel that count as equal; the lower id wins a tie


def largest_parts(labels: Volume, fixed: Grid) -> Volume:
    """Label map on `fixed`, uint8; `labels` holds ids of the dataset, in the same space.

    Parameters
    ----------
    labels
        uint8 label map, 0 is background.
    fixed
        Grid of the result.
    """
    filled = np.zeros(fixed.shape_kji, np.float32)
    most = np.full(fixed.shape_kji, _TIE, np.float32)
    winner = np.zeros(fixed.shape_kji, np.uint8)
    for number, box in _boxes(labels.array_kji):
        organ = _cropped(labels, box, number)
        window, sub_grid = _window(organ.grid, fixed)
        if sub_grid is None:
            continue
        means = FootprintMean(organ, sub_grid)
        for k in range(sub_grid.shape_kji[0]):
            mean, covered = means.plane(k)
            at = (window[0].start + k, window[1], window[2])
            part = (mean * covered).astype(np.float32)
            filled[at] += part
            ahead = part > most[at] + np.float32(_TIE)
            most[at][ahead] = part[ahead]
            winner[at][ahead] = number
    winner[filled < FILLED - _TIE] = 0
    return Volume(winner, fixed.affine)


def _boxes(labels_kji: NDArray[np.generic]) -> list[tuple[int, tuple[slice, slice, slice]]]:
    """Each id with its bounding box, one voxel wider where the image goes on; in the order of the ids."""
    ends: dict[int, list[list[int]]] = {}
    for k, plane in enumerate(labels_kji):
        counted = np.bincount(plane.ravel().astype(np.intp))
        for number in np.flatnonzero(counted).tolist():
            if number == 0:
                continue
            mask = plane == number
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            seen = [[k, k], [int(rows[0]), int(rows[-1])], [int(columns[0]), int(columns[-1])]]
            known = ends.setdefault(number, seen)
            for axis in range(3):
                known[axis] = [min(known[axis][0], seen[axis][0]), max(known[axis][1], seen[axis][1])]
    boxes = []
    for number, box in sorted(ends.items()):
        k_box, j_box, i_box = (
            slice(max(low - 1, 0), min(high + 2, size)) for (low, high), size in zip(box, labels_kji.shape, strict=True)
        )
        boxes.append((number, (k_box, j_box, i_box)))
    return boxes


def _cropped(labels: Volume, box: tuple[slice, slice, slice], number: int) -> Volume:
    mask = (labels.array_kji[box] == number).astype(np.uint8)
    affine = labels.affine.copy()
    affine[:3, 3] = apply_affine(labels.affine, np.array([[box[2].start, box[1].start, box[0].start]]))[0]
    return Volume(mask, affine)


def _window(organ: Grid, fixed: Grid) -> tuple[tuple[slice, slice, slice], Grid | None]:
    """Part of the fixed grid that an organ's box can touch; None for the grid where it touches none."""
    nk, nj, ni = organ.shape_kji
    ends = np.array([[i, j, k] for i in (-0.5, ni - 0.5) for j in (-0.5, nj - 0.5) for k in (-0.5, nk - 0.5)])
    to_fixed: Float64 = np.asarray(np.linalg.inv(fixed.affine) @ organ.affine, np.float64)
    at = apply_affine(to_fixed, ends)
    shape_ijk = np.array(fixed.shape_kji[::-1])
    low = np.clip(np.floor(at.min(axis=0)).astype(int), 0, shape_ijk)
    high = np.clip(np.ceil(at.max(axis=0)).astype(int) + 1, 0, shape_ijk)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    if (high <= low).any():
        return (k, j, i), None
    affine = fixed.affine.copy()
    affine[:3, 3] = apply_affine(fixed.affine, low[None, :])[0]
    return (k, j, i), Grid((int(high[2] - low[2]), int(high[1] - low[1]), int(high[0] - low[0])), affine)
