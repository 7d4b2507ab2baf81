"""Atomic writes and checksums: a file is whole under its final name, or it is not there."""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from umd_curate.errors import WorkspaceError
from umd_curate.model.receipts import Artifact, Json

TEMPORARY_MARK = ".umd-tmp-"
_BLOCK = 1 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RIGHT = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def atomic(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed, on failure removed.

    Parameters
    ----------
    path
        Final path; its folder is made.
    mode
        Permission bits of the file, from its first byte on; the process's default where None.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{TEMPORARY_MARK}{os.getpid()}")
    try:
        if mode is not None:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode))
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_unchanged(path: Path, size: int, mtime_ns: int) -> bytes | None:
    """Bytes of a file that is as it was seen; None where its size or time of change is another one.

    Raises
    ------
    OSError
        The file is gone or cannot be read.
    """
    with path.open("rb", buffering=0) as handle:
        found = os.fstat(handle.fileno())
        if (found.st_size, found.st_mtime_ns) != (size, mtime_ns):
            return None
        data = handle.read(size + 1)  # one more, so that a file that grows is seen
        while len(data) < size and (block := handle.read(size + 1 - len(data))):
            data += block
        return data if len(data) == size else None


def disk_fault(error: OSError) -> WorkspaceError | None:
    """Say what a disk that is full or may not be written means for the run; None where the error means something else."""
    if error.errno in _NO_ROOM:
        message = "The disk has no room left, or a limit for this account is reached."
        return WorkspaceError(message, hint="Make room, then run the same command again: it goes on from here.")
    if error.errno in _NO_RIGHT:
        message = "This account may not read or write a file that it needs."
        return WorkspaceError(
            message, hint="See who owns the workspace, private/ and the key, and that none is read-only."
        )
    return None


def write_bytes(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write `data` atomically."""
    with atomic(path, mode=mode) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode(), mode=mode)


def write_json(path: Path, value: Json, *, mode: int | None = None) -> None:
    """Write JSON atomically: sorted keys, two blanks of indent, a newline at the end."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n", mode=mode)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def artifact(what: str, relative: str, path: Path) -> Artifact:
    """Describe a file that has just been written."""
    return Artifact(what=what, path=relative, sha256=sha256_of(path), size=path.stat().st_size)


def sweep_temporaries(folder: Path) -> int:
    """Remove what killed processes left half-written below `folder`; return how many files."""
    left = [path for path in folder.rglob(f".*{TEMPORARY_MARK}*") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
