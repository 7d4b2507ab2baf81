"""`init` and `config`."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import UNLINKABLE, Options, common
from umd_curate.store.settings import resolved_toml
from umd_curate.store.workspace import create_workspace


@click.command
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@UNLINKABLE
@common
def init(options: Options, folder: Path | None, *, unlinkable: bool) -> None:
    """Make a workspace: umd.toml, and private/ that only you may read.

    FOLDER is the new workspace; one that exists is left as it is. With --unlinkable it gets a key that no other workspace
    uses, so that what it publishes cannot be joined with another dataset of the same patients by id, UID or date.

    \b
    Example:
      umd-curate init study --private /encrypted/study-private
    """
    root = folder or options.root
    if options.dry_run:
        render.note("A workspace would be made: umd.toml, README.txt, private/ (mode 0700).")
        return
    workspace = create_workspace(root, options.private, unlinkable=unlinkable)
    render.note("The workspace is ready. Look through umd.toml, then: umd-curate run RAW --workspace FOLDER")
    if options.json:
        render.as_json({"workspace": str(workspace.root), "private": str(workspace.private)})


@click.group
def config() -> None:
    """Show the settings of a workspace.

    \b
    Example:
      umd-curate config show --resolved
    """


@config.command
@click.option("--resolved", is_flag=True, help="Every setting, defaults and environment included.")
@common
def show(options: Options, *, resolved: bool) -> None:
    """Print umd.toml as it is, or with every setting resolved.

    \b
    Example:
      UMD_RELEASE__VERSION=1.0.0 umd-curate config show --resolved
    """
    workspace = options.open() if options.exists() else None
    settings = options.settings(workspace)
    if options.json:
        render.as_json(settings.model_dump(mode="json", by_alias=True))
    elif resolved or workspace is None:
        render.line(resolved_toml(settings).rstrip())
    else:
        render.line((options.config or workspace.config_path).read_text(encoding="utf-8").rstrip())
