"""`synth` and `demo`: a synthetic cohort, and the whole main job on it."""

import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.progress import DrawnWatcher, watcher
from umd_curate.cli.run import shown, summarise
from umd_curate.errors import ExitCode
from umd_curate.pipeline import accounting
from umd_curate.pipeline import run as pipeline
from umd_curate.store.workspace import create_workspace

if TYPE_CHECKING:
    from umd_curate.synth import SynthOptions

SIZES = ("tiny", "demo", "clinical")
SHAPES = ("flat", "tree", "dicomdir", "zip", "tar")
LISTS = ("defects", "scanners")

COHORT_OPTIONS = (
    click.option("--subjects", type=click.IntRange(1), default=2, show_default=True, help="Number of subjects."),
    click.option("--seed", type=int, default=1, show_default=True, help="Other seeds give other bodies and patients."),
    click.option("--shape", type=click.Choice(SHAPES), default="flat", show_default=True,
                 help="One folder with meaningless names, a tree as a vendor writes it, a CD, or an archive per patient."),
    click.option("--defect", "defects", multiple=True, metavar="NAME[@SUBJECT,...]",
                 help="Plant a defect, in the named subjects where some are named; may be repeated."),
    click.option("--scanner", "scanners", multiple=True, metavar="NAME",
                 help="Use this scanner; those of one kind are dealt out in turn; may be repeated."),
    click.option("--mixed", is_flag=True, help="Draw a scanner and a way of writing the PET for each study, by the seed."),
)  # fmt: skip


def cohort_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the cohort."""
    for option in reversed(COHORT_OPTIONS):
        command = option(command)
    return command


def _written(write: Callable[..., object], out: Path, chosen: "SynthOptions", drawn: DrawnWatcher) -> None:
    """Write a cohort and tell the watcher of every file.

    Raises
    ------
    click.UsageError
        No series can hold a defect.
    """
    try:
        write(out, chosen, lambda done, total: drawn.scanning(done, total, "synth"))
    except LookupError as misplaced:
        raise click.UsageError(f"{misplaced.args[0]}; more subjects may help.".capitalize()) from misplaced


def _options(
    *, subjects: int, seed: int, size: str, shape: str, defects: tuple[str, ...], scanners: tuple[str, ...], mixed: bool
) -> "SynthOptions":
    """The order for a cohort.

    Raises
    ------
    click.UsageError
        A defect or a scanner is unknown.
    """
    from umd_curate.synth import DEFECT_TABLE, Layout, Size, SynthOptions, Vendor, orders

    try:
        orders(defects, DEFECT_TABLE)
    except KeyError as unknown:
        message = f"There is no defect {unknown}; `umd-curate synth defects` lists them."
        raise click.UsageError(message) from unknown
    except ValueError as wrong:
        message = "After the @ of --defect stand numbers of subjects, such as missing-slice@2,5."
        raise click.UsageError(message) from wrong
    strange = sorted(set(scanners) - set(Vendor))
    if strange:
        message = f"There is no scanner {strange[0]!r}; `umd-curate synth scanners` lists them."
        raise click.UsageError(message)
    return SynthOptions(subjects, seed, Size(size), Layout(shape), defects, scanners, mixed)


def _list(what: str, *, as_json: bool) -> int:
    """Print the defects or the scanners."""
    from umd_curate.synth import DEFECT_TABLE, SCANNERS

    if what == "defects":
        rows = [(name, str(defect.expect), defect.sentence) for name, defect in DEFECT_TABLE.items()]
        columns = ("name", "expect", "what is planted")
    else:
        rows = [(str(name), str(one.maker), one.model) for name, one in SCANNERS.items()]
        columns = ("name", "maker", "model")
    if as_json:
        render.as_json({row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows})
    else:
        render.table(what.capitalize(), columns, rows)
    return ExitCode.DONE


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), metavar="OUT|defects|scanners")
@click.option("--size", type=click.Choice(SIZES), default="demo", show_default=True, help="Matrix sizes.")
@cohort_options
@common
def synth(options: Options, out: Path, **order: Any) -> int:  # noqa: ANN401  (the options of the cohort)
    """Write a synthetic cohort to OUT: raw/ as a PACS exports it, truth/ with the exact answers.

    `synth defects` lists what can be planted and what a sound program does with it, `synth scanners` the scanners.

    \b
    Example:
      umd-curate synth cohort --subjects 3 --size tiny --defect missing-weight
      umd-curate synth cohort --subjects 50 --size tiny --mixed --shape zip
      umd-curate synth cohort --scanner philips-cnts-petct --defect gantry-tilt@1 --defect decay-none@2
      umd-curate synth defects
    """
    from umd_curate.synth import write_cohort

    if str(out) in LISTS:
        return _list(str(out), as_json=options.json)
    chosen = _options(**order)
    if options.dry_run:
        render.note(f"A cohort of {chosen.subjects} subjects would be written, size {chosen.size}, {chosen.layout}.")
        return ExitCode.DONE
    with watcher(verbose=options.verbose) as drawn:
        _written(write_cohort, out, chosen, drawn)
    if options.json:
        render.as_json({"raw": str(out / "raw"), "truth": str(out / "truth")})
    render.note(f"raw DICOM: {out / 'raw'}\ntruth:     {out / 'truth'}")
    return ExitCode.DONE


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@click.option("--size", type=click.Choice(SIZES), default="demo", show_default=True, help="Matrix sizes.")
@cohort_options
@click.option(
    "--engine",
    metavar="NAME",
    help="Label the organs by this engine instead of the contours that come with the cohort.",
)
@common
@spread
def demo(options: Options, out: Path, engine: str | None, **order: Any) -> int:  # noqa: ANN401  (the options of the cohort)
    """Make a synthetic cohort in OUT and run the whole main job on it: raw DICOM to load_dataset.

    \b
    Example:
      umd-curate demo out --size tiny
      umd-curate demo out --engine totalsegmentator
    """
    from umd_curate.synth import write_cohort

    chosen = _options(**order)
    if options.dry_run:
        render.note(
            f"A cohort of {chosen.subjects} subjects would be written, size {chosen.size}, "
            "and the whole main job run on it."
        )
        return ExitCode.DONE
    started = time.monotonic()
    workspace = create_workspace(options.workspace or out / "workspace", options.private)
    if engine is not None:
        options = options.overriding("label", {"engines": (engine, "propagate")})  # type: ignore[dict-item]  # a frozen value holds tuples
    config = options.settings(workspace)
    with watcher(verbose=options.verbose) as drawn:
        if not (out / "truth" / "cohort.json").is_file():
            _written(write_cohort, out, chosen, drawn)
        with pipeline.opened(workspace, config, "demo", drawn) as session:
            folder = pipeline.run(session, [out / "raw"])
            code = pipeline.exit_code(session.ledger)
            sums = session.ledger.fact(accounting.NAME)
    summarise(options, workspace, sums, {"release": shown(folder)}, code)
    if not options.json and folder is not None:
        render.note(f"done in {time.monotonic() - started:.0f} s. To load the release:\n")
        render.line(f"cd {shlex.quote(str(folder.parent))}")
        render.line(
            f"{shlex.quote(sys.executable)} -c 'from datasets import load_dataset; print(load_dataset(\"umd\"))'"
        )
    return code
