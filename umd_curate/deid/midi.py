"""Scores de-identified files as MIDI-B does (MICCAI 2024, arXiv 2507.23608): ten actions on single attributes. Pure.

Two scores: `passed` by the rules of the challenge, by which a value that is merely absent counts as shifted or changed,
and a missing file as cleaned; `strict`, which wants the value there and different, and the file there.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ACTIONS = (
    "tag_retained", "text_notnull", "text_retained", "text_removed", "date_shifted", "uid_changed", "uid_consistent", "patid_consistent",
    "pixels_hidden", "pixels_retained",
)  # fmt: skip
_PASS_WHEN_MISSING = frozenset({"text_removed", "date_shifted", "uid_changed", "pixels_hidden"})
_PASS_WHEN_ABSENT = _PASS_WHEN_MISSING | {"uid_consistent", "patid_consistent"}
_STRICT_WHEN_ABSENT = frozenset({"text_removed", "pixels_hidden"})
_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")
# Words that carry no meaning of their own; the challenge leaves out those of a list for English.
_STOPWORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "by",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "she",
        "that",
        "the",
        "their",
        "them",
        "they",
        "this",
        "to",
        "was",
        "were",
        "which",
        "will",
        "with",
        "no",
        "not",
    ]
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One required action: where, what, and the value that the source had."""

    action: str
    place: str  # as ``<(0010,0010)>`` or ``<(0054,0016)>[<0000>]<(0018,1072)>``
    value: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one required action; None where it cannot be judged here."""

    action: str
    passed: bool | None
    strict: bool | None


@dataclass(frozen=True, slots=True)
class Score:
    """Required, passed and strictly passed actions, and those that could not be judged, by action."""

    required: Mapping[str, int]
    passed: Mapping[str, int]
    strict: Mapping[str, int]
    unjudged: Mapping[str, int]

    def share(self, which: Mapping[str, int]) -> float:
        """Part of the judged actions, in percent; 100 where none was required."""
        judged = sum(self.required.values()) - sum(self.unjudged.values())
        return 100.0 * sum(which.values()) / judged if judged else 100.0


def answers_of(data: str) -> list[Answer]:
    """Required actions of one row's ``AnswerData``.

    Raises
    ------
    ValueError, KeyError
        It is not of the known layout.
    """
    return [
        Answer(
            plain(entry["action"]),
            str(entry.get("tag_ds") or ""),
            plain(entry.get("value")),
            plain(entry.get("action_text")),
        )
        for entry in json.loads(data).values()
    ]


def plain(value: object) -> str:
    """A value of the key without the angle brackets around it."""
    return re.sub(r"^<|>$", "", str(value)) if value is not None else ""


def judge(answer: Answer, values: Mapping[str, str] | None, new_of: Mapping[str, str], digest: str) -> Outcome:
    """Judge one action on one file.

    Parameters
    ----------
    answer
        What was required.
    values
        Values of the de-identified file by place; None where there is no such file.
    new_of
        Replacements of UIDs and PatientIDs.
    digest
        MD5 of the file's pixel data as stored.
    """
    if values is None:
        return Outcome(answer.action, answer.action in _PASS_WHEN_MISSING, strict=False)
    if answer.action == "pixels_retained":
        same = digest == answer.text
        return Outcome(answer.action, same, same)
    if answer.action == "pixels_hidden":
        return Outcome(answer.action, None, None)
    found = values.get(answer.place)
    if found is None:
        return Outcome(answer.action, answer.action in _PASS_WHEN_ABSENT, answer.action in _STRICT_WHEN_ABSENT)
    is_right = _is_right(answer, found, new_of)
    return Outcome(
        answer.action, is_right, is_right and (bool(found) or answer.action not in {"date_shifted", "uid_changed"})
    )


def _is_right(answer: Answer, found: str, new_of: Mapping[str, str]) -> bool:
    if answer.action == "tag_retained":
        return True
    if answer.action == "text_notnull":
        return bool(found)
    if answer.action == "text_retained":
        return bool(found) and _holds(found, answer.text, every=True)
    if answer.action == "text_removed":
        return not found or not _holds(found, answer.text, every=False)
    if answer.action in {"date_shifted", "uid_changed"}:
        return answer.value.replace("\\", "") not in found.replace("\\", "")
    return found == new_of.get(answer.value, "")


def _holds(found: str, text: str, *, every: bool) -> bool:
    """Say whether a value holds a text, or every (else: any) word of it that carries meaning."""
    have, wanted = found.lower(), text.lower()
    if _NUMBER.fullmatch(have) and _NUMBER.fullmatch(wanted):
        return float(have) == float(wanted)
    if wanted in have:
        return True
    words = [word for word in re.findall(r"[^\s\W]+(?:[.'-][^\s\W]+)*", wanted) if word not in _STOPWORDS]
    if not words:
        return every
    return all(word in have for word in words) if every else any(word in have for word in words)


def score_of(outcomes: Iterable[Outcome]) -> Score:
    """Count outcomes by action."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        counts["required"][outcome.action] += 1
        counts["passed"][outcome.action] += outcome.passed is True
        counts["strict"][outcome.action] += outcome.strict is True
        counts["unjudged"][outcome.action] += outcome.passed is None
    return Score(*(dict(counts[name]) for name in ("required", "passed", "strict", "unjudged")))
