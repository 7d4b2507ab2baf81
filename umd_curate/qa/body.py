"""The body in a CT or MR: a mask on a thinned grid, its outline, and what of the labels lies outside of it. Pure."""

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.components import Bools, widened
from umd_curate.model.geometry import Float64, Volume, apply_affine
from umd_curate.store.lazy import Lazy

cc3d = Lazy("cc3d")
ndimage = Lazy("scipy.ndimage")

BODY_SPACING_MM = 4.0  # the body's outline needs no finer grid
BODY_HU = -300.0  # between lung or foam (-500 and less) and fat (-100)
MR_BODY_PART = 0.5  # of Otsu's threshold: fat and muscle in, noise out
_OTSU_BINS = 128
_LEAST_TO_SMOOTH = 3  # voxels along each axis

BodyMask = tuple[Bools, tuple[int, int, int]]


def body_mask(volume: Volume, modality: str) -> BodyMask:
    """Largest connected body with lungs and bowel gas inside, on a grid thinned by whole steps.

    Parameters
    ----------
    volume
        CT in HU, or MR in arbitrary units.
    modality
        ``ct`` or ``mr``.

    Returns
    -------
    mask_kji, steps_kji
        The mask and the steps by which the grid was thinned, so that ``array[::a, ::b, ::c]`` fits it.
    """
    i, j, k = (max(1, round(BODY_SPACING_MM / spacing)) for spacing in volume.grid.spacing_mm)
    thin = np.nan_to_num(volume.array_kji[::k, ::j, ::i].astype(np.float32), posinf=0.0, neginf=0.0)
    if modality == "ct":
        body = thin > BODY_HU
    else:
        smooth = ndimage.gaussian_filter(thin, 1.0) if min(thin.shape) > _LEAST_TO_SMOOTH else thin
        body = smooth > MR_BODY_PART * otsu(smooth)
    pieces = cc3d.connected_components(body, connectivity=6)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = pieces == sizes.argmax() if sizes.any() else np.zeros(body.shape, np.bool_)
    return _enclosed(largest), (k, j, i)


def otsu(values: NDArray[np.floating]) -> float:
    """Threshold that parts the values into two classes of least inner variance (Otsu 1979), over 128 bins."""
    counts, edges = np.histogram(values, bins=_OTSU_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * apart**2)
    return float(edges[1 + int(between[:-1].argmax())])


def outline(volume: Volume, body: BodyMask | None) -> Float64:
    """Corners of the box around the body, RAS+ mm, shape (8, 3); of the whole grid where no body is known."""
    if body is not None:
        mask, steps = body
        if mask.any():
            kji = np.argwhere(mask) * np.array(steps)
            ends = list(zip(kji.min(axis=0), kji.max(axis=0), strict=True))
            box = np.array([[i, j, k] for k in ends[0] for j in ends[1] for i in ends[2]])
            return apply_affine(volume.affine, box)
    return volume.grid.corners_ras_mm()[:8]


def outside_body(body: BodyMask, labels_kji: NDArray[np.integer]) -> dict[int, float]:
    """Part of each label's voxels outside the body, which is widened by one voxel of its thinned grid."""
    mask, (k, j, i) = body
    wide = widened(mask)
    thin = labels_kji[::k, ::j, ::i].astype(np.int64)
    total = np.bincount(thin.ravel())
    out = np.bincount(thin[~wide], minlength=len(total))
    return {int(n): float(out[n] / total[n]) for n in np.flatnonzero(total) if n != 0}


def _enclosed(mask: Bools) -> Bools:
    """Voxels of a mask, and those that have some of it on all four sides within their slice."""
    sides = [
        np.logical_or.accumulate(mask[:, :, ::step] if axis == 2 else mask[:, ::step], axis=axis)
        for axis in (1, 2)
        for step in (1, -1)
    ]
    return np.asarray(sides[0] & sides[1][:, ::-1] & sides[2] & sides[3][:, :, ::-1])
