"""RTSTRUCT into outlines by structure (PS3.3 A.19, C.8.8.5, C.8.8.6).

Decides how a structure names its organ and which outlines count: closed planar ones. How an outline becomes voxels is
decided in `outlines.py`, who keeps a shared voxel in `contours.py`.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from umd_curate.convert.contours import Contours, FramePlace, Mask, SegmentName, organ_of, paint, renamed, unmapped
from umd_curate.convert.header_io import Attributes
from umd_curate.convert.outlines import filled
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Float64, Grid
from umd_curate.model.labels import Organ, OrganTable

RTSTRUCT: Final = "1.2.840.10008.5.1.4.1.1.481.3"
_CLOSED: Final = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}


def convert_structures(
    structures: Dataset, grid: Grid, organs: OrganTable, place: str, aliases: Mapping[str, str]
) -> Contours:
    """Turn an RTSTRUCT into a label map on exactly the grid of its image.

    Parameters
    ----------
    structures
        The structure set.
    grid
        Grid of the CT or MR on which it was drawn.
    organs
        The dataset's organs; structures that are none of them are counted and left out.
    place
        Short id of the structure set.
    aliases
        Organ of each name that the site uses.

    Raises
    ------
    Refused
        The object cannot be read (CON-401), or an outline does not lie on a slice of the image (CON-402).
    """
    root = Attributes(structures)
    names = _names(root, aliases, place)
    drawn: dict[Organ, dict[int, Mask]] = {}
    for number, outlines in _outlines(root, place).items():
        organ = organ_of(names[number], organs) if number in names else None
        if organ is None:
            continue
        own = drawn.setdefault(organ, {})
        for k, mask in filled(outlines, grid, place).items():
            own[k] = own[k] | mask if k in own else mask
    n_k = grid.shape_kji[0]
    painted = paint(
        grid.shape_kji,
        {organ: sorted(masks) for organ, masks in drawn.items()},
        {k: FramePlace(k, 0, 0) for k in range(n_k)},
        lambda k, organ: drawn[organ][k],
        place,
    )
    return Contours(painted.array_kji, painted.labels, (*unmapped(names.values(), organs, place), *painted.findings))


def _names(root: Attributes, aliases: Mapping[str, str], place: str) -> dict[int, SegmentName]:
    """Name of each structure by its number (3006,0022)."""
    found: dict[int, SegmentName] = {}
    for item in root.items("StructureSetROISequence"):
        number = item.integer("ROINumber")
        if number is None:
            raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(3006,0022) ROINumber"))
        found[number] = renamed(SegmentName(label=item.text("ROIName") or ""), aliases)
    if not found:
        raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(3006,0020) StructureSetROISequence"))
    return found


def _outlines(root: Attributes, place: str) -> dict[int, list[Float64]]:
    """Corners of the closed outlines of each structure [LPS+ mm]."""
    found: dict[int, list[Float64]] = {}
    for item in root.items("ROIContourSequence"):
        number = item.integer("ReferencedROINumber")
        if number is None:
            raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(3006,0084) ReferencedROINumber"))
        for outline in item.items("ContourSequence"):
            if (outline.text("ContourGeometricType") or "").upper() not in _CLOSED:
                continue
            values = outline.numbers("ContourData")
            if not values or len(values) % 3:
                raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(3006,0050) ContourData"))
            found.setdefault(number, []).append(np.array(values, np.float64).reshape(-1, 3))
    return found
