"""The ledger: which unit of work is done, with what receipt. SQLite in WAL mode, written by the coordinator alone.

A task is known by its key (`model.steps.unit_key`). `current` says which key each unit of the newest plan has, so that a
changed input makes the old task stale by itself. Times, host and process figures stand here and nowhere else.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from umd_curate.errors import WorkspaceError
from umd_curate.model.findings import Finding, Severity
from umd_curate.model.receipts import Artifact, Json, Receipt, State
from umd_curate.store.files import sha256_of

Resolve = Callable[[str], Path]  # an artifact's relative path to the absolute one

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    key TEXT PRIMARY KEY, step TEXT NOT NULL, unit TEXT NOT NULL, state TEXT NOT NULL, receipt TEXT NOT NULL,
    seconds REAL NOT NULL, cpu_seconds REAL NOT NULL, peak_rss_mib REAL NOT NULL,
    finished TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')));
CREATE TABLE IF NOT EXISTS current (
    step TEXT NOT NULL, unit TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (step, unit));
CREATE TABLE IF NOT EXISTS outputs (
    key TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    PRIMARY KEY (key, path));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one unit cost: wall seconds, CPU seconds, peak resident memory of its process [MiB]."""

    seconds: float
    cpu_seconds: float
    peak_rss_mib: float


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task of the newest plan: its receipt and cost, both None while it is not done."""

    step: str
    unit: str
    receipt: Receipt | None
    usage: Usage | None


class Ledger:
    """Open ledger of a workspace; close it, or use it as a context manager.

    Raises
    ------
    WorkspaceError
        The file is damaged, or it or its folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # its log and index take over the mode
            path.chmod(0o600)
            self._db = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise _unusable() from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable() from error
        self._digests: dict[tuple[Path, int, int], str] = {}  # of files whose time differs: each is read once

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._db.close()

    def plan(self, step: str, keys: Mapping[str, str]) -> None:
        """Make `keys` (unit name to task key) the newest plan of a step."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM current WHERE step = ?", (step,))
            self._db.executemany(
                "INSERT INTO current (step, unit, key) VALUES (?, ?, ?)",
                [(step, unit, key) for unit, key in keys.items()],
            )

    def is_done(self, key: str, resolve: Resolve) -> bool:
        """Say whether a task ended and all its outputs are still there, unchanged.

        An output is trusted by size and modification time; where the time differs its SHA-256 decides.
        """
        if self.state(key) in {None, State.FAILED}:
            return False
        outputs = self._db.execute("SELECT path, sha256, size, mtime_ns FROM outputs WHERE key = ?", (key,)).fetchall()
        return all(
            self._is_unchanged(resolve(path), sha256, size, mtime_ns) for path, sha256, size, mtime_ns in outputs
        )

    def changed(self, inputs: Mapping[str, str], resolve: Resolve) -> list[str]:
        """Of files by path and recorded SHA-256, those that are no longer what the task of that digest wrote.

        They are trusted as in `is_done`; a file that no task of the newest plan wrote is not judged.
        """
        written = self._db.execute(
            "SELECT path, sha256, size, mtime_ns FROM outputs JOIN current ON current.key = outputs.key ORDER BY path"
        ).fetchall()
        return [
            path
            for path, sha256, size, mtime_ns in written
            if inputs.get(path) == sha256 and not self._is_unchanged(resolve(path), sha256, size, mtime_ns)
        ]

    def state(self, key: str) -> State | None:
        """How a task ended; None where it has not."""
        row = self._db.execute("SELECT state FROM tasks WHERE key = ?", (key,)).fetchone()
        return State(row[0]) if row else None

    def record(self, receipt: Receipt, usage: Usage, resolve: Resolve) -> None:
        """Write a finished unit, its outputs and its cost in one transaction."""
        outputs = [
            (receipt.key, entry.path, entry.sha256, entry.size, resolve(entry.path).stat().st_mtime_ns)
            for entry in receipt.outputs
        ]
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT OR REPLACE INTO tasks (key, step, unit, state, receipt, seconds, cpu_seconds, peak_rss_mib) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (receipt.key, receipt.step, receipt.unit, receipt.state, _dump(receipt), *asdict(usage).values()),
            )
            self._db.execute("DELETE FROM outputs WHERE key = ?", (receipt.key,))
            self._db.executemany("INSERT INTO outputs VALUES (?, ?, ?, ?, ?)", outputs)

    def rows(self, steps: Sequence[str] = ()) -> list[TaskRow]:
        """Tasks of the newest plan, done or not, by step (in the order of `steps`) and unit."""
        found = self._db.execute(
            "SELECT current.step, current.unit, receipt, seconds, cpu_seconds, peak_rss_mib "
            "FROM current LEFT JOIN tasks ON tasks.key = current.key ORDER BY current.step, current.unit"
        ).fetchall()
        rows = [
            TaskRow(step, unit, _load(text) if text else None, Usage(*cost) if text else None)
            for step, unit, text, *cost in found
            if not steps or step in steps
        ]
        return sorted(rows, key=lambda row: steps.index(row.step)) if steps else rows

    def receipts(self, step: str) -> list[Receipt]:
        """Receipts of the units of a step's newest plan that have ended, by unit name."""
        return [row.receipt for row in self.rows([step]) if row.receipt is not None]

    def stale_outputs(self) -> list[str]:
        """Paths that only tasks of older plans wrote."""
        rows = self._db.execute(
            "SELECT DISTINCT path FROM outputs WHERE path NOT IN "
            "(SELECT path FROM outputs JOIN current ON current.key = outputs.key) ORDER BY path"
        ).fetchall()
        return [path for (path,) in rows]

    def forget(self, paths: Iterable[str]) -> None:
        """Drop the tasks that wrote these paths."""
        with self._db:
            self._db.execute("BEGIN")
            for path in paths:
                keys = self._db.execute("SELECT key FROM outputs WHERE path = ?", (path,)).fetchall()
                self._db.executemany("DELETE FROM tasks WHERE key = ?", keys)
                self._db.executemany("DELETE FROM outputs WHERE key = ?", keys)

    def _is_unchanged(self, path: Path, sha256: str, size: int, mtime_ns: int) -> bool:
        try:
            found = path.stat()
        except OSError:
            return False
        if found.st_size != size:
            return False
        if found.st_mtime_ns == mtime_ns:
            return True
        known = (path, found.st_size, found.st_mtime_ns)
        if known not in self._digests:
            self._digests[known] = sha256_of(path)
        return self._digests[known] == sha256

    def set_fact(self, name: str, value: Json) -> None:
        """Keep a JSON value of the workspace, such as the accounting's sums."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value, sort_keys=True)))

    def fact(self, name: str) -> Json:
        """A value of `set_fact`; None where there is none."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        value: Json = json.loads(row[0]) if row else None
        return value


def _unusable() -> WorkspaceError:
    message = "The ledger of this workspace cannot be used: it is damaged, or private/ cannot be written."
    hint = "See the rights and the free space of private/. If ledger.sqlite is damaged, move it away: all work is done anew."
    return WorkspaceError(message, hint=hint)


def _dump(receipt: Receipt) -> str:
    return json.dumps(asdict(receipt), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _load(text: str) -> Receipt:
    entry = json.loads(text)
    return Receipt(
        step=entry["step"],
        unit=entry["unit"],
        key=entry["key"],
        state=State(entry["state"]),
        subject=entry["subject"],
        session=entry["session"],
        inputs=tuple(Artifact(**artifact) for artifact in entry["inputs"]),
        outputs=tuple(Artifact(**artifact) for artifact in entry["outputs"]),
        findings=tuple(
            Finding(**{**finding, "severity": Severity(finding["severity"])}) for finding in entry["findings"]
        ),
        measured=entry["measured"],
        versions=entry["versions"],
    )
