"""`run`, `scan`, `ingest`, `register`, `label`, `qa`: the steps from the command line."""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.progress import watcher
from umd_curate.errors import ExitCode
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.receipts import Json
from umd_curate.model.study import Disposition, IngestPlan
from umd_curate.pipeline import accounting, raw
from umd_curate.pipeline import run as pipeline
from umd_curate.pipeline.table import below_the_wall
from umd_curate.store.keys import KEY_BYTES, DeidKey, key_path, load_key
from umd_curate.store.ledger import Ledger
from umd_curate.store.workspace import Workspace

RAW = click.argument("raw_folders", metavar="[RAW]...", nargs=-1, type=click.Path(path_type=Path, exists=True))


@click.command
@RAW
@common
@spread
def run(options: Options, raw_folders: tuple[Path, ...]) -> int:
    """Do all of it: RAW DICOM in, a release folder out that load_dataset reads.

    RAW is one or more folders of any shape. A missing workspace and key are made. Stopped at any point, the same command
    goes on; run again without RAW it takes the folders of the last run, and does only what has changed.

    \b
    Example:
      umd-curate run /export/2026-11 --workspace study
    """
    if options.dry_run:
        return _dry_run(options, raw_folders)
    return _work(options, "run", lambda session: {"release": shown(pipeline.run(session, raw_folders))}, raw_folders)


@click.command
@RAW
@common
def scan(options: Options, raw_folders: tuple[Path, ...]) -> int:
    """Say what RAW holds and what would be made of it; nothing is written.

    \b
    Example:
      umd-curate scan /export/2026-11 --json
    """
    return _dry_run(options, raw_folders)


@click.command
@RAW
@common
@spread
def ingest(options: Options, raw_folders: tuple[Path, ...]) -> int:
    """Scan, de-identify, convert and deface RAW into data/, with an account of every file.

    \b
    Example:
      umd-curate ingest /export/2026-11 --workspace study
    """
    if options.dry_run:
        return _dry_run(options, raw_folders)
    return _work(options, "ingest", lambda session: pipeline.ingest(session, raw_folders), raw_folders)


@click.command
@common
@spread
def register(options: Options) -> int:
    """Bring PET and CT or MR of each session to one grid, with a receipt of their overlap.

    \b
    Example:
      umd-curate register --workspace study
    """
    return _steps(options, ("register",))


@click.command
@common
@spread
def label(options: Options) -> int:
    """Label the organs of each session with the engines of umd.toml.

    \b
    Example:
      umd-curate label --workspace study
    """
    return _steps(options, ("label",))


@click.command
@common
@spread
def qa(options: Options) -> int:
    """Check each session, draw its figures and write qa/report.html.

    \b
    Example:
      umd-curate qa --workspace study
    """
    return _steps(options, ("qa", "report"))


def _steps(options: Options, names: Sequence[str]) -> int:
    if options.dry_run:
        return show_planned(options, names)
    options.require()
    return _work(options, names[0], lambda session: pipeline.run_steps(session, names))


def _work(
    options: Options,
    command: str,
    work: Callable[[pipeline.Session], dict[str, Json] | None],
    raw_folders: Sequence[Path] = (),
) -> int:
    raw.refuse_overlap(raw_folders, (options.root,))  # before a workspace is made
    workspace = options.open_or_create()
    config = options.settings(workspace)
    with watcher(verbose=options.verbose) as drawn, pipeline.opened(workspace, config, command, drawn) as session:
        made = work(session) or {}
        code = pipeline.exit_code(session.ledger)
        sums = session.ledger.fact(pipeline.ACCOUNTING)
    summarise(options, workspace, sums, made, code)
    return code


def shown(release: Path | None) -> Json:
    """Path of a release for the summary; None where there is none."""
    return str(release) if release else None


def summarise(options: Options, workspace: Workspace, sums: Json, made: dict[str, Json], code: ExitCode) -> None:
    """Say what came of a run: files by disposition, what was made, and where to look."""
    known = sums if isinstance(sums, dict) else {}
    if options.json:
        render.as_json({"workspace": str(workspace.root), "files": known, "exit": int(code), **made})
        return
    counts = ", ".join(f"{accounting.total(known, kind)} {kind}" for kind in Disposition)
    render.note(f"files: {counts}")
    if "release" in made:
        render.note(f"release: {made['release'] or 'none, for no session can be made of these files'}")
    if workspace.report_path.is_file():
        render.note(f"report:  {workspace.report_path}")
    if code is ExitCode.QUARANTINED:
        render.note("Some input is quarantined: `umd-curate quarantine` says why and what to do.")
    if code is ExitCode.BUG:
        render.note("A step failed: `umd-curate status` says where; see private/logs.")


