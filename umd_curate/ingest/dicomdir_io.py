"""Which files a DICOMDIR lists that are not there. The listed files themselves are read where the walk finds them.

A Referenced File ID (0004,1500) names folders and file in up to eight parts of capitals (PS3.10 8.2); copies of a medium
often have them in small letters, which counts as there.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from umd_curate.ingest.elements import text
from umd_curate.ingest.flat import FlatReader, Wanted, tag_bytes
from umd_curate.ingest.steps import Declined, TooShort
from umd_curate.model.headers import FileKind, ListedFile
from umd_curate.store.sources import MARK, open_source, opened_archive

NAME = "DICOMDIR"
_FILE_ID, _RECORDS = 0x00041500, 0x00041220
_FLAT = FlatReader((Wanted("file_ids", _FILE_ID, "CS", text, inside=_RECORDS),), frozenset({tag_bytes(_RECORDS)}))


def is_dicomdir(name: str) -> bool:
    """Say whether a file is named as media directories are (PS3.10 8.6)."""
    return name[len(name) - len(NAME) :].upper() == NAME and name[-len(NAME) - 1 : -len(NAME)] in {"", "/", "\\"}


def missing_files(directory: ListedFile) -> Iterator[ListedFile]:
    """Files that a DICOMDIR lists and that are not there, by path; nothing for one that cannot be read."""
    folder = directory.name[: -len(NAME)]
    names = {folder + file_id.replace("\\", "/") for file_id in _file_ids(directory)}
    there = _Folder(folder)
    for name in sorted(names):
        if not there.holds(name[len(folder) :]):
            yield ListedFile(name, 0, 0, FileKind.MISSING)


def _file_ids(directory: ListedFile) -> set[str]:
    """Relative paths as the DICOMDIR writes them; none that leads out of its folder."""
    try:
        with open_source(directory.name) as handle:
            data = handle.read()
        found = _FLAT.read(data, len(data)).values.get("file_ids")
        ids = found if isinstance(found, tuple) else ()
    except (Declined, TooShort):
        from umd_curate.ingest.pydicom_io import file_ids_of  # noqa: PLC0415  (half a second and 35 MiB)

        ids = file_ids_of(directory.name)
    except OSError:
        ids = ()
    return {str(one) for one in ids if ".." not in str(one).split("\\")}


class _Folder:
    """What lies below a folder, or below a folder in an archive, whatever the case of its letters."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: dict[str, set[str]] = {}
        archive, mark, inside = folder.partition(MARK)
        self._members: set[str] | None = None
        if mark and os.path.isfile(archive):  # noqa: PTH113
            names = (member.name for member in opened_archive(Path(archive)).members())
            self._members = {name[len(inside) :].casefold() for name in names if name.startswith(inside)}

    def holds(self, relative: str) -> bool:
        """Say whether a file is there."""
        if self._members is not None:
            return relative.casefold() in self._members
        if os.path.exists(self._folder + relative):  # noqa: PTH110
            return True
        place = self._folder
        for part in relative.split("/"):
            found = next((name for name in self._names(place) if name.casefold() == part.casefold()), None)
            if found is None:
                return False
            place = f"{place}/{found}" if not place.endswith("/") else place + found
        return True

    def _names(self, folder: str) -> set[str]:
        if folder not in self._known:
            try:
                self._known[folder] = set(os.listdir(folder))  # noqa: PTH208
            except OSError:
                self._known[folder] = set()
        return self._known[folder]
