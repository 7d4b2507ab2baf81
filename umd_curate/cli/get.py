"""`get`."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common


@click.command
@click.argument("repository", metavar="ORG/NAME")
@click.option("--version", metavar="X.Y.Z", help="Version.  [default: the newest]")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where.  [default: here]"
)
@common
def get(options: Options, repository: str, version: str | None, into: Path) -> None:
    """Fetch a whole release from the Hub, every file compared with its checksums, into the folder NAME.

    Stopped at any point, the same command goes on. To read some of it, `umd_curate.load_dataset` needs no copy.

    \b
    Example:
      umd-curate get ORG/umd --version 1.2.0 --into data
    """
    from umd_curate.load.fetch_io import fetch_release
    from umd_curate.load.source_io import source_of

    target = into / repository.rpartition("/")[2]
    if options.dry_run:
        render.note(f"would fetch {source_of(None, repository, version).name} into {target}")
        return

    def watch(done: int, total: int) -> None:
        if done == total or options.verbose:
            render.note(f"{done} of {total} files")

    source = fetch_release(repository, target, version=version, watch=watch)
    if options.json:
        render.as_json({"folder": str(target), "source": source.name})
    else:
        render.line(f"{target}: {source.name}")
