"""Lists what raw folders, archives and file lists hold, and reads the header of each file.

Decides which entries are files (each real file once, whatever links lead to it; each member of an archive; each file that a
DICOMDIR lists and that is not there). What a row says of its file is for `io`, which rows are read again for `index_io`,
what becomes of the file for `plan`.
"""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from umd_curate.errors import UsageError
from umd_curate.ingest.copies import suspected_copies
from umd_curate.ingest.dicomdir_io import is_dicomdir, missing_files
from umd_curate.model.headers import FileKind, InstanceHeader, ListedFile
from umd_curate.store.archives import is_archive, is_other_archive
from umd_curate.store.sources import MARK, open_source, opened_archive

Expand = Callable[[ListedFile], Iterable[ListedFile]]
Map = Callable[[Callable[[Sequence[ListedFile]], list[InstanceHeader]], Iterable[Sequence[ListedFile]]], Iterable[list[InstanceHeader]]]  # fmt: skip

BATCH_FILES = 256  # that one call of the map reads: a second of pydicom, a fiftieth of one of the flat reader
_BLOCK = 1 << 20


def members_of(archive: ListedFile) -> Iterator[ListedFile]:
    """An archive and its members as files, with those that its DICOMDIR misses; an archive that cannot be listed alone."""
    try:
        found = list(opened_archive(archive.path).members())
    except OSError:
        yield replace(archive, kind=FileKind.BROKEN_ARCHIVE)
        return
    yield replace(archive, kind=FileKind.ARCHIVE)
    for member in found:
        file = ListedFile(f"{archive.name}{MARK}{member.name}", member.size, archive.mtime_ns, member.kind)
        yield file
        if is_dicomdir(file.name) and file.kind is None:
            yield from missing_files(file)


def list_files(roots: Iterable[Path]) -> list[ListedFile]:
    """All files of `walk_files`, by path."""
    return sorted(walk_files(roots), key=lambda file: file.name)


def walk_files(roots: Iterable[Path], expand: Expand = members_of) -> Iterator[ListedFile]:
    """List all regular files below some folders: by path within a root, what only links lead to at the end; hidden files count.

    Each real file is listed once: under its own path where that lies below a root, else under the first link to it. Links to
    folders are followed; loops end. Dangling links and sockets are no files.

    Parameters
    ----------
    roots
        Folders, or single files.
    expand
        Gives an archive and its members.

    Raises
    ------
    UsageError
        A root does not exist or holds nothing, as where a disk is not mounted; or a folder cannot be listed: files would go
        unaccounted.
    """
    is_empty = True
    for file in _walk([_absolute(root) for root in roots]):
        is_empty = False
        if is_archive(file.name):
            yield from expand(file)
        elif is_other_archive(file.name):
            yield replace(file, kind=FileKind.OTHER_ARCHIVE)
        else:
            yield file
            if is_dicomdir(file.name):
                yield from missing_files(file)
    if is_empty:
        raise _nothing_there()


def read_batch(files: Sequence[ListedFile]) -> list[InstanceHeader]:
    """Read the headers of some files, in any process."""
    from umd_curate.ingest.io import read_header  # noqa: PLC0415  (needed only where a file is read)

    return [_named(read_header(file)) for file in files]


def scan(
    files: Iterable[ListedFile], previous: Mapping[str, InstanceHeader], run: Map = map
) -> Iterator[InstanceHeader]:
    """Yield the header row of each file, in order, without an index.

    Parameters
    ----------
    files
        What `list_files` found.
    previous
        Rows of an earlier scan by path; one is used again where size and modification time are the same. A file that
        could not be read is tried again: rights change neither.
    run
        As the built-in `map`; may spread `read_batch` over processes.
    """
    waiting: list[list[ListedFile | InstanceHeader]] = []

    def to_read() -> Iterator[list[ListedFile]]:
        for batch in batched(files):
            known = [_known(file, previous) for file in batch]
            waiting.append(known)
            yield [entry for entry in known if isinstance(entry, ListedFile)]

    for number, rows in enumerate(run(read_batch, to_read())):
        fresh = iter(rows)
        for entry in waiting[number]:
            yield next(fresh) if isinstance(entry, ListedFile) else entry
        waiting[number] = []


def batched(files: Iterable[ListedFile]) -> Iterator[list[ListedFile]]:
    """Files in the batches that one call of a map reads."""
    source = iter(files)
    while batch := list(itertools.islice(source, BATCH_FILES)):
        yield batch


def was_read(kind: FileKind, header_sha256: str) -> bool:
    """Say whether a row tells more than that its file could not be read."""
    return kind is not FileKind.UNREADABLE or bool(header_sha256)


