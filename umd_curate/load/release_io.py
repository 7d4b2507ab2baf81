"""A release that is open: its manifest, compared with its checksums, and which volume lies where."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa

from umd_curate.errors import LoadError, SchemaError
from umd_curate.load.image_io import Image
from umd_curate.load.source_io import SUMS, Source
from umd_curate.store.parquet import read_batches, rows_of
from umd_curate.store.shard_map import Span, locate
from umd_curate.store.shards import read_plain

VOLUMES = "manifests/volumes.parquet"
LABELS_PREFIX = "labels-"


@dataclass(frozen=True, slots=True)
class VolumePlace:
    """What the reader needs of an image's line in the manifest; releases of older and newer versions have these columns."""

    subject_id: str
    session_id: str
    split: str
    config: str
    column: str
    file_name: str
    units: str
    shape: tuple[int, ...]
    affine: tuple[float, ...]
    sha256: str
    shard: str
    row: int


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row of a configuration, as the manifest tells of it."""

    subject: str
    session: str
    split: str
    shard: str
    row: int
    volumes: Mapping[str, VolumePlace]  # by column

    @property
    def known(self) -> dict[str, str]:
        """What is known of the row without its shard."""
        return {"subject_id": self.subject, "session_id": self.session, "split": self.split}


@dataclass
class OpenRelease:
    """A release that is being read.

    Parameters
    ----------
    source
        Where it lies.
    is_verified
        Whether the manifest was compared with the checksums, and images are to be compared with the manifest.
    """

    source: Source
    is_verified: bool
    configs: dict[str, list[RowPlace]]
    _plain: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)
    _spans: dict[str, list[dict[str, Span]]] = field(default_factory=dict, repr=False)

    def rows(self, config: str) -> list[RowPlace]:
        """Rows of a configuration.

        Raises
        ------
        LoadError
            The release has no such configuration.
        """
        if config not in self.configs:
            message = f"The release has no configuration {config}."
            raise LoadError(message, hint=f"It has {', '.join(sorted(self.configs)) or 'none'}.")
        return self.configs[config]

    def values(self, place: RowPlace) -> dict[str, Any]:
        """Plain values of a row."""
        if place.shard not in self._plain:
            with self.source.open(place.shard) as handle:
                self._plain[place.shard] = [row for batch in read_plain(handle) for row in batch.to_pylist()]
        return self._plain[place.shard][place.row]

    def image(self, place: RowPlace, volume: VolumePlace) -> Image:
        """An image of a row, without its voxels."""
        return Image(
            column=volume.column,
            file_name=volume.file_name,
            units=volume.units,
            shape=tuple(volume.shape),
            affine=np.array([*volume.affine, 0, 0, 0, 1], np.float64).reshape(4, 4),
            sha256=volume.sha256 if self.is_verified else "",
            read=_Reader(self, place.shard, place.row, volume.column),
        )

    def span(self, shard: str, row: int, column: str) -> Span:
        """Where an image's bytes lie."""
        if shard not in self._spans:
            with self.source.open(shard) as handle:
                self._spans[shard] = locate(handle)
        return self._spans[shard][row][column]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads an image's bytes; can be sent to another process."""

    release: OpenRelease
    shard: str
    row: int
    column: str

    def __call__(self) -> memoryview:
        return self.release.source.span(self.shard, self.release.span(self.shard, self.row, self.column))


def open_release(source: Source, *, verify: bool) -> OpenRelease:
    """Open a release.

    Raises
    ------
    SchemaError
        The manifest is not the one that the checksums name, or cannot be read.
    """
    path = source.fetch(VOLUMES)
    if verify:
        named = {tuple(line.split("  ", 1)) for line in source.fetch(SUMS).read_text("utf-8").splitlines()}
        if (hashlib.sha256(path.read_bytes()).hexdigest(), VOLUMES) not in named:
            message = f"{VOLUMES} is not the file that {SUMS} names."
            raise SchemaError(message, hint="Fetch the release again.")
    found: dict[str, dict[tuple[str, int], dict[str, VolumePlace]]] = defaultdict(lambda: defaultdict(dict))
    try:
        for batch in read_batches(path, [entry.name for entry in fields(VolumePlace)]):
            for volume in rows_of(batch, VolumePlace):
                found[volume.config][volume.shard, volume.row][volume.column] = volume
    except (KeyError, TypeError, pa.ArrowException) as error:
        message = "The manifest of volumes lacks a column that a reader needs."
        raise SchemaError(
            message, hint="Install the version of umd-curate that made the release, or a newer one."
        ) from error
    return OpenRelease(source, verify, {config: _places(rows) for config, rows in found.items()})


def _places(rows: Mapping[tuple[str, int], dict[str, VolumePlace]]) -> list[RowPlace]:
    places = []
    for (shard, row), volumes in sorted(rows.items()):
        one = next(iter(volumes.values()))
        places.append(RowPlace(one.subject_id, one.session_id, one.split, shard, row, volumes))
    return places
