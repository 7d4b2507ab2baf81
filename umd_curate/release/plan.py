"""Decides what a release is made of: the sessions with their files, the findings, and what earlier steps set aside.

All of it enters the unit's key as inputs and parameters, so that a release is stale exactly when something in it is. What
may be released is left to `gate.py`, since that needs the sidecars.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from umd_curate.model.config import Decision, ReleaseConfig, UmdConfig
from umd_curate.model.receipts import Artifact, Json, Receipt, State, What
from umd_curate.model.release import DecidedChoice
from umd_curate.model.steps import SessionFiles, Unit, View
from umd_curate.release.cases import Subset

STEP_NAME = "release"
EARLIER_STEPS = (
    "ingest",
    "contours",
    "referee",
    "burned-in",
    "deface",
    "register",
    "label",
    "carry",
    "qa",
    "cohort",
    "audit",
)
SPLITS = "splits"  # what a release measured of its subjects
SERIES = "series"  # and of its series
RELEASES = "releases"  # receipt with what is known of all versions, by version
STEPS = "steps"  # receipt with version and settings of every step
WITHDRAWALS = "withdrawals"  # receipt with since_version and reason, by subject
BASELINE = "baseline"  # receipt with version, folder and checksum of the release before this one
ACCOUNTING = "accounting"  # receipt with the raw files' counts by reason
RAW_STEPS = frozenset(
    {"ingest", "contours", "referee"}
)  # their keys say where the raw files lay, and when they were copied
PUBLIC_FOLDERS = ("data/", "qa/")


class Part(BaseModel):
    """A part of the plan; it travels as the unit's parameters."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class PlannedSession(Part):
    """One session and where its files lie, by role."""

    subject: str
    session: str
    kind: str
    files: dict[str, str]


class PlannedFinding(Part):
    """What a step saw about a session."""

    subject: str
    session: str
    step: str
    code: str
    severity: str
    detail: str = ""
    measured: float | None = None
    limit: float | None = None


class PlannedStep(Part):
    """A step as it ran: its version, and as JSON the settings that it read."""

    version: int
    parameters: str


class PlannedWithdrawal(Part):
    """A subject that no release from a version on may hold."""

    subject: str
    since_version: str
    last_version: str | None
    reason: str


class PlannedBaseline(Part):
    """The release with which this one is compared; `folder` is relative to the workspace or absolute."""

    version: str
    folder: str
    sums_sha256: str


class KnownSeries(Part):
    """What earlier releases held of a series."""

    voxel_sha256: str
    init_version: str
    revised_version: str


class PlannedReceipt(Part):
    """What stands behind the release, for its provenance table."""

    step: str
    unit: str
    key: str
    subject: str
    session: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    versions: tuple[str, ...]


class ReleasePlan(Part):
    """Everything that a release is made of, without a look into any file."""

    sessions: tuple[PlannedSession, ...]
    findings: tuple[PlannedFinding, ...] = ()
    stopped: tuple[PlannedFinding, ...] = ()  # findings of units that were quarantined or failed
    excluded_files: dict[str, int] = {}
    quarantined_files: dict[str, int] = {}
    receipts: tuple[PlannedReceipt, ...] = ()
    kept_splits: dict[str, str] = {}  # by subject, from the versions before this one
    known_series: dict[str, KnownSeries] = {}  # by subject/session/column, likewise
    steps: dict[str, PlannedStep] = {}
    withdrawn: tuple[PlannedWithdrawal, ...] = ()
    baseline: PlannedBaseline | None = None
    decided: tuple[DecidedChoice, ...] = ()  # what the data manager decided at ingest


def plan_release(
    view: View, settings: ReleaseConfig, subsets: Sequence[Subset], decisions: Sequence[Decision] = ()
) -> Unit | None:
    """The one unit of a release; None where no session has a file below the wall."""
    withdrawn = _withdrawn(view, settings)
    gone = {entry.subject for entry in withdrawn}
    sessions = [session for session in view.sessions() if _public(session) and session.subject not in gone]
    if not sessions:
        return None
    wanted = {subset.session_kind: subset for subset in subsets}
    receipts = [
        receipt
        for step in EARLIER_STEPS
        for receipt in sorted(view.receipts(step), key=lambda receipt: receipt.unit)
        if receipt.subject not in gone
    ]
    earlier = _earlier(view, settings)
    inputs = [
        artifact
        for session in sessions
        if session.kind in wanted
        for artifact in _inputs(session, wanted[session.kind])
    ]
    plan = ReleasePlan(
        sessions=tuple(_session(session, wanted.get(session.kind)) for session in sessions),
        findings=tuple(entry for receipt in receipts if receipt.state is State.DONE for entry in _findings(receipt)),
        stopped=tuple(entry for receipt in receipts if receipt.state is not State.DONE for entry in _findings(receipt)),
        excluded_files=_counts(view, "excluded"),
        quarantined_files=_counts(view, "quarantined"),
        receipts=tuple(_receipt(receipt) for receipt in receipts),
        kept_splits=_kept_splits(earlier, settings),
        known_series=_known_series(earlier),
        steps=_steps(view),
        withdrawn=withdrawn,
        baseline=_baseline(view),
        decided=tuple(
            DecidedChoice(target=entry.target, choose=entry.choose, reason=entry.reason) for entry in decisions
        ),
    )
    params: dict[str, Json] = plan.model_dump(mode="json")
    return Unit(step=STEP_NAME, name=f"release-{settings.version}", inputs=tuple(inputs), params=params)


