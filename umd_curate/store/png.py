"""Grey 8-bit PNG (ISO/IEC 15948) with the three chunks that a picture needs: no text, no time, no software.

Packed by zlib: isal at its level 1 packs in other bytes on another processor, and a release is to be equal bytes.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 1  # of zlib; 6 gains 4 % at a third more time
_UP = 2  # filter type: each byte minus the one above it


def grey_png(pixels_ji: NDArray[np.uint8]) -> bytes:
    """PNG of a picture.

    Parameters
    ----------
    pixels_ji
        Grey values [j, i]; j runs down, i to the right.
    """
    height, width = pixels_ji.shape
    lines = np.empty((height, width + 1), np.uint8)
    lines[:, 0] = _UP
    lines[0, 1:] = pixels_ji[0]
    np.subtract(pixels_ji[1:], pixels_ji[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(lines.tobytes(), _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
