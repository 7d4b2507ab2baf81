"""Accepts or refuses what an engine drew: the image's own voxels, the dataset's ids by name, uint8, not empty.

Pure. Decides how engine ids become the dataset's: by name, never by number, because the same number is a lung lobe in one
label set and a whole lung in another. Leaves the anatomy to the qa room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.catalogue.label import (
    BEYOND_VOCABULARY,
    EMPTY,
    FOREIGN_IDS,
    NOT_INTEGERS,
    UNKNOWN_NAMES,
    UNNAMED_IDS,
    WRONG_GRID,
)
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.labels import OrganTable

BACKGROUND = 0
_COUNTABLE = 1 << 16  # ids below this are counted without sorting


@dataclass(frozen=True, slots=True)
class Run:
    """What drew the labels, where it was a program of its own; equal runs give equal labels.

    Parameters
    ----------
    versions
        Of the programs and libraries that matter, by name.
    weights
        SHA-256 of each file of weights, by name.
    options
        What was asked for, such as the task and the device.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Drawing:
    """What an engine gives back.

    Parameters
    ----------
    volume
        Label map on the grid of the image; any number type that holds integers.
    names
        Organ name of each id; None where the ids are the dataset's own.
    reference
        Role of the image on which the labels were drawn: ``ct`` or ``mr``.
    inputs
        Role of each file that decided the labels, and its SHA-256.
    transform
        How the labels came from the reference to this grid; empty where they were drawn on it.
    interpolation
        How they were brought to this grid; empty where they were drawn on it.
    approximate
        Names of organs that move or fill between the reference and this image.
    findings
        What the engine has to say.
    run
        The program that drew them; None where none did.
    is_vocabulary
        Whether `names` is all that the engine can give: then structures beyond the dataset's are expected, and an id
        beyond the names is a fault.
    disagreement
        Number of engines that would have given another label, uint8 on the same grid; None where one engine drew.
    agreement
        Least Dice of any two engines for each organ, where several drew.
    """

    volume: Volume
    names: Mapping[int, str] | None
    reference: str
    inputs: Mapping[str, str]
    transform: str = ""
    interpolation: str = ""
    approximate: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    run: Run | None = None
    is_vocabulary: bool = False
    disagreement: Volume | None = None
    agreement: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Judged:
    """An accepted label map.

    Parameters
    ----------
    volume
        uint8, on the grid of the image exactly.
    ids
        Id of each organ that is present, by name in the order of the ids.
    volumes_ml
        Volume of each organ that is present [mL].
    drawing
        Where it comes from.
    findings
        What the engine and the judge saw.
    changed
        Voxels that differ from the drawing, by rule and organ; see `tidy.py`.
    """

    volume: Volume
    ids: Mapping[str, int]
    volumes_ml: Mapping[str, float]
    drawing: Drawing
    findings: tuple[Finding, ...] = field(default=())
    changed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def judge(drawing: Drawing, grid: Grid, organs: OrganTable, place: str) -> Judged:
    """Turn a drawing into a label map of the dataset.

    Raises
    ------
    Refused
        Another grid (LAB-110), no integers (LAB-106), foreign ids without names (LAB-105) or beyond a vocabulary (LAB-115).
    """
    if drawing.volume.array_kji.shape != grid.shape_kji or not drawing.volume.grid.is_same_as(grid):
        raise Refused(WRONG_GRID.at(place))
    counts = count_ids(drawing.volume.array_kji, place)
    if drawing.is_vocabulary and drawing.names is not None:
        _refuse_strangers(counts, drawing.names, place)
    lookup, remarks = canonical_ids(counts, drawing.names, organs, place)
    if drawing.is_vocabulary:
        remarks = ()  # what is left out is known beforehand
    labels = renumbered(drawing.volume.array_kji, lookup)
    voxels: dict[int, int] = {}
    for number, organ_id in lookup.items():
        voxels[organ_id] = voxels.get(organ_id, 0) + counts[number]
    present = [organ for organ in organs if organ.id in voxels]
    if not present:
        remarks = (*remarks, EMPTY.at(place))
    return Judged(
        volume=Volume(labels, grid.affine),
        ids={organ.name: organ.id for organ in present},
        volumes_ml={organ.name: voxels[organ.id] * grid.voxel_volume_ml for organ in present},
        drawing=drawing,
        findings=(*drawing.findings, *remarks),
    )


def _refuse_strangers(counts: Mapping[int, int], names: Mapping[int, str], place: str) -> None:
    strangers = sum(number != BACKGROUND and number not in names for number in counts)
    if strangers:
        raise Refused(BEYOND_VOCABULARY.at(place, "number of ids", measured=strangers, limit=0))


def count_ids(array_kji: NDArray[np.generic], place: str) -> dict[int, int]:
    """Voxels of each id that is present, the background among them.

    Raises
    ------
    Refused
        A value is no integer (LAB-106).
    """
    total: dict[int, int] = {}
    for plane in array_kji:
        values = plane.astype(np.float64) if plane.dtype.kind == "f" else plane
        if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
            raise Refused(NOT_INTEGERS.at(place))
        whole = values.astype(np.int64)
        if whole.min() >= 0 and whole.max() < _COUNTABLE:
            found = np.bincount(whole.ravel())
            ids = np.flatnonzero(found)
            counts = found[ids]
        else:
            ids, counts = np.unique(whole, return_counts=True)
        for number, count in zip(ids.tolist(), counts.tolist(), strict=True):
            total[number] = total.get(number, 0) + count
    return dict(sorted(total.items()))


def canonical_ids(
    counts: Mapping[int, int], names: Mapping[int, str] | None, organs: OrganTable, place: str
) -> tuple[dict[int, int], tuple[Finding, ...]]:
    """The dataset's id for each id present, and what was left out.

    Raises
    ------
    Refused
        Without names, an id is none of the dataset's (LAB-105).
    """
    present = [number for number in counts if number != BACKGROUND]
    if names is None:
        own = {organ.id for organ in organs}
        foreign = [number for number in present if number not in own]
        if foreign:
            raise Refused(FOREIGN_IDS.at(place, "number of foreign ids", measured=len(foreign), limit=0))
        return {number: number for number in present}, ()
    lookup = {}
    for number in present:
        organ = organs.named(names[number]) if number in names else None
        if organ is not None:
            lookup[number] = organ.id
    unnamed = sum(number not in names for number in present)
    unknown = sum(organs.named(name) is None for name in names.values())
    findings = []
    if unnamed:
        findings.append(UNNAMED_IDS.at(place, "number of ids left out", measured=unnamed))
    if unknown:
        findings.append(UNKNOWN_NAMES.at(place, "number of names that match no organ", measured=unknown, limit=0))
    return lookup, tuple(findings)


def renumbered(array_kji: NDArray[np.generic], lookup: Mapping[int, int]) -> NDArray[np.uint8]:
    """Label map as uint8 with each id replaced; ids without replacement become background."""
    ids = sorted(lookup)
    labels = np.zeros(array_kji.shape, np.uint8)
    if not ids:
        return labels
    if array_kji.dtype == np.uint8 and all(lookup[number] == number for number in ids):
        return np.ascontiguousarray(array_kji, np.uint8)
    known, new = np.array(ids, np.int64), np.array([lookup[number] for number in ids], np.uint8)
    for k, plane in enumerate(array_kji):
        whole = plane.astype(np.int64)
        at = np.minimum(np.searchsorted(known, whole), len(known) - 1)
        labels[k] = np.where(known[at] == whole, new[at], BACKGROUND)
    return labels
