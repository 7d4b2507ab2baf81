"""`run`, `ingest`, `qa`: the steps from the command line; `register` and `label` stand in files of their own."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import UNLINKABLE, Options, common, conversion, spread
from umd_curate.cli.progress import watcher
from umd_curate.cli.scan import RAW, look, named
from umd_curate.errors import ExitCode
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, State
from umd_curate.model.study import Disposition
from umd_curate.pipeline import accounting
from umd_curate.pipeline import run as pipeline
from umd_curate.pipeline.roots import refuse_overlap
from umd_curate.pipeline.table import PIXEL_STEPS, below_the_wall
from umd_curate.store.workspace import Workspace

SUV = "SUV-"  # what codes of the SUV begin with

SUPPLEMENT = click.option(
    "--supplement",
    metavar="CSV",
    help="Table of what the site's records know and headers lack (weight, dose ...); - for none.  [default: the last run's]",
)

DICOM_OUT = click.option(
    "--dicom-out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write every sound image as de-identified DICOM into this folder, outside the workspace.",
)


@click.command
@RAW
@SUPPLEMENT
@DICOM_OUT
@UNLINKABLE
@common
@spread
@conversion
def run(
    options: Options,
    raw_folders: tuple[Path, ...],
    supplement: str | None,
    dicom_out: Path | None,
    *,
    unlinkable: bool,
) -> int:
    """Do all of it: RAW DICOM in, a release folder out that load_dataset reads.

    RAW is one or more folders of any shape, archives (zip, tar, tar.gz) or files; - reads a list of paths from standard
    input, one per line or separated by NUL. A missing workspace and key are made. Stopped at any point, the same command
    goes on; run again without RAW it takes the folders of the last run, and does only what has changed.

    \b
    Example:
      umd-curate run /export/2026-11 --workspace study
    """
    roots = named(raw_folders)
    if options.dry_run:
        return look(options, roots)
    refuse_overlap(roots, (options.root,))  # before a workspace is made
    if unlinkable:
        options.open_or_create(unlinkable=True)
    return _work(
        options,
        "run",
        lambda session: {"release": shown(pipeline.run(session, roots, dicom_out))},
        roots,
        supplement=supplement,
    )


@click.command
@RAW
@SUPPLEMENT
@DICOM_OUT
@common
@spread
@conversion
def ingest(options: Options, raw_folders: tuple[Path, ...], supplement: str | None, dicom_out: Path | None) -> int:
    """Scan, de-identify, convert and deface RAW into data/, with an account of every file.

    \b
    Example:
      umd-curate ingest /export/2026-11 --workspace study
    """
    roots = named(raw_folders)
    if options.dry_run:
        return look(options, roots)
    return _work(
        options, "ingest", lambda session: pipeline.ingest(session, roots, dicom_out), roots, supplement=supplement
    )


@click.command
@common
@spread
def qa(options: Options) -> int:
    """Check each session, and all of them together; draw figures, write qa/report.html and qa/organs.parquet.

    \b
    Example:
      umd-curate qa --workspace study
    """
    return do_steps(options, ("qa", "cohort", "pairs", "report"))


def do_steps(options: Options, names: Sequence[str]) -> int:
    """Plan steps below the wall, or do them."""
    if options.dry_run:
        return show_planned(options, names)
    options.require()
    return _work(options, names[0], lambda session: pipeline.run_steps(session, names))


def _work(
    options: Options,
    command: str,
    work: Callable[[pipeline.Session], dict[str, Json] | None],
    raw_folders: Sequence[Path] = (),
    *,
    supplement: str | None = None,
) -> int:
    refuse_overlap(raw_folders, (options.root,))  # before a workspace is made
    workspace = options.open_or_create()
    config = _with_supplement(options.settings(workspace), supplement)
    with watcher(verbose=options.verbose) as drawn, pipeline.opened(workspace, config, command, drawn) as session:
        made = work(session) or {}
        code = pipeline.exit_code(session.ledger)
        sums = session.ledger.fact(accounting.NAME)
        _note_strange_rows(session.ledger.fact(pipeline.SUPPLEMENT) if raw_folders or supplement else None)
        inferred = _inferred(session) if raw_folders else {}
    summarise(options, workspace, sums, {**made, **({"suv": dict(inferred)} if inferred else {})}, code)
    return code


def _with_supplement(config: UmdConfig, supplement: str | None) -> UmdConfig:
    if supplement is None:
        return config
    named = supplement if supplement == pipeline.NO_TABLE else str(Path(supplement).resolve())
    return config.model_copy(update={"convert": config.convert.model_copy(update={"supplement": named})})


def _inferred(session: pipeline.Session) -> dict[str, int]:
    """What was inferred about the SUV of the images, or why they have none: number of images by code."""
    receipts = [receipt for receipt in session.ledger.receipts(PIXEL_STEPS[0]) if receipt.state is State.DONE]
    found = ({finding.code for finding in receipt.findings} & CATALOGUE.keys() for receipt in receipts)
    return dict(sorted(Counter(code for codes in found for code in codes if code.startswith(SUV)).items()))


def _note_strange_rows(fact: Json) -> None:
    if isinstance(fact, dict) and fact.get("strange"):
        render.note(f"supplement: {fact['strange']} of {fact['rows']} row(s) belong to no PET series of these files")


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
    inferred = made.get("suv")
    for name, count in (inferred if isinstance(inferred, dict) else {}).items():
        render.note(f"suv:   {name} in {count} image(s): {CATALOGUE[name].title}; see `umd-curate status`")
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
