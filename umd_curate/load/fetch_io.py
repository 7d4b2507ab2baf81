"""Brings a whole release to this machine: every file is compared with the checksums before the folder gets its name."""

import shutil
from collections.abc import Callable
from pathlib import Path

from umd_curate.errors import LoadError, SchemaError
from umd_curate.load.source_io import SIGNATURE, SUMS, Source, source_of
from umd_curate.store.files import sha256_of

_PARTIAL = ".partial"
_CACHE = ".cache"


def fetch_release(
    repo: str,
    target: Path,
    *,
    version: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    watch: Callable[[int, int], None] = lambda _, __: None,
) -> Source:
    """Fetch a version of a repository into a folder; run again after an interruption, it fetches what is missing.

    Parameters
    ----------
    repo, version, endpoint, token
        As for `load_dataset`.
    target
        Folder that is made, such as ``umd``.
    watch
        Is told how many files there are of how many.

    Returns
    -------
    Source
        What was fetched: version and commit.

    Raises
    ------
    LoadError
        The folder exists, or the Hub refuses.
    SchemaError
        A file is not the one that the checksums name.
    """
    if target.exists():
        message = "The folder exists already."
        raise LoadError(message, hint="Name another one, or remove it.")
    partial = target.with_name(f".{target.name}{_PARTIAL}")
    cache = partial / _CACHE
    source = source_of(None, repo, version, endpoint=endpoint, token=token, cache_dir=cache)
    sums = source.fetch(SUMS)
    listed = [line.split("  ", 1) for line in sums.read_text("utf-8").splitlines()]
    for number, (digest, path) in enumerate(listed):
        held = partial / path
        if not held.is_file() or sha256_of(held) != digest:
            _move(source.fetch(path), held)
            if sha256_of(held) != digest:
                held.unlink()
                message = f"{path} is not the file that {SUMS} names."
                raise SchemaError(message, hint="Fetch it again; if that does not help, ask its maintainers.")
        watch(number + 1, len(listed))
    for path in filter(source.has, SIGNATURE):
        _move(source.fetch(path), partial / path)
    _move(sums, partial / SUMS)
    shutil.rmtree(cache)
    partial.rename(target)
    return source


def _move(found: Path, held: Path) -> None:
    """Take a file out of the client's cache, in which a name is a link to the content."""
    held.parent.mkdir(parents=True, exist_ok=True)
    found.resolve().replace(held)
    found.unlink(missing_ok=True)
