"""Takes label maps apart: connected pieces of each organ, specks beside it, holes in it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.components import Bools, Box, Labels, components, holes, hull, widened


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
    crop = labels_kji[hull(boxes.values())]
    parts = components(crop)
    sizes = {label: parts.sizes[parts.of(label)] for label in boxes}
    del parts
    shut_in = holes(crop)
    found = {}
    for label, box in boxes.items():
        own = joined = sizes[label]
        count_as = expected.get(label, 1)
        if count_as and len(own) > count_as:
            joined = _joined(labels_kji[box] == label)
        kept = joined[:count_as] if count_as else joined
        enclosed = int(shut_in.sizes[shut_in.owner == label].sum())
        found[label] = Pieces(int(own.sum()), len(own), int(kept.sum()), len(joined) - len(kept), enclosed)
    return found


def _joined(mask: Bools) -> NDArray[np.int64]:
    """Voxels of each piece, largest first, where pieces at most two voxels apart are one."""
    padded = np.pad(mask, 1)
    number = components(widened(padded).astype(np.uint8)).number_kji
    sizes = np.bincount(number[padded])[1:]
    return np.sort(sizes[sizes > 0])[::-1].astype(np.int64)
