"""The one door to the bytes of a source: a file, or a member of an archive, ``/raw/export.zip!/folder/member``.

A path that exists is a file, whatever stands in it; else what is before ``!/`` must be an archive. The archives that were
used last stay open, two per process: their lists and the states of their decompressors are worth keeping.
"""

import functools
import io
import os
from pathlib import Path
from typing import BinaryIO, cast

from umd_curate.store.archives import Archive, open_archive

MARK = "!/"  # between the path of an archive and the name of its member


def open_source(name: str) -> BinaryIO:
    """Open a source for reading, unbuffered.

    Raises
    ------
    OSError
        It is not there, may not be read, or its archive is damaged.
    """
    try:
        return cast(BinaryIO, io.FileIO(name))
    except (FileNotFoundError, NotADirectoryError):
        archive, member = _split(name)
        try:
            return opened_archive(archive).open(member)
        except (KeyError, ValueError, NotImplementedError, RuntimeError) as error:
            raise FileNotFoundError from error


def stat_source(name: str) -> tuple[int, int]:
    """Bytes of a source, and when it was changed last [ns]: of a member, when its archive was.

    Raises
    ------
    OSError
        It is not there.
    """
    try:
        status = os.stat(name)  # noqa: PTH116  (a path object for each of a million files is waste)
    except (FileNotFoundError, NotADirectoryError):
        archive, member = _split(name)
        try:
            return opened_archive(archive).size_of(member), archive.stat().st_mtime_ns
        except KeyError as error:
            raise FileNotFoundError from error
    return status.st_size, status.st_mtime_ns


def read_unchanged(name: str, size: int, mtime_ns: int) -> bytes | None:
    """Bytes of a source that is as it was seen; None where its size or time of change is another one. It is opened once.

    Raises
    ------
    OSError
        It is gone or cannot be read.
    """
    with open_source(name) as handle:
        if isinstance(handle, io.FileIO):
            status = os.fstat(handle.fileno())
            seen = status.st_size, status.st_mtime_ns
        else:
            seen = stat_source(name)
        if seen != (size, mtime_ns):
            return None
        data = handle.read(size + 1)  # one more, so that a file that grows is seen
        while len(data) < size and (block := handle.read(size + 1 - len(data))):
            data += block
        return data if len(data) == size else None


def opened_archive(path: Path) -> Archive:
    """An archive, listed; kept open for the members that are read next.

    Raises
    ------
    OSError
        It cannot be listed to its end.
    """
    status = path.stat()
    return _kept(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _kept(path: Path, size: int, mtime_ns: int) -> Archive:  # noqa: ARG001  (what makes it another archive)
    return open_archive(path)


def _split(name: str) -> tuple[Path, str]:
    """Archive and member of a path.

    Raises
    ------
    FileNotFoundError
        No part of the path is a file.
    """
    place = name.find(MARK)
    while place >= 0:
        archive = Path(name[:place])
        if archive.is_file():
            return archive, name[place + len(MARK) :]
        place = name.find(MARK, place + 1)
    raise FileNotFoundError
