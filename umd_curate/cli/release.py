"""`release build` and `release verify`."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.progress import watcher
from umd_curate.cli.run import show_planned, summarise
from umd_curate.errors import ExitCode, GateRefused
from umd_curate.model.receipts import Json
from umd_curate.pipeline import run as pipeline


@click.group
def release() -> None:
    """Build or verify a release.

    \b
    Example:
      umd-curate release build --workspace study
    """


@release.command
@common
@spread
def build(options: Options) -> int:
    """Build releases/VERSION/umd/ from what is done, after a search of every file for identifiers.

    \b
    Example:
      UMD_RELEASE__VERSION=1.0.0 umd-curate release build --workspace study
    """
    if options.dry_run:
        return show_planned(options, ("release",))
    workspace = options.require()
    config = options.settings(workspace)
    with (
        watcher(verbose=options.verbose) as drawn,
        pipeline.opened(workspace, config, "release build", drawn) as session,
    ):
        folder = pipeline.release(session)
        code = pipeline.exit_code(session.ledger)
        sums = session.ledger.fact(pipeline.ACCOUNTING)
    if folder is None:
        message = "There is no session to release."
        raise GateRefused(message, hint="`umd-curate status` says what became of the raw folder.")
    summarise(options, workspace, sums, {"release": str(folder)}, code)
    return code


@release.command
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@common
def verify(options: Options, folder: Path) -> int:
    """Read a release back: every row has its bytes, every file its checksum, no subject is in two splits.

    \b
    Example:
      umd-curate release verify study/releases/0.1.0/umd
    """
    from umd_curate.release.scan import verify_release

    result = verify_release(folder)
    if options.json:
        faults: list[Json] = [
            {"code": fault.code, "place": fault.place, "detail": fault.detail} for fault in result.faults
        ]
        render.as_json({"files": result.files, "rows": result.rows, "volumes": result.volumes, "faults": faults})
    else:
        render.line(f"{result.files} files, {result.rows} rows, {result.volumes} volumes: {len(result.faults)} faults")
        for fault in result.faults:
            render.line(f"  {fault.code} {fault.place} {fault.detail}".rstrip())
    if result.faults:
        message = "The release is not what its manifest says."
        raise GateRefused(message, hint="Build it again, or fetch it again.")
    return ExitCode.DONE
