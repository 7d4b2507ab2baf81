"""`synth` and `demo`: a synthetic cohort, and the whole main job on it."""

import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.progress import DrawnWatcher, watcher
from umd_curate.cli.run import shown, summarise
from umd_curate.errors import ExitCode
from umd_curate.pipeline import run as pipeline
from umd_curate.store.workspace import create_workspace

SIZES = ("tiny", "demo", "clinical")

COHORT_OPTIONS = (
    click.option("--subjects", type=click.IntRange(1), default=2, show_default=True, help="Number of subjects."),
    click.option("--seed", type=int, default=1, show_default=True, help="Other seeds give other bodies and patients."),
    click.option("--layout", type=click.Choice(["flat", "tree"]), default="flat", show_default=True,
                 help="One folder with meaningless names, or a tree as a vendor writes it."),
    click.option("--defect", "defects", multiple=True, metavar="NAME", help="Plant a defect; may be repeated."),
)  # fmt: skip


def cohort_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the cohort."""
    for option in reversed(COHORT_OPTIONS):
        command = option(command)
    return command


def _writing(drawn: DrawnWatcher) -> Callable[[int, int], None]:
    """Tell the watcher of files that are written."""
    return lambda done, total: drawn.scanning(done, total, "synth")


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--size", type=click.Choice(SIZES), default="demo", show_default=True, help="Matrix sizes.")
@cohort_options
@click.option("--list-defects", is_flag=True, help="List the defects that can be planted.")
@common
def synth(
    options: Options, out: Path | None, size: str, subjects: int, seed: int, layout: str, defects: tuple[str, ...],
    *, list_defects: bool,
) -> int:  # fmt: skip
    """Write a synthetic cohort to OUT: raw/ as a PACS exports it, truth/ with the exact answers.

    \b
    Example:
      umd-curate synth cohort --subjects 3 --size tiny --defect missing-weight
    """
    from umd_curate.synth import DEFECTS, Layout, Size, SynthOptions, write_cohort

    if list_defects:
        if options.json:
            render.as_json(dict(DEFECTS))
        else:
            render.fields("Defects", DEFECTS)
        return ExitCode.DONE
    if out is None:
        message = "Missing argument 'OUT'."
        raise click.UsageError(message)
    unknown = [name for name in defects if name not in DEFECTS]
    if unknown:
        message = f"There is no defect {unknown[0]!r}; see --list-defects."
        raise click.UsageError(message)
    chosen = SynthOptions(subjects=subjects, seed=seed, size=Size(size), layout=Layout(layout), defects=defects)
    if options.dry_run:
        render.note(f"A cohort of {subjects} subjects would be written, size {size}, layout {layout}.")
        return ExitCode.DONE
    with watcher(verbose=options.verbose) as drawn:
        write_cohort(out, chosen, _writing(drawn))
    if options.json:
        render.as_json({"raw": str(out / "raw"), "truth": str(out / "truth")})
    render.note(f"raw DICOM: {out / 'raw'}\ntruth:     {out / 'truth'}")
    return ExitCode.DONE


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@click.option("--size", type=click.Choice(SIZES), default="demo", show_default=True, help="Matrix sizes.")
@cohort_options
@common
@spread
def demo(
    options: Options, out: Path, size: str, subjects: int, seed: int, layout: str, defects: tuple[str, ...]
) -> int:
    """Make a synthetic cohort in OUT and run the whole main job on it: raw DICOM to load_dataset.

    \b
    Example:
      umd-curate demo out --size tiny
    """
    from umd_curate.synth import Layout, Size, SynthOptions, write_cohort

    if options.dry_run:
        render.note(f"A cohort of {subjects} subjects would be written, size {size}, and the whole main job run on it.")
        return ExitCode.DONE
    started = time.monotonic()
    chosen = SynthOptions(subjects=subjects, seed=seed, size=Size(size), layout=Layout(layout), defects=defects)
    workspace = create_workspace(options.workspace or out / "workspace", options.private)
    config = options.settings(workspace)
    with watcher(verbose=options.verbose) as drawn:
        if not (out / "truth" / "cohort.json").is_file():
            write_cohort(out, chosen, _writing(drawn))
        with pipeline.opened(workspace, config, "demo", drawn) as session:
            folder = pipeline.run(session, [out / "raw"])
            code = pipeline.exit_code(session.ledger)
            sums = session.ledger.fact(pipeline.ACCOUNTING)
    summarise(options, workspace, sums, {"release": shown(folder)}, code)
    if not options.json and folder is not None:
        render.note(f"done in {time.monotonic() - started:.0f} s. To load the release:\n")
        render.line(f"cd {shlex.quote(str(folder.parent))}")
        render.line(
            f"{shlex.quote(sys.executable)} -c 'from datasets import load_dataset; print(load_dataset(\"umd\"))'"
        )
    return code
