"""Lists what a withdrawn subject left in a release: the files that hold it, by the oid under which the Hub stores them."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from umd_curate.model.release import FileRow
from umd_curate.release.compose import table_path
from umd_curate.release.rows import LABELS_PREFIX
from umd_curate.store.parquet import read_rows
from umd_curate.store.shards import read_plain

ABOUT_SUBJECTS = frozenset({"subjects", "series", "volumes", "labels", "qa", "exclusions", "provenance"})


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of a release that holds a subject; `sha256` is its LFS oid."""

    path: str
    sha256: str
    size: int


def files_that_hold(folder: Path, subject: str) -> list[HeldFile]:
    """Shards with rows of a subject, and the tables that name it, in the order of their paths."""
    return [
        HeldFile(row.path, row.sha256, row.size)
        for row in read_rows(folder / table_path("files"), FileRow)
        if _holds(folder, row, subject)
    ]


def _holds(folder: Path, row: FileRow, subject: str) -> bool:
    if row.kind == "table":
        return Path(row.path).stem in ABOUT_SUBJECTS
    if row.kind != "shard" or not (folder / row.path).is_file():
        return False
    column = "labels_subject_id" if (row.config or "").startswith(LABELS_PREFIX) else "subject_id"
    return any(_has(batch, column, subject) for batch in read_plain(folder / row.path, (column,)))


def _has(batch: pa.RecordBatch, column: str, subject: str) -> bool:
    found: bool = pc.any(pc.equal(batch.column(column), subject)).as_py() or False
    return found
