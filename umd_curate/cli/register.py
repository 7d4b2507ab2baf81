"""`register`: images of a scan on one grid, sessions of a subject on each other; a reviewer's transform; receipts."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.run import do_steps
from umd_curate.errors import ExitCode, UsageError
from umd_curate.model.receipts import Json
from umd_curate.pipeline import registration

MIN_REASON = 10  # characters, as in umd.toml


@click.command
@click.option("--between", type=click.Choice(["off", "rigid", "deformable"]),
              help="Bring the PET/MR session of a subject onto its PET/CT session.  [default: register.between, or off]")  # fmt: skip
@click.option("--motion", type=click.Choice(["measure", "correct", "off"]),
              help="Motion between PET and CT/MR of a scan.  [default: register.motion, or measure]")  # fmt: skip
@click.option("--override", nargs=2, type=(str, click.Path(path_type=Path, exists=True, dir_okay=False)), multiple=True,
              metavar="PAIR FILE", help="Use this transform for a pair; kept for later runs.")  # fmt: skip
@click.option("--forget", multiple=True, metavar="PAIR", help="Take back a transform that --override gave.")
@click.option(
    "--reason", help="Why the transforms of --override are right; it is published, so it must name no person."
)
@click.option("--explain", metavar="PAIR", help="Show the receipt of a session or pair, and change nothing.")
@common
@spread
def register(
    options: Options, between: str | None, motion: str | None, override: tuple[tuple[str, Path], ...],
    forget: tuple[str, ...], reason: str | None, explain: str | None,
) -> int:  # fmt: skip
    """Bring PET and CT or MR of each session to one grid, with a receipt of their overlap and motion.

    With --between also the sessions of a subject onto each other: labels drive it where both have them, and a PET without labels
    gets those of the other session. --dry-run names the pairs.

    \b
    Example:
      umd-curate register --workspace study
      umd-curate register --between deformable -w study
      umd-curate register --explain sub-7K3QF2_ses-petct1_from-petmri1 -w study
      umd-curate register --override sub-7K3QF2_ses-petct1 mine.tfm --reason "CT recentred by hand" -w study
    """
    if explain is not None:
        return _explain(options, explain)
    own: dict[str, Json] = {
        name: value for name, value in (("between", between), ("motion", motion)) if value is not None
    }
    if own:
        options = options.overriding("register", own)
    if override or forget:
        if override and len((reason or "").strip()) < MIN_REASON:
            message = f"--override needs --reason with at least {MIN_REASON} characters."
            raise UsageError(message)
        if not options.dry_run:
            registration.remember(
                options.require(), options.settings(options.require()), override, forget, reason or ""
            )
    settings = options.settings(options.require())
    names = ("register",) if settings.register_.between == "off" else ("register", "label", "between", "carry")
    return do_steps(options, names)


def _explain(options: Options, pair: str) -> int:
    receipt = registration.receipt_of(options.require(), pair)
    if options.json:
        render.as_json(receipt)
        return ExitCode.DONE
    for name, value in receipt.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            columns = tuple(value[0])
            rows = [tuple(entry.get(column) for column in columns) for entry in value if isinstance(entry, dict)]
            render.table(name, columns, rows)
    plain = [
        (f"{name}.{key}" if key else name, inner)
        for name, value in receipt.items()
        for key, inner in (value.items() if isinstance(value, dict) else (("", value),))
        if not (isinstance(inner, list) and inner and isinstance(inner[0], dict))
    ]
    render.table(f"Registration of {pair}", ("what", "value"), plain)
    return ExitCode.DONE
