"""Lists a raw folder and reads the header of each of its files, once: rows of an earlier scan are used again.

Decides which entries are files of the folder (each real file once, whatever links lead to it) and when a row is stale (other
size or modification time). What a row says of its file is for `io`, what becomes of the file for `plan`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from umd_curate.errors import UsageError
from umd_curate.ingest.copies import suspected_copies
from umd_curate.model.headers import FileKind, InstanceHeader, ListedFile
from umd_curate.store.files import sha256_of


def list_files(roots: Sequence[Path]) -> list[ListedFile]:
    """List all regular files below some folders, sorted by path; hidden files count.

    Each real file is listed once: under its own path where that lies below a root, else under the first link to it. Links to
    folders are followed; loops end. Dangling links and sockets are no files.

    Parameters
    ----------
    roots
        Folders, or single files.

    Raises
    ------
    UsageError
        A root does not exist or holds nothing, as where a disk is not mounted; or a folder cannot be listed: files would go
        unaccounted.
    """
    found: dict[str, Path] = {}
    folders: set[str] = set()
    links: list[Path] = []
    for root in roots:
        _collect(_absolute(root), found, folders, links)
    while links:
        waiting, links[:] = sorted(links), []
        for link in waiting:
            real = os.path.realpath(link)
            if os.path.isdir(real) and real not in folders:  # noqa: PTH112  (is_dir() raises where it may not look)
                _collect(link, found, folders, links)
            elif os.path.isfile(real):  # noqa: PTH113
                found.setdefault(real, link)
    if not found:
        raise _nothing_there()
    return sorted(_listed(found.values()), key=lambda file: file.name)


def scan(files: Sequence[ListedFile], previous: Mapping[str, InstanceHeader]) -> Iterator[InstanceHeader]:
    """Yield the header row of each file, in order.

    Parameters
    ----------
    files
        What `list_files` found.
    previous
        Rows of an earlier scan by path; one is used again where size and modification time are the same. A file that
        could not be read is tried again: rights change neither.
    """
    for file in files:
        row = previous.get(file.name)
        if row is not None and (row.size, row.mtime_ns) == (file.size, file.mtime_ns) and _was_read(row):
            yield row
        else:
            yield _read(file)


def _was_read(row: InstanceHeader) -> bool:
    return row.kind is not FileKind.UNREADABLE or bool(row.header_sha256)


def _read(file: ListedFile) -> InstanceHeader:
    from umd_curate.ingest.io import read_header  # noqa: PLC0415  (pydicom, needed only where a file is read)

    row = read_header(file)
    name = os.fsencode(row.path).decode("utf-8", "backslashreplace")
    if name == row.path:
        return row
    return replace(row, path=name, kind=row.kind if row.kind is FileKind.NOT_DICOM else FileKind.MISNAMED)


def settle_copies(headers: Sequence[InstanceHeader]) -> list[InstanceHeader]:
    """Fill in the content digest of files that may be copies of one another; all other rows stay as they are.

    Without it, files of one UID, size and header digest are taken for copies.
    """
    digests: dict[str, str] = {}
    for group in suspected_copies(headers):
        for header in group:
            digests[header.path] = header.content_sha256 or _content_sha256(header.path)
    return [
        replace(header, content_sha256=digests[header.path]) if header.path in digests else header for header in headers
    ]


def _content_sha256(path: str) -> str:
    """Digest of a file; of its path where it has gone since the scan, so that it equals no other file."""
    try:
        return sha256_of(Path(path))
    except OSError:
        return f"unreadable:{path}"


def _absolute(root: Path) -> Path:
    path = Path(os.path.abspath(root))  # noqa: PTH100  (resolve() would replace the links of the user's own path)
    if not path.exists():
        message = "A folder of the input does not exist."
        raise UsageError(message)
    if path.is_dir() and not _entries(path):
        raise _nothing_there()
    return path


def _nothing_there() -> UsageError:
    message = "A folder of the input holds no file."
    return UsageError(message, hint="See that the path is right and its disk is mounted. Nothing was changed.")


def _collect(top: Path, found: dict[str, Path], folders: set[str], links: list[Path]) -> None:
    """Walk a folder without following links; files by real path, links for later."""
    if top.is_file():
        found.setdefault(os.path.realpath(top), top)
        return
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in folders:
            continue
        folders.add(real)
        for entry in _entries(folder):
            if entry.is_symlink():
                links.append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                found.setdefault(f"{real}/{entry.name}", Path(entry.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _not_listed() from error


def _not_listed() -> UsageError:
    message = "A folder of the input cannot be listed."
    hint = "Give this account the right to read it: `find RAW -type d ! -readable -o -type d ! -executable` names it."
    return UsageError(message, hint=hint)


def _listed(paths: Iterable[Path]) -> Iterator[ListedFile]:
    """Size and time of each file; one that has gone since it was found is no file of the folder any more."""
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _not_listed() from error
        yield ListedFile(str(path), status.st_size, status.st_mtime_ns)
