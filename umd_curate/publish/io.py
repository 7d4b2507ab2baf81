"""Reads a release folder: which files it has, which version it is, what its checksums say."""

import hashlib
import json
from pathlib import Path

from umd_curate.errors import SchemaError
from umd_curate.publish.plan import LocalFile, Release
from umd_curate.publish.sums import SUMS, sums_of
from umd_curate.store.files import sha256_of

MANIFEST = "manifests/release.json"
README = "README.md"
GIT_LIMIT = 10 << 20  # bytes; the Hub keeps larger files in LFS


def read_release(folder: Path) -> Release:
    """Read a release folder that has been verified: digests are taken from its checksums where they name the file.

    Raises
    ------
    SchemaError
        The folder is no release.
    """
    if not (folder / SUMS).is_file() or not (folder / MANIFEST).is_file():
        message = f"The folder is no release: it lacks {SUMS} or {MANIFEST}."
        raise SchemaError(message, hint="Name the folder that holds README.md, such as releases/1.0.0/umd.")
    sums = sums_of((folder / SUMS).read_text("utf-8"))
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            size = path.stat().st_size
            files[name] = LocalFile(name, size, sums.get(name) or sha256_of(path), git_oid(path, size))
    return Release(str(manifest["Dataset"]), str(manifest["Version"]), files)


def git_oid(path: Path, size: int) -> str:
    """Git's name of a file's content; empty where the file is larger than what Git keeps itself."""
    return git_oid_of(path.read_bytes()) if size <= GIT_LIMIT else ""


def git_oid_of(data: bytes) -> str:
    """Git's name of a content: SHA-1 over ``blob``, its size and itself."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
