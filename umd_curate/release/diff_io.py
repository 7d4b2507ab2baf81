"""Reads two release folders for their comparison; of the images, only label maps that changed are decoded.

A folder that has no shards of images any more, only its ``manifests/`` and ``labels-*/``, is enough.
"""

import io
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from umd_curate.errors import SchemaError
from umd_curate.model.changes import OrganChange, ReleaseChanges
from umd_curate.model.receipts import Json
from umd_curate.model.release import (
    LabelRow,
    ReleaseManifest,
    SeriesRow,
    SubjectRow,
    VolumeRow,
    WithdrawalRow,
)
from umd_curate.release.compose import table_path
from umd_curate.release.diff import ImageFacts, ImageKey, Snapshot, compare
from umd_curate.store.nifti import read_planes
from umd_curate.store.parquet import read_rows
from umd_curate.store.shards import read_volume_at

MANIFEST = "manifests/release.json"
_BOOKKEEPING = frozenset({"split", "sessions", "configs", "init_version", "revised_version", "voxel_sha256"})
_ML_DIGITS = 3
_DICE_DIGITS = 6


def diff_releases(before: Path, after: Path) -> ReleaseChanges:
    """Compare two release folders.

    Raises
    ------
    SchemaError
        A folder is no release.
    """
    old, new = _snapshot(before), _snapshot(after)
    places = [_places(before), _places(after)]
    names = {value.id: value.name for value in _manifest(after).labels}

    def overlap(key: ImageKey) -> tuple[OrganChange, ...]:
        one, other = (folder_places[key] for folder_places in places)
        return _overlap((before, one), (after, other), key[3], names)

    return compare(old, new, overlap)


def _snapshot(folder: Path) -> Snapshot:
    manifest = _manifest(folder)
    try:
        subjects = read_rows(folder / table_path("subjects"), SubjectRow)
        volumes = read_rows(folder / table_path("volumes"), VolumeRow)
        series = read_rows(folder / table_path("series"), SeriesRow)
        withdrawals = read_rows(folder / table_path("withdrawals"), WithdrawalRow)
        labels = read_rows(folder / table_path("labels"), LabelRow)
    except (OSError, KeyError, pa.ArrowException) as error:
        message = "A manifest of the release cannot be read."
        raise SchemaError(message, hint="`umd-curate release verify` names what is wrong with it.") from error
    cells: dict[str, dict[str, Json]] = {}
    for subject in subjects:
        cells[f"sub-{subject.subject_id}"] = _values(subject)
    for entry in series:
        cells[f"{entry.config}/sub-{entry.subject_id}_ses-{entry.session_id}/{entry.column}"] = _values(entry)
    for label in labels:
        place = f"{label.config}/sub-{label.subject_id}_ses-{label.session_id}/{label.column}"
        cells.setdefault(place, {})["review"] = label.review
    return Snapshot(
        version=manifest.version,
        splits={row.subject_id: row.split for row in subjects},
        images={
            (row.config, row.subject_id, row.session_id, row.column): ImageFacts(
                row.sha256, row.voxel_sha256, row.sidecar
            )
            for row in volumes
        },
        cells=cells,
        columns=_columns(manifest),
        label_values={
            value.id: " ".join(filter(None, (value.name, value.snomed_code, value.side))) for value in manifest.labels
        },
        withdrawn=frozenset(row.subject_id for row in withdrawals),
    )


def _manifest(folder: Path) -> ReleaseManifest:
    try:
        return ReleaseManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        message = f"The folder is no release: it has no {MANIFEST} that fits its schema."
        raise SchemaError(message, hint="Name the folder that holds README.md, such as releases/0.1.0/umd.") from error


def _values(row: SubjectRow | SeriesRow) -> dict[str, Json]:
    return {name: value for name, value in asdict(row).items() if name not in _BOOKKEEPING}


def _columns(manifest: ReleaseManifest) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for entry in manifest.configs:
        found |= {(entry.name, column): kind for column, kind in entry.columns.items()}
    return found


def _places(folder: Path) -> dict[ImageKey, VolumeRow]:
    rows = read_rows(folder / table_path("volumes"), VolumeRow)
    return {(row.config, row.subject_id, row.session_id, row.column): row for row in rows}


def _overlap(
    before: tuple[Path, VolumeRow], after: tuple[Path, VolumeRow], column: str, names: dict[int, str]
) -> tuple[OrganChange, ...]:
    """Organs of two label maps that differ, with their Dice and volumes."""
    sides = (before, after)
    voxel_ml = [float(np.prod(row.spacing_mm)) / 1000 for _, row in sides]
    streams = [io.BytesIO(read_volume_at(folder / row.shard, row.row, column)) for folder, row in sides]
    counts: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    shared: Counter[int] = Counter()
    is_one_grid = (before[1].shape, before[1].affine) == (after[1].shape, after[1].affine)
    if is_one_grid:
        for one, other in zip(*map(read_planes, streams), strict=True):
            for plane, count in ((one, counts[0]), (other, counts[1]), (one[one == other], shared)):
                count.update({value: n for value, n in enumerate(np.bincount(plane.ravel()).tolist()) if n})
    else:
        for stream, count in zip(streams, counts, strict=True):
            for plane in read_planes(stream):
                count.update({value: n for value, n in enumerate(np.bincount(plane.ravel()).tolist()) if n})
    return tuple(
        OrganChange(
            organ=names.get(value, str(value)),
            dice=round(2 * shared[value] / (counts[0][value] + counts[1][value]), _DICE_DIGITS)
            if is_one_grid
            else None,
            before_ml=round(counts[0][value] * voxel_ml[0], _ML_DIGITS),
            after_ml=round(counts[1][value] * voxel_ml[1], _ML_DIGITS),
            voxels_changed=counts[0][value] + counts[1][value] - 2 * shared[value] if is_one_grid else None,
        )
        for value in sorted((counts[0].keys() | counts[1].keys()) - {0})
        if not is_one_grid or counts[0][value] + counts[1][value] != 2 * shared[value]
    )
