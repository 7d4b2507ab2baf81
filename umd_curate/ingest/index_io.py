"""Keeps the index: one row per file, in the order of the listing, in a Parquet file of the private folder.

Decides which rows of the last scan are used again: those of the same path, size and modification time. Nothing but a few
row groups and, where the folder has changed, 24 bytes per file is in memory. Rows that were read stand in a file of their
own every `KEEP_ROWS`, so that a long scan that is killed is not begun anew.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from umd_curate.ingest.bystanders import CODE_OF_KIND
from umd_curate.ingest.scan import (
    BATCH_FILES,
    Map,
    content_sha256,
    members_of,
    read_batch,
    table_name,
    walk_files,
    was_read,
)
from umd_curate.model.headers import FileKind, InstanceHeader, ListedFile
from umd_curate.model.tables import columns_of
from umd_curate.store.files import atomic
from umd_curate.store.parquet import GroupedRows, TableWriter, array_of, arrow_schema, batch_of, table_writer
from umd_curate.store.sources import MARK

READER = {"umd_reader": "3"}  # raised when the same file gives another row: an older index is then made anew
KEEP_ROWS = 8_192  # files that are read between two writes of what a killed scan leaves, at least
_KEYS = ("path", "size", "mtime_ns", "kind", "header_sha256")
_KEPT = "read-*.parquet"
_TELL_EVERY = 512  # files between two words to the watcher

Tell = Callable[[int, int], None]
Key = tuple[str, int, int, FileKind, str]


@dataclass(frozen=True, slots=True)
class Scanned:
    """Where the index of a scan lies, how many files it has, and how many of them were opened for it."""

    index: Path
    files: int
    opened: int


@dataclass(slots=True)
class _Old:
    """Rows of the last scan from `start` up to `stop`."""

    start: int
    stop: int


_Piece = _Old | list[ListedFile]


class Previous:
    """Rows of earlier scans: the index, and what a killed scan left."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [file for file in map(_opened, paths) if file is not None]
        self._starts = [sum(file.count for file in self._files[:number]) for number in range(len(self._files))]
        self.count = sum(file.count for file in self._files)
        self._keys: dict[tuple[int, int], list[Key]] = {}
        self._hashes: tuple[Any, Any] | None = None

    def key(self, row: int) -> Key:
        """Path, size, time, kind and header digest of a row."""
        number = max(at for at, start in enumerate(self._starts) if start <= row)
        local = row - self._starts[number]
        group = self._files[number].group_of(local)
        found: Key = self._keys_of(number, group)[local - self._files[number].start_of(group)]
        return found

    def find(self, name: str) -> int | None:
        """Number of the row of a path; of several, the newest."""
        if self._hashes is None:
            self._hashes = self._all_hashes()
        hashes, rows = self._hashes
        wanted = hash(name)
        at = int(np.searchsorted(hashes, wanted))
        found = None
        while at < len(hashes) and hashes[at] == wanted:
            if self.key(int(rows[at]))[0] == name:
                found = max(found or 0, int(rows[at]))
            at += 1
        return found

    def expand(self, archive: ListedFile) -> Iterator[ListedFile]:
        """An archive and its members, from the rows of an earlier scan where it has not changed since."""
        row = self.find(table_name(archive.name)) if self.count else None
        if row is None or self.key(row)[1:4] != (archive.size, archive.mtime_ns, FileKind.ARCHIVE):
            yield from members_of(archive)
            return
        yield replace(archive, kind=FileKind.ARCHIVE)
        prefix = table_name(archive.name) + MARK
        for member in range(row + 1, self.count):
            name, size, mtime_ns, kind, _ = self.key(member)
            if not name.startswith(prefix):
                return
            yield ListedFile(name, size, mtime_ns, kind if kind in CODE_OF_KIND else None)

    def tables(self, start: int, stop: int) -> Iterator[pa.Table]:
        """Rows from `start` up to `stop`."""
        for begin, file in zip(self._starts, self._files, strict=True):
            yield from file.slices(max(start - begin, 0), min(stop - begin, file.count))

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _keys_of(self, number: int, group: int) -> list[Key]:
        found = self._keys.get((number, group))
        if found is None:
            if len(self._keys) >= 4:
                self._keys.clear()
            table = self._files[number].columns(group, _KEYS)
            columns = [table.column(name).to_pylist() for name in _KEYS]
            columns[3] = [FileKind(kind) for kind in columns[3]]
            found = self._keys[number, group] = list(zip(*columns, strict=True))
        return found

    def _all_hashes(self) -> tuple[Any, Any]:
        hashes = array("q")
        for file in self._files:
            row = 0
            while row < file.count:
                names = file.columns(file.group_of(row), ["path"]).column(0).to_pylist()
                hashes.extend(map(hash, names))
                row += len(names)
        found = np.frombuffer(hashes, np.int64) if hashes else np.empty(0, np.int64)
        rows = np.argsort(found, kind="stable")
        return found[rows], rows.astype(np.int32 if len(rows) < 2**31 else np.int64)


