"""Withdraws a subject: the record that every later release honours, and the plan of what is still to be purged where."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from umd_curate.errors import UsageError
from umd_curate.release.plan import RELEASES, SPLITS, in_order
from umd_curate.release.purge_io import HeldFile, files_that_hold
from umd_curate.store.ledger import Ledger
from umd_curate.store.withdrawals import Withdrawal, add_withdrawal
from umd_curate.store.workspace import Workspace

FILES_TABLE = "manifests/files.parquet"


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A released version that holds the subject; `files` is empty where its folder is not at hand."""

    version: str
    folder: str
    files: tuple[HeldFile, ...]


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What still holds a withdrawn subject.

    Parameters
    ----------
    subject
        Published id.
    folders
        Folders of the workspace, relative.
    private_files
        Files behind the PHI wall that steps made of the subject.
    versions
        Releases that hold it; copies that were published are still to be purged.
    """

    subject: str
    folders: tuple[str, ...]
    private_files: int
    versions: tuple[HeldVersion, ...]


def plan_purge(workspace: Workspace, ledger: Ledger, subject: str, dataset: str) -> PurgePlan:
    """Find out what holds a subject.

    Raises
    ------
    UsageError
        Neither the workspace nor a release of it knows the subject.
    """
    receipts = [row.receipt for row in ledger.rows() if row.receipt and row.receipt.subject == subject]
    known = ledger.fact(RELEASES)
    records = known if isinstance(known, dict) else {}
    versions = [
        version
        for version in sorted(records, key=in_order)
        if isinstance(record := records[version], Mapping)
        and isinstance(splits := record.get(SPLITS), Mapping)
        and subject in splits
    ]
    if not receipts and not versions:
        message = "The workspace knows no subject of that id."
        raise UsageError(message, hint="`umd-curate status --json` and manifests/subjects.jsonl list the subjects.")
    paths = {entry.path for receipt in receipts for entry in receipt.outputs}
    candidates = (f"data/sub-{subject}", f"qa/sub-{subject}")
    return PurgePlan(
        subject=subject,
        folders=tuple(folder for folder in candidates if workspace.resolve(folder).is_dir()),
        private_files=sum(path.startswith("private/") and workspace.resolve(path).is_file() for path in paths),
        versions=tuple(_held(workspace, version, dataset, subject) for version in versions),
    )


def _held(workspace: Workspace, version: str, dataset: str, subject: str) -> HeldVersion:
    relative = f"releases/{version}/{dataset}"
    folder: Path = workspace.resolve(relative)
    files = files_that_hold(folder, subject) if (folder / FILES_TABLE).is_file() else []
    return HeldVersion(version, relative if folder.is_dir() else "", tuple(files))


def withdraw(workspace: Workspace, subject: str, reason: str) -> Withdrawal:
    """Record the withdrawal; recorded twice, the first record stands."""
    return add_withdrawal(workspace.root, subject, reason)
