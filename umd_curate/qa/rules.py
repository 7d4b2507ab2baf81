"""The automatic checks of one session: which groups of rules apply, what a reviewer's confirmation changes, findings. Pure.

Limits stand in the rulebook. No rule changes anything: a reviewer or the release gate decides what follows.
"""

from collections.abc import Iterable

from umd_curate.model.catalogue.qa import CONFIRMED
from umd_curate.model.checks import CheckEntry, Confirmation, Outcome
from umd_curate.model.findings import Finding, Severity
from umd_curate.model.labels import OrganTable
from umd_curate.qa.image_rules import pair_rules, pet_rules
from umd_curate.qa.label_rules import (
    agreement_rules,
    fit_rules,
    grid_rules,
    hu_rules,
    on_pet_rules,
    presence,
    shape_rules,
    uptake_rules,
)
from umd_curate.qa.measures import Measures
from umd_curate.qa.place_rules import gap_rules, place_rules
from umd_curate.qa.rulebook import Rulebook

PAIR_WORDS = (" to the right of ", " above ", " and ", " over ")
COHORT_RULES = frozenset({"P11", "P12v"})  # judged over all sessions, in `cohort`

_SEVERITY = {Outcome.WARN: Severity.WARN, Outcome.FAIL: Severity.FAIL}


def check(measures: Measures, book: Rulebook, table: OrganTable) -> tuple[CheckEntry, ...]:
    """Apply every rule of the book to one session, images before labels."""
    entries = [*pet_rules(measures, book), *pair_rules(measures, book)]
    labels = measures.labels
    if labels is None:
        entries.append(book.state("G0", Outcome.WARN, "no label map"))
        of_labels = [rule for rule in book.rules if rule[0] in "GPR" and rule != "G0" and rule not in COHORT_RULES]
        return (*entries, *(book.skip(rule, "no label map") for rule in of_labels))
    entries += [book.state("G0", Outcome.PASS, ""), *grid_rules(measures, labels, book), *presence(labels, book, table)]
    entries += [*shape_rules(labels, book, table), *place_rules(labels, book), *gap_rules(labels, book)]
    entries += [*hu_rules(measures, labels, book), *uptake_rules(measures, labels, book)]
    entries += [*agreement_rules(measures, labels, book), *fit_rules(labels, book), *on_pet_rules(measures, book)]
    return tuple(confirmed(entries, measures.confirmed, book))


def confirmed(entries: Iterable[CheckEntry], confirmations: Iterable[Confirmation], book: Rulebook) -> list[CheckEntry]:
    """Entries of which those that a confirmed variant of anatomy explains pass, with the variant's name."""
    known = list(confirmations)
    result = []
    for entry in entries:
        if entry.outcome in _SEVERITY:
            explained = next((one for one in known if _explains(one, entry, book)), None)
            if explained is not None:
                detail = f"confirmed by {explained.reviewer}: {explained.variant}"
                result.append(entry.model_copy(update={"outcome": Outcome.PASS, "detail": detail}))
                continue
        result.append(entry)
    return result


def _explains(confirmation: Confirmation, entry: CheckEntry, book: Rulebook) -> bool:
    variant = book.variants[confirmation.variant]
    return entry.rule in variant.rules and (
        not confirmation.organs or bool(organs_named(entry.organ) & set(confirmation.organs))
    )


def organs_named(text: str) -> frozenset[str]:
    """Organs in an entry: one, or a pair in words."""
    for words in PAIR_WORDS:
        text = text.replace(words, " ")
    return frozenset(text.replace(",", " ").split())


def merged(entries: Iterable[CheckEntry]) -> list[CheckEntry]:
    """Entries that differ in nothing but the organ become one that names all of them."""
    groups: dict[CheckEntry, list[str]] = {}
    for entry in entries:
        groups.setdefault(entry.model_copy(update={"organ": ""}), []).append(entry.organ)
    return [entry.model_copy(update={"organ": ", ".join(filter(None, organs))}) for entry, organs in groups.items()]


def findings_of(
    entries: Iterable[CheckEntry], place: str, confirmations: Iterable[Confirmation] = ()
) -> tuple[Finding, ...]:
    """One finding per entry that warns or fails, and one per confirmation; organs with one and the same fault share one."""
    found = []
    for entry in merged(entries):
        if entry.outcome in _SEVERITY:
            detail = ": ".join(part for part in (f"{entry.rule} {entry.organ}".strip(), entry.detail) if part)
            limit = _crossed(entry)
            found.append(Finding(entry.code, _SEVERITY[entry.outcome], place, detail, entry.measured, limit))
    for one in confirmations:
        named = " ".join(part for part in (one.variant, ", ".join(one.organs)) if part)
        found.append(CONFIRMED.at(place, f"{named}: {one.reason} ({one.reviewer}, {one.date})"))
    return tuple(found)


def _crossed(entry: CheckEntry) -> float | None:
    if entry.measured is None:
        return None
    return entry.low if entry.low is not None and entry.measured < entry.low else entry.high
