"""Decides which words may stay in what scanners fill from lists: coded strings, maker, model, software, kernel, methods.

Pure. Each part of ``manifests/deid/terms.toml`` serves some elements with its own words and patterns; free descriptors are
cleaned by `descriptors`, with the common vocabulary.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CODED = "coded"  # part for every coded string without a part of its own
_TOKEN = re.compile(r"[^\W_]+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Part:
    """Words, lower case, and a pattern that a whole token must match."""

    words: frozenset[str]
    pattern: re.Pattern[str] | None

    def unknown(self, text: str, banned: frozenset[str]) -> list[str]:
        """Tokens of a text that may not stay; `banned` are the patient's words, lower case."""
        return [token for token in _TOKEN.findall(text) if not self._may_stay(token.lower(), banned)]

    def cleaned(self, text: str, banned: frozenset[str]) -> tuple[str, int]:
        """Text without what may not stay, as written where nothing has to go; and how many tokens went."""
        tokens = _TOKEN.findall(text)
        kept = [token for token in tokens if self._may_stay(token.lower(), banned)]
        if len(kept) == len(tokens) and text.isascii():
            return text.strip(" \0"), 0
        return " ".join(kept), max(len(tokens) - len(kept), 1)

    def _may_stay(self, token: str, banned: frozenset[str]) -> bool:
        if token in banned or not token.isascii():
            return False
        return token in self.words or bool(self.pattern and self.pattern.match(token))


@dataclass(frozen=True, slots=True)
class Terms:
    """Parts by tag; `coded` serves all others."""

    by_tag: Mapping[int, Part]
    coded: Part

    def of(self, tag: int) -> Part:
        """Part of an element."""
        return self.by_tag.get(tag, self.coded)


def parse_terms(data: bytes, vocabulary: frozenset[str]) -> Terms:
    """Read the parts; those with ``vocabulary = true`` also take the words of descriptors.

    Raises
    ------
    ValueError, KeyError
        The file is malformed; the packaged one is tested.
    """
    by_tag: dict[int, Part] = {}
    coded = Part(frozenset(), None)
    for name, entry in tomllib.loads(data.decode()).items():
        words = frozenset(entry.get("words", "").lower().split()) | (vocabulary if entry.get("vocabulary") else set())
        part = Part(words, _pattern(entry.get("patterns", ())))
        if name == CODED:
            coded = part
        by_tag |= {int(tag.replace(",", ""), 16): part for tag in entry.get("tags", ())}
    return Terms(by_tag, coded)


def _pattern(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(rf"(?:{joined})\Z") if joined else None
