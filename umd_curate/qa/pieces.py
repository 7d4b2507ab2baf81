"""Takes label maps apart: connected pieces of each organ, specks beside it, holes in it, gaps between organs. Pure.

All organs are counted in one pass over the volume (Rosenfeld and Pfaltz' labelling by `cc3d`), so that 117 structures cost
little more than 13.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.store.lazy import Lazy

cc3d = Lazy("cc3d")

Bools = NDArray[np.bool_]
Labels = NDArray[np.integer]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Pieces:
    """How one organ falls apart, in voxels.

    Parameters
    ----------
    voxels
        Of the organ.
    pieces
        Connected components, 26 neighbours.
    kept
        Voxels of the pieces that count as the organ. Pieces at most two voxels apart count as one: a thin tube on a coarse
        grid may break between two planes.
    specks
        Pieces, joined likewise, beyond those that count.
    holes
        Background voxels that the organ encloses, 6 neighbours.
    """

    voxels: int
    pieces: int
    kept: int
    specks: int
    holes: int


def take_apart(labels_kji: Labels, boxes: Mapping[int, Box], expected: Mapping[int, int]) -> dict[int, Pieces]:
    """Pieces of each label.

    Parameters
    ----------
    labels_kji
        Label map, 0 is background.
    boxes
        Bounding box of each label, [k, j, i].
    expected
        How many pieces count as the organ: 0 for any number, 1 where unnamed.
    """
    if not boxes:
        return {}
    whole = hull(boxes.values())
    crop = np.ascontiguousarray(labels_kji[whole])
    components, count = cc3d.connected_components(crop, connectivity=26, return_N=True)
    sizes = cc3d.statistics(components, no_slice_conversion=True)["voxel_counts"]
    owner = np.zeros(count + 1, np.int64)
    for plane, label in zip(components, crop, strict=True):
        owner[plane] = label
    del components
    holes = _holes(crop)
    found = {}
    for label, box in boxes.items():
        own = np.sort(sizes[1:][owner[1:] == label].astype(np.int64))[::-1]
        count_as, joined = expected.get(label, 1), own
        if count_as and len(own) > count_as:
            joined = _joined(labels_kji[box] == label)
        kept = joined[:count_as] if count_as else joined
        found[label] = Pieces(
            int(own.sum()), len(own), int(kept.sum()), len(joined) - len(kept), int(holes.get(label, 0))
        )
    return found


def hull(boxes: Iterable[Box]) -> Box:
    """Smallest box around boxes."""
    listed = list(boxes)
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


def _joined(mask: Bools) -> NDArray[np.int64]:
    """Voxels of each piece, largest first, where pieces at most two voxels apart are one."""
    padded = np.pad(mask, 1)
    components = cc3d.connected_components(widened(padded), connectivity=26)
    sizes = np.bincount(components[padded])[1:]
    return np.sort(sizes[sizes > 0])[::-1].astype(np.int64)


def _holes(labels_kji: Labels) -> dict[int, int]:
    """Voxels of the holes of each label: background that touches this label alone, and not the edge."""
    background = np.pad(labels_kji == 0, 1, constant_values=True)
    components, count = cc3d.connected_components(background, connectivity=6, return_N=True)
    del background
    outside = components[0, 0, 0]
    inside = components[1:-1, 1:-1, 1:-1]
    at = np.flatnonzero((inside != 0) & (inside != outside))
    if not len(at):
        return {}
    which = inside.reshape(-1)[at] if inside.flags.c_contiguous else inside[np.unravel_index(at, inside.shape)]
    least = np.full(count + 1, np.iinfo(np.int64).max)
    most = np.zeros(count + 1, np.int64)
    position = np.stack(np.unravel_index(at, labels_kji.shape))
    for axis in range(3):
        for step in (-1, 1):
            # A hole never touches the crop's edge: there it would meet the outside.
            neighbour = position.copy()
            neighbour[axis] += step
            label = labels_kji[tuple(neighbour)].astype(np.int64)
            is_label = label > 0
            np.minimum.at(least, which[is_label], label[is_label])
            np.maximum.at(most, which[is_label], label[is_label])
    sizes = np.bincount(which, minlength=count + 1)
    holes: dict[int, int] = {}
    for component in np.flatnonzero(sizes):
        if least[component] == most[component]:
            label_id = int(most[component])
            holes[label_id] = holes.get(label_id, 0) + int(sizes[component])
    return holes
