"""Connected pieces of every structure of a label map in one pass, and the holes that a structure encloses.

All structures are labelled at once (`cc3d`), so that 117 cost little more than 13. Arrays are indexed [k, j, i].
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Labels = NDArray[np.integer]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Components:
    """Pieces of a label map, numbered from 1.

    Parameters
    ----------
    number_kji
        Number of the piece of each voxel, 0 is background.
    sizes
        Voxels of each piece by number.
    owner
        Label of each piece by number.
    """

    number_kji: Labels
    sizes: NDArray[np.int64]
    owner: NDArray[np.int64]

    def of(self, label: int) -> NDArray[np.intp]:
        """Numbers of a label's pieces, largest first; of equal ones the lower number."""
        numbers = np.flatnonzero(self.owner == label)
        numbers = numbers[numbers > 0]
        return numbers[np.argsort(-self.sizes[numbers], kind="stable")]


@dataclass(frozen=True, eq=False)
class Holes:
    """Background that is shut in.

    Parameters
    ----------
    at
        Flat index of each voxel that is shut in.
    number
        Number of the hole of each such voxel.
    sizes
        Voxels of each hole by number.
    owner
        Label of the one structure that encloses a hole, by number; 0 where several do.
    """

    at: NDArray[np.intp]
    number: Labels
    sizes: NDArray[np.int64]
    owner: NDArray[np.int64]


def components(labels_kji: Labels) -> Components:
    """Connected pieces of all labels, 26 neighbours."""
    import cc3d  # noqa: PLC0415  (planning a run needs no image)

    labels = np.ascontiguousarray(labels_kji)
    number, count = cc3d.connected_components(labels, connectivity=26, return_N=True)
    sizes = cc3d.statistics(number, no_slice_conversion=True)["voxel_counts"].astype(np.int64)
    owner = np.zeros(count + 1, np.int64)
    for plane, label in zip(number, labels, strict=True):
        owner[plane] = label
    return Components(number, sizes, owner)


def holes(labels_kji: Labels) -> Holes:
    """Background that no path of face neighbours joins to the outside; the edge of the array counts as outside."""
    import cc3d  # noqa: PLC0415  (planning a run needs no image)

    background = np.pad(labels_kji == 0, 1, constant_values=True)
    numbers, count = cc3d.connected_components(background, connectivity=6, return_N=True)
    del background
    outside = numbers[0, 0, 0]
    inside = numbers[1:-1, 1:-1, 1:-1]
    at = np.flatnonzero((inside != 0) & (inside != outside))
    place = np.unravel_index(at, labels_kji.shape)
    number = inside[place]
    least, most = np.full(count + 1, np.iinfo(np.int64).max), np.zeros(count + 1, np.int64)
    for axis in range(3):
        for step in (-1, 1):
            neighbour = list(place)
            neighbour[axis] = neighbour[axis] + step  # within the array: a hole never touches its edge
            label = labels_kji[tuple(neighbour)].astype(np.int64)
            np.minimum.at(least, number[label > 0], label[label > 0])
            np.maximum.at(most, number[label > 0], label[label > 0])
    return Holes(at, number, np.bincount(number, minlength=count + 1), np.where(least == most, most, 0))


def boxes(labels_kji: Labels) -> dict[int, Box]:
    """Bounding box of each label, by label."""
    ends: dict[int, list[list[int]]] = {}
    for k, plane in enumerate(labels_kji):
        for label in np.flatnonzero(np.bincount(plane.ravel())).tolist():
            if label == 0:
                continue
            mask = plane == label
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            seen = [[k, k], [int(rows[0]), int(rows[-1])], [int(columns[0]), int(columns[-1])]]
            known = ends.setdefault(label, seen)
            for axis in range(3):
                known[axis] = [min(known[axis][0], seen[axis][0]), max(known[axis][1], seen[axis][1])]
    found = {}
    for label, box in sorted(ends.items()):
        k_box, j_box, i_box = (slice(low, high + 1) for low, high in box)
        found[label] = (k_box, j_box, i_box)
    return found


def hull(around: Iterable[Box]) -> Box:
    """Smallest box around boxes."""
    listed = list(around)
    k, j, i = (slice(min(b[a].start for b in listed), max(b[a].stop for b in listed)) for a in range(3))
    return k, j, i


def widened(mask: Bools) -> Bools:
    """The mask and its 26 neighbours."""
    wide = mask.copy()
    for axis in range(mask.ndim):
        low: list[slice] = [slice(None)] * mask.ndim
        high: list[slice] = [slice(None)] * mask.ndim
        low[axis], high[axis] = slice(0, -1), slice(1, None)
        before = wide.copy()
        wide[tuple(low)] |= before[tuple(high)]
        wide[tuple(high)] |= before[tuple(low)]
    return wide
