"""Drawn outlines as voxels: the voxels of a slice whose centres lie inside closed outlines, by the even-odd rule. Pure.

Outlines are filled on the slices on which they were drawn and nowhere else: nothing is interpolated between slices. Several
outlines of one structure on one slice make holes where they overlap, as readers of RTSTRUCT expect of inner and outer
outlines (PS3.3 C.8.8.6.3).
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Float64, Grid, apply_affine

MAX_OFF_SLICE: Final = (
    0.25  # of the distance of two slices: room for rounded positions, none for another image's slices
)
MIN_POINTS: Final = 3

Mask = NDArray[np.bool_]


def filled(outlines_lps: Iterable[Float64], grid: Grid, place: str) -> dict[int, Mask]:
    """Mask [j, i] of each slice k that outlines of one structure touch.

    Parameters
    ----------
    outlines_lps
        Corners of each closed outline, shape (n, 3), LPS+ mm.
    grid
        Grid of the image on which they were drawn.
    place
        Short id of the contours, for findings.

    Raises
    ------
    Refused
        An outline does not lie on a slice of the image (CON-402).
    """
    inverse: Float64 = np.asarray(np.linalg.inv(grid.affine), np.float64)
    n_k, n_j, n_i = grid.shape_kji
    masks: dict[int, Mask] = {}
    for outline in outlines_lps:
        if len(outline) < MIN_POINTS:
            continue
        ijk = apply_affine(inverse, outline * np.array([-1.0, -1.0, 1.0]))
        k = round(float(np.median(ijk[:, 2])))
        off = float(np.abs(ijk[:, 2] - k).max())
        if off > MAX_OFF_SLICE:
            detail = "corner of an outline from the image's slice, in slices"
            raise Refused(codes.CONTOURS_OFF_GRID.at(place, detail, measured=round(off, 4), limit=MAX_OFF_SLICE))
        if not 0 <= k < n_k:
            raise Refused(codes.CONTOURS_OFF_GRID.at(place, "an outline lies outside the image"))
        mask = masks.setdefault(k, np.zeros((n_j, n_i), np.bool_))
        mask ^= inside(ijk[:, :2], n_j, n_i)
    return masks


def inside(corners_ij: Float64, rows: int, columns: int) -> Mask:
    """Pixels [j, i] whose centres a closed polygon holds, by the even-odd rule.

    A centre on a left or lower edge is in, one on a right or upper edge is out, so that polygons that share an edge share
    no pixel.

    Parameters
    ----------
    corners_ij
        Shape (n, 2): column and row of each corner, in pixels.
    """
    mask = np.zeros((rows, columns), np.bool_)
    begin, end = corners_ij, np.roll(corners_ij, -1, axis=0)
    upward = (begin[:, 1] <= end[:, 1])[:, None]  # an edge is computed the same way in whichever direction it runs
    (i0, j0), (i1, j1) = np.where(upward, begin, end).T, np.where(upward, end, begin).T
    first, last = max(0, int(np.ceil(j0.min()))), min(rows - 1, int(np.floor(j1.max())))
    for j in range(first, last + 1):
        crosses = (j0 <= j) != (j1 <= j)
        at = np.sort(i0[crosses] + (j - j0[crosses]) * (i1[crosses] - i0[crosses]) / (j1[crosses] - j0[crosses]))
        for left, right in at.reshape(-1, 2):
            low, high = (min(max(int(np.ceil(edge)), 0), columns) for edge in (left, right))
            mask[j, low:high] ^= True
    return mask
