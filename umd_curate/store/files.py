"""Atomic writes and checksums: a file is whole under its final name, or it is not there."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from umd_curate.model.receipts import Artifact, Json

TEMPORARY_MARK = ".umd-tmp-"
_BLOCK = 1 << 20


@contextlib.contextmanager
def atomic(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed, on failure removed.

    Parameters
    ----------
    path
        Final path; its folder is made.
    mode
        Permission bits of the final file; the process's default where None.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{TEMPORARY_MARK}{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
