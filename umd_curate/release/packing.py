"""Decides which row lies in which shard: rows by subject and session, filled up to a target size, a subject never torn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from umd_curate.release.cases import VolumeFacts


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a configuration: its plain values, and the file of each volume column that has one."""

    subject: str
    session: str
    split: str
    values: dict[str, object]
    volumes: dict[str, VolumeFacts]

    @property
    def size(self) -> int:
        """Bytes of its volumes."""
        return sum(volume.file.size for volume in self.volumes.values())


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard to write; `path` is relative to the release folder."""

    config: str
    split: str
    path: str
    rows: tuple[Row, ...]


def pack(config: str, rows: Sequence[Row], splits: Sequence[str], target_bytes: int) -> tuple[Shard, ...]:
    """Shards of one configuration, split after split; a split without rows has none.

    Parameters
    ----------
    config
        Name of the configuration.
    rows
        Its rows, in any order.
    splits
        Names of the splits, in order.
    target_bytes
        A shard is closed before the subject that would carry it over this size; a larger subject has a shard of its own.
    """
    shards: list[Shard] = []
    for split in splits:
        bins = _bins([row for row in rows if row.split == split], target_bytes)
        shards += [
            Shard(config, split, f"{config}/{split}-{index:05d}-of-{len(bins):05d}.parquet", tuple(content))
            for index, content in enumerate(bins)
        ]
    return tuple(shards)


def _bins(rows: Sequence[Row], target_bytes: int) -> list[list[Row]]:
    ordered = sorted(rows, key=lambda row: (row.subject, row.session))
    bins: list[list[Row]] = []
    filled = 0
    for _, group in groupby(ordered, key=lambda row: row.subject):
        block = list(group)
        size = sum(row.size for row in block)
        if not bins or filled + size > target_bytes:
            bins.append([])
            filled = 0
        bins[-1] += block
        filled += size
    return bins
