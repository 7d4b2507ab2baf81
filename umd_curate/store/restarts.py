"""Restarts in a ``.nii.gz``: places where a gzip stream forgets what came before, so that a plane needs no more than its block.

A restart is what zlib calls a full flush, after a sync flush: ten bytes that tell it from all else. The stream stays one member
of gzip that any program reads as before, and grows by less than a hundredth of a percent. A file without them, of another
program, is read as well, from its beginning.
"""

import re
from typing import IO, Any, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from umd_curate.store.nifti_header import HEADER_BYTES, Stored, stored_of

SPACING = 2 << 20  # bytes of voxels between two restarts, at most; a plane if that is more
_MARK = re.compile(re.escape(bytes.fromhex("0000ffff02000000ffff")))
_HEAD = 4096  # packed bytes in which the header is sure to be
_GZIP, _RAW = 31, -15  # zlib's words for a gzip header, and for none
_DEFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance


def planes_between(plane_bytes: int) -> int:
    """How many planes stand between two restarts."""
    return max(SPACING // max(plane_bytes, 1), 1)


def restart(stream: IO[bytes]) -> None:
    """Let a gzip stream of isal forget what it has written."""
    flush = cast("Any", stream).flush
    flush(isal_zlib.Z_SYNC_FLUSH)
    flush(isal_zlib.Z_FULL_FLUSH)


class PackedPlanes:
    """Planes of a ``.nii.gz`` by number; the newest block of them is kept.

    Parameters
    ----------
    data
        The packed bytes.

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
            stored = stored_of(isal_zlib.decompressobj(_GZIP).decompress(data[:_HEAD], HEADER_BYTES))
        except _DEFLATE_ERROR as error:
            message = "no gzip stream"
            raise ValueError(message) from error
        if stored is None:
            message = "no NIfTI-1 image"
            raise ValueError(message)
        self.stored: Stored = stored
        nk, nj, ni = stored.grid.shape_kji
        self._n_planes = nk * stored.n_frames
        self._plane_ji = (nj, ni)
        self._plane_bytes = nj * ni * stored.dtype.itemsize
        self._between = planes_between(self._plane_bytes)

    def plane(self, index: int) -> NDArray[np.generic] | None:
        """A plane [j, i], read-only; None where the file has no restarts."""
        number, within = divmod(index, self._between)
        if self._block[0] != number:
            block = self._unpacked(number)
            if block is None:
                return None
            self._block = (number, block)
        plane = np.frombuffer(self._block[1], self.stored.dtype, np.prod(self._plane_ji), within * self._plane_bytes)
        return plane.reshape(self._plane_ji)

    def _unpacked(self, number: int) -> bytes | None:
        """Planes of a block; None where it does not begin with a restart, or does not hold what it must."""
        start, end = self._start(number), self._start(number + 1)
        is_last = (number + 1) * self._between >= self._n_planes
        if start is None or (end is None and not is_last):
            return None
        size = (min((number + 1) * self._between, self._n_planes) - number * self._between) * self._plane_bytes
        before = HEADER_BYTES if number == 0 else 0
        unpacker = isal_zlib.decompressobj(_RAW if number else _GZIP)
        try:
            block = unpacker.decompress(self._data[start:end], before + size)
        except _DEFLATE_ERROR:
            return None
        return block[before:] if len(block) == before + size else None

    def _start(self, number: int) -> int | None:
        """Where a block begins in the packed bytes; they are searched as far as that."""
        while len(self._starts) <= number:
            found = _MARK.search(self._data, self._starts[-1])
            if found is None:
                return None
            self._starts.append(found.end())
        return self._starts[number]
