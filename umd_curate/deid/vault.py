"""The vault: which published subject id belongs to which patient, and which number to which study. Never below the PHI wall.

One SQLite file, readable by its owner alone. Rows are found by HMAC, their content is sealed with AES-256-GCM, so the
file shows neither a patient nor a published id without the key. Ids are random; whoever has the vault gets the same ids
again, on any machine and in any order. Numbers of sessions and runs are allotted in the order of asking and stay: a study
that arrives later gets the next number, whatever its date. Two processes may write: unique indexes decide, the loser reads
the winner's row.
"""

import json
import os
import secrets
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from umd_curate.errors import WorkspaceError
from umd_curate.model.ids import SUBJECT_ALPHABET, SUBJECT_LENGTH, PatientKey, SubjectId
from umd_curate.store.keys import DeidKey

VAULT_VERSION = "2"
_MIGRATED = {"1"}  # versions that this one reads: the table of numbers is added, all rows stay
_CIPHER = "1"  # of the sealed rows; they have not changed since version 1
BUSY_TIMEOUT_S = 30.0
_NONCE_BYTES = 12  # NIST SP 800-38D 8.2
_MAX_DRAWS = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subjects (
    patient_mac BLOB PRIMARY KEY,
    subject_mac BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (
    thing_mac BLOB PRIMARY KEY,
    series_mac BLOB NOT NULL,
    number INTEGER NOT NULL,
    UNIQUE (series_mac, number)
) WITHOUT ROWID;
"""


class Vault:
    """Opens or makes the vault at `path`; a context manager.

    Raises
    ------
    WorkspaceError
        The vault was made with another key, has another version, or its folder cannot be written.
    """

    def __init__(self, path: Path, key: DeidKey) -> None:
        self._path = path
        self._key = key
        self._cipher = AESGCM(key.digest("vault-key", _CIPHER))
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._path.chmod(0o600)
            self._connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)
            self._check_about()
        except (OSError, sqlite3.Error) as error:
            self.close()
            message = "The vault cannot be opened."
            raise WorkspaceError(message, hint="See the rights of its folder, and that the file is a vault.") from error
        except WorkspaceError:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def subject_of(self, patient: PatientKey) -> SubjectId:
        """Published id of a patient; a random unused one is allotted the first time.

        Raises
        ------
        WorkspaceError
            The row was tampered with, or no id is free.
        """
        for _ in range(_MAX_DRAWS):
            known = self._row("patient_mac", self._mac("patient", patient))
            if known is not None:
                return SubjectId(self._open(*known)["subject"])
            self._insert(patient, SubjectId("".join(secrets.choice(SUBJECT_ALPHABET) for _ in range(SUBJECT_LENGTH))))
        message = "The vault has no free subject id."
        raise WorkspaceError(message)

    def session_number(self, patient: PatientKey, kind: str, study_uid: str) -> int:
        """Number of a study among the sessions of one kind of a patient, from 1; the next free one the first time."""
        return self._number("session", (patient, kind), study_uid)

    def run_number(self, patient: PatientKey, kind: str, study_uid: str, anchor: str) -> int:
        """Number of an acquisition among those of one kind in a study, from 1; the next free one the first time."""
        return self._number("run", (patient, kind, study_uid), anchor)

    def patient_of(self, subject: SubjectId) -> PatientKey | None:
        """Patient behind a published id, or None where this vault did not allot it.

        Raises
        ------
        WorkspaceError
            The row was tampered with.
        """
        known = self._row("subject_mac", self._mac("subject", subject))
        return None if known is None else PatientKey(self._open(*known)["patient"])

    def __len__(self) -> int:
        """Count the patients."""
        (count,) = self._database.execute("SELECT count(*) FROM subjects").fetchone()
        return int(count)

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            message = "the vault is not open"
            raise RuntimeError(message)
        return self._connection

    def _mac(self, what: str, value: str) -> bytes:
        return self._key.digest(f"vault-{what}", value)

    def _number(self, what: str, counted: tuple[str, ...], thing: str) -> int:
        """Number of a thing among those that are counted together."""
        series = self._mac(f"{what}-series", json.dumps(counted))
        mac = self._mac(what, json.dumps((*counted, thing)))
        for _ in range(_MAX_DRAWS):
            row = self._database.execute("SELECT number FROM numbers WHERE thing_mac = ?", (mac,)).fetchone()
            if row is not None:
                return int(row[0])
            self._database.execute(
                "INSERT OR IGNORE INTO numbers"
                " SELECT ?, ?, coalesce(max(number), 0) + 1 FROM numbers WHERE series_mac = ?",
                (mac, series, series),
            )
        message = "The vault gives no number."
        raise WorkspaceError(message)

    def _check_about(self) -> None:
        wanted = {"key": self._key.fingerprint, "version": VAULT_VERSION}
        for name, value in wanted.items():
            self._database.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
        found = dict(self._database.execute("SELECT name, value FROM about"))
        if found["key"] != wanted["key"]:
            message = "The vault was made with another key."
            raise WorkspaceError(message, hint="Give the key of this vault; new ids are never made under another one.")
        if found["version"] in _MIGRATED:
            self._database.execute("UPDATE about SET value = ? WHERE name = 'version'", (VAULT_VERSION,))
        elif found["version"] != VAULT_VERSION:
            message = "The vault has another version."
            raise WorkspaceError(message, hint="Use the version of umd-curate that made it.")

    def _row(self, column: str, mac: bytes) -> tuple[bytes, bytes] | None:
        row: tuple[bytes, bytes] | None = self._database.execute(
            f"SELECT patient_mac, sealed FROM subjects WHERE {column} = ?",  # noqa: S608  (the column is ours)
            (mac,),
        ).fetchone()
        return row

    def _insert(self, patient: PatientKey, subject: SubjectId) -> None:
        """Try to write the row; another process's row for the patient, or the id's owner, silently stays."""
        mac, nonce = self._mac("patient", patient), secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps({"patient": patient, "subject": subject}).encode()
        sealed = nonce + self._cipher.encrypt(nonce, plain, mac)
        self._database.execute(
            "INSERT OR IGNORE INTO subjects VALUES (?, ?, ?)", (mac, self._mac("subject", subject), sealed)
        )

    def _open(self, mac: bytes, sealed: bytes) -> dict[str, str]:
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], mac)
        except InvalidTag as error:
            message = "A row of the vault was changed from outside."
            raise WorkspaceError(message, hint="Put back a copy of the vault; no id is made anew.") from error
        opened: dict[str, str] = json.loads(plain)
        return opened
