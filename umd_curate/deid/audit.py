"""Searches bytes for identifiers in every encoding in which they could have slipped through; knows nothing of files.

Looked for in text: the encodings of `spellings`, what `disguises` hides, and numbers with other separators, upper and lower
case alike. In numeric payload (voxels, compressed images) only spellings of eight bytes and more are looked for, and no dates
and no UTF-16: there, an eight-digit date or a four-letter word is met by chance. In text, spellings of less than six bytes
count only where what stands around them is readable; so do those of less than eight in what base64 and hex decode to, since a
checksum decodes to noise.
"""

import re
from collections.abc import Iterator

import numpy as np

from umd_curate.deid.disguises import places_of, undone, without_separators
from umd_curate.deid.identifiers import BOUNDED_BELOW, IdentifierSet, Kind
from umd_curate.deid.spellings import LEAST_BARE_DIGITS, Pattern, bare_patterns_of, patterns_of
from umd_curate.deid.windows import Windows

PAYLOAD_LEAST = 8  # bytes of the shortest spelling that is looked for in numbers and in what base64 and hex decode to
BLOCK = 1 << 18  # bytes that are searched at once: they stay in the cache
TEXT_BLOCK = 1 << 20  # bytes of text that are searched at once in all their disguises
OVERLAP = 1 << 12  # bytes; longer than any spelling in any disguise
MAX_GAP = 2  # separators one after the other inside a number
READABLE_PART = 0.75  # of the bytes of text or of a header; of noise it is 0.39
AROUND = 12  # bytes on each side of a short spelling that must be readable
_READABLE = bytes(range(32, 127)) + b"\0\t\r\n"
_BLANKS = b" \t"
_BEFORE_NUMBER = re.compile(rb"(?:[0-9a-f]|\d\.)\Z")
_AFTER_NUMBER = re.compile(rb"[0-9a-f]|\.\d")
_BEFORE_WORD = re.compile(rb"[a-z0-9]\Z")
_AFTER_WORD = re.compile(rb"[a-z0-9]")
_MAX_TAIL = 64  # digits of a UID (PS3.5 9.1)
_CODED = {"base64", "hex"}

Found = tuple[Kind, str]  # kind of identifier and encoding in which it stood


class Searcher:
    """The search for one set of identifiers; made once, used for many files."""

    def __init__(self, identifiers: IdentifierSet) -> None:
        patterns = patterns_of(identifiers.entries)
        self._text = _Search(patterns)
        self._payload = _Search(
            [
                pattern
                for pattern in patterns
                if pattern.kind is not Kind.DATE
                and pattern.encoding != "utf-16"
                and len(pattern.spelling) >= PAYLOAD_LEAST
            ]
        )
        self._bare = _Search(bare_patterns_of(identifiers.entries))

    def in_text(self, data: bytes) -> set[Found]:
        """Kinds and encodings of the identifiers in text, in a header, or in a file of unknown form."""
        found: set[Found] = set()
        for _, part in _blocks(data, TEXT_BLOCK):
            found |= self._text.in_bytes(part, BOUNDED_BELOW)
            is_text = is_readable(part)
            disguised = list(undone(part, is_text=is_text))
            if self._text.may_stand_in(b"\n".join(plain for _, plain in disguised)):
                for name, plain in disguised:
                    hits = self._text.in_bytes(plain, PAYLOAD_LEAST if name in _CODED else BOUNDED_BELOW)
                    found |= {(kind, f"{name} of {encoding}") for kind, encoding in hits}
            if is_text:
                found |= self._with_separators(part)
        return found

    def in_payload(self, data: bytes) -> set[Found]:
        """The same in numbers or compressed bytes; see the module for what is left out."""
        return self._payload.in_bytes(data, 0)

    def _with_separators(self, data: bytes) -> set[Found]:
        if not self._bare.patterns:
            return set()
        bare = without_separators(data)
        found: set[Found] = set()
        places = None
        for place, pattern in self._bare.hits(bare):
            places = places_of(data) if places is None else places
            where = places[place : place + len(pattern.spelling)]
            if (pattern.kind, pattern.encoding) not in found and _is_one_number(data, where, pattern):
                found.add((pattern.kind, pattern.encoding))
        return found


