"""Finds where many byte strings may stand in a block, by windows of four bytes: a filter, then an exact comparison.

Of a string of seven bytes and more, one of four neighbouring windows stands at a multiple of four wherever the string begins,
so only a quarter of the block's windows is looked up. Shorter strings are looked up at every byte. Strings are in lower case;
a block may be in any. What stands around a place is judged by `audit`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

WIDTH = 4  # bytes of a window
ALIGNED_FROM = 2 * WIDTH - 1  # bytes of the shortest string that holds a whole window at a multiple of four
COMPARED = 8  # bytes of each string that are compared at once for all candidates
_MIN_BITS, _MAX_BITS, _SPARE_BITS = 16, 22, 6  # of the filter: it stays in the cache, and sparse
_MULTIPLIER = np.uint32(0x9E3779B1)  # 2^32 over the golden ratio
_CASE = np.uint32(0x20202020)  # set, letters of both cases are one
_FREQUENT = np.isin(np.arange(256), list(b"\0 .-0123etaoinsr"))  # bytes that make a poor window
_LOWER = np.frombuffer(bytes(range(256)).lower(), np.uint8)

Ints = NDArray[np.int64]


class Windows:
    """The strings of one search, by their windows."""

    def __init__(self, strings: Sequence[bytes]) -> None:
        self._lengths = np.array([len(string) for string in strings], np.int64)
        heads = b"".join(string[:COMPARED].ljust(COMPARED, b"\0") for string in strings)
        self._head = np.frombuffer(heads, np.uint8).reshape(len(strings), COMPARED)
        self._last = np.frombuffer(b"".join(string[-1:] for string in strings), np.uint8)
        self._matters = np.arange(COMPARED) < self._lengths[:, None]
        numbers = range(len(strings))
        short = [number for number in numbers if WIDTH <= len(strings[number]) < ALIGNED_FROM]
        self._short = _Table(strings, short, 1)
        self._long = _Table(strings, [number for number in numbers if len(strings[number]) >= ALIGNED_FROM], WIDTH)

    def candidates(self, block: bytes, *, short: bool) -> Iterator[tuple[int, int]]:
        """Places where a string begins, with its number, if all but what lies beyond its first bytes is right.

        Parameters
        ----------
        block
            Bytes in any case.
        short
            Look for the strings of less than seven bytes too.
        """
        data = np.frombuffer(block, np.uint8)
        for shift in range(WIDTH if short else 0):
            yield from self._compared(data, *self._short.pairs(block, shift))
        yield from self._compared(data, *self._long.pairs(block, 0))

    def _compared(self, data: NDArray[np.uint8], places: Ints, numbers: Ints) -> Iterator[tuple[int, int]]:
        fits = (places >= 0) & (places + self._lengths[numbers] <= len(data)) if len(places) else places.astype(bool)
        places, numbers = places[fits], numbers[fits]
        likely = _LOWER[data[places]] == self._head[numbers, 0]  # these two are cheap, and rule out most
        places, numbers = places[likely], numbers[likely]
        likely = _LOWER[data[places + self._lengths[numbers] - 1]] == self._last[numbers]
        places, numbers = places[likely], numbers[likely]
        if not len(places):
            return
        spots = np.minimum(places[:, None] + np.arange(COMPARED), len(data) - 1)
        same = (_LOWER[data[spots]] == self._head[numbers]) | ~self._matters[numbers]
        right = same.all(axis=1)
        yield from zip(places[right].tolist(), numbers[right].tolist(), strict=True)


class _Table:
    """Windows of some strings, behind a bitmap of their hashes; `count` neighbouring windows of each string."""

    def __init__(self, strings: Sequence[bytes], chosen: Sequence[int], count: int) -> None:
        parts = [np.empty((0, 3), np.int64)]
        by_length: dict[int, list[int]] = defaultdict(list)
        for number in chosen:
            by_length[len(strings[number])].append(number)
        for length, numbers in sorted(by_length.items()):
            joined = b"".join(strings[number] for number in numbers)
            matrix = np.frombuffer(joined, np.uint8).reshape(len(numbers), length)
            first = _best_starts(matrix, WIDTH + count - 1)
            for start in (first + step for step in range(count)):
                windows = matrix[np.arange(len(numbers))[:, None], start[:, None] + np.arange(WIDTH)]
                values = np.ascontiguousarray(windows).view("<u4")[:, 0] | _CASE
                parts.append(np.column_stack([values.astype(np.int64), np.array(numbers, np.int64), start]))
        columns = np.concatenate(parts)
        columns = columns[np.argsort(columns[:, 0], kind="stable")]
        values = columns[:, 0].astype(np.uint32)
        firsts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
        self._windows = values[firsts]
        self._firsts = np.append(firsts, len(columns)).astype(np.int64)
        self._numbers, self._starts = columns[:, 1].copy(), columns[:, 2].copy()
        bits = int(np.clip(len(self._windows).bit_length() + _SPARE_BITS, _MIN_BITS, _MAX_BITS))
        self._down = np.uint32(32 - bits)
        self._bitmap = np.zeros(1 << bits, np.bool_)
        self._bitmap[(self._windows * _MULTIPLIER) >> self._down] = True

    def pairs(self, block: bytes, shift: int) -> tuple[Ints, Ints]:
        """Begin of the string and its number, for each window of a block that is one of a string's."""
        count = (len(block) - shift) // WIDTH
        if not len(self._windows) or count < 1:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        windows = np.frombuffer(block, "<u4", count, shift) | _CASE
        hashed = windows * _MULTIPLIER
        hashed >>= self._down
        spots = np.flatnonzero(self._bitmap.take(hashed))
        values = windows[spots]
        known = np.minimum(np.searchsorted(self._windows, values), len(self._windows) - 1)
        exact = self._windows[known] == values
        spots, known = spots[exact], known[exact]
        repeats = self._firsts[known + 1] - self._firsts[known]
        ends = np.cumsum(repeats)
        inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - repeats, repeats)
        entries = np.repeat(self._firsts[known], repeats) + inside
        return np.repeat(spots, repeats) * WIDTH + shift - self._starts[entries], self._numbers[entries]


def _best_starts(matrix: NDArray[np.uint8], width: int) -> Ints:
    """Start of the part with the fewest frequent bytes in each row; of equals the last, where numbers and UIDs differ."""
    poor = np.cumsum(_FREQUENT.take(matrix), axis=1, dtype=np.int64)
    poor = np.concatenate([np.zeros((len(matrix), 1), np.int64), poor], axis=1)
    counts = poor[:, width:] - poor[:, :-width]
    last = counts.shape[1] - 1
    starts: Ints = last - np.argmin(counts[:, ::-1], axis=1).astype(np.int64)
    return starts
