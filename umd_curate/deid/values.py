"""Decides whether a kept element's value is what its VR promises; a name in the guise of a number or code goes.

Pure: values are numbers, text or bytes as read from the header. Numbers are never rounded or written anew.
"""

import re
from collections.abc import Iterable

_PATTERNS = {
    "DS": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z"),
    "IS": re.compile(r"[+-]?\d{1,12}\Z"),
    "TM": re.compile(r"\d{2}(:?\d{2}(:?\d{2}(\.\d{1,6})?)?)?\Z"),
    "UI": re.compile(r"\d+(\.\d+)+\Z"),
    "CS": re.compile(r"[A-Za-z0-9_ .+/-]{1,40}\Z"),
    "LO": re.compile(r"[A-Za-z0-9_ .,;:+/*()\[\]^%=|#&<>{}\"'-]{1,64}\Z"),
}
_PATTERNS["SH"] = _PATTERNS["LO"]
TELLING_DIGITS = 6  # an IS that equals one of the patient's numbers is that number, not a count
_MAX_NUMBER_TEXT = 24  # DS has 16 characters; some scanners write more
_TELLING = re.compile(r"\d{7,}|@|(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2}")

NUMBER_VRS = frozenset({"DS", "IS"})
BINARY_VRS = frozenset({"FD", "FL", "US", "SS", "UL", "SL", "UV", "SV", "AT"})
TEXT_VRS = frozenset({"CS", "LO", "SH"})
DICOM_ROOT = "1.2.840.10008."


def fits(vr: str, texts: Iterable[str]) -> bool:
    """Say whether every value of an element of text VR has the form that the VR allows (PS3.5 table 6.2-1).

    Empty values fit. Text of CS, LO and SH must also hold no date, no mail address and no run of seven digits.
    """
    pattern = _PATTERNS.get(vr)
    if pattern is None:
        return False
    for raw in texts:
        text = raw.strip(" \0")
        if not text:
            continue
        if not pattern.match(text):
            return False
        if vr in NUMBER_VRS and len(text) > _MAX_NUMBER_TEXT:
            return False
        if vr in TEXT_VRS and _TELLING.search(text):
            return False
    return True


def is_uid(text: str) -> bool:
    """Say whether the text is a UID by its characters; its length is not held against it."""
    return bool(_PATTERNS["UI"].match(text.strip(" \0")))


def is_dicom_uid(text: str) -> bool:
    """Say whether a UID is one that the standard itself assigns (PS3.6 annex A) and so is no identifier."""
    return text.startswith(DICOM_ROOT) and is_uid(text)
