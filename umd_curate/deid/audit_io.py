"""Searches files: for the identifiers that `gather_io` found in the source, and for what looks like an identifier.

Files are opened by `unpack_io`, spellings made by `identifiers`, bytes searched by `audit` and `telltales`. Dates that a clean
DICOM header holds are shifted ones; such a day may by chance be a true day of another patient, so a DICOM file is best
searched for its own patient's identifiers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from umd_curate.deid.audit import Searcher, is_readable
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.pieces import Aim, Piece
from umd_curate.deid.telltales import Telltale, in_text
from umd_curate.deid.unpack_io import pieces

PATTERN = "pattern"  # stands where a hit was recognised without knowing the identifier

Search = Callable[[Piece], set[tuple[Kind | Telltale, str]]]


@dataclass(frozen=True, slots=True)
class Hit:
    """An identifier in an output; the value is not told.

    Parameters
    ----------
    place
        File relative to the searched folder; parts of a path that themselves hold an identifier are ``***``.
    kind
        What sort of identifier.
    encoding
        How it stood there, such as ``utf-8`` or ``base64 of utf-16``; ``path`` for the file's name, ``pattern`` where it was
        recognised without knowing it.
    """

    place: str
    kind: Kind | Telltale
    encoding: str


def scan_tree(root: Path, identifiers: IdentifierSet) -> list[Hit]:
    """Search every file below `root`, and the paths; sorted by place."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [hit for path in files for hit in scan(path, path.relative_to(root).as_posix(), [for_known(identifiers)])]


def scan_file(path: Path, identifiers: IdentifierSet) -> list[Hit]:
    """Search one file and its name."""
    return scan(path, path.name, [for_known(identifiers)])


def for_known(identifiers: IdentifierSet) -> Search:
    """Search for identifiers that are known."""
    searcher = _searcher(identifiers)

    def search(piece: Piece) -> set[tuple[Kind | Telltale, str]]:
        if piece.aim is Aim.ALIKE:
            return set()
        return {*(searcher.in_text(piece.data) if piece.is_text else searcher.in_payload(piece.data))}

    return search


def for_telltales(piece: Piece) -> set[tuple[Kind | Telltale, str]]:
    """Search for what looks like an identifier, in readable text and in the structure of a header."""
    found = set(piece.told)
    if piece.is_text and piece.aim is not Aim.KNOWN and is_readable(piece.data):
        found |= in_text(piece.data)
    return {(telltale, PATTERN) for telltale in found}


@lru_cache(maxsize=4)
def _searcher(identifiers: IdentifierSet) -> Searcher:
    return Searcher(identifiers)


def scan(path: Path, place: str, searches: Sequence[Search]) -> list[Hit]:
    """Search a file and its place with all searches; sorted by kind."""
    found = {(kind, "path") for kind, _ in _searched(Piece(place.encode(errors="surrogateescape")), searches)}
    if found:
        place = _masked(place, searches)
    for piece in _pieces_of(path):
        found |= _searched(piece, searches)
    return sorted((Hit(place, kind, encoding) for kind, encoding in found), key=lambda hit: (hit.kind, hit.encoding))


def _searched(piece: Piece, searches: Sequence[Search]) -> set[tuple[Kind | Telltale, str]]:
    return set().union(*(search(piece) for search in searches))


def _masked(place: str, searches: Sequence[Search]) -> str:
    def holds(part: str) -> bool:
        return bool(_searched(Piece(part.encode(errors="surrogateescape")), searches))

    masked = "/".join("***" if holds(part) else part for part in place.split("/"))
    return "***" if holds(masked) else masked


def _pieces_of(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        yield from pieces(file)
