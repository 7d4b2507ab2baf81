"""Decides what becomes of each element of a header: the keep list, the safe private elements, the vocabularies.

An element without a rule goes. The lists are data in ``manifests/deid/``; applying them to a dataset
and cleaning values is left to `clean_io`, `values` and `descriptors`.
"""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache

from umd_curate.deid.terms import Terms, parse_terms
from umd_curate.errors import ConfigError
from umd_curate.model.config_deid import DeidConfig
from umd_curate.store.resources import resource_bytes


class Action(StrEnum):
    """What happens to an element that may stay."""

    KEEP = "keep"  # carried over as it is, once its value fits its VR
    UID = "uid"  # replaced by the keyed UID, unless it is one of DICOM's own
    DATE = "date"  # DA, shifted by the patient's whole days
    DATETIME = "datetime"  # DT, shifted by the same days; clock and offset stay
    AGE = "age"  # 90 years and more become 090Y
    TEXT = "text"  # only words of the vocabulary stay
    TERM = "term"  # only the words that scanners write into this element stay
    CODE = "code"  # a code of the scheme that stands beside it; else its whole item goes
    SUBJECT = "subject"  # replaced by the published subject id
    EMPTY = "empty"  # type 2: present without a value
    SEQUENCE = "sequence"  # each item is cleaned by the same rules
    PIXELS = "pixels"  # carried over by reference, never decoded


@dataclass(frozen=True, slots=True)
class Rule:
    """What may stay of one element, and as which VR."""

    action: Action
    vrs: frozenset[str]
    keyword: str
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole rule book.

    Parameters
    ----------
    public
        Rule by tag, ``group << 16 | element``.
    private
        Rule by creator, group and the element's last two hex digits.
    vocabulary
        Words that may stay in a descriptor, lower case.
    terms
        Words and patterns of the elements that scanners fill from lists.
    common
        Ordinary words that are no identifiers by themselves, lower case; the vocabulary among them.
    sha256
        Digest of each list's bytes, by name, for the report.
    """

    public: Mapping[int, Rule]
    private: Mapping[tuple[str, int, int], Rule]
    vocabulary: frozenset[str]
    terms: Terms
    common: frozenset[str]
    sha256: Mapping[str, str] = field(default_factory=dict)

    def of_private(self, creator: str, tag: int) -> Rule | None:
        """Rule of a private data element (gggg,xxee) in the block of `creator`; PS3.5 section 7.8.1."""
        return self.private.get((creator.strip(), tag >> 16, tag & 0xFF))


def parse_rules(
    keep_csv: bytes, private_csv: bytes, vocabulary_txt: bytes, terms_toml: bytes, common_txt: bytes
) -> Rules:
    """Read the five lists.

    Raises
    ------
    ValueError, KeyError
        A row is malformed; the packaged lists are tested.
    """
    public = {
        int(row["tag"].replace(",", ""), 16): Rule(
            Action(row["action"]), frozenset(row["vr"].split("/")), row["keyword"], row["profile"]
        )
        for row in csv.DictReader(keep_csv.decode().splitlines())
    }
    private = {
        (row["creator"], int(row["group"], 16), int(row["element"], 16)): Rule(
            Action(row["action"]), frozenset({row["vr"]}), row["meaning"], "113111"
        )
        for row in csv.DictReader(private_csv.decode().splitlines())
    }
    vocabulary = _words(vocabulary_txt)
    digests = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in (
            ("keep", keep_csv),
            ("private", private_csv),
            ("vocabulary", vocabulary_txt),
            ("terms", terms_toml),
            ("common-words", common_txt),
        )
    }
    terms = parse_terms(terms_toml, vocabulary)
    return Rules(public, private, vocabulary, terms, vocabulary | _words(common_txt), digests)


def _words(text: bytes) -> frozenset[str]:
    lines = (line for line in text.decode().splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.lower().split())


@cache
def packaged_rules() -> Rules:
    """Rule book of this version of the product.

    Raises
    ------
    ConfigError
        The installation is incomplete.
    """
    names = ("keep.csv", "private.csv", "vocabulary.txt", "terms.toml", "common-words.txt")
    return parse_rules(*(resource_bytes(f"manifests/deid/{name}") for name in names))


def class_of(tag: int, *, known: bool) -> str:
    """Name under which a removed element is counted: its tag, or its class where the tag itself may tell something."""
    group = tag >> 16
    if group % 2:
        return "private"
    if group in range(0x5000, 0x5100):
        return "50xx curve"
    if group in range(0x6000, 0x6100):
        return "60xx overlay"
    if not known:
        return "unknown"
    return f"{group:04X},{tag & 0xFFFF:04X}"


NEEDED = frozenset(
    {0x00080005, 0x00080016, 0x00080018, 0x00080060, 0x00100020, 0x0020000D, 0x0020000E, 0x00200052}
    | {0x00200032, 0x00200037, 0x00280030, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103}
    | {0x00280002, 0x00280004, 0x00281052, 0x00281053, 0x7FE00010}
)  # without these the image is none, or not where it was; no setting gives them up
_ACTION_OF_VR = {"DA": Action.DATE, "DT": Action.DATETIME, "UI": Action.UID}


@cache
def rules_of(settings: DeidConfig) -> Rules:
    """Rule book with what a dataset keeps beyond it and gives up of it.

    Raises
    ------
    ConfigError
        `drop` names an element that is not on the keep list, or that no image can be without.
    """
    rules = packaged_rules()
    if not settings.changes():
        return rules
    dropped = {int(tag.replace(",", ""), 16) for tag in settings.drop}
    if dropped & NEEDED or not dropped <= set(rules.public):
        message = "deid.drop names an element that is not on the keep list, or without which there is no image."
        raise ConfigError(message, hint="The keep list is manifests/deid/keep.csv; leave out what an image needs.")
    words = frozenset(word.lower() for entry in settings.words for word in entry.words)
    private = {
        (entry.creator, int(entry.group, 16), int(entry.element, 16)): Rule(
            _ACTION_OF_VR.get(entry.vr, Action.KEEP), frozenset({entry.vr}), "umd.toml", "113111"
        )
        for entry in settings.private
    }
    digest = hashlib.sha256(json.dumps(settings.changes(), sort_keys=True).encode()).hexdigest()
    return replace(
        rules,
        public={tag: rule for tag, rule in rules.public.items() if tag not in dropped},
        private={**private, **rules.private},
        vocabulary=rules.vocabulary | words,
        sha256={**rules.sha256, "umd.toml": digest},
    )
