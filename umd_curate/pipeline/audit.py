"""The search of any folder for identifiers: those of a workspace's patients, and what looks like one.

A file under ``sub-<id>`` is searched for all identifiers of its own subject; every file for those of all subjects that are not
met by chance (see `phi_search`). Identifiers are read by each process from the private side and never handed to one.
"""

import functools
import multiprocessing
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from umd_curate.deid.audit_io import Hit, Search, for_known, for_telltales, scan
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.pieces import Piece
from umd_curate.deid.telltales import Telltale
from umd_curate.errors import UsageError, WorkspaceError
from umd_curate.pipeline.phi_search import of_all, our_words, read_identifiers
from umd_curate.store.workspace import CONFIG_NAME, PUBLIC_FOLDERS, Workspace

_SUBJECT = "sub-"
_FILES_AT_ONCE = 16  # per message to another process


@dataclass(frozen=True, slots=True)
class Terms:
    """What is searched for.

    Parameters
    ----------
    private
        ``private/identifiers`` of a workspace; None: nobody's identifiers are known.
    telltales
        Kinds of things that look like an identifier.
    """

    private: Path | None
    telltales: frozenset[Telltale] = frozenset(Telltale)


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of one file."""

    size: int
    hits: tuple[Hit, ...]


def terms_of(workspace: Workspace | None, skip: Sequence[Telltale] = ()) -> Terms:
    """Search for the identifiers of a workspace's patients, if one is given, and for all telltales but some.

    Raises
    ------
    WorkspaceError
        The workspace has ingested nothing yet, so it knows no identifier.
    """
    private = None if workspace is None else workspace.private / "identifiers"
    if private is not None and not any(private.glob("*.json")):
        message = "This workspace knows no identifiers yet: nothing has been ingested into it."
        raise WorkspaceError(message, hint="Run `umd-curate run RAW` first, or search without a workspace: --unknown.")
    return Terms(private, frozenset(Telltale) - set(skip))


def files_below(folder: Path) -> list[Path]:
    """Files to search; of a workspace those below the PHI wall.

    Raises
    ------
    UsageError
        There is none.
    """
    roots = [folder / name for name in PUBLIC_FOLDERS] if (folder / CONFIG_NAME).is_file() else [folder]
    files = sorted(path for root in roots for path in root.rglob("*") if path.is_file())
    if not files:
        message = "The folder holds no file to search."
        raise UsageError(message)
    return files


def search(folder: Path, files: Sequence[Path], terms: Terms, workers: int = 1) -> Iterator[Searched]:
    """Search files, in their order; a hit names its place below `folder`."""
    places = [path.relative_to(folder).as_posix() for path in files]
    if workers <= 1 or len(files) < 2:
        for path, place in zip(files, places, strict=True):
            yield _search_file(terms, path, place)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(files)), mp_context=context) as pool:
        yield from pool.map(functools.partial(_search_file, terms), files, places, chunksize=_FILES_AT_ONCE)


def _search_file(terms: Terms, path: Path, place: str) -> Searched:
    return Searched(path.stat().st_size, tuple(scan(path, place, _searches(terms, _subject_of(place)))))


def _subject_of(place: str) -> str:
    """Subject that a path names with ``sub-<id>``; empty where none."""
    names = (part.removeprefix(_SUBJECT) for part in place.split("/") if part.startswith(_SUBJECT))
    return next((name.partition("_")[0].partition(".")[0] for name in names), "")


@functools.lru_cache(maxsize=8)
def _searches(terms: Terms, subject: str) -> tuple[Search, ...]:
    searches: list[Search] = []
    if terms.telltales:
        searches.append(functools.partial(_telltales, terms.telltales))
    if terms.private is not None:
        by_subject = _known(terms.private)
        everybody = functools.reduce(IdentifierSet.__or__, by_subject.values(), IdentifierSet())
        own = by_subject.get(subject, IdentifierSet())
        ours = our_words()
        entries = of_all(everybody).entries | {entry for entry in own.entries if entry[1] not in ours}
        searches.append(for_known(IdentifierSet(entries)))
    return tuple(searches)


def _telltales(wanted: frozenset[Telltale], piece: Piece) -> set[tuple[Kind | Telltale, str]]:
    return {entry for entry in for_telltales(piece) if entry[0] in wanted}


@functools.lru_cache(maxsize=1)
def _known(private: Path) -> dict[str, IdentifierSet]:
    """Identifiers by subject; the files are named after the volumes of which they were gathered."""
    found: dict[str, IdentifierSet] = defaultdict(IdentifierSet)
    for path in sorted(private.glob("*.json")):
        found[_subject_of(path.name)] |= read_identifiers(path)
    return dict(found)