def refresh(index: Path, roots: Iterable[Path], run: Map, tell: Tell, *, target: Path | None = None) -> Scanned:
    """Bring an index up to date with its folders; it is written only where something has changed.

    Parameters
    ----------
    index
        Where it lies, or shall lie.
    roots
        Folders, archives or single files.
    run
        As the built-in `map`; may spread the reading over processes.
    tell
        Told how many files have been seen, and how many there may be.
    target
        Where it is written instead, so that `index` stays as it is.

    Raises
    ------
    UsageError
        As `walk_files`.
    """
    written = target or index
    written.parent.mkdir(parents=True, exist_ok=True)
    kept = sorted(index.parent.glob(_KEPT))
    known = Previous([index, *kept])
    work = _Work(written, known)
    try:
        for rows in work.rows(walk_files(roots, known.expand), run, tell):
            work.write(rows)
        is_new = work.finish(is_whole=not kept)
    except BaseException:
        work.stop()
        raise
    finally:
        known.close()
    if is_new:
        _settle_copies(written)
    for path in written.parent.glob(_KEPT):
        path.unlink()
    tell(work.files, work.files)
    return Scanned(written if is_new else index, work.files, work.opened)


class _Work:
    """A scan under way: rows are written from the first one on that differs from the last scan."""

    def __init__(self, index: Path, known: Previous) -> None:
        self._index, self._known = index, known
        self._fresh: list[pa.RecordBatch] = []
        self._fresh_rows = 0
        self._parts = 0
        self._same = 0  # rows that are those of the last scan, from the first on
        self._output: Any = None
        self._writer: TableWriter | None = None
        self.files = 0
        self.opened = 0

    def rows(self, files: Iterable[ListedFile], run: Map, tell: Tell) -> Iterator[pa.RecordBatch | _Old]:
        """Rows of the folder in order: ranges of old ones, and batches that were read."""
        pieces: deque[_Piece] = deque()

        def to_read() -> Iterator[list[ListedFile]]:
            for piece in _pieces(self._told(files, tell), self._known):
                pieces.append(piece)
                if not isinstance(piece, _Old):
                    yield piece

        for rows in run(read_batch, to_read()):
            while isinstance(old := pieces.popleft(), _Old):
                yield old
            self.opened += sum(file.kind is None for file in old)
            batch = batch_of(rows, InstanceHeader)
            self._keep(batch)
            yield batch
        yield from (piece for piece in pieces if isinstance(piece, _Old))

    def _told(self, files: Iterable[ListedFile], tell: Tell) -> Iterator[ListedFile]:
        for file in files:
            if self.files % _TELL_EVERY == 0:
                tell(self.files, max(self._known.count, self.files + 1))
            self.files += 1
            yield file

    def write(self, rows: pa.RecordBatch | _Old) -> None:
        """Write rows, or remember that nothing differs yet."""
        if self._writer is None and isinstance(rows, _Old) and rows.start == self._same:
            self._same = rows.stop
            return
        writer = self._writer or self._begin()
        if isinstance(rows, _Old):
            for table in self._known.tables(rows.start, rows.stop):
                writer.add(table)
        else:
            writer.add(rows)

    def _begin(self) -> TableWriter:
        self._output = table_writer(self._index, InstanceHeader, mode=0o600, metadata=READER)
        writer: TableWriter = self._output.__enter__()
        self._writer = writer
        for table in self._known.tables(0, self._same):
            writer.add(table)
        return writer

    def finish(self, *, is_whole: bool) -> bool:
        """Put the new index in place, and say whether there is one; `is_whole`: the last one is one whole file."""
        if self._writer is None and not (is_whole and self._same == self._known.count):
            self._begin()
        if self._output is not None:
            output, self._output = self._output, None
            output.__exit__(None, None, None)
        return self._writer is not None

    def stop(self) -> None:
        """Give up, but keep what was read."""
        self._keep_fresh()
        if self._output is not None:
            error = InterruptedError()
            try:
                self._output.__exit__(type(error), error, None)
            except InterruptedError:
                return

    def _keep(self, batch: pa.RecordBatch) -> None:
        self._fresh.append(batch)
        self._fresh_rows += batch.num_rows
        if self._fresh_rows >= KEEP_ROWS:
            self._keep_fresh()

    def _keep_fresh(self) -> None:
        while True:
            path = self._index.parent / _KEPT.replace("*", f"{self._parts:06d}")
            self._parts += 1
            if not path.exists():
                break
        if self._fresh:
            with table_writer(path, InstanceHeader, mode=0o600, metadata=READER) as writer:
                for batch in self._fresh:
                    writer.add(batch)
        self._fresh, self._fresh_rows = [], 0


