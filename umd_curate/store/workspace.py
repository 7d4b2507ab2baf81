"""Layout of a workspace: what lies on which side of the PHI wall, who may read it, and who holds the lock."""

import contextlib
import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from umd_curate.errors import WorkspaceError
from umd_curate.model.config import UmdConfig
from umd_curate.store.files import sweep_temporaries, write_text
from umd_curate.store.keys import KEY_ENVIRONMENT, is_own_key_file, own_key_file
from umd_curate.store.settings import TEMPLATE, load_config

PRIVATE_MODE = 0o700
PUBLIC_FOLDERS = ("data", "qa", "releases")
CONFIG_NAME = "umd.toml"
_README = """\
This folder is a workspace of umd-curate.

umd.toml     settings
private/     index, ledger, vault, staged images, accounting: can identify patients; it stays at the hospital
data/        de-identified images, labels and their sidecars
qa/          figures, checks and report.html
releases/    <version>/umd/: what is published

`umd-curate status` says what is done and what is left.
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything lies. `private` is 0700 and may lie elsewhere; the key never lies in either."""

    root: Path
    private: Path

    @property
    def config_path(self) -> Path:
        """umd.toml."""
        return self.root / CONFIG_NAME

    @property
    def ledger_path(self) -> Path:
        """State of all work; only the coordinator writes it."""
        return self.private / "ledger.sqlite"

    @property
    def index_path(self) -> Path:
        """One row per file of the raw folder."""
        return self.private / "index" / "instances.parquet"

    @property
    def vault_path(self) -> Path:
        """Encrypted link of patients and subjects."""
        return self.private / "vault.sqlite"

    @property
    def accounting_path(self) -> Path:
        """What became of each file of the raw folder, with its path and patient."""
        return self.private / "accounting.csv"

    @property
    def releases(self) -> Path:
        """Releases by version."""
        return self.root / "releases"

    @property
    def report_path(self) -> Path:
        """The report for reviewers."""
        return self.root / "qa" / "report.html"

    def resolve(self, relative: str) -> Path:
        """Absolute path of an artifact; ``private/...`` leads into the private folder wherever it lies."""
        head, _, tail = relative.partition("/")
        return self.private / tail if head == "private" else self.root / relative

    def config(self) -> UmdConfig:
        """Settings of this workspace."""
        return load_config(self.config_path)


def open_workspace(root: Path, private: Path | None = None) -> Workspace:
    """Open an existing workspace.

    Raises
    ------
    WorkspaceError
        There is none at `root`, or its private folder would lie below the PHI wall.
    """
    if not (root / CONFIG_NAME).is_file():
        message = "This folder is not a workspace: it has no umd.toml."
        raise WorkspaceError(message)
    root = root.resolve()
    configured = load_config(root / CONFIG_NAME).workspace.private
    folder = private or (Path(configured).expanduser() if configured else root / "private")
    workspace = Workspace(root, folder.resolve())
    _refuse_below_the_wall(workspace)
    _make_private(workspace)
    return workspace


def create_workspace(root: Path, private: Path | None = None, *, unlinkable: bool = False) -> Workspace:
    """Make a workspace; one that exists is opened and left as it is.

    Parameters
    ----------
    root, private
        Where it lies, and its private folder if that lies elsewhere.
    unlinkable
        Give it a key that no other workspace uses, named in its umd.toml and made at the first run.

    Raises
    ------
    WorkspaceError
        The folder holds something else, or cannot be made; or an unlinkable workspace is asked for where one exists that is
        not, or while the environment names a key.
    """
    try:
        return _created(root, private, unlinkable=unlinkable)
    except OSError as error:
        message = "The workspace, or its private folder, cannot be made or written here."
        raise WorkspaceError(message, hint="Name a folder that this account may write with --workspace.") from error


def _created(root: Path, private: Path | None, *, unlinkable: bool) -> Workspace:
    if unlinkable and KEY_ENVIRONMENT in os.environ:
        message = f"{KEY_ENVIRONMENT} names a key, so the workspace would not have one of its own."
        raise WorkspaceError(message, hint=f"Unset {KEY_ENVIRONMENT}, then try again.")
    if not (root / CONFIG_NAME).is_file():
        if root.is_dir() and any(root.iterdir()):
            message = "The folder for the new workspace is not empty."
            raise WorkspaceError(message, hint="Name an empty or a new folder with --workspace.")
        text = TEMPLATE
        if private is not None:
            _refuse_below_the_wall(Workspace(root.resolve(), private.resolve()))
            text += f"\n[workspace]\nprivate = {json.dumps(str(private.resolve()))}\n"
        if unlinkable:
            text += f'\n[deid]\nkey_file = "{own_key_file()}"  # of this workspace alone\n'
        write_text(root / CONFIG_NAME, text)
        write_text(root / "README.txt", _README)
    workspace = open_workspace(root, private)
    if unlinkable and not is_own_key_file(workspace.config().deid.key_file):
        message = "This workspace uses a key that others may use too, so it cannot become unlinkable."
        raise WorkspaceError(message, hint="Name a new workspace with --workspace.")
    return workspace


def _refuse_below_the_wall(workspace: Workspace) -> None:
    public = [workspace.root / name for name in PUBLIC_FOLDERS]
    if workspace.private == workspace.root or any(workspace.private.is_relative_to(folder) for folder in public):
        message = "The private folder must not lie below the PHI wall."
        raise WorkspaceError(message, hint="Put it outside data/, qa/ and releases/, best outside the workspace.")


def _make_private(workspace: Workspace) -> None:
    for folder in (
        workspace.private,
        workspace.private / "index",
        workspace.private / "orders",
        workspace.private / "staged",
        workspace.private / "identifiers",
        workspace.private / "logs",
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_MODE)
        folder.chmod(PRIVATE_MODE)


@contextlib.contextmanager
def locked(workspace: Workspace, command: str) -> Iterator[None]:
    """Hold the workspace for one writing command; what a killed one left half-written is removed first.

    Raises
    ------
    WorkspaceError
        Another process holds it; the message names process, command and since when.
    """
    path = workspace.private / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another umd-curate holds this workspace: {_holder(handle.read())}."
            raise WorkspaceError(
                message, hint="Wait until it ends, or stop it; the next run goes on from there."
            ) from error
        handle.truncate(0)
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "command": command, "since": now}, handle)
        handle.flush()
        for folder in (workspace.private, *(workspace.root / name for name in PUBLIC_FOLDERS)):
            sweep_temporaries(folder)
        yield


def _holder(text: str) -> str:
    try:
        entry = json.loads(text)
        return f"process {entry['pid']} (`{entry['command']}`), since {entry['since']}"
    except (json.JSONDecodeError, KeyError):
        return "a process that has not said its name yet"
