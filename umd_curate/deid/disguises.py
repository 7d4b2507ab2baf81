"""Undoes what hides text from a search: base64, hex, percent signs, entities, escapes, other ways to write a day, separators.

Each function takes bytes and gives bytes in which the hidden text stands plain; all at every alignment.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from umd_curate.deid.days import days_in

MIN_BASE64, MIN_HEX = 8, 10  # characters of the shortest run that is decoded: six and five bytes
SEPARATORS = b" -_./()+\t"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_IN_BASE64 = np.zeros(256, np.bool_)
_IN_BASE64[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")] = True
_IN_HEX = np.zeros(256, np.bool_)
_IN_HEX[list(b"0123456789abcdefABCDEF")] = True
_LINE_END = b"CgoK"  # three of them in base64
_FILL = (b"", b"A", b"AA", b"AAA")
_HEX_MARKS = re.compile(rb"0x|\\x")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_QUOTED = re.compile(rb"=[0-9A-F]{2}|=\r?\n")
_ESCAPE = re.compile(rb"(?:\\u[0-9A-Fa-f]{4})+")
_ENTITY = re.compile(rb"&(?:#\d{2,6}|#[xX][0-9A-Fa-f]{2,6}|[A-Za-z]{2,10});")


def undone(data: bytes, *, is_text: bool = True) -> Iterator[tuple[str, bytes]]:
    """Name of each disguise that `data` may wear, with what is under it; escapes are looked for in text alone."""
    yield "base64", _base64s(data.translate(None, b"\r\n"))
    plain = _HEX_MARKS.sub(b"", data) if is_text and (b"0x" in data or b"\\x" in data) else data
    yield "hex", _hexes(plain.translate(None, b" :,-\r\n"))
    if not is_text:
        return
    yield "day", "\n".join(days_in(data)).encode("ascii")
    if b"%" in data and _PERCENT.search(data):
        yield "percent", _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), data)
    if b"=" in data and _QUOTED.search(data):
        yield "quoted-printable", binascii.a2b_qp(data)
    if b"\\u" in data:
        yield "escapes", _ESCAPE.sub(_unescaped, data)
    if b"&" in data and _ENTITY.search(data):
        yield "entities", _ENTITY.sub(_resolved, data)


def _base64s(data: bytes) -> bytes:
    """What runs of base64 decode to at every alignment, with line ends between them."""
    found = (data[start:end] for start, end in _runs(data, _IN_BASE64, MIN_BASE64))
    runs = [run.translate(_URL_SAFE) for run in found if not _is_plain(run)]
    filled = (run[shift:] + _FILL[(shift - len(run)) % 4] for shift in range(4) for run in runs)
    return base64.b64decode(_LINE_END.join(filled))


def _is_plain(run: bytes) -> bool:
    """Tell a plain number or word; base64 of text has both cases or digits among letters."""
    return run.isdigit() or (run.isalpha() and (run.islower() or run.istitle()))


def _hexes(data: bytes) -> bytes:
    """What runs of hex digits decode to at both alignments, with line ends between them."""
    runs = [data[start:end] for start, end in _runs(data, _IN_HEX, MIN_HEX)]
    even = (run[shift : len(run) - (len(run) - shift) % 2] for shift in range(2) for run in runs)
    return binascii.unhexlify(b"0a".join(even))


def _runs(data: bytes, members: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """Start and end of the runs of at least `least` bytes that are all members."""
    inside = members.take(np.frombuffer(data, np.uint8))
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    bounds = np.concatenate(([0], edges, [len(data)]))
    starts, ends = bounds[:-1], bounds[1:]
    chosen = ends - starts >= least
    starts, ends = starts[chosen], ends[chosen]
    chosen = inside[np.minimum(starts, max(len(data) - 1, 0))] if len(data) else starts.astype(bool)
    return list(zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True))


def _unescaped(found: re.Match[bytes]) -> bytes:
    units = found[0].decode("ascii").split("\\u")[1:]
    return bytes.fromhex("".join(units)).decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


def _resolved(found: re.Match[bytes]) -> bytes:
    return html.unescape(found[0].decode("ascii")).encode("utf-8", "replace")


def without_separators(data: bytes) -> bytes:
    """The text with its separators taken out; `places_of` leads back."""
    return data.translate(None, SEPARATORS)


def places_of(data: bytes) -> NDArray[np.int64]:
    """Where each byte of `without_separators` stands in the text."""
    separates = np.zeros(256, np.bool_)
    separates[list(SEPARATORS)] = True
    return np.flatnonzero(~separates.take(np.frombuffer(data, np.uint8)))
