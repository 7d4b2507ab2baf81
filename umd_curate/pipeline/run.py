"""The story of a run: scan, plan, and each step in its order; what is done is not done again.

Every public function takes an open `Session` (workspace, settings, ledger, key) and tells a `Watcher` what happens. Only
this floor writes the ledger. Killed at any point, the next run goes on from the units that stand in the ledger.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from umd_curate.errors import ExitCode, PhiGateRefused, WorkspaceError
from umd_curate.ingest.persons_io import read_persons
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, Receipt, State
from umd_curate.model.steps import Step, unit_key
from umd_curate.model.study import Disposition
from umd_curate.pipeline import accounting, deid_report, phi_gate, raw, referee
from umd_curate.pipeline.dicom_out import dicom_out_step
from umd_curate.pipeline.events import Silent, Watcher
from umd_curate.pipeline.executor import Executor, InProcessExecutor, Task, executor_of
from umd_curate.pipeline.pet_context import pet_uids
from umd_curate.pipeline.release_context import release_receipts
from umd_curate.pipeline.roots import refuse_overlap, remember_roots, roots_of, workspace_key
from umd_curate.pipeline.supplement import SupplementTable, read_supplement, strange_rows
from umd_curate.pipeline.table import ALL_STEPS, PIXEL_STEPS, below_the_wall
from umd_curate.pipeline.understood import Understood, understand
from umd_curate.pipeline.view import LedgerView
from umd_curate.release.plan import RELEASES, SPLITS, release_folder, release_record
from umd_curate.store.keys import DeidKey
from umd_curate.store.ledger import Ledger
from umd_curate.store.resources import definition_sha256
from umd_curate.store.workspace import Workspace, locked

OVERRIDES = "overrides"  # ledger fact: transforms that reviewers gave on the command line, by pair
SUPPLEMENT = "supplement"  # ledger fact: path of the last run's supplement table, its rows, and those of no PET
NO_TABLE = "-"
MAX_NAMED = 3  # places in an error
GATES = (phi_gate.AUDIT, "release", phi_gate.SEAL)  # a refusal of theirs may have been healed in place


@dataclass(slots=True)
class Session:
    """An open workspace, its settings, ledger and key, and how its units run."""

    workspace: Workspace
    config: UmdConfig
    ledger: Ledger
    key: DeidKey
    watcher: Watcher = field(default_factory=Silent)
    executor: Executor = field(default_factory=InProcessExecutor)


@contextmanager
def opened(workspace: Workspace, config: UmdConfig, command: str, watcher: Watcher | None = None) -> Iterator[Session]:
    """Hold the workspace's lock and open what a run needs."""
    watcher = watcher or Silent()
    with (
        locked(workspace, command),
        Ledger(workspace.ledger_path) as ledger,
        executor_of(config.run, workspace, watcher.workers_shown) as executor,
    ):
        key = workspace_key(workspace, config)
        yield Session(workspace, config, ledger, key, watcher, executor)


def ingest(session: Session, given: Sequence[Path], dicom_out: Path | None = None) -> None:
    """Scan, de-identify, convert, ask the referee, deface: from the raw folder to ``data/``, with an account of every file.

    With `dicom_out`, de-identified DICOM is written there too, and the report says what was done to the headers.
    """
    roots = roots_of(given, session.ledger, session.workspace)
    refuse_overlap(roots, (session.workspace.root, session.workspace.private))
    understood = understand(
        roots, session.workspace, session.config, session.key, session.watcher.scanning, session.executor.map
    )
    remember_roots(roots, session.ledger, session.workspace)
    ordered = raw.order_volumes(
        understood,
        session.workspace,
        session.key,
        _supplement(session, understood),
        session.config.deid,
        read_persons(session.config.ingest.patients),
    )
    _run_step(session, raw.pixel_path_step(ordered.units))
    _run_step(session, raw.contours_step(ordered.units))
    receipts = {receipt.unit: receipt for step in PIXEL_STEPS for receipt in session.ledger.receipts(step)}
    accounts = accounting.settle(understood.decisions(), ordered.units_of, receipts, ordered.refused)
    sums = accounting.account_for(session.workspace.accounting_path, accounts, session.key.short_id, understood.files)
    session.ledger.set_fact(accounting.NAME, sums)
    run_steps(session, (referee.NAME, "burned-in", "deface", "suv-images"))
    if dicom_out is not None:
        refuse_overlap(roots, (dicom_out,))
        step = dicom_out_step(understood, session.workspace, session.config, session.key, dicom_out)
        _run_step(session, step)
    run_steps(session, (deid_report.NAME,))


