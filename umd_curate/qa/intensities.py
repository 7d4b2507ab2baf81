"""The numbers of an organ in an image: mean, spread, percentiles, SUVpeak, total glycolysis. Pure.

Computed in double precision from the voxels as they are stored; nothing is rounded before it is summed.
"""

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.checks import Intensities
from umd_curate.model.geometry import Float64
from umd_curate.qa.rulebook import precise

# Wahl et al., J Nucl Med 2009;50(Suppl 1):122S (PERCIST): a sphere of 1 cm3. Where it may be centred is IBSI's global
# intensity peak (0F91): on any voxel of the organ; voxels whose centre lies in the sphere count, of the organ or not.
PEAK_RADIUS_MM = (3 * 1000 / (4 * np.pi)) ** (1 / 3)

Bools = NDArray[np.bool_]


def intensities(values: NDArray[np.generic]) -> Intensities | None:
    """Numbers of an organ's voxels; None where none is finite."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return None
    least, p5, p25, median, p75, p95, greatest = np.percentile(finite, (0, 5, 25, 50, 75, 95, 100))
    return Intensities(
        voxels=int(finite.size),
        mean=precise(finite.mean()),
        sd=precise(finite.std()),
        least=precise(least),
        p5=precise(p5),
        p25=precise(p25),
        median=precise(median),
        p75=precise(p75),
        p95=precise(p95),
        greatest=precise(greatest),
    )


def part_within(values: NDArray[np.number], low: float, high: float) -> float:
    """Part of the values between two numbers, ends included."""
    return float(np.count_nonzero((values >= low) & (values <= high)) / max(1, values.size))


def peak(image_kji: NDArray[np.generic], mask: Bools, box: tuple[slice, slice, slice], affine: Float64) -> float | None:
    """Largest mean over a sphere of 1 mL that is centred on a voxel of the organ.

    Parameters
    ----------
    image_kji
        The whole image, so that the sphere may reach out of the organ's box.
    mask
        The organ in its box.
    box
        Where the mask lies, [k, j, i].
    affine
        Of the image.

    Returns
    -------
    float or None
        In the image's unit; None where no voxel is finite. The sphere is cut where the image ends.
    """
    centres = np.argwhere(mask) + np.array([axis.start for axis in box])
    total = np.zeros(len(centres))
    count = np.zeros(len(centres))
    shape = np.array(image_kji.shape)
    for offset in _sphere(tuple(affine[:3, :3].ravel().tolist())):
        at = centres + np.array(offset)
        inside = ((at >= 0) & (at < shape)).all(axis=1)
        value = np.full(len(centres), np.nan)
        k, j, i = at[inside].T
        value[inside] = image_kji[k, j, i]
        finite = np.isfinite(value)
        total[finite] += value[finite]
        count[finite] += 1
    means = total[count > 0] / count[count > 0]
    return precise(means.max()) if means.size else None


@cache
def _sphere(axes: tuple[float, ...]) -> tuple[tuple[int, int, int], ...]:
    """Voxel offsets [k, j, i] whose centre lies in the sphere; `axes` are the nine numbers of the affine's 3 x 3 part."""
    matrix = np.array(axes).reshape(3, 3)
    reach = [int(PEAK_RADIUS_MM // np.linalg.svd(matrix, compute_uv=False).min()) + 1] * 3
    offsets = product(*(range(-number, number + 1) for number in reach))
    return tuple((k, j, i) for k, j, i in offsets if np.linalg.norm(matrix @ np.array([i, j, k])) <= PEAK_RADIUS_MM)
