"""Which folders, archives and files a run reads, and the key that it needs: given now, or known from the last run."""

import os
from collections.abc import Sequence
from pathlib import Path

from umd_curate.errors import UsageError, WorkspaceError
from umd_curate.model.config import UmdConfig
from umd_curate.store.files import write_bytes
from umd_curate.store.keys import DeidKey, key_path, load_key, make_key
from umd_curate.store.ledger import Ledger
from umd_curate.store.workspace import Workspace

ROOTS = "roots"  # ledger fact: the raw folders of the last run
NAMED_FILES = "named-files"  # its value where they are a long list of files
_MOST_ROOTS = 64  # that the ledger holds


def roots_of(given: Sequence[Path], ledger: Ledger, workspace: Workspace) -> list[Path]:
    """Raw folders, archives and files: the ones given, else those of the last run.

    Raises
    ------
    UsageError
        None was given and none is known, or one does not exist.
    """
    known = ledger.fact(ROOTS)
    if known == NAMED_FILES:
        listed = _list_path(workspace).read_bytes() if _list_path(workspace).exists() else b""
        remembered = [Path(os.fsdecode(name)) for name in listed.split(b"\0") if name]
    else:
        remembered = [Path(str(path)) for path in known] if isinstance(known, list) else []
    roots = [Path(os.path.abspath(path)) if path.is_file() else path.resolve() for path in given] or remembered  # noqa: PTH100
    if not roots:
        message = "No raw folder was named, and this workspace has not seen one yet."
        raise UsageError(message, hint="umd-curate run RAW")
    if not all(root.exists() for root in roots):
        message = "A raw folder does not exist."
        raise UsageError(
            message, hint="See that its disk is mounted. If it was moved, name it again: umd-curate run RAW"
        )
    return roots


def remember_roots(roots: Sequence[Path], ledger: Ledger, workspace: Workspace) -> None:
    """Keep the raw folders for the next run; a long list of files in a file of its own."""
    if len(roots) <= _MOST_ROOTS:
        ledger.set_fact(ROOTS, [str(root) for root in roots])
        return
    write_bytes(_list_path(workspace), b"\0".join(os.fsencode(root) for root in roots), mode=0o600)
    ledger.set_fact(ROOTS, NAMED_FILES)


def _list_path(workspace: Workspace) -> Path:
    return workspace.index_path.with_name("named-files")


def refuse_overlap(roots: Sequence[Path], folders: Sequence[Path]) -> None:
    """Refuse a raw folder that holds the workspace or its private folder, or lies in one of them.

    Raises
    ------
    UsageError
        What a run makes would be input of the next.
    """
    inner = [folder.resolve() for folder in folders]
    whole = {root for root in roots if root.is_dir()}
    for root in whole | {root.parent for root in roots if root not in whole}:
        real = root.resolve()
        if any(real.is_relative_to(folder) or (root in whole and folder.is_relative_to(real)) for folder in inner):
            message = "The raw folder and the workspace must lie apart: what a run makes would be input of the next."
            raise UsageError(message, hint="Name a workspace outside the raw folder with --workspace.")


def workspace_key(workspace: Workspace, config: UmdConfig) -> DeidKey:
    """Key of this workspace; made where there is none and no vault needs an older one.

    Raises
    ------
    WorkspaceError
        The vault exists and its key is not there, or the key lies inside the workspace.
    """
    path = key_path(config.deid.key_file)
    if any(path.resolve().is_relative_to(folder) for folder in (workspace.root, workspace.private)):
        message = "The de-identification key must not lie in the workspace."
        raise WorkspaceError(message, hint="Set deid.key_file to a place of its own.")
    if workspace.vault_path.exists():
        return load_key(path)
    return make_key(path)
