"""Decides what differs between two releases, from what `diff_io.py` read of them, and how far the version must rise.

MAJOR: a split, a column or a label id changes its meaning, so that old code or old results no longer fit. MINOR: something comes or
goes. PATCH: something that stays is corrected.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from umd_curate.model.changes import (
    Bump,
    CellChange,
    ColumnChange,
    ImageName,
    LabelChange,
    LabelValueChange,
    OrganChange,
    ReleaseChanges,
    SessionName,
    SplitChange,
)
from umd_curate.model.receipts import Json
from umd_curate.release.plan import in_order

ImageKey = tuple[str, str, str, str]  # configuration, subject, session, column
SessionKey = tuple[str, str, str]
_DIGESTS = frozenset({"VoxelSha256", "Inputs"})  # of a sidecar: what they tell is told by the images themselves
Key = TypeVar("Key", int, tuple[str, str])
_ORDER = (Bump.NONE, Bump.PATCH, Bump.MINOR, Bump.MAJOR)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is compared of an image: digests of file and voxels, and its sidecar as JSON text."""

    sha256: str
    voxel_sha256: str
    sidecar: str = "{}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is compared of a release."""

    version: str
    splits: Mapping[str, str]  # by subject
    images: Mapping[ImageKey, ImageFacts]
    cells: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # by subject or session, by column
    columns: Mapping[tuple[str, str], str] = field(default_factory=dict)  # configuration and column to type
    label_values: Mapping[int, str] = field(default_factory=dict)  # id to meaning
    withdrawn: frozenset[str] = frozenset()
    label_columns: frozenset[str] = frozenset({"organs", "organs_on_pet"})


Overlap = Callable[[ImageKey], tuple[OrganChange, ...]]


def compare(before: Snapshot, after: Snapshot, overlap: Overlap) -> ReleaseChanges:
    """Differences of two releases; `overlap` compares the voxels of a label map that changed, organ by organ."""
    subjects = before.splits.keys() & after.splits.keys()
    old, new = (_sessions(side.images, subjects) for side in (before, after))
    sessions = old & new
    images = _both(before.images, after.images)
    is_common = _within(sessions)
    changed = [key for key in images if before.images[key].voxel_sha256 != after.images[key].voxel_sha256]
    labels = [key for key in changed if key[3] in before.label_columns]
    found = ReleaseChanges(
        before=before.version,
        after=after.version,
        required=Bump.NONE,
        subjects_added=tuple(sorted(after.splits.keys() - before.splits.keys())),
        subjects_removed=tuple(sorted(before.splits.keys() - after.splits.keys())),
        subjects_withdrawn=tuple(sorted((before.splits.keys() - after.splits.keys()) & after.withdrawn)),
        sessions_added=_session_names(new - old),
        sessions_removed=_session_names(old - new),
        images_added=_names(filter(is_common, after.images.keys() - before.images.keys())),
        images_removed=_names(filter(is_common, before.images.keys() - after.images.keys())),
        images_changed=_names(key for key in changed if key not in labels),
        headers_changed=_names(
            key for key in images if key not in changed and before.images[key].sha256 != after.images[key].sha256
        ),
        labels_changed=tuple(LabelChange(image=_name(key), organs=overlap(key)) for key in sorted(labels)),
        cells_changed=tuple(_cells(before, after)),
        splits_changed=tuple(
            SplitChange(subject=subject, before=before.splits[subject], after=after.splits[subject])
            for subject in sorted(subjects)
            if before.splits[subject] != after.splits[subject]
        ),
        columns_changed=tuple(
            ColumnChange(config=key[0], column=key[1], before=old_type, after=new_type)
            for key, old_type, new_type in _unequal(before.columns, after.columns)
        ),
        label_values_changed=tuple(
            LabelValueChange(id=key, before=old_meaning, after=new_meaning)
            for key, old_meaning, new_meaning in _unequal(before.label_values, after.label_values)
        ),
    )
    return found.model_copy(update={"required": required_bump(found)})


