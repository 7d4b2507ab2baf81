"""Decides in which bytes an identifier may stand in a file: its cases and accents, in the encodings of DICOM, text and tables.

Spellings in letters are made by `identifiers`; how bytes are disguised as base64, hex or escapes is `disguises`' matter.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from umd_curate.deid.identifiers import BOUNDED_BELOW, Kind

LEAST_BYTES = 4  # shorter ones are met by chance everywhere
MIN_ROOT = 11  # characters of a UID up to its last dot that are rare enough to be looked for
MIN_BARE = 7  # letters and digits of a number that is looked for with separators in it
LEAST_BARE_DIGITS = 9  # of a plain number that may have blanks in it; shorter ones are met in any table
_DOUBLE_BYTE = 8  # bytes of a 7-bit double-byte text that are looked for without its escape
_ISO_2022_END = b"\x1b(b"
# Of PS3.3 C.12.1.1.2 and the usual code pages; an encoding that gives the bytes of an earlier one adds nothing.
_CODECS = (
    "latin-1", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-9",
    "iso8859-15", "cp1250", "cp1251", "cp1253", "koi8-r", "cp437", "cp850", "mac-roman", "tis-620", "shift-jis", "euc-jp", "euc-kr",
    "gb18030", "big5",
)  # fmt: skip
_ISO_2022 = ("iso2022-jp-2", "iso2022-jp-1")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Bytes that are looked for.

    Parameters
    ----------
    spelling
        In lower case.
    kind, encoding
        What is said of a hit.
    is_number
        A number or date: it must not stand in a longer number.
    is_bounded
        It must not stand in a longer word or number.
    tails
        Of the root of UIDs: the digits that follow its dot; empty for all others.
    """

    spelling: bytes
    kind: Kind
    encoding: str
    is_number: bool = False
    is_bounded: bool = False
    tails: frozenset[str] = frozenset()


def patterns_of(entries: Iterable[tuple[Kind, str]]) -> list[Pattern]:
    """Patterns of identifiers, sorted; UIDs that differ in their last component alone share one."""
    found: dict[tuple[bytes, Kind, str], Pattern] = {}
    roots: dict[str, set[str]] = defaultdict(set)
    for kind, value in entries:
        root, _, tail = value.rpartition(".")
        if kind is Kind.UID and len(root) >= MIN_ROOT and tail.isdigit():
            roots[root].add(tail)
            continue
        for pattern in _of_value(kind, value):
            found.setdefault((pattern.spelling, pattern.kind, pattern.encoding), pattern)
    for root, tails in roots.items():
        for encoding, data in _encoded(f"{root}."):
            found[data, Kind.UID, encoding] = Pattern(data, Kind.UID, encoding, tails=frozenset(tails))
    return [found[key] for key in sorted(found)]


def bare_patterns_of(entries: Iterable[tuple[Kind, str]]) -> list[Pattern]:
    """Patterns of numbers without separators, for a text of which the separators were taken out."""
    bare = {
        (kind, re.sub(r"[\W_]", "", value))
        for kind, value in entries
        if kind in {Kind.ID, Kind.CONTACT, Kind.DEVICE} and any(character.isdigit() for character in value)
    }
    return [
        Pattern(value.lower().encode(), kind, "separated", is_number=value.isdigit(), is_bounded=True)
        for kind, value in sorted(bare)
        if len(value) >= MIN_BARE and value.isascii()
    ]


def _of_value(kind: Kind, value: str) -> Iterator[Pattern]:
    is_number = value.isdigit() or kind is Kind.DATE
    forms = (value,) if value.isascii() else (value, value.upper(), unicodedata.normalize("NFD", value), value.title())
    for form in forms:
        for encoding, data in _encoded(form):
            if len(data) >= LEAST_BYTES:
                is_bounded = encoding != "utf-16" and (is_number or len(value) < BOUNDED_BELOW)
                yield Pattern(data, kind, encoding, is_number, is_bounded)


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    """Bytes of a text by encoding, in lower case of ASCII letters, without repetition."""
    yield "utf-8", text.encode().lower()
    if text.isascii():
        yield "utf-16", text.encode("utf-16-le")[:-1].lower()  # without the last zero it fits both byte orders
        return
    seen = set()
    for encoding, data in _encoded_elsewhere(text):
        if data not in seen:
            seen.add(data)
            yield encoding, data


def _encoded_elsewhere(text: str) -> Iterator[tuple[str, bytes]]:
    for order in ("utf-16-le", "utf-16-be"):
        yield "utf-16", text.encode(order).lower()
    for codec in _CODECS:
        data = _bytes_in(text, codec)
        if data is not None:
            yield codec, data
    for codec in _ISO_2022:
        data = _bytes_in(text, codec)
        if data is not None and data.endswith(_ISO_2022_END):
            whole = data.removesuffix(_ISO_2022_END)
            yield "iso-2022", whole
            bare = re.sub(rb"\x1b[$(.]+[@-z]?", b"", whole)
            if len(bare) >= _DOUBLE_BYTE:
                yield "iso-2022", bare


def _bytes_in(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec).lower()
    except UnicodeEncodeError:
        return None
