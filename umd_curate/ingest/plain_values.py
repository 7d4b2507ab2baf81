"""Decides how the bytes of a plain element become the value that an `InstanceHeader` holds, exactly as pydicom would have it.

Where the two could differ (a character set that switches, a name in several scripts, text where a number belongs), a decoder
raises `ValueError` and the header goes to pydicom. The kinds of values are those of `elements`.
"""

import math
import struct
from collections.abc import Callable

from umd_curate.ingest import elements
from umd_curate.ingest.elements import Value

Decoder = Callable[[bytes, str], Value]

_ESCAPE = 0x1B
_NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}

# Defined terms of (0008,0005), PS3.3 C.12.1.1.2, that stand alone and decode without switching.
_PLAIN_SETS = {
    "": "latin-1",
    "ISO_IR 6": "latin-1",
    "ISO_IR 100": "latin-1",
    "ISO 2022 IR 6": "latin-1",
    "ISO 2022 IR 100": "latin-1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso_ir_126",
    "ISO_IR 127": "iso_ir_127",
    "ISO_IR 138": "iso_ir_138",
    "ISO_IR 144": "iso_ir_144",
    "ISO_IR 148": "iso_ir_148",
    "ISO_IR 166": "iso_ir_166",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
# Sets of which only printable ASCII is read here; it is the same in all of them.
_OTHER_NUMBERS = (13, 58, 87, 101, 109, 110, 126, 127, 138, 144, 148, 149, 159, 166)
_OTHER_SETS = frozenset(
    {"ISO_IR 13", "ISO 2022 GBK", "ISO 2022 58"} | {f"ISO 2022 IR {number}" for number in _OTHER_NUMBERS}
)
ASCII_ONLY = "ascii"


def plain_codec(raw: bytes) -> str:
    """Python's name of the codec for a value of (0008,0005); `ASCII_ONLY` where only ASCII is known to be plain.

    Raises
    ------
    ValueError
        The value is no defined term.
    """
    name = raw.decode("latin-1").rstrip(" \0")
    if name in _PLAIN_SETS:
        return _PLAIN_SETS[name]
    if all(term in _OTHER_SETS or term in _PLAIN_SETS for term in name.split("\\")):
        return ASCII_ONLY
    raise ValueError


def is_plain_text(raw: bytes, codec: str, *, is_name: bool) -> bool:
    """Say whether text needs no more than its codec: no escape sequence, no second script or second value of a name."""
    if _ESCAPE in raw or (is_name and (b"=" in raw or b"\\" in raw)):
        return False
    return codec != ASCII_ONLY or (raw.isascii() and raw.rstrip(b"\0").decode("ascii").isprintable())


def decode_text(raw: bytes) -> str | None:
    """One or several values of code strings, dates and times: default character set, padding off."""
    return raw.decode("latin-1").strip(" \0") or None


def decoder_of(vr: str, kind: Callable[[object], Value]) -> Decoder:
    """Decoder for elements of a VR of which a field holds the given kind of value.

    Raises
    ------
    KeyError
        There is none: such a field needs one here.
    """
    if vr in _NUMBERS:
        return _binary(_NUMBERS[vr], kind)
    decoders: dict[tuple[str, Callable[[object], Value]], Decoder] = {
        ("UI", elements.text): _uid,
        ("LO", elements.text): _free_text,
        ("SH", elements.text): _free_text,
        ("PN", elements.text): _free_text,
        **{(code, elements.text): _code_text for code in ("AS", "CS", "DA", "DT", "TM")},
        ("CS", elements.texts): _codes,
        ("DS", elements.number): _decimal,
        ("DS", elements.numbers): _decimals,
        ("IS", elements.whole): _integer,
    }
    return decoders[vr, kind]


def _uid(raw: bytes, codec: str) -> Value:  # noqa: ARG001
    if b"\\" in raw:
        raise ValueError
    return raw.decode("latin-1").rstrip("\0 ").strip().strip(" \0") or None


def _code_text(raw: bytes, codec: str) -> Value:  # noqa: ARG001
    return decode_text(raw)


def _codes(raw: bytes, codec: str) -> Value:  # noqa: ARG001
    parts = tuple(part.strip(" \0") for part in raw.decode("latin-1").rstrip(" \0").split("\\"))
    return parts if any(parts) else ()


def _free_text(raw: bytes, codec: str) -> Value:
    text = raw.decode(codec)
    if "\\" in text:
        text = "\\".join(part.rstrip("\0 ") for part in text.split("\\"))
    return text.strip(" \0") or None


def _decimals(raw: bytes, codec: str) -> Value:  # noqa: ARG001
    text = raw.decode("latin-1").strip().rstrip(" \0")
    if not text:
        return ()
    found = tuple(map(float, text.split("\\")))
    return found if all(map(math.isfinite, found)) else ()


def _decimal(raw: bytes, codec: str) -> Value:
    text = raw.decode("latin-1").strip().rstrip(" \0")
    if not text:
        return None
    if "\\" in text:
        _decimals(raw, codec)  # each must be a number
        text = text.partition("\\")[0]
    found = float(text)
    return found if math.isfinite(found) else None


def _integer(raw: bytes, codec: str) -> Value:  # noqa: ARG001
    text = raw.decode("latin-1").rstrip(" \0")
    if not text:
        return None
    first, *_ = [int(part) for part in text.split("\\")]  # each must be a number
    return int(float(first))


def _binary(letter: str, kind: Callable[[object], Value]) -> Decoder:
    size = struct.calcsize("<" + letter)

    def decode(raw: bytes, codec: str) -> Value:  # noqa: ARG001
        count, rest = divmod(len(raw), size)
        if rest:
            raise ValueError
        return kind(struct.unpack(f"<{count}{letter}", raw))

    return decode
