"""A gzip file that can be read from any place: decompressor states are kept on the way, so that going back is cheap.

Nothing is unpacked to disk. The first way to a place costs the decompression up to it, once per process; each way back costs
the decompression from the state before it, `SPACING` at most. States take some 50 KiB each, 256 of them at most.
"""

import bisect
import io
import zlib
from pathlib import Path
from typing import IO, Any

SPACING = 4 << 20  # bytes of output between two states, at least
MOST_STATES = 256  # at 3 bytes of output per byte of input
MOST_EXPANDED = 1 << 40  # bytes; no export is larger, a bomb may be
_USUAL_RATIO = 3
_INPUT, _OUTPUT = 64 << 10, 1 << 20
_GZIP = 31  # zlib's word for a gzip header and a window of 32 KiB


class SeekableGzip(io.RawIOBase):
    """Reads a gzip file of one or several members (RFC 1952); not for several threads at once.

    Parameters
    ----------
    source
        The file, or an open stream that can be read from any place and is then closed with this one.

    Raises
    ------
    OSError
        On reading: the file is damaged, cut off, or unpacks to more than `MOST_EXPANDED`.
    """

    def __init__(self, source: Path | IO[bytes]) -> None:
        self._file = source.open("rb") if isinstance(source, Path) else source
        self._spacing = max(SPACING, self._file.seek(0, io.SEEK_END) * _USUAL_RATIO // MOST_STATES)
        self._states: list[tuple[int, int, Any]] = [(0, 0, None)]  # place, place in the file, decompressor
        self._place = 0  # of the next byte that the caller reads
        self._begin()

    def _begin(self, state: tuple[int, int, Any] = (0, 0, None)) -> None:
        self._start, in_file, decompressor = state  # place of the first byte of the block
        self._block = b""
        self._input = b""
        self._file.seek(in_file)
        self._decompressor = decompressor.copy() if decompressor else zlib.decompressobj(_GZIP)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place, from the beginning or from here; the end is not known."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation
        self._place = offset + (self._place if whence == io.SEEK_CUR else 0)
        return self._place

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (any writable buffer)
        """Read into a buffer; 0 at the end."""
        if self._place < self._start:
            self._begin(self._states[bisect.bisect(self._states, self._place, key=lambda state: state[0]) - 1])
        elif self._place > self._start + self._spacing:
            state = self._states[bisect.bisect(self._states, self._place, key=lambda state: state[0]) - 1]
            if state[0] > self._start:
                self._begin(state)
        while self._place >= self._start + len(self._block):
            if not self._next_block():
                return 0
        offset = self._place - self._start
        piece = self._block[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()

    def _next_block(self) -> bool:
        """Decompress some more; False at the end."""
        self._start += len(self._block)
        self._block = b""
        self._keep_state()
        while not self._block:
            if self._decompressor.eof:
                self._input = (self._decompressor.unused_data or self._file.read(_INPUT)).lstrip(b"\0")  # padding
                if not self._input:
                    return False
                self._decompressor = zlib.decompressobj(_GZIP)
            data = self._input or self._file.read(_INPUT)
            if not data:
                message = "the archive is cut off"
                raise OSError(message)
            try:
                self._block = self._decompressor.decompress(data, _OUTPUT)
            except zlib.error as error:
                message = "the archive is damaged"
                raise OSError(message) from error
            self._input = self._decompressor.unconsumed_tail
        if self._start > MOST_EXPANDED:
            message = "the archive unpacks to more than any export"
            raise OSError(message)
        return True

    def _keep_state(self) -> None:
        if self._start >= self._states[-1][0] + self._spacing and not self._decompressor.eof:
            in_file = self._file.tell() - len(self._input)
            self._states.append((self._start, in_file, self._decompressor.copy()))