def _public(session: SessionFiles) -> bool:
    return any(artifact.path.startswith("data/") for artifact in session.artifacts.values())


def _inputs(session: SessionFiles, subset: Subset) -> list[Artifact]:
    images = list(subset.roles.values())
    wanted = [*images, *(f"{role}.json" for role in images), What.CHECKS.value]
    found = [session.artifacts[role] for role in wanted if role in session.artifacts]
    return [artifact for artifact in found if artifact.path.startswith(PUBLIC_FOLDERS)]


def _session(session: SessionFiles, subset: Subset | None) -> PlannedSession:
    files = {artifact.what: artifact.path for artifact in _inputs(session, subset)} if subset else {}
    return PlannedSession(subject=session.subject, session=session.session, kind=session.kind, files=files)


def _findings(receipt: Receipt) -> list[PlannedFinding]:
    return [
        PlannedFinding(
            subject=receipt.subject,
            session=receipt.session,
            step=receipt.step,
            code=finding.code,
            severity=finding.severity.value,
            detail=finding.detail,
            measured=finding.measured,
            limit=finding.limit,
        )
        for finding in receipt.findings
    ]


def _receipt(receipt: Receipt) -> PlannedReceipt:
    return PlannedReceipt(
        step=receipt.step,
        unit=receipt.unit,
        key="" if receipt.step in RAW_STEPS else receipt.key,
        subject=receipt.subject,
        session=receipt.session,
        inputs=_public_digests(receipt.inputs),
        outputs=_public_digests(receipt.outputs),
        versions=tuple(f"{name}={version}" for name, version in sorted(receipt.versions.items())),
    )


def _public_digests(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Digests of files below the wall alone: a digest of a private file could confirm a guess of what it holds."""
    return tuple(f"{entry.what}:{entry.sha256}" for entry in artifacts if entry.path.startswith(PUBLIC_FOLDERS))


def _counts(view: View, what: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for receipt in view.receipts(ACCOUNTING):
        counts = receipt.measured.get(what)
        if isinstance(counts, Mapping):
            for code, count in counts.items():
                totals[code] = totals.get(code, 0) + int(str(count))
    return dict(sorted(totals.items()))


Record = Mapping[str, Json]


def release_record(settings: ReleaseConfig, measured: Record) -> dict[str, Json]:
    """What is kept of a released version, so that later versions split alike and know what is new in them."""
    return {
        "seed": settings.split_seed,
        "shares": dict(settings.splits),
        SPLITS: measured.get(SPLITS, {}),
        SERIES: measured.get(SERIES, {}),
    }


def _earlier(view: View, settings: ReleaseConfig) -> list[tuple[str, Record]]:
    """Versions before this one, oldest first."""
    known = {version: record for receipt in view.receipts(RELEASES) for version, record in receipt.measured.items()}
    return [
        (version, record)
        for version, record in sorted(known.items(), key=lambda entry: in_order(entry[0]))
        if in_order(version) < in_order(settings.version) and isinstance(record, Mapping)
    ]


def _kept_splits(earlier: Sequence[tuple[str, Record]], settings: ReleaseConfig) -> dict[str, str]:
    """Splits of the earlier versions that were made with the same seed and shares; of two versions the newer holds."""
    kept: dict[str, str] = {}
    for _, record in earlier:
        splits = record.get(SPLITS)
        if isinstance(splits, Mapping) and (record.get("seed"), record.get("shares")) == (
            settings.split_seed,
            dict(settings.splits),
        ):
            kept |= {subject: str(split) for subject, split in splits.items()}
    return dict(sorted(kept.items()))


def _known_series(earlier: Sequence[tuple[str, Record]]) -> dict[str, KnownSeries]:
    known: dict[str, KnownSeries] = {}
    for _, record in earlier:
        series = record.get(SERIES)
        if isinstance(series, Mapping):
            known |= {name: KnownSeries.model_validate(entry) for name, entry in series.items()}
    return dict(sorted(known.items()))


def _steps(view: View) -> dict[str, PlannedStep]:
    entries = {name: entry for receipt in view.receipts(STEPS) for name, entry in receipt.measured.items()}
    return {name: PlannedStep.model_validate(entry) for name, entry in sorted(entries.items())}


def _withdrawn(view: View, settings: ReleaseConfig) -> tuple[PlannedWithdrawal, ...]:
    """Withdrawals that hold for this version, with the last earlier version that had the subject."""
    entries = {name: entry for receipt in view.receipts(WITHDRAWALS) for name, entry in receipt.measured.items()}
    earlier = _earlier(view, settings)
    found = []
    for subject, entry in sorted(entries.items()):
        if not isinstance(entry, Mapping):
            continue
        held = [version for version, record in earlier if isinstance(s := record.get(SPLITS), Mapping) and subject in s]
        found.append(
            PlannedWithdrawal(
                subject=subject,
                since_version=next(
                    (v for v, _ in earlier if held and in_order(v) > in_order(held[-1])), settings.version
                ),
                last_version=held[-1] if held else None,
                reason=str(entry["reason"]),
            )
        )
    return tuple(found)


def _baseline(view: View) -> PlannedBaseline | None:
    found = [receipt.measured for receipt in view.receipts(BASELINE) if receipt.measured]
    return PlannedBaseline.model_validate(dict(found[0])) if found else None


def in_order(version: str) -> tuple[int, ...]:
    """A version as numbers, which are in order."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def release_folder(config: UmdConfig) -> str:
    """Folder of the release below the workspace, such as ``releases/0.1.0/umd``."""
    return f"releases/{config.release.version}/{config.dataset.definition}"
