"""What the report needs of the ledger, gathered in the plan: sessions with their files and findings, what was set aside, sums.

The page itself is built in `report`; nothing here reads a file.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

from umd_curate.model.checks import CheckEntry
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, Receipt, State, What
from umd_curate.model.steps import SessionFiles, Unit, View
from umd_curate.qa.cohort import NAME
from umd_curate.qa.pairs import NAME as PAIRS
from umd_curate.qa.pairs import RECEIPT, DrawnFigure, drawn_figures

EARLIER_STEPS = (
    "ingest",
    "contours",
    "referee",
    "burned-in",
    "deface",
    "register",
    "label",
    "between",
    "carry",
    "qa",
    "cohort",
    PAIRS,
)
IMAGE_ROLES = (What.PET, What.CT, What.MR)
ACCOUNTING = "accounting"
REFEREE = "referee"


class _Planned(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class PlannedFinding(_Planned):
    """A finding of any step, as the page shows it."""

    step: str
    code: str
    severity: str
    place: str
    detail: str
    measured: float | None
    limit: float | None


class PlannedSession(_Planned):
    """A session with checks: files by role (paths relative to the workspace), checksums, registration, findings.

    `cohort` are its checks against the other sessions, `pairs` the figures of other sessions on this one, by session.
    """

    subject: str
    session: str
    kind: str
    files: dict[str, str]
    sha256: dict[str, str]
    registration: dict[str, Json]
    findings: tuple[PlannedFinding, ...]
    cohort: tuple[CheckEntry, ...] = ()
    pairs: dict[str, tuple[DrawnFigure, ...]] = {}


class PlannedOpinion(_Planned):
    """What a second converter said of one image."""

    subject: str
    session: str
    image: str
    engine: str
    outcome: str
    reason: str
    voxels_compared: int
    voxels_agreeing: int
    position_error_mm: float | None
    value_error: float | None


class PlannedReport(_Planned):
    """All that the page needs beside the files."""

    definition: str
    title: str
    version: str
    site: str
    sessions: tuple[PlannedSession, ...]
    stopped: tuple[PlannedFinding, ...]
    accounting: dict[str, Json]
    opinions: tuple[PlannedOpinion, ...] = ()


def plan_page(view: View, config: UmdConfig, title: str) -> Unit:
    """Plan the report of all sessions that have checks.

    Parameters
    ----------
    view
        Ledger with the receipts of the earlier steps, and one of ``accounting`` whose measured values hold the sums.
    config
        For the names of dataset and version.
    title
        Title of the dataset.
    """
    receipts = [receipt for step in EARLIER_STEPS for receipt in view.receipts(step)]
    sessions = [session for session in view.sessions() if What.CHECKS in session.artifacts]
    planned = PlannedReport(
        definition=config.dataset.definition,
        title=title,
        version=config.release.version,
        site=config.dataset.site,
        sessions=tuple(_session(session, receipts) for session in sessions),
        stopped=tuple(entry for receipt in receipts if receipt.state is not State.DONE for entry in _findings(receipt)),
        accounting=_accounting(view.receipts(ACCOUNTING)),
        opinions=tuple(_opinion(receipt) for receipt in view.receipts(REFEREE) if "outcome" in receipt.measured),
    )
    inputs = [session.artifacts[role] for session in sessions for role in _shown(session)]
    params: dict[str, Json] = planned.model_dump(mode="json")
    return Unit(step="report", name="report", inputs=tuple(inputs), params=params)


def _shown(session: SessionFiles) -> list[str]:
    """Roles of the files that the page reads or links to, sorted."""
    sidecars = {f"{role}.json" for role in (*IMAGE_ROLES, What.ORGANS, What.ORGANS_ON_PET)}
    figures = {role for role in session.artifacts if role.startswith(f"{What.FIGURE}-")}
    receipts = {role for role in session.artifacts if role.endswith(RECEIPT)}
    return sorted((sidecars | figures | receipts | {What.CHECKS.value}) & session.artifacts.keys())


def _session(session: SessionFiles, receipts: Sequence[Receipt]) -> PlannedSession:
    mine = [r for r in receipts if (r.subject, r.session) == (session.subject, session.session)]
    own = [r for r in mine if r.step not in {"qa", NAME, PAIRS}]
    return PlannedSession(
        subject=session.subject,
        session=session.session,
        kind=session.kind,
        files={role: session.artifacts[role].path for role in _shown(session)},
        sha256={
            role: session.artifacts[role].sha256 for role in (*IMAGE_ROLES, What.ORGANS) if role in session.artifacts
        },
        registration=dict(session.facts.get("register", {})),
        findings=tuple(entry for receipt in own for entry in _findings(receipt)),
        pairs=drawn_figures(mine, session.subject, session.session),
        cohort=tuple(entry for receipt in mine if receipt.step == NAME for entry in _checks(receipt)),
    )


def _checks(receipt: Receipt) -> tuple[CheckEntry, ...]:
    return TypeAdapter(tuple[CheckEntry, ...]).validate_python(receipt.measured["checks"])


def _findings(receipt: Receipt) -> list[PlannedFinding]:
    return [
        PlannedFinding(
            step=receipt.step,
            code=finding.code,
            severity=finding.severity.value,
            place=finding.place,
            detail=finding.detail,
            measured=finding.measured,
            limit=finding.limit,
        )
        for finding in receipt.findings
    ]


def _opinion(receipt: Receipt) -> PlannedOpinion:
    known = {name: value for name, value in receipt.measured.items() if name in PlannedOpinion.model_fields}
    return PlannedOpinion.model_validate({"subject": receipt.subject, "session": receipt.session, **known})


def _accounting(receipts: Sequence[Receipt]) -> dict[str, Json]:
    measured: Mapping[str, Json] = receipts[0].measured if receipts else {}
    return dict(measured)
