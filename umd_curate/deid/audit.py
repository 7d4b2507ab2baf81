"""Searches bytes for identifiers in every encoding in which they could have slipped through; knows nothing of files.

Looked for in text: UTF-8, Latin-1, UTF-16, the same inside base64 and hex, upper and lower case alike. In numeric payload
(voxels, compressed images) only spellings of eight bytes and more are looked for, and no dates and no UTF-16: there, an
eight-digit date or a four-letter word is met by chance, and so spellings of less than six bytes are not looked for in
unreadable bytes of any kind. One pass of a windowed hash filter finds candidates, which are
then compared byte by byte.
"""

import base64
import binascii
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.deid.identifiers import BOUNDED_BELOW, IdentifierSet, Kind

SHORT_WINDOW, LONG_WINDOW = 4, 8  # bytes that are hashed for short and long spellings
_FILTER_BITS = 22
_BLOCK = 1 << 24
_OVERLAP = 1 << 10
_MULTIPLIER: dict[int, np.unsignedinteger] = {
    SHORT_WINDOW: np.uint32(0x9E3779B1),
    LONG_WINDOW: np.uint64(0x9E3779B97F4A7C15),
}
_DTYPE: dict[int, np.dtype[np.unsignedinteger]] = {SHORT_WINDOW: np.dtype("<u4"), LONG_WINDOW: np.dtype("<u8")}
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}(?:[\r\n]+[A-Za-z0-9+/_-]{4,})*={0,2}")
_HEX = re.compile(rb"(?:[0-9a-f]{2}[ :,-]?){5,}")
_BEFORE_NUMBER = re.compile(rb"(?:[0-9a-f]|\d\.)\Z")
_AFTER_NUMBER = re.compile(rb"[0-9a-f]|\.\d")
_BEFORE_WORD = re.compile(rb"[a-z0-9]\Z")
_AFTER_WORD = re.compile(rb"[a-z0-9]")
_READABLE = bytes(range(32, 127)) + b"\0\t\r\n"
READABLE_PART = 0.75  # of the bytes of text or of a header; of noise it is 0.39
LEAST_READABLE = 12  # bytes; fewer decoded ones look like text too easily
_FREQUENT = frozenset(b"\0 .0123etaoinsr")  # bytes that make a poor window


@dataclass(frozen=True, slots=True)
class _Pattern:
    spelling: bytes
    kind: Kind
    encoding: str
    is_number: bool
    is_bounded: bool
    offset: int  # of the hashed window inside the spelling


Found = tuple[Kind, str]  # kind of identifier and encoding in which it stood


class Searcher:
    """The search for one set of identifiers; made once, used for many files."""

    def __init__(self, identifiers: IdentifierSet) -> None:
        patterns = sorted(
            {pattern for kind, value in identifiers for pattern in _patterns(kind, value)},
            key=lambda pattern: (pattern.spelling, pattern.kind, pattern.encoding),
        )
        self._text = [_Filter(patterns, width) for width in (SHORT_WINDOW, LONG_WINDOW)]
        solid = [p for p in patterns if p.kind is not Kind.DATE and p.encoding != "utf-16"]
        self._payload = [_Filter(solid, LONG_WINDOW)]

    def in_text(self, data: bytes) -> set[Found]:
        """Kinds and encodings of the identifiers in text, in a header, or in a file of unknown form."""
        lowered = data.lower()
        found = _search(self._text, lowered, SHORT_WINDOW if _is_readable(data) else BOUNDED_BELOW)
        for name, decoded, is_readable in _decoded(data, lowered):
            hits = _search(self._text, decoded.lower(), SHORT_WINDOW if is_readable else LONG_WINDOW)
            found |= {(kind, f"{name} of {encoding}") for kind, encoding in hits}
        return found

    def in_payload(self, data: bytes) -> set[Found]:
        """The same in numbers or compressed bytes; see the module for what is left out."""
        return _search(self._payload, data.lower(), LONG_WINDOW)


