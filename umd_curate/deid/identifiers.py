"""Decides which spellings of a patient's identifiers are looked for in what was written.

Short or common words are left out, so that noise and ordinary words raise no hit; they still count inside a longer
spelling (``mark john``). Reading headers is left to `gather_io`, searching to `audit`. Values never show in a repr.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from umd_curate.deid.dates import parse_da

MIN_WORD_BYTES = 4
MIN_DIGITS = 5  # shorter numbers occur everywhere
MIN_PHRASE_BYTES = 6
MIN_PLACE_LETTERS = 6
MIN_TEXT = 8
BOUNDED_BELOW = 6  # characters; shorter spellings are only met as whole words, as dates and pure numbers are
MAX_TEXT = 200


class Kind(StrEnum):
    """What sort of identifier was found; a hit says this and never the value."""

    NAME = "name"
    ID = "id"
    UID = "uid"
    DATE = "date"
    CONTACT = "contact"
    PLACE = "place"
    DEVICE = "device"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class IdentifierSet:
    """Identifiers of one patient or of many, as spellings in lower case, each with its kind."""

    entries: frozenset[tuple[Kind, str]] = field(default=frozenset(), repr=False)

    def __or__(self, other: "IdentifierSet") -> "IdentifierSet":
        return IdentifierSet(self.entries | other.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[tuple[Kind, str]]:
        return iter(sorted(self.entries))

    def words(self) -> frozenset[str]:
        """Spellings that must not stay in a text, dates and UIDs aside: those are handled by their own rules."""
        return frozenset(value for kind, value in self.entries if kind not in {Kind.DATE, Kind.UID})


def tells(text: str, spellings: frozenset[str]) -> bool:
    """Say whether a text holds one of the spellings; a short one must stand as a word."""
    lowered = normalised(text)
    words = set(re.split(r"[\W_]+", lowered))
    return any(spelling in (words if len(spelling) < BOUNDED_BELOW else lowered) for spelling in spellings)


def normalised(text: str) -> str:
    """NFC, lower case, blanks collapsed."""
    return " ".join(unicodedata.normalize("NFC", text).lower().split()).strip(" \0")


def folded(text: str) -> str:
    """The same without accents, as a clerk without them on the keyboard writes it."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(character for character in plain if not unicodedata.combining(character))


def from_name(text: str, common: frozenset[str]) -> Iterator[str]:
    """Spellings of a person name (PS3.5 6.2.1.1): its words, and family and given name joined in the usual ways."""
    for group in normalised(text).split("="):
        parts = [" ".join(part.split()) for part in re.split(r"[\^,]", group) if part.strip()]
        for form in {group, folded(group)} if parts else set():
            yield from _words(re.split(r"[\s^,]+", form), common)
            if not form.startswith("^"):
                yield from _phrase(form.rstrip("^ "))
        if len(parts) > 1:
            for first, second in ((parts[0], parts[1]), (parts[1], parts[0])):
                for form in {f"{first}|{second}", folded(f"{first}|{second}")}:
                    for joint in ("^", " ", ", ", ",", "_", "-", ".", ""):
                        yield from _phrase(form.replace("|", joint))


def from_id(text: str, common: frozenset[str]) -> Iterator[str]:
    """Spellings of an identifier: as written, without punctuation, without leading zeros."""
    value = normalised(text)
    bare = re.sub(r"[^\w]", "", value)
    for form in {value, bare, bare.lstrip("0")}:
        if form.isdigit():
            if len(form) >= MIN_DIGITS:
                yield form
        elif len(form.encode()) >= MIN_WORD_BYTES and form not in common:
            yield form


def from_contact(text: str, common: frozenset[str]) -> Iterator[str]:
    """Spellings of an address or telephone number: as written, its parts and rarer words, its digits."""
    value = normalised(text)
    yield from _phrase(value)
    yield from _words([part.strip() for part in re.split(r"[\^,;\r\n\\]", value)], common, MIN_PHRASE_BYTES)
    yield from _words(re.findall(r"[^\W\d_]+", value), common, MIN_PLACE_LETTERS)
    digits = re.sub(r"\D", "", value)
    if len(digits) > MIN_DIGITS and not re.search(r"[^\d\s()+./x-]", value):
        yield digits


def from_place(text: str, common: frozenset[str]) -> Iterator[str]:
    """Spellings of an institution, a department or a station: as written, and its rarer words."""
    value = normalised(text)
    for form in {value, folded(value)}:
        if form not in common:
            yield from _phrase(form)
        yield from _words(re.split(r"[^\w]+", form), common, MIN_PLACE_LETTERS)


def from_date(text: str) -> Iterator[str]:
    """Spellings of the day of a DA or DT value: DICOM's, ISO's and the common national ones."""
    day = parse_da(text.strip()[:10]) or parse_da(text.strip()[:8])
    if day is None:
        return
    y, m, d = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    yield f"{y}{m}{d}"
    for joint in ("-", ".", "/"):
        yield joint.join((y, m, d))
        yield joint.join((d, m, y))
        yield joint.join((m, d, y))
    month = day.strftime("%b").lower()
    yield f"{d}-{month}-{y}"
    yield f"{d} {month} {y}"


def from_uid(text: str) -> Iterator[str]:
    """A UID that the standard did not assign, as written."""
    value = text.strip(" \0")
    if len(value) >= 10 and not value.startswith("1.2.840.10008.") and re.fullmatch(r"[\d.]+", value):
        yield value


def from_text(text: str, common: frozenset[str], *, whole: bool) -> Iterator[str]:
    """What looks like an identifier in free text: long numbers, mail addresses, names with carets.

    Parameters
    ----------
    text
        Comment, descriptor or private text.
    common
        Words that are no identifiers.
    whole
        Also take the text itself, where it has a word that is not common: for elements of which nothing is kept.
    """
    value = normalised(text)
    for word in re.split(r"[^\w.@-]+", value):
        if sum(character.isdigit() for character in word) >= MIN_DIGITS and not re.fullmatch(r"[\d.]*", word):
            yield from from_id(word, common)
        elif (word.isdigit() and len(word) > MIN_DIGITS) or "@" in word[1:-1]:
            yield word
    if re.search(r"[^\W\d]\^[^\W\d]", value) and any(word not in common for word in re.split(r"[\s^,]+", value)):
        yield from from_name(value, common)
    if whole and MIN_TEXT <= len(value) <= MAX_TEXT:
        words = re.findall(r"[^\W\d_]{4,}", value)
        if len(words) > 1 and any(word not in common for word in words):
            yield value


def _words(parts: Iterable[str], common: frozenset[str], least: int = MIN_WORD_BYTES) -> Iterator[str]:
    for part in parts:
        word = part.strip(" .\0")
        if len(word.encode()) >= least and word not in common and not (word.isdigit() and len(word) < MIN_DIGITS):
            yield word


def _phrase(text: str) -> Iterator[str]:
    letters = re.sub(r"[\W_]", "", text)
    if len(letters.encode()) >= MIN_PHRASE_BYTES:
        yield text