def required_bump(changes: ReleaseChanges) -> Bump:
    """Least part of the version that must rise for what changed."""
    is_major = (
        changes.splits_changed
        or any(entry.before is not None for entry in changes.columns_changed)
        or any(entry.before is not None for entry in changes.label_values_changed)
    )
    is_minor = (
        changes.subjects_added
        or changes.subjects_removed
        or changes.sessions_added
        or changes.sessions_removed
        or changes.images_added
        or changes.images_removed
        or changes.columns_changed
        or changes.label_values_changed
    )
    is_patch = changes.images_changed or changes.headers_changed or changes.labels_changed or changes.cells_changed
    if is_major:
        return Bump.MAJOR
    return Bump.MINOR if is_minor else Bump.PATCH if is_patch else Bump.NONE


def bump_of(before: str, after: str) -> Bump:
    """Part of the version that rises from one to the other; `none` where none does.

    Examples
    --------
    >>> [str(bump_of("1.4.2", version)) for version in ("2.0.0", "1.5.0", "1.4.3", "1.4.2")]
    ['major', 'minor', 'patch', 'none']
    """
    old, new = in_order(before), in_order(after)
    if new <= old:
        return Bump.NONE
    place = next(index for index, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
    return (Bump.MAJOR, Bump.MINOR, Bump.PATCH)[place]


def is_enough(given: Bump, required: Bump) -> bool:
    """Say whether a version rises far enough."""
    return _ORDER.index(given) >= _ORDER.index(required)


def next_version(before: str, bump: Bump) -> str:
    """Least version that rises so far.

    Examples
    --------
    >>> [next_version("1.4.2", bump) for bump in Bump]
    ['1.4.2', '1.4.3', '1.5.0', '2.0.0']
    """
    major, minor, patch = in_order(before)
    return {
        Bump.NONE: before,
        Bump.PATCH: f"{major}.{minor}.{patch + 1}",
        Bump.MINOR: f"{major}.{minor + 1}.0",
        Bump.MAJOR: f"{major + 1}.0.0",
    }[bump]


def _sessions(images: Iterable[ImageKey], subjects: Iterable[str]) -> set[SessionKey]:
    wanted = set(subjects)
    return {key[:3] for key in images if key[1] in wanted}


def _within(sessions: set[SessionKey]) -> Callable[[ImageKey], bool]:
    return lambda key: key[:3] in sessions


def _both(before: Mapping[ImageKey, ImageFacts], after: Mapping[ImageKey, ImageFacts]) -> list[ImageKey]:
    return sorted(before.keys() & after.keys())


def _name(key: ImageKey) -> ImageName:
    return ImageName(config=key[0], subject=key[1], session=key[2], column=key[3])


def _names(keys: Iterable[ImageKey]) -> tuple[ImageName, ...]:
    return tuple(_name(key) for key in sorted(keys))


def _session_names(keys: Iterable[SessionKey]) -> tuple[SessionName, ...]:
    return tuple(SessionName(config=key[0], subject=key[1], session=key[2]) for key in sorted(keys))


def _cells(before: Snapshot, after: Snapshot) -> Iterable[CellChange]:
    for place in sorted(before.cells.keys() & after.cells.keys()):
        old, new = before.cells[place], after.cells[place]
        yield from _cell_changes(place, {key: old[key] for key in old.keys() & new.keys()}, new)
    for key in _both(before.images, after.images):
        sidecars = (_leaves(json.loads(side.images[key].sidecar)) for side in (before, after))
        yield from _cell_changes(_name(key).text, *sidecars, with_new=True)


def _cell_changes(
    place: str, old: Mapping[str, Json], new: Mapping[str, Json], *, with_new: bool = False
) -> Iterable[CellChange]:
    for cell in sorted(old.keys() | new.keys() if with_new else old.keys()):
        texts = [json.dumps(side[cell], ensure_ascii=False) if cell in side else None for side in (old, new)]
        if texts[0] != texts[1]:
            yield CellChange(place=place, cell=cell, before=texts[0], after=texts[1])


def _leaves(value: Json, path: str = "") -> dict[str, Json]:
    """Values of a JSON document by their path; lists are one value."""
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, Json] = {}
    for name, part in value.items():
        if path or name not in _DIGESTS:
            found |= _leaves(part, f"{path}.{name}" if path else name)
    return found


def _unequal(before: Mapping[Key, str], after: Mapping[Key, str]) -> Iterable[tuple[Key, str | None, str | None]]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)
