"""Tidies what a model drew, by rule, and counts every voxel that it changes. Pure.

Three rules, each on or off in umd.toml: specks (pieces too small to be anything) go, islands (pieces beyond those that anatomy
gives an organ, and small against it) go, holes that one organ encloses are filled. A large second piece stays, and the checks
name it: a broken tube must not lose its other half. What people drew is never tidied. The engine's own output is kept beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from umd_curate.label.judge import Drawing, Judged, canonical_ids, count_ids
from umd_curate.model.components import boxes, components, holes, hull
from umd_curate.model.config_labels import TidyConfig
from umd_curate.model.geometry import Volume
from umd_curate.model.labels import OrganTable

SPECKS, ISLANDS, HOLES, MERGED = "specks", "islands", "holes", "merged"
OF_MODELS = frozenset({"model", "consensus"})  # methods whose labels are tidied


@dataclass(frozen=True, eq=False)
class Tidied:
    """A tidied label map, and the voxels that each rule changed, by rule and organ; rules that changed none are left out."""

    volume: Volume
    changed: Mapping[str, Mapping[str, int]]


def tidy_judged(judged: Judged, method: str, organs: OrganTable, settings: TidyConfig, place: str) -> Judged:
    """An accepted label map after the rules that are on; what people drew or what was carried over comes back as it is.

    The rule `merged` changes no voxel's organ: it counts those of organs that the engine gave in parts, such as lobes of a lung.
    """
    if method not in OF_MODELS:
        return judged
    result = tidy(judged.volume, organs, settings)
    merged = merged_voxels(judged.drawing, organs, place)
    changed = {**result.changed, **({MERGED: merged} if merged else {})}
    voxels = np.bincount(result.volume.array_kji.ravel(), minlength=256)
    voxel_ml = judged.volume.grid.voxel_volume_ml
    volumes = {name: int(voxels[number]) * voxel_ml for name, number in judged.ids.items()}
    return replace(judged, volume=result.volume, volumes_ml=volumes, changed=changed)


def tidy(labels: Volume, organs: OrganTable, settings: TidyConfig) -> Tidied:
    """Apply the rules that are on.

    Parameters
    ----------
    labels
        uint8 label map with the dataset's ids.
    organs
        The dataset's organs; how many pieces each has is said there.
    settings
        Which rules are on, and their limits.
    """
    array = labels.array_kji.astype(np.uint8)
    found = boxes(array)
    if not found or not (settings.specks or settings.islands or settings.holes):
        return Tidied(labels, {})
    around = hull(found.values())
    crop = array[around]
    voxel_ml = labels.grid.voxel_volume_ml
    changed: dict[str, dict[str, int]] = {SPECKS: {}, ISLANDS: {}, HOLES: {}}
    parts = components(crop)
    goes = np.zeros(len(parts.sizes), np.bool_)
    for organ in organs:
        own = parts.of(organ.id)
        if not len(own):
            continue
        sizes = parts.sizes[own]
        is_beyond = np.arange(len(own)) >= max(1, organ.pieces)
        is_speck = settings.specks & is_beyond & (sizes * voxel_ml < settings.speck_ml)
        is_island = settings.islands & is_beyond & (organ.pieces > 0) & (sizes < settings.island_part * sizes[0])
        for rule, removed in ((SPECKS, is_speck), (ISLANDS, is_island & ~is_speck)):
            if removed.any():
                changed[rule][organ.name] = int(sizes[removed].sum())
                goes[own[removed]] = True
    if goes.any():
        crop[goes[parts.number_kji]] = 0
    del parts
    if settings.holes:
        changed[HOLES] = _fill(crop, organs, settings.hole_ml / voxel_ml)
    return Tidied(Volume(array, labels.affine), {rule: counts for rule, counts in changed.items() if counts})


def merged_voxels(drawing: Drawing, organs: OrganTable, place: str) -> dict[str, int]:
    """Voxels of each organ that an engine gave as several structures, such as a lung as five lobes."""
    counts = count_ids(drawing.volume.array_kji, place)
    lookup, _ = canonical_ids(counts, drawing.names, organs, place)
    found = {}
    for organ in organs:
        numbers = [number for number, organ_id in lookup.items() if organ_id == organ.id]
        if len(numbers) > 1:
            found[organ.name] = sum(counts[number] for number in numbers)
    return found


def _fill(crop: np.ndarray, organs: OrganTable, most_voxels: float) -> dict[str, int]:
    """Fill the holes of a label map in place; holes larger than `most_voxels` stay, since a lesion may be left out on purpose."""
    shut_in = holes(crop)
    is_filled = (shut_in.owner > 0) & (shut_in.sizes <= most_voxels)
    at = is_filled[shut_in.number]
    k, j, i = np.unravel_index(shut_in.at[at], crop.shape)
    crop[k, j, i] = shut_in.owner[shut_in.number[at]]
    filled = {organ.name: int(shut_in.sizes[is_filled & (shut_in.owner == organ.id)].sum()) for organ in organs}
    return {name: count for name, count in filled.items() if count}
