"""Restarts in a ``.nii.gz``: places where a gzip stream forgets what came before, so that a plane needs no more than its block.

Between two restarts lies a block of planes: it can be read, and packed anew, without the others.

A restart is what zlib calls a full flush, after a sync flush: ten bytes that tell it from all else. The stream stays one member
of gzip that any program reads as before, and grows by less than a hundredth of a percent. A file without them, of another
program, is read as well, from its beginning.
"""

import re
import struct
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from umd_curate.store.nifti_header import HEADER_BYTES, Stored, stored_of
from umd_curate.store.watched import Watched

GZIP_LEVEL = 2  # isal: 260 MiB/s on CT at a ratio within 4 % of zlib 6 (docs/benchmarks.md)
GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")  # RFC 1952: deflate, no name, no time, no system
GZIP_TRAILER_BYTES = 8
SPACING = 2 << 20  # bytes of voxels between two restarts, at most; a plane if that is more
_MARK = re.compile(re.escape(bytes.fromhex("0000ffff02000000ffff")))
_HEAD = 4096  # packed bytes in which the header is sure to be
_GZIP, _RAW = 31, -15  # zlib's words for a gzip header, and for none
_RESTART = (isal_zlib.Z_SYNC_FLUSH, isal_zlib.Z_FULL_FLUSH)
_DEFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance


def planes_between(plane_bytes: int) -> int:
    """How many planes stand between two restarts."""
    return max(SPACING // max(plane_bytes, 1), 1)


class Packed:
    """A gzip stream of one member (RFC 1952) without name and time, with restarts where they are asked for.

    What is handed over goes to isal piece by piece: its packing depends on the pieces, and the buffer that Python has had in
    ``GzipFile`` since 3.12 makes other bytes of an image of small planes than Python 3.11.

    Parameters
    ----------
    file
        Is written to; left open.
    """

    def __init__(self, file: Watched) -> None:
        self._file = file
        self._packer = _packer()
        self._crc = self._size = 0
        file.write(GZIP_HEADER)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        self._file.write(self._packer.compress(data))
        self._crc, self._size = isal_zlib.crc32(data, self._crc), self._size + len(data)

    def restart(self) -> None:
        """Forget what was written."""
        self._file.write(b"".join(self._packer.flush(end) for end in _RESTART))

    def close(self) -> None:
        """End the stream."""
        self._file.write(self._packer.flush(isal_zlib.Z_FINISH) + gzip_trailer(self._crc, self._size))


def packed_block(pieces: Iterable[bytes | memoryview], *, is_last: bool) -> bytes:
    """Pack a block as `Packed` does, with the restart behind it; raw deflate (RFC 1951)."""
    packer = _packer()
    packed = [packer.compress(piece) for piece in pieces]
    return b"".join([*packed, *(packer.flush(end) for end in ([isal_zlib.Z_FINISH] if is_last else _RESTART))])


def gzip_trailer(crc: int, size: int) -> bytes:
    """What stands behind the packed bytes: CRC-32 and size of the unpacked ones."""
    return struct.pack("<II", crc, size % (1 << 32))


def _packer() -> Any:  # noqa: ANN401  (isal does not export its type)
    return isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, _RAW, isal_zlib.DEF_MEM_LEVEL, 0)


class PackedPlanes:
    """Planes of a ``.nii.gz`` by number, and the blocks that they lie in; the newest block is kept.

    Parameters
    ----------
    data
        The packed bytes.

    Attributes
    ----------
    header, stored
        The 352 bytes before the voxels, and what they say.
    n_blocks
        Blocks of planes.

    Raises
    ------
    ValueError
        They are no packed NIfTI-1.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._starts = [0]
        self._block = (-1, b"")
        try:
            self.header = isal_zlib.decompressobj(_GZIP).decompress(data[:_HEAD], HEADER_BYTES)
        except _DEFLATE_ERROR as error:
            message = "no gzip stream"
            raise ValueError(message) from error
        stored = stored_of(self.header)
        if stored is None:
            message = "no NIfTI-1 image"
            raise ValueError(message)
        self.stored: Stored = stored
        nk, nj, ni = stored.grid.shape_kji
        self._n_planes = nk * stored.n_frames
        self._plane_ji = (nj, ni)
        self._plane_bytes = nj * ni * stored.dtype.itemsize
        self._between = planes_between(self._plane_bytes)
        self.n_blocks = -(-self._n_planes // self._between)

    def plane(self, index: int) -> NDArray[np.generic] | None:
        """A plane [j, i], read-only; None where the file has no restarts."""
        number, within = divmod(index, self._between)
        if self._block[0] != number:
            block = self.block(number)
            if block is None:
                return None
            self._block = (number, block)
        plane = np.frombuffer(self._block[1], self.stored.dtype, np.prod(self._plane_ji), within * self._plane_bytes)
        return plane.reshape(self._plane_ji)

    def first_plane(self, number: int) -> int:
        """Number of the first plane of a block; of its last one it is less than that of the next block."""
        return number * self._between

    def block(self, number: int) -> bytes | None:
        """Voxels of a block; None where it does not begin with a restart, or does not hold what it must."""
        start, end = self._start(number), self._start(number + 1)
        if start is None or (end is None and number + 1 < self.n_blocks):
            return None
        size = (min((number + 1) * self._between, self._n_planes) - number * self._between) * self._plane_bytes
        before = HEADER_BYTES if number == 0 else 0
        unpacker = isal_zlib.decompressobj(_RAW if number else _GZIP)
        try:
            block = unpacker.decompress(self._data[start:end], before + size)
        except _DEFLATE_ERROR:
            return None
        return block[before:] if len(block) == before + size else None

    def packed(self, number: int) -> memoryview:
        """Bytes of a block that `block` has found: with the restart behind it, of the first one with all that stands before it."""
        end = self._start(number + 1) if number + 1 < self.n_blocks else len(self._data) - GZIP_TRAILER_BYTES
        return self._data[self._start(number) : end]

    def _start(self, number: int) -> int | None:
        """Where a block begins in the packed bytes; they are searched as far as that."""
        while len(self._starts) <= number:
            found = _MARK.search(self._data, self._starts[-1])
            if found is None:
                return None
            self._starts.append(found.end())
        return self._starts[number]
