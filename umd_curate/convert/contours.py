"""Site contours as a label map: which organ a segment is, on which slice a frame lies, who keeps a shared voxel.

Contours are kept voxel by voxel on the grid of their image or not at all: nothing is resampled. How frames come out of a
DICOM SEG is left to `contours_io.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.geometry import SlicePlace
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import Float64, Grid, apply_affine
from umd_curate.model.labels import Organ, OrganTable, normalised

MAX_OFF_GRID_VOXELS: Final = 0.05  # of a frame's corner from a voxel centre of the image

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SegmentName:
    """How a segment names its structure: SNOMED CT code, side, label; empty where it does not."""

    snomed_code: str = ""
    side: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Contours:
    """A label map on the grid of its image: `array_kji` is uint8, 0 background; `labels` are the organs present."""

    array_kji: NDArray[np.uint8]
    labels: tuple[Organ, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where a frame starts in the image: slice, first row, first column."""

    k: int
    j: int
    i: int


def organ_of(segment: SegmentName, organs: OrganTable) -> Organ | None:
    """Organ of a segment: by code and side, else by its label; None where it is none of the dataset's."""
    by_code = organs.coded(segment.snomed_code, segment.side) if segment.snomed_code else None
    return by_code or (organs.named(segment.label) if segment.label else None)


def renamed(segment: SegmentName, aliases: Mapping[str, str]) -> SegmentName:
    """The segment under the organ's name where the site says what its own name stands for; codes then no longer count."""
    wanted = {normalised(own): organ for own, organ in aliases.items()}
    organ = wanted.get(normalised(segment.label))
    return SegmentName(label=organ) if organ else segment


def frame_place(frame: SlicePlace, grid: Grid, place: str) -> FramePlace:
    """Where a frame lies on the grid.

    The frame may be a part of a slice, as long as its voxels are voxels of the image.

    Raises
    ------
    Refused
        A corner is off the grid's voxel centres, or outside it.
    """
    assert frame.rows is not None  # noqa: S101  (the reader has checked)
    assert frame.columns is not None  # noqa: S101
    first = np.array(frame.position_mm)
    along_row = np.array(frame.orientation[:3]) * frame.pixel_spacing_mm[1] * (frame.columns - 1)
    along_column = np.array(frame.orientation[3:]) * frame.pixel_spacing_mm[0] * (frame.rows - 1)
    corners_lps = np.array([first, first + along_row, first + along_column])
    inverse: Float64 = np.asarray(np.linalg.inv(grid.affine), np.float64)
    found = apply_affine(inverse, corners_lps * np.array([-1.0, -1.0, 1.0]))
    i, j, k = (round(float(index)) for index in found[0])
    wanted = np.array([[i, j, k], [i + frame.columns - 1, j, k], [i, j + frame.rows - 1, k]], np.float64)
    off = float(np.abs(found - wanted).max())
    if off > MAX_OFF_GRID_VOXELS:
        detail = "corner of a frame from the image's voxels, in voxels"
        raise Refused(codes.CONTOURS_OFF_GRID.at(place, detail, measured=off, limit=MAX_OFF_GRID_VOXELS))
    n_k, n_j, n_i = grid.shape_kji
    if min(i, j, k) < 0 or k >= n_k or j + frame.rows > n_j or i + frame.columns > n_i:
        raise Refused(codes.CONTOURS_OFF_GRID.at(place, "a frame lies outside the image"))
    return FramePlace(k, j, i)


def paint(
    shape_kji: tuple[int, int, int],
    frames: Mapping[Organ, Sequence[int]],
    places: Mapping[int, FramePlace],
    mask_of: Callable[[int, Organ], Mask],
    place: str,
) -> Contours:
    """Paint organs into one label map; the structure with fewer voxels keeps the shared ones (ties: the smaller id).

    Small structures are drawn inside or against large ones, and a border shared by mistake costs the large one less.

    Parameters
    ----------
    shape_kji
        Of the image.
    frames
        Frame numbers of each organ.
    places
        Where each frame starts.
    mask_of
        Mask [j, i] of an organ on a frame.
    place
        Short id of the segmentation.
    """
    sizes = {organ: sum(int(mask_of(frame, organ).sum()) for frame in numbers) for organ, numbers in frames.items()}
    labels = np.zeros(shape_kji, np.uint8)
    shared = 0
    for organ in sorted(sizes, key=lambda organ: (-sizes[organ], -organ.id)):
        for frame in frames[organ]:
            mask, start = mask_of(frame, organ), places[frame]
            target = labels[start.k, start.j : start.j + mask.shape[0], start.i : start.i + mask.shape[1]]
            shared += int(np.count_nonzero(mask & (target != 0) & (target != organ.id)))
            target[mask] = organ.id
    present = set(np.unique(labels).tolist())
    organs = tuple(sorted((organ for organ in sizes if organ.id in present), key=lambda organ: organ.id))
    findings = []
    if shared:
        findings.append(codes.SEGMENTS_OVERLAP.at(place, "shared voxels", measured=shared, limit=0))
    if not organs:
        findings.append(codes.NO_ORGAN.at(place, "no voxel of any organ"))
    return Contours(labels, organs, tuple(findings))


def merge_contours(parts: Iterable[Contours], place: str) -> Contours:
    """Join the contours of several objects on one grid; the structure with fewer voxels keeps the shared ones, as in `paint`.

    Parameters
    ----------
    parts
        At least one, all on the grid of one image.
    place
        Short id of the contours' series.
    """
    maps = list(parts)
    organs = {organ.id: organ for part in maps for organ in part.labels}
    if len(maps) == 1:
        return maps[0]
    frames = {organ: range(len(maps) * maps[0].array_kji.shape[0]) for organ in organs.values()}
    n_k = maps[0].array_kji.shape[0]
    joined = paint(
        _shape(maps[0]),
        frames,
        {frame: FramePlace(frame % n_k, 0, 0) for frame in range(len(maps) * n_k)},
        lambda frame, organ: np.asarray(maps[frame // n_k].array_kji[frame % n_k] == organ.id),
        place,
    )
    told = [finding for part in maps for finding in part.findings if finding.code != codes.NO_ORGAN.code]
    return Contours(joined.array_kji, joined.labels, (*told, *joined.findings))


def _shape(contours: Contours) -> tuple[int, int, int]:
    k, j, i = contours.array_kji.shape
    return k, j, i


def unmapped(names: Iterable[SegmentName], organs: OrganTable, place: str) -> list[Finding]:
    """Finding with the number of segments that are no organ of the dataset; never their labels."""
    count = sum(organ_of(name, organs) is None for name in names)
    return [codes.SEGMENTS_UNMAPPED.at(place, "segments", measured=count)] if count else []
