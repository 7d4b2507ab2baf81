"""Reads a release folder back, file by file and row by row, without any other knowledge of how it was made."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from umd_curate.errors import SchemaError
from umd_curate.model.release import VolumeRow
from umd_curate.release.compose import TABLE_CONFIGS, table_path
from umd_curate.release.front_matter import card_counts
from umd_curate.release.io import README, SUMS
from umd_curate.release.rows import LABELS_PREFIX, SLICES
from umd_curate.release.verify import (
    FoundRow,
    FoundVolume,
    ReleaseFacts,
    Signature,
    VerifyResult,
    VolumeKey,
    judge,
)
from umd_curate.store.files import sha256_of
from umd_curate.store.nifti import stored_voxel_sha256
from umd_curate.store.parquet import read_rows
from umd_curate.store.shards import StoredVolume, read_footer, read_plain, read_shard, volume_columns
from umd_curate.store.signing import PUBLIC_SUFFIX, SIGNATURE_SUFFIX, fingerprint, is_signed_by

SOURCE_COLUMNS = frozenset({"pet", "ct", "mr"})  # images that were not made of others
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, pa.ArrowException)


@dataclass
class _Found:
    volumes: dict[VolumeKey, FoundVolume] = field(default_factory=dict)
    rows: list[FoundRow] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    slices: dict[VolumeKey, int] = field(default_factory=dict)
    rows_of_slices: set[FoundRow] = field(default_factory=set)  # one per session, not per plane


def verify_release(folder: Path, key: str = "") -> VerifyResult:
    """Read a release back and compare files with checksums, rows with manifest, voxels with digests, counts with the card.

    Parameters
    ----------
    folder
        The folder that holds ``README.md``, such as ``releases/1.0.0/umd``.
    key
        Fingerprint of the key that must have signed the release; where it is empty, the key that lies in the release is
        taken at its word.

    Raises
    ------
    SchemaError
        The folder is no release: it has no ``manifests/SHA256SUMS``.
    """
    if not (folder / SUMS).is_file():
        message = f"The folder is no release: it has no {SUMS}."
        raise SchemaError(message, hint="Name the folder that holds README.md, such as releases/0.1.0/umd.")
    found = _Found()
    for path in sorted(folder.glob("*/*-of-*.parquet")):
        _scan_shard(folder, path, found)
    _count_tables(folder, found)
    rows = _manifest_rows(folder, found)
    manifest = {
        (row.config, row.subject_id, row.session_id, row.column): FoundVolume(
            row.sha256, row.voxel_sha256, row.voxel_sha256, (row.shard, row.row)
        )
        for row in rows
    }
    signature, signed_by = _signature(folder, key)
    result = judge(
        ReleaseFacts(
            sums=_sums(folder, found),
            digests=_digests(folder),
            manifest=manifest,
            volumes=found.volumes,
            rows=(*found.rows, *found.rows_of_slices),
            rows_on_disk=found.counts,
            card=_card(folder, found),
            labels_prefix=LABELS_PREFIX,
            slices=found.slices if (folder / SLICES).is_dir() else None,
            slices_said={
                (row.config, row.subject_id, row.session_id, row.column): row.shape[2]
                for row in rows
                if row.column in SOURCE_COLUMNS
            },
            images=_splits_of_images(rows),
            signature=signature,
            unreadable=tuple(found.unreadable),
        )
    )
    return replace(result, signed_by=signed_by)


def _splits_of_images(rows: Sequence[VolumeRow]) -> dict[str, frozenset[str]]:
    splits: dict[str, set[str]] = {}
    for row in rows:
        if row.column in SOURCE_COLUMNS:
            splits.setdefault(row.voxel_sha256, set()).add(row.split)
    return {digest: frozenset(found) for digest, found in splits.items()}


def _signature(folder: Path, key: str) -> tuple[Signature, str]:
    sums = folder / SUMS
    signature, public = (sums.with_name(sums.name + suffix) for suffix in (SIGNATURE_SUFFIX, PUBLIC_SUFFIX))
    if not (signature.is_file() and public.is_file()):
        return Signature.ABSENT, ""
    pem = public.read_bytes()
    if not is_signed_by(sums.read_bytes(), signature.read_bytes(), pem):
        return Signature.WRONG, ""
    signer = fingerprint(pem)
    return (Signature.VALID if key in {"", signer} else Signature.WRONG), signer


def _scan_shard(folder: Path, path: Path, found: _Found) -> None:
    relative = path.relative_to(folder).as_posix()
    config, split = path.parent.name, path.name.rpartition("-of-")[0].rpartition("-")[0]
    if config == SLICES:
        _scan_pictures(path, relative, split, found)
        return
    prefix = "labels_" if config.startswith(LABELS_PREFIX) else ""
    try:
        rows = [
            FoundRow(config, split, str(row[f"{prefix}subject_id"]), str(row[f"{prefix}session_id"]))
            for row in read_shard(path, volumes=())
        ]
        found.rows += rows
        found.counts[config, split] = found.counts.get((config, split), 0) + read_footer(path).rows
        for column in volume_columns(path):  # one image at a time in memory
            for index, values in enumerate(read_shard(path, volumes=(column,))):
                if (volume := values.pop(column)) is not None:
                    key = (config, rows[index].subject, rows[index].session, column)
                    stated = str(values.get(f"{column}_voxel_sha256") or "")
                    found.volumes[key] = _volume(volume, stated, (relative, index))
                del volume
    except _DAMAGE:
        found.unreadable.append(relative)


def _scan_pictures(path: Path, relative: str, split: str, found: _Found) -> None:
    try:
        for batch in read_plain(path, ("subject_id", "session_id", "config", "column")):
            keys = zip(
                *(batch.column(name).to_pylist() for name in ("config", "subject_id", "session_id", "column")),
                strict=True,
            )
            for key, count in Counter(keys).items():
                found.slices[key] = found.slices.get(key, 0) + count
                found.rows_of_slices.add(FoundRow(SLICES, split, key[1], key[2]))
        found.counts[SLICES, split] = found.counts.get((SLICES, split), 0) + read_footer(path).rows
    except _DAMAGE:
        found.unreadable.append(relative)


def _volume(volume: StoredVolume, stated: str, place: tuple[str, int]) -> FoundVolume:
    try:
        voxels = stored_voxel_sha256(volume.data)
    except _DAMAGE:
        voxels = ""
    return FoundVolume(hashlib.sha256(volume.data).hexdigest(), voxels, stated, place)


def _count_tables(folder: Path, found: _Found) -> None:
    for config, (split, table) in TABLE_CONFIGS.items():
        try:
            rows = read_footer(folder / table_path(table)).rows
        except _DAMAGE:
            found.unreadable.append(table_path(table))
            continue
        if rows:
            found.counts[config, split] = rows


def _manifest_rows(folder: Path, found: _Found) -> list[VolumeRow]:
    name = table_path("volumes")
    try:
        return read_rows(folder / name, VolumeRow)
    except _DAMAGE:
        found.unreadable.append(name)
        return []


def _card(folder: Path, found: _Found) -> dict[tuple[str, str], int]:
    try:
        return card_counts((folder / README).read_text(encoding="utf-8"))
    except _DAMAGE:
        found.unreadable.append(README)
        return {}


def _digests(folder: Path) -> dict[str, str]:
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    signed = {SUMS, SUMS + SIGNATURE_SUFFIX, SUMS + PUBLIC_SUFFIX}
    return {name: sha256_of(path) for name, path in files.items() if name not in signed}


def _sums(folder: Path, found: _Found) -> Mapping[str, str]:
    sums: dict[str, str] = {}
    try:
        for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
            digest, _, name = line.partition("  ")
            sums[name] = digest
    except _DAMAGE:
        found.unreadable.append(SUMS)
    return sums
