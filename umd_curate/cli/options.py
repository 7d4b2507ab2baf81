"""Options that most commands share, and how they lead to a workspace and its settings."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import click

from umd_curate.errors import WorkspaceError
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json
from umd_curate.store.settings import load_config
from umd_curate.store.workspace import CONFIG_NAME, Workspace, create_workspace, open_workspace

UNLINKABLE = click.option(
    "--unlinkable", is_flag=True, help="In a new workspace: a fresh key of its own, which ties it to no other dataset."
)
DEFAULT_WORKSPACE = Path("umd-workspace")
REFEREES = ("dicom2nifti", "dcm2niix")


@dataclass(frozen=True, slots=True)
class Options:
    """The shared options of one call."""

    workspace: Path | None
    private: Path | None
    config: Path | None
    dry_run: bool
    json: bool
    verbose: bool
    overrides: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # section -> settings of this call

    @property
    def root(self) -> Path:
        """The named workspace, else this folder if it is one, else ``./umd-workspace``."""
        if self.workspace is not None:
            return self.workspace
        return Path() if Path(CONFIG_NAME).is_file() else DEFAULT_WORKSPACE

    def exists(self) -> bool:
        """Say whether the workspace is there."""
        return (self.root / CONFIG_NAME).is_file()

    def open(self) -> Workspace:
        """Open the workspace.

        Raises
        ------
        WorkspaceError
            It is not there.
        """
        return open_workspace(self.root, self.private)

    def open_or_create(self, *, unlinkable: bool = False) -> Workspace:
        """Open the workspace, or make it; `unlinkable` gives a new one a fresh key of its own."""
        return create_workspace(self.root, self.private, unlinkable=unlinkable)

    def settings(self, workspace: Workspace | None) -> UmdConfig:
        """Settings of --config, else of the workspace, else the defaults; the call's own options above them."""
        settings = load_config(self.config or (workspace.config_path if workspace else None))
        return settings.changed(self.overrides)

    def overriding(self, section: str, own: Mapping[str, Json]) -> Self:
        """These options with settings of a section that this call overrides."""
        return replace(self, overrides={**self.overrides, section: {**self.overrides.get(section, {}), **own}})

    def require(self) -> Workspace:
        """Open a workspace that an earlier command must have made."""
        if not self.exists():
            message = "There is no workspace here."
            raise WorkspaceError(
                message, hint="Run `umd-curate run RAW` first, or name the workspace with --workspace."
            )
        return self.open()


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options, as one `Options` value in its first argument."""

    @click.option("-w", "--workspace", type=click.Path(path_type=Path, file_okay=False), envvar="UMD_WORKSPACE",
                  help="Workspace folder.  [default: this folder, or ./umd-workspace]")  # fmt: skip
    @click.option("--private", type=click.Path(path_type=Path, file_okay=False), envvar="UMD_PRIVATE",
                  help="Where private/ lies, if not in the workspace.")  # fmt: skip
    @click.option("--config", "config", type=click.Path(path_type=Path, dir_okay=False, exists=True),
                  help="Settings file, if not the workspace's umd.toml.")  # fmt: skip
    @click.option("-n", "--dry-run", is_flag=True, help="Print the plan and change nothing.")
    @click.option("--json", "as_json", is_flag=True, help="Print data as JSON on stdout; logs stay on stderr.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.", expose_value=False)
    @functools.wraps(command)
    def wrapped(
        *, workspace: Path | None, private: Path | None, config: Path | None, dry_run: bool, as_json: bool,
        verbose: bool, **rest: Any,  # noqa: ANN401  (whatever the command's own options are)
    ) -> Any:  # noqa: ANN401  # fmt: skip
        return command(Options(workspace, private, config, dry_run, as_json, verbose), **rest)

    return wrapped


def conversion(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that override [convert]; stands below `common`."""

    @click.option("--fill", is_flag=True, help="Interpolate a missing slice between its neighbours, and record which.")
    @click.option("--referee", type=click.Choice(["group", "all", "none", *REFEREES]),
                  help="Which series a second converter reads too, or with which converter.  [default: group, dicom2nifti]")  # fmt: skip
    @functools.wraps(command)
    def wrapped(options: Options, *, fill: bool, referee: str | None, **rest: Any) -> Any:  # noqa: ANN401  (the command's own)
        settings: dict[str, Json] = {"fill": True} if fill else {}
        if referee:
            settings["referee_engine" if referee in REFEREES else "referee"] = referee
        return command(options.overriding("convert", settings), **rest)

    return wrapped


def spread(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that does units of work the options of its workers; stands below `common`."""

    @click.option("--workers", type=click.IntRange(0), metavar="N",
                  help="Processes that do the work; 0 takes one per core.  [default: run.workers of umd.toml, or 1]")  # fmt: skip
    @click.option("--dashboard", is_flag=True, help="Show several workers at work on a page of this machine.")
    @functools.wraps(command)
    def wrapped(options: Options, *, workers: int | None, dashboard: bool, **rest: Any) -> Any:  # noqa: ANN401
        own: dict[str, Json] = {"dashboard": True} if dashboard else {}
        if workers is not None:
            own["workers"] = workers
        return command(options.overriding("run", own), **rest)

    return wrapped
