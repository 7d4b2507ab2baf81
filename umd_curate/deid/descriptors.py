"""Cleans free descriptors word by word: only words of the vocabulary and small numbers stay (PS3.15 E.3.4).

Pure. The original text is not kept anywhere; what went is counted.
"""

import re
from dataclasses import dataclass

_DATE_LIKE = re.compile(
    r"\d+(?:[-./:]\d+){2,}|\d{1,2}[- ./](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:[- ./]+\d{2,4})?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:\.[0-9]+)?(?:[^\W_]+)?", re.UNICODE)
_MEASURE = re.compile(r"\d{1,3}(?:\.\d{1,2})?(?:mm|cm|s|sec|min|kev|hz|d|ch|x\d{1,3})?\Z")
MAX_DIGITS = 3  # a token with four digits or more may be a date, an accession or a room


@dataclass(frozen=True, slots=True)
class CleanText:
    """What is left of a descriptor, and how many words went."""

    text: str
    dropped: int


def clean_text(text: str, vocabulary: frozenset[str], banned: frozenset[str]) -> CleanText:
    """Keep the words of `vocabulary` and plain measures, in their order; as written where nothing has to go.

    Parameters
    ----------
    text
        Descriptor as the header has it.
    vocabulary
        Words that may stay, lower case.
    banned
        The patient's identifiers, lower case: such a word goes even if the vocabulary holds it.
    """
    without_dates, dates = _DATE_LIKE.subn(" ", text)
    kept: list[str] = []
    dropped = dates
    for word in _WORD.findall(without_dates):
        if _may_stay(word.lower(), vocabulary, banned):
            kept.append(word)
        else:
            dropped += 1
    # Small numbers in a row may be the halves of a telephone number or of a date: one may stay.
    calm = [word for n, word in enumerate(kept) if not (word.isdigit() and n and kept[n - 1].isdigit())]
    dropped += len(kept) - len(calm)
    return CleanText(text.strip(" \0") if not dropped and text.isascii() else " ".join(calm), dropped)


def _may_stay(word: str, vocabulary: frozenset[str], banned: frozenset[str]) -> bool:
    if word in banned or sum(character.isdigit() for character in word) > MAX_DIGITS:
        return False
    return word in vocabulary or bool(_MEASURE.match(word))