class _Filter:
    """Patterns of one window width, behind a bitmap of their hashed windows."""

    def __init__(self, patterns: list[_Pattern], width: int) -> None:
        self.width = width
        self.by_window: dict[int, list[_Pattern]] = defaultdict(list)
        for pattern in patterns:
            if (len(pattern.spelling) >= LONG_WINDOW) == (width == LONG_WINDOW):
                window = pattern.spelling[pattern.offset : pattern.offset + width]
                self.by_window[int.from_bytes(window, "little")].append(pattern)
        self.windows = np.array(sorted(self.by_window), _DTYPE[width])
        self.bitmap = np.zeros(1 << _FILTER_BITS, np.bool_)
        self.bitmap[self._hash(self.windows)] = True

    def _hash(self, windows: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        bits = windows.dtype.itemsize * 8
        with np.errstate(over="ignore"):
            hashed: NDArray[np.unsignedinteger] = (windows * _MULTIPLIER[self.width]) >> windows.dtype.type(
                bits - _FILTER_BITS
            )
        return hashed

    def candidates(self, data: bytes) -> Iterator[tuple[int, _Pattern]]:
        """Places where a pattern may begin, with the pattern."""
        if not len(self.windows):
            return
        for shift in range(self.width):
            count = (len(data) - shift) // self.width
            if count < 1:
                return
            windows = np.frombuffer(data, _DTYPE[self.width], count, shift)
            places = np.flatnonzero(self.bitmap[self._hash(windows)])
            values = windows[places]
            nearest = np.minimum(np.searchsorted(self.windows, values), len(self.windows) - 1)
            exact = self.windows[nearest] == values
            for place, value in zip(places[exact].tolist(), values[exact].tolist(), strict=True):
                for pattern in self.by_window[value]:
                    yield place * self.width + shift - pattern.offset, pattern


def _search(filters: list[_Filter], lowered: bytes, least: int) -> set[Found]:
    """Patterns of at least `least` bytes that stand in lower-case bytes."""
    found: set[Found] = set()
    for start in range(0, max(len(lowered), 1), _BLOCK):
        block = lowered[max(start - _OVERLAP, 0) : start + _BLOCK + _OVERLAP]
        for one in filters:
            for place, pattern in one.candidates(block):
                if len(pattern.spelling) < least or (pattern.kind, pattern.encoding) in found:
                    continue
                if place >= 0 and _stands(block, place, pattern):
                    found.add((pattern.kind, pattern.encoding))
    return found


def _stands(data: bytes, place: int, pattern: _Pattern) -> bool:
    if not data.startswith(pattern.spelling, place):
        return False
    if not pattern.is_bounded:
        return True
    end = place + len(pattern.spelling)
    before, after = data[max(place - 2, 0) : place], data[end : end + 2]
    if pattern.is_number:
        return not (_BEFORE_NUMBER.search(before) or _AFTER_NUMBER.match(after))
    return not (_BEFORE_WORD.search(before) or _AFTER_WORD.match(after))


def _patterns(kind: Kind, value: str) -> Iterator[_Pattern]:
    is_number = value.isdigit() or kind is Kind.DATE
    for form in {value, value.upper(), unicodedata.normalize("NFD", value), value.title()}:
        for encoding, data in _encoded(form):
            spelling = data.lower()
            if len(spelling) < SHORT_WINDOW:
                continue
            is_bounded = encoding != "utf-16" and (is_number or len(value) < BOUNDED_BELOW)
            yield _Pattern(spelling, kind, encoding, is_number, is_bounded, _best_window(spelling))


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    yield "utf-8", text.encode()
    if text.isascii():
        yield "utf-16", text.encode("utf-16-le")[:-1]  # without the last zero it fits both byte orders
        return
    yield "utf-16", text.encode("utf-16-le")
    yield "utf-16", text.encode("utf-16-be")
    try:
        yield "latin-1", text.encode("latin-1")
    except UnicodeEncodeError:
        return


def _best_window(spelling: bytes) -> int:
    """Start of the window with the fewest frequent bytes; of equals the last, where UIDs differ."""
    width = LONG_WINDOW if len(spelling) >= LONG_WINDOW else SHORT_WINDOW
    return min(
        range(len(spelling) - width, -1, -1),
        key=lambda start: sum(byte in _FREQUENT for byte in spelling[start : start + width]),
    )


def _decoded(data: bytes, lowered: bytes) -> Iterator[tuple[str, bytes, bool]]:
    """What base64 and hex runs in `data` decode to, at every alignment: readable ones joined, and the rest joined.

    A checksum decodes to noise, in which a four-letter word is met by chance.
    """
    runs = [re.sub(rb"[\r\n=]", b"", found[0]).translate(_URL_SAFE) for found in _BASE64.finditer(data)]
    base64s = [_from_base64(run[shift:]) for run in runs if _is_mixed(run) for shift in range(4)]
    digits = [re.sub(rb"[ :,-]", b"", found[0]) for found in _HEX.finditer(lowered)]
    hexes = [_from_hex(run[shift:]) for run in digits for shift in range(2)]
    for name, decoded in (("base64", base64s), ("hex", hexes)):
        parts: dict[bool, list[bytes]] = {True: [], False: []}
        for one in decoded:
            parts[len(one) >= LEAST_READABLE and _is_readable(one)].append(one)
        for is_readable, ones in parts.items():
            yield name, b"\n".join(ones), is_readable


def _is_readable(data: bytes) -> bool:
    """Say whether bytes are mostly text in some encoding, or a header, rather than noise."""
    return len(data.translate(None, _READABLE)) <= len(data) * (1 - READABLE_PART)


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _is_mixed(run: bytes) -> bool:
    """Plain words and plain numbers are no base64: those have both cases or digits among letters."""
    return not (run.isdigit() or run.islower())


def _from_base64(run: bytes) -> bytes:
    whole = run[: len(run) // 4 * 4]
    rest = run[len(whole) :]
    tail = rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""
    try:
        return base64.b64decode(whole + tail)
    except binascii.Error:
        return b""


def _from_hex(run: bytes) -> bytes:
    return bytes.fromhex(run[: len(run) // 2 * 2].decode("ascii"))
