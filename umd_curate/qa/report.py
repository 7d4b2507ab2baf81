"""Decides what the report says: order of the sessions, rows of each table, sums. The template only sets it out.

All text comes from sidecars, findings and the catalogue, which are free of identifiers; numbers come with their unit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.checks import Outcome, SessionChecks
from umd_curate.model.receipts import Json, What
from umd_curate.model.registration import RegistrationReceipt
from umd_curate.model.sidecars import ImageSidecar, LabelSidecar
from umd_curate.qa.pair_rows import FitRow, fit_rows, receipt_rows
from umd_curate.qa.pairs import source_of
from umd_curate.qa.report_plan import PlannedFinding, PlannedReport, PlannedSession
from umd_curate.qa.report_tables import (
    ImageRow,
    OpinionRow,
    OrganRow,
    Row,
    RuleRow,
    acquisition_rows,
    image_rows,
    label_rows,
    opinion_rows,
    organ_rows,
    registration_rows,
    rule_rows,
    suv_rows,
)
from umd_curate.qa.rulebook import Rulebook
from umd_curate.qa.words import interval, with_unit

WEIGHT = {Outcome.FAIL: 0, Outcome.WARN: 1, Outcome.PASS: 2, Outcome.NOT_APPLICABLE: 3}
OWN = f"{What.TO_ANATOMY}.json"  # role of the receipt of the scan itself
DISPOSITIONS = ("excluded", "quarantined", "duplicate")
KINDS = {"petct": "PET/CT", "petmri": "PET/MRI", "pet": "PET", "ct": "CT", "mr": "MR"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A session's files as they were read; `sidecars` by role of the image."""

    planned: PlannedSession
    checks: SessionChecks
    sidecars: Mapping[str, ImageSidecar]
    label: LabelSidecar | None
    on_pet: LabelSidecar | None = None
    registrations: Mapping[str, RegistrationReceipt] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding with its code's title."""

    code: str
    severity: str
    step: str
    place: str
    title: str
    detail: str
    measured: str
    limit: str


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure with its link, relative to the page."""

    href: str
    caption: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PairRow:
    """Another session on this one: what its receipt says, the organs of both, and figures."""

    moving: str
    fixed: str
    verdict: str
    figures: tuple[FigureRow, ...]
    rows: tuple[Row, ...]
    fits: tuple[FitRow, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One session on the page."""

    anchor: str
    subject: str
    session: str
    kind: str
    outcome: str
    fails: int
    warns: int
    codes: tuple[str, ...]
    organs: int
    suv: str
    face: str
    figures: tuple[FigureRow, ...]
    rules: tuple[RuleRow, ...]
    findings: tuple[FindingRow, ...]
    images: tuple[ImageRow, ...]
    acquisition: tuple[Row, ...]
    suv_derivation: tuple[Row, ...]
    registration: tuple[Row, ...]
    label: tuple[Row, ...]
    organ_rows: tuple[OrganRow, ...]
    on_pet: tuple[Row, ...] = ()
    pairs: tuple[PairRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Raw files of one disposition and reason."""

    disposition: str
    code: str
    title: str
    action: str
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding code explained."""

    code: str
    severity: str
    title: str
    why: str
    action: str


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule of the table explained."""

    id: str
    code: str
    what: str
    why: str
    severity: str
    warn: str
    fail: str
    source: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    version: str
    site: str
    made_with: str
    rules_version: str
    cases: tuple[Case, ...]
    subjects: int
    kinds: tuple[tuple[str, str, int], ...]  # id, name, sessions
    organ_masks: int
    outcome_counts: dict[str, int]
    stopped: tuple[FindingRow, ...]
    opinions: tuple[OpinionRow, ...]
    files: tuple[tuple[str, int], ...]
    accounts: tuple[Account, ...]
    rules: tuple[RuleEntry, ...]
    glossary: tuple[Entry, ...]


def build_page(
    planned: PlannedReport,
    loaded: Sequence[Loaded],
    book: Rulebook,
    colours: Mapping[int, tuple[int, int, int]],
    software: str,
) -> Page:
    """Build the page's content, sessions worst first.

    Parameters
    ----------
    planned
        What the ledger knows.
    loaded
        The sessions' files.
    book
        Rules, for their words and limits.
    colours
        Contour colour of each organ by id, sRGB.
    software
        Version of umd-curate.
    """
    cases = sorted((_case(entry, book, colours) for entry in loaded), key=_worst_first)
    accounts = _accounts(planned)
    stopped = tuple(_finding(entry) for entry in planned.stopped)
    used = {row.code for case in cases for row in case.findings} | {row.code for case in cases for row in case.rules}
    used |= {account.code for account in accounts} | {row.code for row in stopped}
    kinds = Counter(case.kind for case in cases)
    outcomes = Counter(case.outcome for case in cases)
    return Page(
        title=planned.title,
        version=planned.version,
        site=planned.site,
        made_with=f"umd-curate {software}",
        rules_version=book.version,
        cases=tuple(cases),
        subjects=len({case.subject for case in cases}),
        kinds=tuple((kind, name, kinds[kind]) for kind, name in KINDS.items() if kinds[kind]),
        organ_masks=sum(case.organs for case in cases),
        outcome_counts={outcome.value: outcomes[outcome.value] for outcome in WEIGHT if outcomes[outcome.value]},
        stopped=stopped,
        opinions=opinion_rows(planned.opinions),
        files=_file_sums(planned),
        accounts=accounts,
        rules=tuple(
            RuleEntry(
                rule.id,
                rule.code,
                rule.what,
                rule.why,
                rule.severity,
                interval(rule.warn.low, rule.warn.high, rule.unit),
                interval(rule.fail.low, rule.fail.high, rule.unit),
                rule.source,
            )
            for rule in book.rules.values()
        ),
        glossary=tuple(
            Entry(code, entry.severity.value, entry.title, entry.why, entry.action)
            for code, entry in sorted(CATALOGUE.items())
            if code in used
        ),
    )


def _worst_first(case: Case) -> tuple[int, bool, int, int, str, str]:
    """Fails before warnings before the rest; within each, sessions without labels first: nothing judged their labels."""
    weight = WEIGHT[Outcome(case.outcome)]
    return (weight, bool(case.organs), -case.fails, -case.warns, case.subject, case.session)


def _case(loaded: Loaded, book: Rulebook, colours: Mapping[int, tuple[int, int, int]]) -> Case:
    planned = loaded.planned
    checks = loaded.checks.model_copy(update={"checks": (*loaded.checks.checks, *planned.cohort)})
    rules = rule_rows(checks, book)
    findings = tuple(_finding(entry) for entry in planned.findings)
    severities = [row.severity for row in findings] + [row.outcome for row in rules]
    fails, warns = severities.count("fail"), severities.count("warn")
    outcome = Outcome.FAIL if fails else Outcome.WARN if warns else checks.outcome
    codes = {row.code for row in findings if row.severity != "info"}
    codes |= {row.code for row in rules if row.outcome in {"fail", "warn"}}
    name = f"sub-{planned.subject} ses-{planned.session}"
    own = loaded.registrations.get(OWN)
    suv, derivation = suv_rows(loaded.sidecars.get("pet"))
    faces = sorted({sidecar.defacing.state for sidecar in loaded.sidecars.values() if sidecar.defacing is not None})
    return Case(
        anchor=f"sub-{planned.subject}_ses-{planned.session}",
        subject=planned.subject,
        session=planned.session,
        kind=planned.kind,
        outcome=outcome.value,
        fails=fails,
        warns=warns,
        codes=tuple(sorted(codes)),
        organs=len(checks.organs),
        suv=suv,
        face=", ".join(faces),
        figures=_figures(planned, checks, name),
        rules=rules,
        findings=findings,
        images=image_rows(checks, loaded.sidecars, loaded.planned.sha256),
        acquisition=acquisition_rows(loaded.sidecars),
        suv_derivation=derivation,
        registration=_registration(planned.registration, own),
        label=label_rows(loaded.label),
        organ_rows=organ_rows(checks, colours),
        on_pet=label_rows(loaded.on_pet),
        pairs=tuple(_pair(planned, receipt) for role, receipt in loaded.registrations.items() if role != OWN),
    )


def _registration(facts: Mapping[str, Json], own: RegistrationReceipt | None) -> tuple[Row, ...]:
    """What registration measured of a scan, and its receipt; what both say stands once."""
    if own is None:
        return registration_rows(facts)
    other = {key: value for key, value in facts.items() if key not in RegistrationReceipt.model_fields}
    return (*receipt_rows(own), *registration_rows(other))


def _pair(planned: PlannedSession, receipt: RegistrationReceipt) -> PairRow:
    moving = receipt.moving.rpartition("/")[0]
    figures = tuple(
        FigureRow(
            href=planned.files[f"figure-{source_of(moving)}-{figure.name}"].removeprefix("qa/"),
            caption=figure.caption,
            alt=f"{figure.caption}, sub-{planned.subject}",
            width=figure.width,
            height=figure.height,
        )
        for figure in planned.pairs.get(moving, ())
    )
    return PairRow(receipt.moving, receipt.fixed, receipt.verdict, figures, receipt_rows(receipt), fit_rows(receipt))


def _figures(planned: PlannedSession, checks: SessionChecks, name: str) -> tuple[FigureRow, ...]:
    return tuple(
        FigureRow(
            href=planned.files[f"figure-{figure.name}"].removeprefix("qa/"),
            caption=figure.caption,
            alt=f"{figure.caption}, {name}",
            width=figure.width,
            height=figure.height,
        )
        for figure in checks.figures
        if f"figure-{figure.name}" in planned.files
    )


def _finding(entry: PlannedFinding) -> FindingRow:
    known = CATALOGUE.get(entry.code)
    return FindingRow(
        code=entry.code,
        severity=entry.severity,
        step=entry.step,
        place=entry.place,
        title=known.title if known else "",
        detail=entry.detail,
        measured=with_unit(entry.measured, "") if entry.measured is not None else "",
        limit=with_unit(entry.limit, "") if entry.limit is not None else "",
    )


def _accounts(planned: PlannedReport) -> tuple[Account, ...]:
    rows = []
    for disposition in DISPOSITIONS:
        sums = planned.accounting.get(disposition)
        for code, count in sorted((sums if isinstance(sums, dict) else {}).items()):
            known = CATALOGUE.get(code)
            if isinstance(count, int):
                title, action = (known.title, known.action) if known else ("", "")
                rows.append(Account(disposition, code, title, action, count))
    return tuple(rows)


def _file_sums(planned: PlannedReport) -> tuple[tuple[str, int], ...]:
    sums = []
    for name in ("files", "used", *DISPOSITIONS):
        value = planned.accounting.get(name)
        if isinstance(value, dict):
            sums.append((name, sum(count for count in value.values() if isinstance(count, int))))
        elif isinstance(value, int):
            sums.append((name, value))
    return tuple(sums)
