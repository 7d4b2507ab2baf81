"""The vault: which published subject id belongs to which patient, and which number to which study. Never below the PHI wall.

One SQLite file, readable by its owner alone. Rows are found by HMAC, their content is sealed with AES-256-GCM, so the file
shows neither a patient nor a published id without the key. Ids are random; whoever has the vault gets the same ids again, on
any machine and in any order. Numbers of sessions and runs are allotted in the order of asking and stay: a study that arrives
later gets the next number, whatever its date. Two processes may write: each change is one transaction. A seal over the set of
all rows tells a row that was taken out or put in from outside; an older copy of the whole file is not told.
"""

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from umd_curate.deid.crosswalk import Link, Number, is_good_draw, same_subject
from umd_curate.errors import WorkspaceError
from umd_curate.model.ids import SUBJECT_ALPHABET, SUBJECT_LENGTH, PatientKey, SubjectId
from umd_curate.store.keys import DeidKey

VAULT_VERSION = "3"
BUSY_TIMEOUT_S = 30.0
_NONCE_BYTES = 12  # NIST SP 800-38D 8.2
_MAC_BYTES = 32
_MAX_DRAWS = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subjects (
    mac BLOB PRIMARY KEY,
    subject_mac BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (
    mac BLOB PRIMARY KEY,
    series_mac BLOB NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counted ON numbers (series_mac);
"""
SUFFIXES = ("", "-wal", "-shm")  # files of a vault beside each other


class Vault:
    """Opens or makes the vault at `path`; a context manager.

    Raises
    ------
    WorkspaceError
        The vault was made with another key, was changed from outside, has another version, or its folder cannot be written.
    """

    def __init__(self, path: Path, key: DeidKey) -> None:
        self._path = path
        self._key = key
        self._cipher = AESGCM(key.digest("vault-key", VAULT_VERSION))
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._path.chmod(0o600)
            self._connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._check_version()
            with self._writing():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
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
        known = self.known_subject(patient)
        if known is not None:
            return known
        with self._writing():
            known = self.known_subject(patient)  # another process may have been first
            if known is None:
                known = self._free_subject()
                self._insert_link(Link(patient, known))
            return known

    def known_subject(self, patient: PatientKey) -> SubjectId | None:
        """Published id of a patient, or None where none was allotted; raises as `subject_of`."""
        link = self._link("mac", self._mac("patient", patient))
        return None if link is None else link.subject

    def patient_of(self, subject: str) -> PatientKey | None:
        """Patient behind a published id, or None where this vault did not allot it; raises as `subject_of`."""
        link = self._link("subject_mac", self._subject_mac(subject))
        return None if link is None else link.patient

    def session_number(self, patient: PatientKey, kind: str, study_uid: str) -> int:
        """Number of a study among the sessions of one kind of a patient, from 1; the next free one the first time."""
        return self._number("session", (patient, kind), study_uid)

    def run_number(self, patient: PatientKey, kind: str, study_uid: str, anchor: str) -> int:
        """Number of an acquisition among those of one kind in a study, from 1; the next free one the first time."""
        return self._number("run", (patient, kind, study_uid), anchor)

    def __len__(self) -> int:
        """Count the patients."""
        (count,) = self._database.execute("SELECT count(*) FROM subjects").fetchone()
        return int(count)

    def links(self) -> Iterator[Link]:
        """All patients with their ids, in the order of the ids; raises as `subject_of`."""
        rows = self._rows("SELECT mac, subject_mac, sealed FROM subjects")
        yield from sorted((self._opened_link(*row) for row in rows), key=lambda link: same_subject(link.subject))

    def numbers(self) -> Iterator[Number]:
        """All numbers of sessions and runs, sorted; raises as `subject_of`."""
        rows = self._rows("SELECT mac, sealed FROM numbers")
        yield from sorted((self._opened_number(*row) for row in rows), key=astuple)

    def take_over(self, links: Iterable[Link], numbers: Iterable[Number] = (), *, keep: bool = True) -> list[str]:
        """Add links and numbers that were made elsewhere: all of them, or none where one contradicts a row.

        Without `keep` none in any case: it is only tried.

        Returns
        -------
        What contradicts, in words that may be shown: published ids, never a patient. Empty where all was taken.
        """
        faults: list[str] = []
        with self._writing() as transaction:
            for link in links:
                known, owner = self.known_subject(link.patient), self.patient_of(link.subject)
                if known is None and owner is None:
                    self._insert_link(link)
                elif known != link.subject:
                    other = f"its patient is {known} here" if known else "it is another patient's here"
                    faults.append(f"{link.subject}: {other}")
            for number in numbers:
                known_number = self._known_number(number.what, number.counted, number.thing)
                if known_number is None and number.number not in self._taken(number.what, number.counted):
                    self._insert_number(number)
                elif known_number != number.number:
                    subject = self.known_subject(PatientKey(number.counted[0])) or "a patient without id"
                    faults.append(f"{subject}: {number.what} {number.counted[1]}{number.number} is another one here")
            if faults or not keep:
                transaction.rollback()
        return sorted(set(faults))

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            message = "the vault is not open"
            raise RuntimeError(message)
        return self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that shuts other writers out from its first read on."""
        connection = self._database
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        if connection.in_transaction:
            connection.commit()

    def _mac(self, what: str, value: str) -> bytes:
        return self._key.digest(f"vault-{what}", value)

    def _subject_mac(self, subject: str) -> bytes:
        return self._mac("subject", same_subject(subject))

    def _free_subject(self) -> SubjectId:
        for _ in range(_MAX_DRAWS):
            drawn = SubjectId("".join(secrets.choice(SUBJECT_ALPHABET) for _ in range(SUBJECT_LENGTH)))
            if is_good_draw(drawn) and self.patient_of(drawn) is None:
                return drawn
        message = "The vault has no free subject id."
        raise WorkspaceError(message)

    def _number(self, what: str, counted: tuple[str, ...], thing: str) -> int:
        """Number of a thing among those that are counted together."""
        known = self._known_number(what, counted, thing)
        if known is not None:
            return known
        with self._writing():
            known = self._known_number(what, counted, thing)
            if known is None:
                known = max(self._taken(what, counted), default=0) + 1
                self._insert_number(Number(what, counted, thing, known))
            return known

    def _known_number(self, what: str, counted: tuple[str, ...], thing: str) -> int | None:
        mac = self._mac(what, json.dumps((*counted, thing)))
        found = self._rows("SELECT mac, sealed FROM numbers WHERE mac = ?", mac)
        return self._opened_number(*found[0]).number if found else None

    def _taken(self, what: str, counted: tuple[str, ...]) -> set[int]:
        series = self._mac(f"{what}-series", json.dumps(counted))
        rows = self._rows("SELECT mac, sealed FROM numbers WHERE series_mac = ?", series)
        return {self._opened_number(*row).number for row in rows}

    def _link(self, column: str, mac: bytes) -> Link | None:
        found = self._rows(f"SELECT mac, subject_mac, sealed FROM subjects WHERE {column} = ?", mac)  # noqa: S608  (ours)
        return self._opened_link(*found[0]) if found else None

    def _rows(self, statement: str, *parameters: bytes) -> list[tuple[bytes, ...]]:
        try:
            return self._database.execute(statement, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise _tampered() from error

    def _insert_link(self, link: Link) -> None:
        mac = self._mac("patient", link.patient)
        sealed = self._sealed(mac, {"patient": link.patient, "subject": link.subject})
        self._database.execute("INSERT INTO subjects VALUES (?, ?, ?)", (mac, self._subject_mac(link.subject), sealed))
        self._count_in(mac)

    def _insert_number(self, number: Number) -> None:
        mac = self._mac(number.what, json.dumps((*number.counted, number.thing)))
        series = self._mac(f"{number.what}-series", json.dumps(number.counted))
        sealed = self._sealed(mac, list(astuple(number)))
        self._database.execute("INSERT INTO numbers VALUES (?, ?, ?)", (mac, series, sealed))
        self._count_in(mac)

    def _sealed(self, mac: bytes, content: object) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, json.dumps(content).encode(), mac)

    def _unsealed(self, mac: bytes, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], mac)
        except (InvalidTag, ValueError, TypeError) as error:
            raise _tampered() from error

    def _opened_link(self, mac: bytes, subject_mac: bytes, sealed: bytes) -> Link:
        entry: dict[str, str] = json.loads(self._unsealed(mac, sealed))
        link = Link(PatientKey(entry["patient"]), SubjectId(entry["subject"]))
        if self._subject_mac(link.subject) != subject_mac:
            raise _tampered()
        return link

    def _opened_number(self, mac: bytes, sealed: bytes) -> Number:
        what, counted, thing, number = json.loads(self._unsealed(mac, sealed))
        return Number(what, tuple(counted), thing, int(number))

    def _check_version(self) -> None:
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = dict(self._database.execute("SELECT name, value FROM about")) if "about" in tables else {}
        if found.get("version", VAULT_VERSION) != VAULT_VERSION:
            message = "The vault has another version."
            raise WorkspaceError(message, hint="Use the version of umd-curate that made it.")

    def _check_about(self) -> None:
        fresh = {"key": self._key.fingerprint, "version": VAULT_VERSION, **self._set_entries(0)}
        found = dict(self._database.execute("SELECT name, value FROM about"))
        if not found:
            self._database.executemany("INSERT INTO about VALUES (?, ?)", sorted(fresh.items()))
            found = fresh
        if found.get("key") != fresh["key"]:
            message = "The vault was made with another key."
            raise WorkspaceError(message, hint="Give the key of this vault; new ids are never made under another one.")
        whole = 0
        for (mac,) in self._rows("SELECT mac FROM subjects UNION ALL SELECT mac FROM numbers"):
            whole ^= self._weight(mac)
        if {name: found.get(name) for name in ("rows", "rows_seal")} != self._set_entries(whole):
            raise _tampered()

    def _set_entries(self, whole: int) -> dict[str, str]:
        """What `about` says of the set of rows: the exclusive or of their weights, and its seal."""
        rows = whole.to_bytes(_MAC_BYTES, "big").hex()
        return {"rows": rows, "rows_seal": self._mac("rows", rows).hex()}

    def _weight(self, mac: bytes) -> int:
        """What a row adds to the seal of the set; not to be known without the key, so no other rows make up for it."""
        return int.from_bytes(self._mac("row", bytes(mac).hex()), "big")

    def _count_in(self, mac: bytes) -> None:
        (rows,) = self._database.execute("SELECT value FROM about WHERE name = 'rows'").fetchone()
        entries = self._set_entries(int(rows, 16) ^ self._weight(mac))
        self._database.executemany(
            "UPDATE about SET value = ? WHERE name = ?", [(value, name) for name, value in entries.items()]
        )


def _tampered() -> WorkspaceError:
    message = "A row of the vault was changed from outside, or cannot be read."
    return WorkspaceError(message, hint="Put back a copy of the vault; no id is made anew.")
