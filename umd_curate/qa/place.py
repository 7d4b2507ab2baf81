"""Where organs lie in the image and to each other: edge of the image, blunt ends, gaps, agreement of two label maps. Pure."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.components import Bools, Box, boxes
from umd_curate.model.geometry import Float64, Volume, apply_affine
from umd_curate.model.labels import OrganTable
from umd_curate.store.lazy import Lazy

spatial = Lazy("scipy.spatial")

EDGE_VOXELS = 3  # slices next to the image's edge may be interpolated or padded
LEAST_SLICES = 8  # an organ of fewer slices ends bluntly on any grid
GAP_SPACING_MM = 4.0  # gaps are measured on a grid thinned to this


def margin_voxels(box: Box, shape_kji: tuple[int, ...]) -> tuple[int, int]:
    """Empty voxel layers between an organ and the nearest face of the image; the same along the slices alone."""
    margins = [min(axis.start, size - axis.stop) for axis, size in zip(box, shape_kji, strict=True)]
    return min(margins), margins[0]


def blunt_end(mask: Bools, box: Box, shape_kji: tuple[int, ...]) -> float:
    """Cross-section of an organ's blunter end over its largest one, along the slices; 0 where an end is at the image's edge.

    Parameters
    ----------
    mask
        The organ in its box.
    box
        Where the mask lies.
    shape_kji
        Of the image.
    """
    if mask.shape[0] < LEAST_SLICES:
        return 0.0
    areas = np.count_nonzero(mask.reshape(len(mask), -1), axis=1)
    inside = box[0].start >= EDGE_VOXELS, shape_kji[0] - box[0].stop >= EDGE_VOXELS
    ends = [int(area) for area, is_inside in zip((areas[0], areas[-1]), inside, strict=True) if is_inside]
    return max(ends, default=0) / int(areas.max())


def gaps_mm(
    organs: Volume, labels_kji: NDArray[np.uint8], table: OrganTable, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], float]:
    """Shortest distance between the voxel centres of two organs on a thinned grid [mm]; pairs with an absent organ are left out.

    Parameters
    ----------
    organs
        For the grid of the label map.
    labels_kji
        Label map.
    table
        Organs of the dataset.
    pairs
        Names of two organs.
    """
    steps = [max(1, round(GAP_SPACING_MM / spacing)) for spacing in organs.grid.spacing_mm][::-1]
    thin = labels_kji[:: steps[0], :: steps[1], :: steps[2]]
    spacing = [step * size for step, size in zip(steps, organs.grid.spacing_mm[::-1], strict=True)]
    ids = {organ.name: organ.id for organ in table}
    around = boxes(thin)
    trees: dict[str, Any] = {}
    found = {}
    for pair in pairs:
        if not {ids.get(name) for name in pair} <= around.keys():
            continue
        for name in pair:
            if name not in trees:
                box = around[ids[name]]
                surface = np.argwhere(_surface(thin[box] == ids[name])) + np.array([axis.start for axis in box])
                trees[name] = spatial.cKDTree(surface * np.array(spacing))
        first, second = (trees[name] for name in pair)
        found[pair] = round(float(first.query(second.data)[0].min()), 1)
    return found


def _surface(mask: Bools) -> Bools:
    """Voxels of a mask that have a face neighbour outside of it."""
    padded = np.pad(mask, 1)
    inner = padded.copy()
    for axis in range(3):
        inner &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
    return mask & ~inner[1:-1, 1:-1, 1:-1]


def agreement_on(organs_on_pet: Volume, organs: Volume, table: OrganTable) -> float | None:
    """Dice over all organs together between the labels on PET and those on the CT or MR, brought to the PET grid.

    Nearest neighbour; a voxel agrees where both name the same organ. Together, since the surface of a small organ on a coarse
    grid, and some millimetres of motion, say little of one organ. Voxels outside the CT or MR, and organs that one of the
    two maps does not have, are left out; None where no organ is left.
    """
    count = int(max((organ.id for organ in table), default=0)) + 1
    both = np.intersect1d(np.unique(organs_on_pet.array_kji), np.unique(organs.array_kji))
    shared = np.zeros(count, np.bool_)
    shared[[int(label) for label in both if 0 < label < count]] = True
    to_moving: Float64 = np.asarray(np.linalg.inv(organs.affine) @ organs_on_pet.affine, np.float64)
    nk, nj, ni = organs.array_kji.shape
    j, i = np.indices(organs_on_pet.array_kji.shape[1:]).reshape(2, -1)
    total = same = 0
    for k, plane in enumerate(organs_on_pet.array_kji.reshape(len(organs_on_pet.array_kji), -1)):
        at = np.rint(apply_affine(to_moving, np.stack([i, j, np.full_like(i, k)], axis=1))).astype(np.intp)
        inside = ((at >= 0) & (at < np.array([ni, nj, nk]))).all(axis=1)
        x, y, z = at[inside].T
        fixed, moving = (_shared(values, shared) for values in (plane[inside], organs.array_kji[z, y, x]))
        total += int(np.count_nonzero(fixed)) + int(np.count_nonzero(moving))
        same += int(np.count_nonzero((fixed == moving) & (fixed > 0)))
    return 2 * same / total if total else None


def _shared(values: NDArray[np.generic], shared: Bools) -> NDArray[np.intp]:
    """Ids of the organs that both maps have, 0 elsewhere."""
    whole = values.astype(np.intp)
    whole[(whole < 0) | (whole >= len(shared))] = 0
    whole[~shared[whole]] = 0
    return whole
