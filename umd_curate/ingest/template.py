"""What two headers of one scanner have in common, so that the next one is read by comparing whole runs of elements.

Bytes that equal those of a header that was read, from the same boundary between two elements on, hold the same elements:
this is exact, whatever they are. Elements that differ are read one by one. A header that does not fit is read plainly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from umd_curate.ingest.steps import PIXELS, SHORT_VRS, Implicit, after_element

START = 128  # behind the preamble, which says nothing
_META = b"\x02\x00"
_MAGIC = 4  # bytes of "DICM"


@dataclass(frozen=True, slots=True)
class Template:
    """Runs of equal bytes, each followed by one element that may differ.

    Parameters
    ----------
    runs
        Bytes of a run, tag and VR (tag alone where VRs are implicit) of the element behind it, and whether its length has
        two bytes.
    tail
        Bytes of the last run, up to the tag of the pixel data and with it.
    implicit
        As in `steps`.
    """

    runs: tuple[tuple[bytes, bytes, bool], ...]
    tail: bytes
    implicit: Implicit

    def fit(self, data: bytes) -> tuple[list[tuple[bytes, int, int]], int] | None:
        """Elements that may differ (tag and VR, begin and end of the value), and where the header ends; None: no fit."""
        found = []
        place = START
        for run, key, is_short in self.runs:
            if not data.startswith(run, place):
                return None
            place += len(run)
            if not data.startswith(key, place):
                return None
            if is_short:
                start = place + 8
                place = start + (data[place + 6] | data[place + 7] << 8)
            else:
                start, place, _ = after_element(data, place, self.implicit)
            found.append((key, start, place))
        if not data.startswith(self.tail, place):
            return None
        return found, place + len(self.tail) - 4


def template_of(
    one: bytes, other: bytes, implicit: Implicit, needed: frozenset[bytes], varying: frozenset[bytes]
) -> Template | None:
    """Template of a header; elements in which another header differs are left open.

    Parameters
    ----------
    one, other
        Headers that were read plainly, with pixel data behind them.
    implicit
        How the dataset of `one` is encoded.
    needed
        Tags that must be equal: those that decide how others are read.
    varying
        Tags (and VRs, where they are explicit) of elements that are known to differ.

    Returns
    -------
    Template or None
        None where a needed element differs, or an element stands twice.
    """
    runs: list[tuple[bytes, bytes, bool]] = []
    theirs = {key: other[start:end] for key, _, start, end in _spans(other, implicit)}
    begin, seen = START, set()
    for key, place, start, end in _spans(one, implicit):
        if key in seen:
            return None
        seen.add(key)
        if key in varying or theirs.get(key) != one[start:end]:
            is_short = key[4:] in SHORT_VRS
            if key[:4] in needed or (key[:2] == _META and not is_short):
                return None
            runs.append((one[begin:place], key, is_short))
            begin = end
    return Template(tuple(runs), one[begin:], implicit)


def _spans(data: bytes, implicit: Implicit) -> Iterator[tuple[bytes, int, int, int]]:
    """Tag and VR of each element, where it begins, where its value begins, and where it ends."""
    place = START + _MAGIC
    while data[place : place + 4] not in PIXELS:
        mode = None if data[place : place + 2] == _META else implicit
        start, end, _ = after_element(data, place, mode)
        yield data[place : place + (4 if mode is not None else 6)], place, start, end
        place = end
