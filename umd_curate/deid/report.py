"""Makes the report of de-identification from counts: every action with the rule that demanded or allowed it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from umd_curate.deid.profile import OPTION_NAMES, Table
from umd_curate.deid.rules import Rules
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.config import UmdConfig
from umd_curate.model.deid_report import DeclaredOption, DeidReport, ElementCount, ReasonCount, Relaxed, RuleSet
from umd_curate.model.receipts import Json

PROFILE = (
    "PS3.15 Basic Application Confidentiality Profile with Clean Graphics, Clean Descriptors, Modified Dates,"
    " Patient Characteristics and, where private elements are kept, Safe Private; elements stay by a keep list"
)
_IN_WORDS: Mapping[str, str] = {
    "keep": "kept, once the value fits its VR", "uid": "replaced by a keyed UID", "date": "moved by whole days",
    "datetime": "moved by whole days", "age": "kept; 90 years and more are 90", "text": "words of the vocabulary kept",
    "term": "known terms kept", "code": "code of a known scheme kept", "subject": "replaced by the published id",
    "empty": "emptied", "sequence": "each item cleaned by the same rules", "removed": "removed",
    "unfit": "removed: the value does not fit its VR, or is an identifier", "derived": "derived from birth and study date",
}  # fmt: skip
_CLASSES: Mapping[str, tuple[str, str]] = {
    "private": ("private elements", "E.1-1 X; not on the list of safe private elements"),
    "50xx curve": ("curves", "E.1-1 X"),
    "60xx overlay": ("overlays", "E.1-1 X; not on the keep list"),
    "unknown": ("elements that the dictionary does not know", "not on the keep list"),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known when the report is made; all of it is free of identifiers."""

    done: Mapping[tuple[str, str], int]
    headers: int
    sums: Mapping[str, Json]  # files by disposition and finding code
    refused: Mapping[str, int] = field(default_factory=dict)  # units set aside in the pixel path, by finding code
    faces: Mapping[str, int] = field(default_factory=dict)
    searched: Mapping[str, int] = field(default_factory=dict)
    dicom: Mapping[str, int] = field(default_factory=dict)


def report_of(
    counted: Counted, rules: Rules, table: Table, config: UmdConfig, key_fingerprint: str, made_with: str
) -> DeidReport:
    """Put the report together."""
    elements = [_element(what, action, count, rules, table) for (what, action), count in sorted(counted.done.items())]
    shown = [entry for entry in elements if entry is not None]
    private = tuple(entry for entry in shown if entry.tag.startswith("private "))
    public = [entry for entry in shown if entry not in private]
    return DeidReport(
        made_with=made_with,
        site=config.dataset.site,
        profile=PROFILE,
        key_fingerprint=key_fingerprint,
        headers=counted.headers,
        rules=tuple(_rule_sets(rules, table)),
        options=tuple(_options(counted, has_private=bool(private))),
        relaxed=tuple(Relaxed(rule=entry.rule, reason=entry.reason) for entry in config.deid.relaxations()),
        dropped_by_choice=config.deid.drop,
        kept=tuple(entry for entry in public if not entry.action.startswith("removed")),
        private_kept=private,
        removed=tuple(entry for entry in public if entry.action.startswith("removed")),
        words_removed=counted.done.get(("descriptor words", "removed"), 0),
        entries_removed=counted.done.get(("coded entry", "removed"), 0),
        ages_derived=counted.done.get(("0010,1010", "derived"), 0),
        not_used=tuple(_reasons(counted.sums)),
        units_quarantined=tuple(_reasons({"quarantined": dict(counted.refused)})),
        faces=dict(sorted(counted.faces.items())),
        faces_retained_reason=config.deid.faces_retained or "",
        searched=dict(counted.searched),
        dicom=dict(counted.dicom),
    )


def _rule_sets(rules: Rules, table: Table) -> Iterable[RuleSet]:
    yield RuleSet(name="ps3.15-e1-1", edition=table.edition, sha256=table.sha256)
    for name, digest in sorted(rules.sha256.items()):
        yield RuleSet(name=name, sha256=digest)


def _options(counted: Counted, *, has_private: bool) -> Iterable[DeclaredOption]:
    if not counted.headers:
        return
    for code, name in OPTION_NAMES.items():
        if code != "113111" or has_private:
            headers = "those that keep a private element" if code == "113111" else "all headers"
            yield DeclaredOption(code=code, name=name, headers=headers)


def _element(what: str, action: str, count: int, rules: Rules, table: Table) -> ElementCount | None:
    if what in {"descriptor words", "coded entry"}:
        return None
    if what.startswith("private "):
        creator, _, element = what.removeprefix("private ").rpartition(" ")
        rule = next(
            (known for (owner, _, end), known in rules.private.items() if (owner, end) == (creator, int(element, 16))),
            None,
        )
        in_words = _IN_WORDS.get(rule.action.value, "kept") if rule else "kept"
        name = rule.keyword if rule else ""
        return ElementCount(tag=what, name=name, action=in_words, why="113111, element by element", count=count)
    if what in _CLASSES:
        name, why = _CLASSES[what]
        return ElementCount(tag=what, name=name, action="removed", why=why, count=count)
    tag = int(what.replace(",", ""), 16)
    rule, row = rules.public.get(tag), table.row_of(tag)
    name = rule.keyword if rule else row.name if row else ""
    in_words = _IN_WORDS.get(action, action)
    why = table.reason(tag) if action == "removed" or rule is None else _why_kept(rule.profile)
    return ElementCount(tag=what, name=name, action=in_words, why=why, count=count)


def _why_kept(profile: str) -> str:
    if profile == "not listed":
        return "not in Table E.1-1; keep list"
    return f"{profile} {OPTION_NAMES[profile]}"


def _reasons(sums: Mapping[str, Json]) -> Iterable[ReasonCount]:
    for disposition in ("quarantined", "excluded", "duplicate"):
        found = sums.get(disposition)
        for code, files in sorted(found.items()) if isinstance(found, dict) else ():
            known = CATALOGUE.get(code)
            yield ReasonCount(
                disposition=disposition, code=code, reason=known.title if known else "", files=int(str(files))
            )


def rows_of_accounting(lines: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """Files that were not used, for the private twin: id, disposition, code, patient and path."""
    wanted = ("id", "disposition", "code", "patient_id", "path")
    table = iter(lines)
    header = next(table, ())
    places = {name: header.index(name) for name in wanted if name in header}
    rows = [{name: row[place] for name, place in places.items()} for row in table]
    return [row for row in rows if row.get("disposition") in {"excluded", "quarantined"}]