def show_planned(options: Options, names: Sequence[str]) -> int:
    """Print the units of steps that are planned from the workspace."""
    workspace = options.require()
    config = options.settings(workspace)
    entries: list[Json] = []
    with pipeline.opened(workspace, config, "plan") as session:
        for name in names:
            for task in pipeline.planned(session, below_the_wall()[name]):
                state = "done" if session.ledger.is_done(task.key, workspace.resolve) else "to do"
                entries.append({"step": name, "unit": task.unit.name, "state": state})
    if options.json:
        render.as_json(entries)
    else:
        rows = [tuple(entry.values()) for entry in entries if isinstance(entry, dict)]
        render.table("Plan", ("step", "unit", "state"), rows)
    return ExitCode.DONE


def _dry_run(options: Options, raw_folders: Sequence[Path]) -> int:
    workspace = options.open() if options.exists() else None
    config = options.settings(workspace)
    path = key_path(config.deid.key_file)
    key = load_key(path) if path.exists() else DeidKey(secrets.token_bytes(KEY_BYTES))
    if workspace:
        with Ledger(workspace.ledger_path) as ledger:
            roots = raw.roots_of(raw_folders, ledger)
    else:
        roots = [folder.resolve() for folder in raw_folders]
    if not roots:
        message = "Name a raw folder."
        raise click.UsageError(message)
    if workspace:
        raw.refuse_overlap(roots, (workspace.root, workspace.private))
    with watcher(verbose=options.verbose) as drawn:
        plan = raw.understand(roots, None, config, key, drawn.scanning).plan
    if options.json:
        render.as_json(_plan_json(plan))
    else:
        _draw_plan(plan)
    quarantined = any(decision.disposition is Disposition.QUARANTINED for decision in plan.decisions)
    return ExitCode.QUARANTINED if quarantined else ExitCode.DONE


def _plan_json(plan: IngestPlan) -> dict[str, Json]:
    return {
        "sessions": [
            {
                "kind": session.kind.value,
                "volumes": [
                    {
                        "role": volume.role.value,
                        "series": volume.series,
                        "what": volume.label,
                        "files": len(volume.instances),
                    }
                    for volume in session.volumes
                ],
                "findings": [finding.code for finding in session.findings],
            }
            for session in plan.sessions
        ],
        "passed_over": [
            {
                "role": volume.role.value,
                "series": volume.series,
                "what": volume.label,
                "files": volume.files,
                "code": volume.code,
                "decided_by": volume.decided_by,
                "preferred": volume.preferred,
            }
            for volume in plan.passed_over
        ],
        "files": [
            {"disposition": kind.value, "code": code, "files": count}
            for (kind, code), count in sorted(_decided(plan).items())
        ],
    }


def _draw_plan(plan: IngestPlan) -> None:
    rows = [
        (number, session.kind.value, volume.role.value, volume.label, volume.series, len(volume.instances))
        for number, session in enumerate(plan.sessions, 1)
        for volume in session.volumes
    ]
    render.table("Sessions to make", ("no.", "kind", "role", "what", "series", "files"), rows, right=("no.", "files"))
    others = [
        (
            volume.role.value,
            volume.label,
            volume.series,
            volume.files,
            volume.decided_by or CATALOGUE[volume.code].title,
            volume.preferred or "",
        )
        for volume in plan.passed_over
    ]
    if others:
        columns = ("role", "what", "series", "files", "decided by", "preferred")
        render.table("Series that are in no session", columns, others, right=("files",))
    table = [
        (kind.value, code, CATALOGUE[code].title if code in CATALOGUE else "", count)
        for (kind, code), count in sorted(_decided(plan).items())
    ]
    render.table("Files", ("disposition", "code", "reason", "files"), table, right=("files",))


def _decided(plan: IngestPlan) -> Counter[tuple[Disposition, str]]:
    return Counter((decision.disposition, decision.code) for decision in plan.decisions)
