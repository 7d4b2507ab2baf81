"""Zip and tar archives, read in place: what they hold, and each member as an open file. Nothing is unpacked to disk.

Decides which members are refused unopened: encrypted ones, links, names that lead out of the archive, archives in archives,
and those that claim to unpack to far more than any image. An archive that cannot be listed to its end is refused whole.
"""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, cast

from umd_curate.model.headers import FileKind
from umd_curate.store.gzip_seek import SeekableGzip

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
OTHER_SUFFIXES = (".7z", ".rar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".dcm.gz")
MOST_MEMBERS = 1_000_000  # of one archive; their names are held in memory
MOST_BYTES = 64 << 30  # of one member
MOST_RATIO = 400  # of a member to its packed size; deflate reaches 1000, images 20
SMALL_BYTES = 64 << 20  # below this no ratio does harm
_BLOCK = 512  # of tar
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_IS_LINK = 0o120000
_FAULTS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive; `kind` is set where it is not opened."""

    name: str
    size: int
    kind: FileKind | None = None


class Archive(Protocol):
    """An open archive."""

    def members(self) -> Iterator[Member]:
        """Members by name; of several with one name, the last."""
        ...

    def size_of(self, name: str) -> int:
        """Bytes of a member; `KeyError` where there is none."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A member as an open file; `KeyError` where there is none."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


def is_archive(name: str) -> bool:
    """Say whether a file is named like an archive that is read."""
    return name.lower().endswith(SUFFIXES)


def is_other_archive(name: str) -> bool:
    """Say whether a file is named like an archive that is not read."""
    return name.lower().endswith(OTHER_SUFFIXES) and not is_archive(name)


def open_archive(path: Path) -> Archive:
    """Open an archive and list it.

    Raises
    ------
    OSError
        It cannot be listed to its end.
    """
    try:
        return ZipArchive(path) if path.name.lower().endswith(".zip") else TarArchive(path)
    except _FAULTS as error:
        message = "the archive cannot be listed to its end"
        raise OSError(message) from error


class ZipArchive:
    """A zip file: its central directory is read once, its members are found at once."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._infos = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}
        _refuse_too_many(self._infos)

    def members(self) -> Iterator[Member]:
        """As `Archive`."""
        for name, info in sorted(self._infos.items()):
            kind = _refusal(name, info.file_size, info.compress_size)
            if info.external_attr >> 16 & 0o170000 == _IS_LINK:
                kind = FileKind.LINK
            elif info.flag_bits & 1:
                kind = FileKind.ENCRYPTED
            elif info.compress_type not in _METHODS:
                kind = kind or FileKind.OTHER_ARCHIVE
            yield Member(name, info.file_size, kind)

    def size_of(self, name: str) -> int:
        """As `Archive`."""
        return self._infos[name].file_size

    def open(self, name: str) -> BinaryIO:
        """As `Archive`."""
        return cast(BinaryIO, _ZipMember(cast(BinaryIO, self._zip.open(self._infos[name]))))

    def close(self) -> None:
        """As `Archive`."""
        self._zip.close()


class TarArchive:
    """A tar file, plain or gzipped: its headers are read once; of a gzipped one, all of it is decompressed for that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        is_plain = path.name.lower().endswith(".tar")
        self._gzip = None if is_plain else SeekableGzip(path)
        self._places: dict[str, tuple[int, int, FileKind | None]] = {}
        raw = self._raw()
        stream = io.BufferedReader(raw, _BLOCK * 64)
        try:
            self._list(stream)
        except BaseException:
            raw.close()
            raise
        stream.detach()
        if raw is not self._gzip:
            raw.close()

    def _raw(self) -> io.RawIOBase:
        return self._gzip or io.FileIO(self._path)

    def _list(self, stream: BinaryIO) -> None:
        with tarfile.TarFile(fileobj=stream, errors="surrogateescape") as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep them all
                if not info.isdir():
                    self._places[info.name] = info.offset_data, info.size, _kind_of(info)
                _refuse_too_many(self._places)
            stream.seek(tar.offset)
            if stream.read(_BLOCK) != bytes(_BLOCK):
                message = "the archive has no end mark"
                raise tarfile.ReadError(message)

    def members(self) -> Iterator[Member]:
        """As `Archive`."""
        for name, (_, size, kind) in sorted(self._places.items()):
            yield Member(name, size, kind)

    def size_of(self, name: str) -> int:
        """As `Archive`."""
        return self._places[name][1]

    def open(self, name: str) -> BinaryIO:
        """As `Archive`."""
        place, size, _ = self._places[name]
        return cast(BinaryIO, _Part(self._raw(), place, size, is_shared=self._gzip is not None))

    def close(self) -> None:
        """As `Archive`."""
        if self._gzip is not None:
            self._gzip.close()


class _Part(io.RawIOBase):
    """A part of a file as a file of its own."""

    name = ""  # pydicom asks for one

    def __init__(self, source: io.RawIOBase, start: int, size: int, *, is_shared: bool) -> None:
        self._source, self._start, self._size, self._is_shared = source, start, size, is_shared
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (any writable buffer)
        wanted = min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        self._source.seek(self._start + self._place)
        count = self._source.readinto(memoryview(buffer)[:wanted]) or 0
        self._place += count
        return count

    def close(self) -> None:
        if not self._is_shared and not self.closed:
            self._source.close()
        super().close()


class _ZipMember(io.RawIOBase):
    """A member of a zip file whose faults are faults of reading."""

    name = ""  # pydicom asks for one

    def __init__(self, member: BinaryIO) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._member.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        try:
            return self._member.seek(offset, whence)
        except _FAULTS as error:
            raise OSError from error

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (any writable buffer)
        try:
            data = self._member.read(len(buffer))
        except _FAULTS as error:
            raise OSError from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._member.close()
        super().close()


def _kind_of(info: tarfile.TarInfo) -> FileKind | None:
    if info.issym() or info.islnk():
        return FileKind.LINK
    if not info.isreg() or info.issparse():
        return FileKind.OTHER_ARCHIVE
    return _refusal(info.name, info.size, info.size)


def _refusal(name: str, size: int, packed: int) -> FileKind | None:
    """Why a member is not opened, by its name and sizes."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or name[1:2] == ":":
        return FileKind.OUTSIDE
    if is_archive(name) or is_other_archive(name):
        return FileKind.OTHER_ARCHIVE
    if size > MOST_BYTES or (size > SMALL_BYTES and size > MOST_RATIO * packed):
        return FileKind.OVERSIZED
    return None


def _refuse_too_many(members: Mapping[str, object]) -> None:
    if len(members) > MOST_MEMBERS:
        message = "the archive has too many members"
        raise ValueError(message)
