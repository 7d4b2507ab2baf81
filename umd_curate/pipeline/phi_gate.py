"""The gate below the PHI wall: when it is passed, and with what; the searching is done by `phi_search.py`.

Step ``audit`` searches one session with the identifiers of its subject, before a release is built. A built release is
searched with the identifiers of all before its folder gets its name, and step ``seal`` searches it and the report again,
so that a folder in ``releases/`` is a clean one, whatever stopped the run.
"""

from dataclasses import replace
from typing import Final

from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Artifact, State
from umd_curate.model.steps import SessionFiles, Step, Unit, View
from umd_curate.pipeline.lazy import perform_of

AUDIT = "audit"
SEAL = "seal"
IDENTIFIERS = "identifiers"  # role of the private file of one volume's identifiers
_PUBLIC = ("data/", "qa/")
_SEARCH: Final = "umd_curate.pipeline.phi_search"


def plan(view: View, config: UmdConfig) -> list[Unit]:  # noqa: ARG001
    """One unit per session that has files below the wall, with the identifiers of its subject."""
    known: dict[str, list[Artifact]] = {}
    for step in ("ingest", "contours"):
        for receipt in view.receipts(step):
            known.setdefault(receipt.subject, []).extend(
                entry for entry in receipt.outputs if entry.what == IDENTIFIERS
            )
    units = []
    for session in view.sessions():
        public = _public_files(view, session)
        if public:
            inputs = (*public, *known.get(session.subject, ()))
            units.append(Unit(AUDIT, session.stem, session.subject, session.session, inputs))
    return units


def _public_files(view: View, session: SessionFiles) -> list[Artifact]:
    made = [
        entry
        for step in ("deface", "register", "label", "between", "carry", "qa", "pairs")
        for receipt in view.receipts(step)
        if (receipt.subject, receipt.session) == (session.subject, session.session) and receipt.state is State.DONE
        for entry in receipt.outputs
        if entry.path.startswith(_PUBLIC)
    ]
    return sorted(made, key=lambda entry: entry.path)


STEP = Step(AUDIT, 3, (), plan, perform_of(_SEARCH, "perform"))


def searched_release(release: Step) -> Step:
    """The room's release step with its folder searched before that gets its name; a hit leaves an older one of the version."""

    def plan_release(view: View, config: UmdConfig) -> list[Unit]:
        known = identifier_files(view)
        return [replace(unit, inputs=(*unit.inputs, *known)) for unit in release.plan(view, config)]

    return replace(release, plan=plan_release, perform=perform_of(_SEARCH, "perform_release"))


def plan_seal(view: View, config: UmdConfig) -> list[Unit]:  # noqa: ARG001
    """One unit per release: its files and the report, with the identifiers of all subjects."""
    identifiers = identifier_files(view)
    report = [entry for step in ("cohort", "report") for receipt in view.receipts(step) for entry in receipt.outputs]
    return [
        Unit(SEAL, receipt.unit, inputs=(*receipt.outputs, *report, *identifiers))
        for receipt in view.receipts("release")
        if receipt.state is State.DONE and receipt.outputs
    ]


SEAL_STEP = Step(SEAL, 4, ("dataset", "release"), plan_seal, perform_of(_SEARCH, "perform_seal"))


def identifier_files(view: View) -> list[Artifact]:
    """The files of all volumes' identifiers."""
    receipts = [receipt for step in ("ingest", "contours") for receipt in view.receipts(step)]
    return [entry for receipt in receipts for entry in receipt.outputs if entry.what == IDENTIFIERS]
