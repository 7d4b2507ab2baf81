"""A file that is written from front to back, and knows what was sent to it: checksum, SHA-256, size.

Once closed, it can be read back from the disk and compared.
"""

import hashlib
from pathlib import Path
from typing import Final

from isal import isal_zlib

_BLOCK: Final = 1 << 20


class Watched:
    """A new file, open for writing.

    Attributes
    ----------
    size
        Bytes sent so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = path.open("wb", buffering=0)
        self._digest = hashlib.sha256()
        self._crc = 0
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes, all of them."""
        self._digest.update(data)
        self._crc = isal_zlib.crc32(data, self._crc)
        rest = memoryview(data)
        while rest:
            rest = rest[self._handle.write(rest) :]
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes sent so far, in hex."""
        return self._digest.hexdigest()

    def check(self) -> None:
        """Read the closed file back.

        Raises
        ------
        OSError
            The disk holds other bytes than were sent: fewer, more, or another CRC-32 (RFC 1952).
        """
        crc, size, buffer = 0, 0, memoryview(bytearray(_BLOCK))
        with self._path.open("rb", buffering=0) as handle:
            while count := handle.readinto(buffer):
                crc, size = isal_zlib.crc32(buffer[:count], crc), size + count
        if (crc, size) != (self._crc, self.size):
            message = "the file on the disk is not the one that was written"
            raise OSError(message)
