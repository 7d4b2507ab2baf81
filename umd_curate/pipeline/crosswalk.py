"""What a data manager does with the crosswalk of a workspace: import, merge, export, rotate its key, destroy it.

Each function holds the workspace's lock, so that no run allots ids at the same time. Tables of patients are input and output
of the private side alone: `private_target` refuses a place below the PHI wall.
"""

import csv
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from umd_curate.deid.crosswalk import EXPORT_COLUMNS, IMPORT_COLUMNS, Link, assignments, split_patient
from umd_curate.deid.vault import SUFFIXES, Vault
from umd_curate.errors import UsageError, WorkspaceError
from umd_curate.ingest.persons_io import read_persons
from umd_curate.model.config import UmdConfig
from umd_curate.model.ids import PatientKey
from umd_curate.pipeline.roots import workspace_key
from umd_curate.store.files import atomic, write_text
from umd_curate.store.keys import DeidKey, key_path, make_key
from umd_curate.store.workspace import Workspace, locked

_PRIVATE_FILE = 0o600
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a crosswalk holds after a change, and how much of it is new."""

    patients: int
    new: int
    numbers: int = 0


def require_vault(workspace: Workspace) -> Path:
    """Path of the vault.

    Raises
    ------
    WorkspaceError
        No run and no `crosswalk init` has made it yet.
    """
    if not workspace.vault_path.is_file():
        message = "This workspace has no crosswalk yet."
        raise WorkspaceError(message, hint="umd-curate crosswalk init, or: umd-curate run RAW")
    return workspace.vault_path


def init(workspace: Workspace, config: UmdConfig) -> str:
    """Make key and vault where they are missing; fingerprint of the key."""
    with locked(workspace, "crosswalk init"):
        key = workspace_key(workspace, config)
        with Vault(workspace.vault_path, key):
            return key.fingerprint


def take_table(workspace: Workspace, config: UmdConfig, table: Path, issuer: str = "", *, keep: bool = True) -> Counts:
    """Take pre-assigned ids from a CSV in UTF-8 with the columns issuer, id and subject: all rows or none.

    Parameters
    ----------
    table
        The CSV; patients that are one person by ``ingest.patients`` share the id of that person.
    issuer
        Issuer of the rows that name none.
    keep
        Whether they are taken, or it is only tried, in a crosswalk that is there.

    Raises
    ------
    UsageError
        The table cannot be read, a row is not sound, or one contradicts an id that was already allotted.
    """
    try:
        reader = csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline=""))
        rows = [{**row, "issuer": row.get("issuer") or issuer} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = "The table of pre-assigned ids cannot be read."
        raise UsageError(message, hint=f"It is a CSV in UTF-8 with the columns {', '.join(IMPORT_COLUMNS)}.") from error
    missing = [name for name in IMPORT_COLUMNS[1:] if name not in (reader.fieldnames or ())]
    if missing:
        message = f"The table of pre-assigned ids has no column {missing[0]!r}."
        raise UsageError(message, hint=f"It is a CSV in UTF-8 with the columns {', '.join(IMPORT_COLUMNS)}.")
    links = dict.fromkeys(link for _, link in assignments(rows, read_persons(config.ingest.patients).of))
    if not keep:
        require_vault(workspace)
    with locked(workspace, "crosswalk import"), Vault(workspace.vault_path, workspace_key(workspace, config)) as vault:
        known, new = len(vault), _count_new(vault, links)
        _refuse(vault.take_over(links, keep=keep), "The table contradicts itself or the crosswalk")
        return Counts(known + new, new)


def _count_new(vault: Vault, links: Iterable[Link]) -> int:
    return len({link.patient for link in links if vault.known_subject(link.patient) is None})


def merge(workspace: Workspace, config: UmdConfig, other: Path, other_key: DeidKey, *, keep: bool = True) -> Counts:
    """Take over the ids and numbers of another vault: all of them, or none; without `keep` it is only tried.

    Raises
    ------
    UsageError
        A patient has another id there, or an id another patient, or a number another study.
    """
    if not other.is_file() or other.resolve() == workspace.vault_path.resolve():
        message = "The other vault is not there, or it is the one of this workspace."
        raise UsageError(message)
    if not keep:
        require_vault(workspace)
    with locked(workspace, "crosswalk merge"), Vault(workspace.vault_path, workspace_key(workspace, config)) as vault:
        with Vault(other, other_key) as foreign:
            links, numbers = list(foreign.links()), list(foreign.numbers())
        known, new = len(vault), _count_new(vault, links)
        _refuse(vault.take_over(links, numbers, keep=keep), "The two crosswalks contradict each other")
        return Counts(known + new, new, len(numbers))


def _refuse(faults: list[str], what: str) -> None:
    if faults:
        message = f"{what}; nothing was taken. {'; '.join(faults[:10])}{'; ...' if faults[10:] else ''}"
        raise UsageError(message, hint="A published id never changes: mend the other side, then try again.")


def link_of(workspace: Workspace, config: UmdConfig, find: Callable[[Vault], Link | None]) -> Link | None:
    """What the crosswalk says of one subject or patient."""
    require_vault(workspace)
    with Vault(workspace.vault_path, workspace_key(workspace, config)) as vault:
        return find(vault)


def of_subject(subject: str) -> Callable[[Vault], Link | None]:
    """Find the patient behind a published id."""

    def find(vault: Vault) -> Link | None:
        patient = vault.patient_of(subject.removeprefix("sub-"))
        known = vault.known_subject(patient) if patient is not None else None
        return Link(patient, known) if patient is not None and known is not None else None

    return find


def of_patient(config: UmdConfig, issuer: str, patient_id: str) -> Callable[[Vault], Link | None]:
    """Find the published id of a patient."""

    def find(vault: Vault) -> Link | None:
        patient: PatientKey = read_persons(config.ingest.patients).of(issuer, patient_id)
        known = vault.known_subject(patient)
        return Link(patient, known) if known is not None else None

    return find


def export(workspace: Workspace, config: UmdConfig, target: Path, *, keep: bool = True) -> int:
    """Write the crosswalk in plain text, mode 0600: issuer, id, subject and date shift of each patient; how many.

    Without `keep` they are only counted.

    Raises
    ------
    UsageError
        The file exists, or would lie in the workspace's public part.
    """
    require_vault(workspace)
    path = private_target(workspace, target)
    key = workspace_key(workspace, config)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(EXPORT_COLUMNS)
    with locked(workspace, "crosswalk export"), Vault(workspace.vault_path, key) as vault:
        links = list(vault.links())
    writer.writerows((*split_patient(link.patient), link.subject, key.shift_days(link.patient)) for link in links)
    if keep:
        write_text(path, text.getvalue(), mode=_PRIVATE_FILE)
    return len(links)


def private_target(workspace: Workspace, target: Path) -> Path:
    """Where identifying text may be written: a new file outside the workspace, or in its private folder.

    Raises
    ------
    UsageError
        It exists, or lies elsewhere in the workspace.
    """
    path = target.expanduser().resolve()
    if path.is_relative_to(workspace.root) and not path.is_relative_to(workspace.private):
        message = "The file would lie in the workspace, outside private/."
        raise UsageError(message, hint="Name a file on an encrypted disk, outside the workspace.")
    if path.exists():
        message = "The file exists already; it is not overwritten."
        raise UsageError(message)
    return path


def rotate(workspace: Workspace, config: UmdConfig, new_key: Path) -> tuple[str, Counts]:
    """Seal the vault anew under another key; fingerprint of that key, and what the vault holds.

    Ids and numbers stay. UIDs, date shifts and short ids follow from the key, so they will be others: the next run makes
    every file anew. The old key and the setting ``deid.key_file`` are left to the caller.

    Raises
    ------
    UsageError
        The new key lies in the workspace, or is the old one.
    """
    path = new_key.expanduser().resolve()
    if any(path.is_relative_to(folder) for folder in (workspace.root, workspace.private)):
        message = "The de-identification key must not lie in the workspace."
        raise UsageError(message)
    vault_path, old = require_vault(workspace), workspace_key(workspace, config)
    with locked(workspace, "crosswalk rotate"):
        with Vault(vault_path, old) as vault:
            links, numbers = list(vault.links()), list(vault.numbers())
        if any(_beside(vault_path, suffix).exists() for suffix in SUFFIXES[1:]):
            message = "Another process has the vault open."
            raise WorkspaceError(message, hint="Wait until it ends, then try again.")
        key = make_key(path)
        if key.secret == old.secret:
            message = "The new key is the old one."
            raise UsageError(message)
        with atomic(vault_path, mode=_PRIVATE_FILE) as temporary, Vault(temporary, key) as fresh:
            _refuse(fresh.take_over(links, numbers), "The crosswalk contradicts itself")
    return key.fingerprint, Counts(len(links), 0, len(numbers))


def destroy(workspace: Workspace, config: UmdConfig, *, with_key: bool) -> int:
    """Remove the vault and all else of ``private/``, and the key if asked; how many files.

    What stays below the PHI wall can no longer be led back to a patient from this machine. Copies elsewhere are not reached.
    """
    removed = 0
    with locked(workspace, "crosswalk destroy"):
        for path in [_beside(workspace.vault_path, suffix) for suffix in SUFFIXES]:
            removed += _wipe(path)
        if with_key:
            removed += _wipe(key_path(config.deid.key_file))
        for entry in sorted(workspace.private.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                removed += sum(1 for path in entry.rglob("*") if not path.is_dir())
                shutil.rmtree(entry)
            elif entry.name != _LOCK:
                entry.unlink()
                removed += 1
    return removed


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _wipe(path: Path) -> int:
    """Overwrite a small secret file with noise and remove it; a copy-on-write disk may still keep the old blocks."""
    if not path.is_file():
        return 0
    with path.open("r+b") as handle:
        handle.write(secrets.token_bytes(path.stat().st_size))
        handle.flush()
        os.fsync(handle.fileno())
    path.unlink()
    return 1
