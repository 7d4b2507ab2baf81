"""Recognises what looks like an identifier without knowing anybody's: for trees of which no source header is at hand.

It finds less than a search for known identifiers, and now and then something harmless. Values are judged and never told.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from umd_curate.deid.kinds import BIRTH_DATE, KIND_OF_TAG, PATIENT_ID
from umd_curate.model.ids import SUBJECT_ALPHABET, SUBJECT_LENGTH

NEAR = 48  # bytes between a date and what makes it a person's
MIN_UID = 16  # characters; shorter ones are version numbers


class Telltale(StrEnum):
    """What sort of thing looks like an identifier."""

    UID = "uid-root"  # a UID that was not made by hashing (2.25) and is not DICOM's
    NAME = "person-name"
    DATE = "date-near-name"
    NUMBER = "labelled-number"
    EMAIL = "e-mail"
    PHONE = "telephone"
    ELEMENT = "identifying-element"
    UNDECLARED = "not-declared-clean"
    UNOPENED = "cannot-be-opened"  # encrypted, broken or packed too deep: what is in it was not searched


class Element(NamedTuple):
    """An element of a DICOM header: its tag, VR and value as text."""

    tag: int
    vr: str
    text: str


# Assigned to standards, to software and to codes, not to an installation.
PUBLIC_ROOTS = (
    "2.25.",
    "1.2.840.10008.",
    "2.16.840.1.113883.",  # HL7 and the coding systems
    "1.2.826.0.1.3680043.8.498.",  # pydicom
    "1.2.826.0.1.3680043.9.3811.",  # pynetdicom
    "1.2.826.0.1.3680043.9.7433.",  # highdicom
    "1.2.276.0.7230010.3.0.3.",  # DCMTK's implementation
)
_PUBLIC = tuple(root.encode() for root in PUBLIC_ROOTS)
_SUBJECT = re.compile(rf"(?:sub-)?[{SUBJECT_ALPHABET}]{{{SUBJECT_LENGTH}}}", re.IGNORECASE)
_SAID_NOTHING = re.compile(r"(?:anonym\w*|unknown|none|null|nan|removed|phantom|n/?a)?", re.IGNORECASE)
_UID = re.compile(rb"(?<![\d.])[0-2](?:\.(?:0|[1-9]\d*)){5,}(?![\d.])")
_EMAIL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}\b")
_PHONE = re.compile(
    rb"(?<![\w.+-])(?:\+\d{1,3}(?:[ .-]?\(\d{1,5}\))?(?:[ .-]\d{2,}){2,5}|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w-])"
)
_CALLED_PHONE = re.compile(
    rb"\b(?:tel|phone|fax|telefon|telephone|mobile)\b[.:=\s\"']{1,5}\(?\+?\d[\d ()/.-]{5,20}\d", re.IGNORECASE
)
_CARETED = re.compile(rb"(?<![\w\\^])[^\W\d_][\w'. \x80-\xff-]{1,40}\^(?:[^\W\d_]|[\x80-\xff])[\w\x80-\xff]{1,40}")
_CALLED_NAME = re.compile(
    rb"\bpatient'?s?[ _]?name\b[\"']?\s{0,2}[:=,]\s{0,2}[\"']?([^\"'\r\n,;]{2,64})", re.IGNORECASE
)
_CALLED_NUMBER = re.compile(
    rb"\b(?:mrn|patient[ _]?id|accession(?:[ _]?(?:no|number))?|fallnummer|pat\.?-?nr)\b\.?[\"']?\s{0,2}[:=#]?\s{0,2}[\"']?"
    rb"([A-Z]{0,6}[- ]?\d[\d-]{3,})",
    re.IGNORECASE,
)
_DAY = re.compile(
    rb"(?<![\d.])(?:(?:19|20)\d{2}([-./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])"
    rb"|(?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d{2})(?![\d.])"
)
_PERSON = re.compile(
    rb"\b(?:patient|born|birth|birthdate|birthday|dob|geb|geboren|naissance|nacimiento|mr|mrs|ms|dr|frau|herr)\b"
    rb"|patient_?name|birth_?date",
    re.IGNORECASE,
)


def in_text(data: bytes) -> set[Telltale]:
    """What stands in a text that looks like an identifier."""
    found = set()
    if b"." in data and any(_is_private(match[0]) for match in _UID.finditer(data)):
        found.add(Telltale.UID)
    if b"@" in data and _EMAIL.search(data):
        found.add(Telltale.EMAIL)
    if _PHONE.search(data) or _CALLED_PHONE.search(data):
        found.add(Telltale.PHONE)
    names = [match.span() for match in _CARETED.finditer(data)] if b"^" in data else []
    if names or any(_says_something(match[1]) for match in _CALLED_NAME.finditer(data)):
        found.add(Telltale.NAME)
    if any(_says_something(match[1]) for match in _CALLED_NUMBER.finditer(data)):
        found.add(Telltale.NUMBER)
    if any(_is_near_person(data, match.span(), names) for match in _DAY.finditer(data)):
        found.add(Telltale.DATE)
    return found


def _is_private(uid: bytes) -> bool:
    return len(uid) >= MIN_UID and not uid.startswith(_PUBLIC)


def _says_something(value: bytes) -> bool:
    text = value.decode("utf-8", "replace").strip(" \t\0.\\}])")
    return not (_SUBJECT.fullmatch(text) or _SAID_NOTHING.fullmatch(text))


def _is_near_person(data: bytes, day: tuple[int, int], names: list[tuple[int, int]]) -> bool:
    low, high = max(day[0] - NEAR, 0), day[1] + NEAR
    return any(start < high and end > low for start, end in names) or _PERSON.search(data, low, high) is not None


def in_header(elements: Iterable[Element]) -> set[Telltale]:
    """What a DICOM header says that a clean one does not; of elements at every level, file meta included."""
    kept = list(elements)
    own = next((element.text.strip() for element in kept if element.tag == PATIENT_ID), "")
    found = {telltale for element in kept for telltale in _of_element(element, own)}
    declared = any(element.tag == 0x00120062 and element.text.strip().upper() == "YES" for element in kept)
    return found if declared else found | {Telltale.UNDECLARED}


def _of_element(element: Element, own: str) -> Iterator[Telltale]:
    text = element.text.strip(" \0")
    if not text:
        return
    if element.vr == "UI":
        is_software = element.tag == 0x00020012  # (0002,0012) names a program
        if not is_software and not text.startswith(PUBLIC_ROOTS):
            yield Telltale.UID
    elif element.vr == "PN":
        if text != own and not _SUBJECT.fullmatch(text) and not _SAID_NOTHING.fullmatch(text):
            yield Telltale.NAME
    elif element.tag == BIRTH_DATE or _is_identifying(element.tag, text, own):
        yield Telltale.ELEMENT


def _is_identifying(tag: int, text: str, own: str) -> bool:
    if tag >> 16 & 0xFF01 == 0x6000 or tag >> 16 & 0xFF01 == 0x5000:  # overlays and curves
        return True
    is_known = tag != PATIENT_ID and any(tag in tags for tags in KIND_OF_TAG.values())
    return is_known and text != own and not _SAID_NOTHING.fullmatch(text)
