"""Decides which files may have a say in each other's plan: those that share a patient, a study, a series or an instance.

A plan of one such chunk is the same whatever else lies in the folder, so that chunks are planned one after the other. A file
that shares nothing is a chunk of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

KEYS = ("patient_id", "study_uid", "series_uid", "sop_instance_uid")  # that connect files
PART_ROWS = 1024  # of the chunks that are planned in one go, about; one chunk may have more
MISSING = 0  # code of an absent value


@dataclass(frozen=True, slots=True)
class Part:
    """Whole chunks that are planned together: numbers of their rows, ascending."""

    rows: Int64


def chunk_of_rows(columns: Sequence[Int64]) -> Int64:
    """Chunk of each row, named by the number of its first row.

    Parameters
    ----------
    columns
        For each of `KEYS`, one code per row; equal values have equal codes, an absent one has `MISSING`.
    """
    labels = np.arange(len(columns[0]), dtype=np.int64)
    shared = [_shared(column) for column in columns]
    while True:
        before = labels.copy()
        for rows, groups, count in shared:
            least = np.full(count, len(labels), dtype=np.int64)
            np.minimum.at(least, groups, labels[rows])
            labels[rows] = least[groups]
        labels = labels[labels]  # a label is the number of a row of the same chunk, whose label may be smaller by now
        if np.array_equal(labels, before):
            return labels


def parts_of(chunks: Int64, part_rows: int = PART_ROWS) -> Iterator[Part]:
    """Gather chunks into parts of some size, in the order of their first rows."""
    order = np.argsort(chunks, kind="stable")
    _, starts = np.unique(chunks[order], return_index=True)
    begin = 0
    for stop in (*starts[1:], len(order)):
        if stop - begin >= part_rows or stop == len(order):
            yield Part(np.sort(order[begin:stop]))
            begin = stop


def _shared(column: Int64) -> tuple[Int64, Int64, int]:
    """Rows whose value other rows have too, the number of that value, and how many such values there are."""
    values, groups, counts = np.unique(column, return_inverse=True, return_counts=True)
    is_shared = (counts > 1) & (values != MISSING)
    rows = np.flatnonzero(is_shared[groups])
    numbers = np.cumsum(is_shared) - 1
    return rows, numbers[groups[rows]], int(is_shared.sum())