def _supplement(session: Session, understood: Understood) -> SupplementTable | None:
    """The supplement table of the settings, else that of the last run; ``-`` means none."""
    known = session.ledger.fact(SUPPLEMENT)
    last = known.get("path") if isinstance(known, dict) else None
    named = session.config.convert.supplement or (last if isinstance(last, str) else NO_TABLE)
    table = None if named == NO_TABLE else read_supplement(Path(named))
    pets = (uids for part in understood.parts() for uids in pet_uids(part)) if table else ()
    session.ledger.set_fact(
        SUPPLEMENT,
        {
            "path": named,
            "rows": len(table.rows) if table else 0,
            "strange": strange_rows(table, pets) if table else 0,
        },
    )
    return table


def run_steps(session: Session, names: Sequence[str]) -> None:
    """Run steps below the wall by name, in order; then remove what only older plans made. Releases always stay."""
    table = below_the_wall()
    for name in names:
        _run_step(session, table[name])
    _retire_stale(session)


def release(session: Session) -> Path | None:
    """Search all files below the wall for identifiers, build the release, search it again.

    Returns
    -------
    Path or None
        Its folder; None where no session has a file below the wall.

    Raises
    ------
    PhiGateRefused
        An identifier was found.
    GateRefused
        Nothing may be released.
    """
    run_steps(session, (phi_gate.AUDIT, deid_report.NAME))
    _refuse_hits(session, phi_gate.AUDIT, "the files of {} session(s)")
    run_steps(session, ("release",))
    _refuse_hits(session, "release", "the report or {} release")
    run_steps(session, (phi_gate.SEAL,))
    _refuse_hits(session, phi_gate.SEAL, "the report or {} release")
    _keep_record(session)
    is_made = bool(session.ledger.receipts("release"))
    return session.workspace.resolve(release_folder(session.config)) if is_made else None


def _keep_record(session: Session) -> None:
    """Keep what this version holds, so that no subject moves in a later one and each says what is new in it."""
    known = session.ledger.fact(RELEASES)
    records: dict[str, Json] = known if isinstance(known, dict) else {}
    settings = session.config.release
    for receipt in session.ledger.receipts("release"):
        if isinstance(receipt.measured.get(SPLITS), dict):
            session.ledger.set_fact(RELEASES, {**records, settings.version: release_record(settings, receipt.measured)})


def _refuse_hits(session: Session, step: str, where: str) -> None:
    receipts = session.ledger.receipts(step)
    states = Counter(receipt.state for receipt in receipts)
    if states[State.QUARANTINED]:
        refused = [finding for entry in receipts if entry.state is State.QUARANTINED for finding in entry.findings]
        places = list(dict.fromkeys(f"{finding.code} {finding.detail}" for finding in refused))
        message = f"Identifiers stand in {where.format(states[State.QUARANTINED])}."
        raise PhiGateRefused(message, hint=f"{_some(places)}. Report it with the place.")
    if states[State.FAILED] and step != "release":  # a release that a bug broke off has not got its name
        message = f"The search for identifiers broke off by a bug in {states[State.FAILED]} case(s): nothing is known to be clean."
        raise PhiGateRefused(message, hint="See private/logs and report it. Nothing was released.")