def table_name(name: str) -> str:
    """A path as a table holds it: bytes that are not UTF-8 are escaped."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def settle_copies(headers: Sequence[InstanceHeader]) -> list[InstanceHeader]:
    """Fill in the content digest of files that may be copies of one another; all other rows stay as they are.

    Without it, files of one UID, size and header digest are taken for copies.
    """
    digests: dict[str, str] = {}
    for group in suspected_copies(headers):
        for header in group:
            digests[header.path] = header.content_sha256 or content_sha256(header.path)
    return [
        replace(header, content_sha256=digests[header.path]) if header.path in digests else header for header in headers
    ]


def content_sha256(path: str) -> str:
    """Digest of a file; of its path where it has gone since the scan, so that it equals no other file."""
    digest = hashlib.sha256()
    try:
        with open_source(path) as handle:
            while block := handle.read(_BLOCK):
                digest.update(block)
    except OSError:
        return f"unreadable:{path}"
    return digest.hexdigest()


def _known(file: ListedFile, previous: Mapping[str, InstanceHeader]) -> ListedFile | InstanceHeader:
    row = previous.get(table_name(file.name))
    is_same = row is not None and (row.size, row.mtime_ns) == (file.size, file.mtime_ns)
    return row if is_same and row is not None and was_read(row.kind, row.header_sha256) else file


def _named(row: InstanceHeader) -> InstanceHeader:
    name = table_name(row.path)
    if name == row.path:
        return row
    return replace(row, path=name, kind=FileKind.MISNAMED if row.kind in _MAY_HOLD_IMAGES else row.kind)


_MAY_HOLD_IMAGES = {FileKind.DICOM, FileKind.UNREADABLE}


def _absolute(root: Path) -> str:
    path = os.path.abspath(root)  # noqa: PTH100  (resolve() would replace the links of the user's own path)
    if not os.path.exists(path):  # noqa: PTH110
        message = "A folder of the input does not exist."
        raise UsageError(message)
    return path


def _nothing_there() -> UsageError:
    message = "A folder of the input holds no file."
    return UsageError(message, hint="See that the path is right and its disk is mounted. Nothing was changed.")


class _Seen:
    """Real folders that were walked, and real files that were listed under another name than their own."""

    def __init__(self) -> None:
        self.folders: set[str] = set()
        self.files: set[str] = set()
        self.links: list[str] = []

    def takes(self, path: str) -> bool:
        """Say whether a file given by itself or by a link is a new one."""
        real = os.path.realpath(path)
        if os.path.dirname(real) in self.folders or real in self.files:  # noqa: PTH120
            return False
        self.files.add(real)
        return True


def _walk(tops: Sequence[str]) -> Iterator[ListedFile]:
    """Regular files below folders, then files that were named one by one, then what links lead to."""
    seen = _Seen()
    folders = sorted({top for top in tops if os.path.isdir(top)})  # noqa: PTH112
    if not all(_entries(top) for top in folders):
        raise _nothing_there()
    for top in folders:
        yield from _below(top, seen)
    for top in sorted(set(tops) - set(folders)):
        if seen.takes(top):
            yield from _listed(top)
    while seen.links:
        waiting, seen.links = sorted(seen.links), []
        for link in waiting:
            if os.path.isdir(link):  # noqa: PTH112  (is_dir() raises where it may not look)
                yield from _below(link, seen)
            elif os.path.isfile(link) and seen.takes(link):  # noqa: PTH113
                yield from _listed(link)


def _below(top: str, seen: _Seen) -> Iterator[ListedFile]:
    """Files below a folder, by path; links are kept for later."""
    waiting = [top + "/"]
    while waiting:
        path = waiting.pop()
        if not path.endswith("/"):
            yield from _listed(path)
            continue
        real = os.path.realpath(path)
        if real in seen.folders:
            continue
        seen.folders.add(real)
        inner = []
        for entry in _entries(path):
            if entry.is_symlink():
                seen.links.append(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                inner.append(entry.path + "/")
            elif entry.is_file(follow_symlinks=False) and f"{real}/{entry.name}" not in seen.files:
                inner.append(entry.path)
        inner.sort(reverse=True)
        waiting += inner


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise _not_listed() from error


def _not_listed() -> UsageError:
    message = "A folder of the input cannot be listed."
    hint = "Give this account the right to read it: `find RAW -type d ! -readable -o -type d ! -executable` names it."
    return UsageError(message, hint=hint)


def _listed(path: str) -> Iterator[ListedFile]:
    """A file with its size and time; one that has gone since it was found is no file of the folder any more."""
    try:
        status = os.stat(path)  # noqa: PTH116  (a path object for each of a million files is waste)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_listed() from error
    yield ListedFile(path, status.st_size, status.st_mtime_ns)
