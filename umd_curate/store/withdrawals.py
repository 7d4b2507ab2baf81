"""``withdrawals.jsonl`` in the workspace: subjects that no later release may hold, one a line; entries are only ever added."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from umd_curate.errors import WorkspaceError
from umd_curate.store.files import write_text

WITHDRAWALS = "withdrawals.jsonl"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A subject that was withdrawn; `reason` is published with the tombstone, `recorded` (ISO date) is not."""

    subject: str
    reason: str
    recorded: str


def read_withdrawals(root: Path) -> tuple[Withdrawal, ...]:
    """Withdrawals of a workspace, in the order in which they were recorded.

    Raises
    ------
    WorkspaceError
        The file is not what `add_withdrawal` writes: a withdrawal must not be lost in silence.
    """
    path = root / WITHDRAWALS
    if not path.is_file():
        return ()
    try:
        return tuple(Withdrawal(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    except (ValueError, TypeError) as error:
        message = f"{WITHDRAWALS} cannot be read."
        raise WorkspaceError(message, hint="Each line is a JSON object with subject, reason and recorded.") from error


def add_withdrawal(root: Path, subject: str, reason: str) -> Withdrawal:
    """Record a withdrawal; of a subject that is withdrawn already, the first record stands."""
    known = read_withdrawals(root)
    found = next((entry for entry in known if entry.subject == subject), None)
    if found is not None:
        return found
    added = Withdrawal(subject, reason, dt.datetime.now(dt.UTC).date().isoformat())
    lines = [json.dumps(asdict(entry), ensure_ascii=False) for entry in (*known, added)]
    write_text(root / WITHDRAWALS, "\n".join(lines) + "\n")
    return added
