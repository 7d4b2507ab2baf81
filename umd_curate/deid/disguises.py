"""Undoes what hides text from a search: base64, hex, percent signs, entities, JSON's escapes, quoted-printable, separators.

Each function takes bytes and gives bytes in which the hidden text stands plain; all at every alignment.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

MIN_BASE64, MIN_HEX = 8, 10  # characters of the shortest run that is decoded: six and five bytes
SEPARATORS = b" -_./()+\t"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_IN_BASE64 = np.zeros(256, np.bool_)
_IN_BASE64[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")] = True
_IN_HEX = np.zeros(256, np.bool_)
_IN_HEX[list(b"0123456789abcdefABCDEF")] = True
_HEX_MARKS = re.compile(rb"0x|\\x")
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_QUOTED = re.compile(rb"=[0-9A-F]{2}|=\r?\n")
_ESCAPE = re.compile(rb"(?:\\u[0-9A-Fa-f]{4})+")
_ENTITY = re.compile(rb"&(?:#\d{2,6}|#[xX][0-9A-Fa-f]{2,6}|[A-Za-z]{2,10});")


def undone(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name of each disguise that `data` may wear, with what is under it."""
    yield "base64", b"\n".join(_base64s(data.translate(None, b"\r\n")))
    plain = _HEX_MARKS.sub(b"", data) if b"x" in data else data
    yield "hex", b"\n".join(_hexes(plain.translate(None, b" :,-\r\n")))
    if _PERCENT.search(data):
        yield "percent", unquote_to_bytes(data)
    if _QUOTED.search(data):
        yield "quoted-printable", binascii.a2b_qp(data)
    if _ESCAPE.search(data):
        yield "escapes", _ESCAPE.sub(_unescaped, data)
    if _ENTITY.search(data):
        yield "entities", html.unescape(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _base64s(data: bytes) -> Iterator[bytes]:
    for start, end in _runs(data, _IN_BASE64, MIN_BASE64):
        run = data[start:end]
        if run.isdigit() or (run.isalpha() and (run.islower() or run.istitle())):
            continue  # a plain number or word; base64 of text has both cases or digits among letters
        run = run.translate(_URL_SAFE)
        yield from (_from_base64(run[shift:]) for shift in range(4))


def _from_base64(run: bytes) -> bytes:
    whole = run[: len(run) // 4 * 4]
    rest = run[len(whole) :]
    tail = rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""
    return base64.b64decode(whole + tail)


def _hexes(data: bytes) -> Iterator[bytes]:
    for start, end in _runs(data, _IN_HEX, MIN_HEX):
        run = data[start:end].decode("ascii")
        yield from (bytes.fromhex(run[shift : shift + (len(run) - shift) // 2 * 2]) for shift in range(2))


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


def without_separators(data: bytes) -> bytes:
    """The text with its separators taken out; `places_of` leads back."""
    return data.translate(None, SEPARATORS)


def places_of(data: bytes) -> NDArray[np.int64]:
    """Where each byte of `without_separators` stands in the text."""
    separates = np.zeros(256, np.bool_)
    separates[list(SEPARATORS)] = True
    return np.flatnonzero(~separates.take(np.frombuffer(data, np.uint8)))