def _some(places: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = len(places) - MAX_NAMED
    return "; ".join(places[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def run(session: Session, given: Sequence[Path], dicom_out: Path | None = None) -> Path | None:
    """All of it: raw folder in, release folder out; None where the raw folder gave no session."""
    ingest(session, given, dicom_out)
    run_steps(session, ("register", "label", "between", "carry", "qa", "cohort", "pairs", "report"))
    return release(session)


def exit_code(ledger: Ledger) -> ExitCode:
    """What the newest plan's state means for the caller: done, some input quarantined, or a bug."""
    states = {row.receipt.state for row in ledger.rows() if row.receipt}
    if State.FAILED in states:
        return ExitCode.BUG
    sums = ledger.fact(accounting.NAME)
    quarantined = accounting.total(sums, Disposition.QUARANTINED) if isinstance(sums, dict) else 0
    return ExitCode.QUARANTINED if quarantined or State.QUARANTINED in states else ExitCode.DONE


def view_of(session: Session, until: str) -> LedgerView:
    """The ledger as a step sees it when it plans: everything that earlier steps made."""
    steps = ALL_STEPS[: ALL_STEPS.index(until)]
    facts: dict[str, Sequence[Receipt]] = {
        name: [_known(session.ledger, name)] for name in (accounting.NAME, OVERRIDES)
    }
    if until == "release":
        table = {**below_the_wall(), **{step.name: step for step in (raw.pixel_path_step([]), raw.contours_step([]))}}
        facts |= release_receipts(session.workspace, session.config, session.ledger, table)
    return LedgerView(session.ledger, steps, facts | {referee.KNOWN: session.ledger.receipts(referee.NAME)})


def _known(ledger: Ledger, name: str) -> Receipt:
    """A fact of the ledger as the receipt that a step's plan reads."""
    value = ledger.fact(name)
    measured: dict[str, Json] = value if isinstance(value, dict) else {}
    return Receipt(step=name, unit=name, key="", state=State.DONE, measured=measured)


def planned(session: Session, step: Step) -> list[Task]:
    """Tasks of a step's plan, done or not."""
    units = step.plan(view_of(session, step.name), session.config)
    definition = definition_sha256(session.config.dataset.definition)
    return [Task(step.perform, unit, unit_key(unit, step, session.config, definition)) for unit in units]


def _run_step(session: Session, step: Step) -> None:
    workspace, ledger = session.workspace, session.ledger
    tasks = planned(session, step)
    ledger.plan(step.name, {task.unit.name: task.key for task in tasks})
    to_do = [task for task in tasks if _is_due(session, task)]
    _refuse_changed_inputs(session, tasks)
    session.watcher.step_planned(step.name, len(tasks), len(to_do))
    for outcome in session.executor.run(to_do, workspace, session.config):
        ledger.record(outcome.receipt, outcome.usage, workspace.resolve)
        session.watcher.unit_ended(outcome)
    session.watcher.step_ended(step.name)


def _refuse_changed_inputs(session: Session, tasks: Sequence[Task]) -> None:
    """Refuse to work on a file that is not what its step wrote: its receipt would be about other bytes."""
    inputs = {artifact.path: artifact.sha256 for task in tasks for artifact in task.unit.inputs}
    changed = session.ledger.changed(inputs, session.workspace.resolve)
    if changed:
        message = f"{len(changed)} file(s) that an earlier step wrote have changed or are gone since."
        hint = "Run `umd-curate run`: it makes them anew. A correction belongs where the file came from, not in data/."
        raise WorkspaceError(message, hint=hint)


def _is_due(session: Session, task: Task) -> bool:
    """Say whether a task must run: it has not ended, or it is a gate that refused, which must look again."""
    if not session.ledger.is_done(task.key, session.workspace.resolve):
        return True
    return task.unit.step in GATES and session.ledger.state(task.key) is not State.DONE


def _retire_stale(session: Session) -> None:
    stale = [path for path in session.ledger.stale_outputs() if not path.startswith("releases/")]
    for relative in stale:
        path = session.workspace.resolve(relative)
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == session.workspace.root or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()
    session.ledger.forget(stale)
