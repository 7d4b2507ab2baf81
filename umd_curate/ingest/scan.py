"""Lists a raw folder and reads the header of each of its files, once: rows of an earlier scan are used again.

Decides which entries are files of the folder (each real file once, whatever links lead to it) and when a row is stale (other
size or modification time). What a row says of its file is for `io`, what becomes of the file for `plan`.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from umd_curate.errors import UsageError
from umd_curate.ingest.copies import suspected_copies
from umd_curate.model.headers import InstanceHeader, ListedFile
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
        A root does not exist, or a folder cannot be listed: files would go unaccounted.
    """
    found: dict[str, Path] = {}
    folders: set[str] = set()
    links: list[Path] = []
    for root in roots:
        _collect(_absolute(root), found, folders, links)
    while links:
        waiting, links[:] = sorted(links), []
        for link in waiting:
            real = Path(os.path.realpath(link))
            if real.is_dir() and str(real) not in folders:
                _collect(link, found, folders, links)
            elif real.is_file():
                found.setdefault(str(real), link)
    return sorted((_listed(path) for path in found.values()), key=lambda file: str(file.path))


def scan(files: Sequence[ListedFile], previous: Mapping[str, InstanceHeader]) -> Iterator[InstanceHeader]:
    """Yield the header row of each file, in order.

    Parameters
    ----------
    files
        What `list_files` found.
    previous
        Rows of an earlier scan by path; one is used again where size and modification time are the same.
    """
    for file in files:
        row = previous.get(str(file.path))
        if row is not None and (row.size, row.mtime_ns) == (file.size, file.mtime_ns):
            yield row
        else:
            yield _read(file)


def _read(file: ListedFile) -> InstanceHeader:
    from umd_curate.ingest.io import read_header  # noqa: PLC0415  (pydicom, needed only where a file is read)

    return read_header(file)


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
    return path


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
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                found.setdefault(os.path.realpath(entry.path), Path(entry.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        message = "A folder of the input cannot be listed."
        hint = "Give this account the right to read it: `find RAW -type d ! -readable` names it."
        raise UsageError(message, hint=hint) from error


def _listed(path: Path) -> ListedFile:
    status = path.stat()
    return ListedFile(path, status.st_size, status.st_mtime_ns)