def _is_one_number(data: bytes, where: np.ndarray, pattern: Pattern) -> bool:
    """Say whether characters with separators between them are one number, and not neighbours in a table."""
    start, end = int(where[0]), int(where[-1]) + 1
    if end - start == len(where) or int(np.diff(where).max()) > MAX_GAP + 1:
        return False  # without a separator the plain search has judged it
    inner = data[start:end]
    if pattern.is_number and len(where) < LEAST_BARE_DIGITS and any(blank in inner for blank in _BLANKS):
        return False
    return _is_alone(data[max(start - 2, 0) : start].lower(), data[end : end + 2].lower(), pattern)


def _is_alone(before: bytes, after: bytes, pattern: Pattern) -> bool:
    """Say whether a spelling is a whole number or word, by what stands before and after it."""
    if pattern.is_number:
        return not (_BEFORE_NUMBER.search(before) or _AFTER_NUMBER.match(after))
    return not (_BEFORE_WORD.search(before) or _AFTER_WORD.match(after))


class _Search:
    """The search for some patterns."""

    def __init__(self, patterns: list[Pattern]) -> None:
        self.patterns = patterns
        self._windows = Windows([pattern.spelling for pattern in patterns])
        self._has_short = any(len(pattern.spelling) < PAYLOAD_LEAST for pattern in patterns)

    def hits(self, data: bytes) -> Iterator[tuple[int, Pattern]]:
        """Places of all patterns, whatever stands around them."""
        for start, block in _blocks(data, BLOCK):
            for place, number in self._windows.candidates(block, short=self._has_short):
                pattern = self.patterns[number]
                if block[place : place + len(pattern.spelling)].lower() == pattern.spelling:
                    yield start + place, pattern

    def may_stand_in(self, data: bytes) -> bool:
        """Say whether any pattern stands there, whatever is around it."""
        return next(self.hits(data), None) is not None

    def in_bytes(self, data: bytes, least: int) -> set[Found]:
        """Kinds and encodings of the patterns; those of less than `least` bytes only where all around is readable."""
        found: set[Found] = set()
        for place, pattern in self.hits(data):
            if (pattern.kind, pattern.encoding) not in found and _stands(data, place, pattern, least):
                found.add((pattern.kind, pattern.encoding))
        return found


def _blocks(data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Parts of at most `size` bytes and an overlap, with where they begin."""
    if len(data) <= size + OVERLAP:
        yield 0, data
        return
    for start in range(0, len(data), size):
        yield start, data[start : start + size + OVERLAP]


def _stands(data: bytes, place: int, pattern: Pattern, least: int) -> bool:
    end = place + len(pattern.spelling)
    if len(pattern.spelling) < least and not is_readable(data[max(place - AROUND, 0) : end + AROUND]):
        return False
    if pattern.tails:
        return _has_tail(data, end, pattern)
    return not pattern.is_bounded or _is_alone(
        data[max(place - 2, 0) : place].lower(), data[end : end + 2].lower(), pattern
    )


def _has_tail(data: bytes, end: int, pattern: Pattern) -> bool:
    """Say whether the last component of one of the UIDs follows their root."""
    follows = data[end : end + 2 * _MAX_TAIL + 1]
    if pattern.encoding == "utf-16":
        follows = follows[1::2] if follows[:1] == b"\0" else follows[::2]
    digits = re.match(rb"\d*", follows)
    text = digits[0].decode("ascii") if digits else ""
    return any(text[:count] in pattern.tails for count in range(1, len(text) + 1))


def is_readable(data: bytes) -> bool:
    """Say whether bytes are mostly text in some encoding, or a header, rather than noise."""
    return len(data.translate(None, _READABLE)) <= len(data) * (1 - READABLE_PART)
