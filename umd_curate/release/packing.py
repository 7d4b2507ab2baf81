"""Decides which row lies in which shard: by a hash of the subject alone, so that a change touches only its own shard.

Rows stand in the order of that hash, and a shard is a range of it. So the rows of two configurations with the same sessions are in the same
order however many shards each has, and a subject that comes, goes or is corrected moves no other subject. The number of
shards is a power of two: growth leaves all as they are until a split outgrows it, and then each shard falls in two.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from umd_curate.release.cases import VolumeFacts

_HASH_BITS = 64


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


def _size(row: Row) -> int:
    return row.size


def pack(
    config: str, rows: Sequence[Row], splits: Sequence[str], target_bytes: int, size_of: Callable[[Row], int] = _size
) -> tuple[Shard, ...]:
    """Shards of one configuration, split after split; a split without rows has none, an empty range an empty shard.

    Parameters
    ----------
    config
        Name of the configuration.
    rows
        Its rows, in any order.
    splits
        Names of the splits, in order.
    target_bytes
        Mean size of a split's shards that is not exceeded while there are more subjects than shards.
    size_of
        Bytes of a row.
    """
    shards: list[Shard] = []
    for split in splits:
        mine = sorted((row for row in rows if row.split == split), key=in_order)
        if not mine:
            continue
        count = shard_count(sum(map(size_of, mine)), len({row.subject for row in mine}), target_bytes)
        bins: list[list[Row]] = [[] for _ in range(count)]
        for row in mine:
            bins[subject_hash(row.subject) * count >> _HASH_BITS].append(row)
        shards += [
            Shard(config, split, f"{config}/{split}-{index:05d}-of-{count:05d}.parquet", tuple(content))
            for index, content in enumerate(bins)
        ]
    return tuple(shards)


def in_order(row: Row) -> tuple[int, str, str]:
    """Key of the order in which rows stand."""
    return subject_hash(row.subject), row.subject, row.session


def subject_hash(subject: str) -> int:
    """Place of a subject among all, from 0 below 2**64; it depends on nothing else."""
    return int.from_bytes(hashlib.sha256(f"umd-curate shard\0{subject}".encode()).digest()[: _HASH_BITS // 8], "big")


def shard_count(total_bytes: int, n_subjects: int, target_bytes: int) -> int:
    """Least power of two at which the mean shard is at most `target_bytes`; never more shards than subjects.

    Examples
    --------
    >>> shard_count(5_000, 100, 1_000), shard_count(5_000, 3, 1_000)
    (8, 2)
    """
    count = 1
    while total_bytes > count * target_bytes and count * 2 <= n_subjects:
        count *= 2
    return count
