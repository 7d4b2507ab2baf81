"""Runs of elements: stretches of DICOM headers that lie alike in many files, found by themselves and cut in one go.

Slices of a series have the same elements with values of mostly the same length. A run is what followed a head (tag, VR,
length) the last time; it ends where files began to differ. No value is kept.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

KEY_BYTES: Final = 8  # tag, VR and length; of some VRs the length stands behind them (PS3.5 7.1.2)
MOST_RUNS: Final = 512  # a series needs some twenty


class Mark(NamedTuple):
    """One element of a run: its head as it stands in the file, and what it says.

    Parameters
    ----------
    head
        Bytes before the value.
    tag, vr, length
        Of the element; the VR is None where the file does not write it.
    empty
        Stands for a value of no bytes.
    """

    head: bytes
    tag: int
    vr: str | None
    length: int
    empty: bytes | None


class Run:
    """Elements one behind the other.

    Attributes
    ----------
    marks
        Of the elements, in order.
    heads, tags, vrs, lengths
        What the marks say, each by itself.
    places
        Of the values, from the start of the run in bytes.
    size
        Bytes of all elements.
    """

    def __init__(self, marks: Sequence[Mark]) -> None:
        self.marks = tuple(marks)
        self.heads, self.tags, self.vrs, self.lengths, _ = zip(*marks, strict=True)
        ends = tuple(accumulate(len(head) + length for head, length in zip(self.heads, self.lengths, strict=True)))
        self.size = ends[-1]
        self.places = tuple(end - length for end, length in zip(ends, self.lengths, strict=True))
        self._layout = struct.Struct("".join(f"{len(mark.head)}s{mark.length}s" for mark in marks))
        self._empty = tuple((n, mark.empty) for n, mark in enumerate(marks) if not mark.length)

    def cut(self, data: bytes, place: int) -> list[bytes | None]:
        """Values of the elements at `place`, as many as have the heads of the run."""
        found = self._layout.unpack_from(data, place)
        heads, values = found[::2], list(found[1::2])
        for n, empty in self._empty:
            values[n] = empty
        if heads == self.heads:
            return values
        return values[: next(n for n, (head, known) in enumerate(zip(heads, self.heads, strict=True)) if head != known)]


class Runs:
    """All runs that are known, by their first head: one that tells the length of its value."""

    def __init__(self) -> None:
        self._runs: dict[bytes, Run] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def cut(self, data: bytes, place: int, end: int) -> tuple[Run, list[bytes | None]] | None:
        """Longest known run at `place` and the values of its elements; None where none is known that ends before `end`."""
        run = self._runs.get(data[place : place + KEY_BYTES])
        if run is None or place + run.size > end:
            return None
        values = run.cut(data, place)
        if len(values) < len(run.marks):
            self.learn(run.marks[len(values) :])
            run = self._runs[run.heads[0]] = Run(run.marks[: len(values)])
        return run, values

    def learn(self, marks: Sequence[Mark]) -> None:
        """Know these elements from now on."""
        while marks and len(marks[0].head) > KEY_BYTES:  # its length is not in the key
            marks = marks[1:]
        if marks and marks[0].head not in self._runs:
            if len(self._runs) >= MOST_RUNS - 1:
                self._runs.clear()
            self._runs[marks[0].head] = Run(marks)
