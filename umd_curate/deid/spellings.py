"""Decides in which bytes an identifier may stand in a file: its cases and accents, in the encodings of DICOM, text and tables.

Spellings in letters are made by `identifiers`; how bytes are disguised as base64, hex or escapes is `disguises`' matter.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

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


class Pattern(NamedTuple):
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
    """Patterns of identifiers, each once; UIDs that differ in their last component alone share one."""
    found: dict[tuple[bytes, Kind, str], Pattern] = {}
    roots: dict[str, set[str]] = defaultdict(set)
    plain: list[tuple[Kind, str]] = []
    for kind, value in entries:
        root, _, tail = value.rpartition(".")
        if kind is Kind.UID and len(root) >= MIN_ROOT and tail.isdigit():
            roots[root].add(tail)
        else:
            plain.append((kind, value))
    forms = {value: _forms(value) for _, value in plain if not value.isascii()}
    coded = _coded(
        sorted({form for several in forms.values() for form in several if not form.isascii() and "\n" not in form})
    )
    for kind, value in plain:
        is_number = value.isdigit() or kind is Kind.DATE
        for form in forms.get(value, (value,)):
            for encoding, data in coded.get(form) or _of_ascii(form):
                if len(data) >= LEAST_BYTES and (data, kind, encoding) not in found:
                    is_bounded = encoding != "utf-16" and (is_number or len(value) < BOUNDED_BELOW)
                    found[data, kind, encoding] = Pattern(data, kind, encoding, is_number, is_bounded)
    for root, tails in roots.items():
        for encoding, data in _of_ascii(f"{root}."):
            found[data, Kind.UID, encoding] = Pattern(data, Kind.UID, encoding, tails=frozenset(tails))
    return list(found.values())


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


def _forms(value: str) -> tuple[str, ...]:
    """A value as written, in capitals, with its accents apart, and with initials."""
    return value, value.upper(), unicodedata.normalize("NFD", value), value.title()


def _of_ascii(text: str) -> Iterator[tuple[str, bytes]]:
    """Bytes of a text of ASCII by encoding, in lower case."""
    yield "utf-8", text.encode().lower()
    yield "utf-16", text.encode("utf-16-le")[:-1].lower()  # without the last zero it fits both byte orders


def _coded(texts: list[str]) -> dict[str, list[tuple[str, bytes]]]:
    """Bytes of each text by encoding, in lower case of ASCII letters, without repetition."""
    found: dict[str, dict[bytes, str]] = {text: {} for text in texts}
    for text in texts:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            found[text].setdefault(text.encode(encoding, "surrogatepass").lower(), encoding[:6].removesuffix("-"))
    asked = [text.count("?") for text in texts]
    for codec in _CODECS:
        for text, data in zip(texts, _lines_in(texts, asked, codec), strict=True):
            if data is not None:
                found[text].setdefault(data, codec)
    for codec in _ISO_2022:
        for text in texts:
            for data in _iso_2022(text, codec):
                found[text].setdefault(data, "iso-2022")
    return {text: [(encoding, data) for data, encoding in coded.items()] for text, coded in found.items()}


def _lines_in(texts: list[str], asked: list[int], codec: str) -> list[bytes | None]:
    """Each text in lower case in a code page, encoded all at once; None where it has a character that the page lacks.

    A line end ends no character of these pages, and a question mark, which takes the place of what a page lacks, is part of none;
    `asked` is how many each text has of its own.
    """
    if not texts:
        return []
    lines = "\n".join(texts).encode(codec, "replace").lower().split(b"\n")
    return [line if line.count(b"?") == count else None for line, count in zip(lines, asked, strict=True)]


def _iso_2022(text: str, codec: str) -> Iterator[bytes]:
    """A text with the escapes of its double-byte parts, and without them where that is long enough."""
    try:
        data = text.encode(codec).lower()
    except UnicodeEncodeError:
        return
    if data.endswith(_ISO_2022_END):
        whole = data.removesuffix(_ISO_2022_END)
        yield whole
        bare = re.sub(rb"\x1b[$(.]+[@-z]?", b"", whole)
        if len(bare) >= _DOUBLE_BYTE:
            yield bare