def _opened(path: Path) -> GroupedRows | None:
    """Rows of an earlier scan; none where the file is damaged or of another version."""
    try:
        rows = GroupedRows(path)
    except (OSError, ValueError, KeyError):  # pyarrow's own faults derive from these
        return None
    if rows.schema.equals(arrow_schema(columns_of(InstanceHeader), READER), check_metadata=False) and _reader(rows):
        return rows
    rows.close()
    return None


def _reader(rows: GroupedRows) -> bool:
    found: Mapping[bytes, bytes] = rows.schema.metadata or {}
    return all(found.get(name.encode()) == value.encode() for name, value in READER.items())


def _pieces(files: Iterable[ListedFile], known: Previous) -> Iterator[_Piece]:
    """Ranges of rows that are used again, and batches of files to read, in the order of the listing."""
    old, new = _Old(0, 0), list[ListedFile]()
    for file in files:
        row = _same_row(file, known, old.stop)
        if row is None:
            if old.stop > old.start:
                yield old
                old = _Old(old.stop, old.stop)
            new.append(file)
            if len(new) == BATCH_FILES:
                yield new
                new = []
            continue
        if new:
            yield new
            new = []
        if row != old.stop and old.stop > old.start:
            yield old
        old = _Old(old.start if row == old.stop else row, row + 1)
    if new:
        yield new
    elif old.stop > old.start:
        yield old


def _same_row(file: ListedFile, known: Previous, expected: int) -> int | None:
    """Row of an unchanged file; most often the one behind the last."""
    name = table_name(file.name)
    row: int | None = expected
    if expected >= known.count or known.key(expected)[0] != name:
        row = known.find(name) if known.count else None
    if row is None:
        return None
    _, size, mtime_ns, kind, digest = known.key(row)
    is_same = (size, mtime_ns) == (file.size, file.mtime_ns) and was_read(kind, digest)
    return row if is_same and (kind == file.kind or (file.kind is None and kind not in CODE_OF_KIND)) else None


def _settle_copies(index: Path) -> None:
    """Fill in the content digest of files that may be copies of one another: of one UID, size and header digest."""
    claims = array("q")
    rows = GroupedRows(index)
    for number in range(rows.groups):
        table = rows.columns(number, ("kind", "sop_instance_uid", "size", "header_sha256"))
        columns = (table.column(name).to_pylist() for name in table.column_names)
        claims.extend(
            hash((uid, size, digest)) if kind == FileKind.DICOM else 0
            for kind, uid, size, digest in zip(*columns, strict=True)
        )
    found = np.frombuffer(claims, np.int64) if claims else np.empty(0, np.int64)
    _, inverse, counts = np.unique(found, return_inverse=True, return_counts=True)
    suspects = np.flatnonzero((counts[inverse] > 1) & (found != 0))
    if not len(suspects):
        rows.close()
        return
    with atomic(index, mode=0o600) as temporary:
        writer = TableWriter(temporary, rows.schema)
        for number in range(rows.groups):
            table, start = rows.group(number), rows.start_of(number)
            local = suspects[(suspects >= start) & (suspects < start + table.num_rows)] - start
            writer.add(_with_digests(table, local))
        writer.close()
    rows.close()


def _with_digests(table: pa.Table, places: Any) -> pa.Table:  # noqa: ANN401  (an array of row numbers)
    if not len(places):
        return table
    digests, paths = table.column("content_sha256").to_pylist(), table.column("path").to_pylist()
    for place in places:
        digests[place] = digests[place] or content_sha256(paths[place])
    at = table.column_names.index("content_sha256")
    return table.set_column(at, table.schema.field(at), array_of(digests, pa.string()))
