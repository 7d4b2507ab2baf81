"""Reads a file back that has just been written, once, from front to back: what lies on the disk, and what it unpacks to.

Whether that is what was meant is for the writer to say.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from isal import igzip, isal_zlib

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 20
_DEFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a file is.

    Parameters
    ----------
    sha256, size
        Of its bytes, and their number.
    crc, content_size
        CRC-32 (RFC 1952) of what it holds once unpacked, and the number of bytes.
    """

    sha256: str
    size: int
    crc: int
    content_size: int


def read_back(path: Path, *, is_gzip: bool) -> ReadBack:
    """Read a file to its end.

    Raises
    ------
    OSError
        It cannot be read or unpacked.
    """
    crc, content_size = 0, 0
    with _Watched(path) as watched:
        try:
            for block in _unpacked(watched) if is_gzip else _blocks(watched):
                crc, content_size = isal_zlib.crc32(block, crc), content_size + len(block)
        except (EOFError, igzip.BadGzipFile, _DEFLATE_ERROR) as fault:
            message = "what was written cannot be read back"
            raise OSError(message) from fault
        return ReadBack(watched.sha256, watched.size, crc, content_size)


class _Watched(io.RawIOBase):
    """A file that is read from front to back; its digest and size are known at the end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count = self._file.readinto(buffer) or 0
        self._digest.update(memoryview(buffer)[:count])
        self.size += count
        return count

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()
        super().close()


def _unpacked(stream: io.RawIOBase) -> Iterator[bytes]:
    with igzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
        while block := unpacked.read(_BLOCK):
            yield block


def _blocks(stream: io.RawIOBase) -> Iterator[memoryview]:
    """Bytes of a file; a block is valid until the next is asked for."""
    buffer = memoryview(bytearray(_BLOCK))
    while count := stream.readinto(buffer):
        yield buffer[:count]
