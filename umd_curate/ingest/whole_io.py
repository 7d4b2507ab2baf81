"""Decides from lengths alone whether the pixel data of a file is whole, and digests what stands before it.

Nothing is decoded. Encapsulated pixel data is followed from fragment to fragment.
"""

import hashlib
import struct
from typing import BinaryIO

from umd_curate.ingest.elements import native_bytes
from umd_curate.model.headers import InstanceHeader

_PIXEL_ELEMENTS = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"}
_PIXEL_HEAD = 12  # bytes of tag, VR and length
_BLOCK = 1 << 20


def has_pixels(head: bytes, order: str) -> bool:
    """Say whether the 12 bytes at the end of a header begin pixel data; `order` is struct's sign of the byte order."""
    return len(head) == _PIXEL_HEAD and struct.unpack(order + "HH", head[:4]) in _PIXEL_ELEMENTS


def are_pixels_whole(
    handle: BinaryIO, head: bytes, place: int, row: InstanceHeader, *, is_implicit: bool, order: str
) -> bool:
    """Say whether the pixel data at `place`, whose first bytes are `head`, lies wholly in the file and fills the matrix."""
    start, length = _extent(head, place, is_implicit=is_implicit, order=order)
    if length == _UNDEFINED:
        return _has_whole_fragments(handle, start, row.size)
    needed = native_bytes(
        row.rows, row.columns, row.samples_per_pixel, row.number_of_frames, row.bits_allocated, row.photometric
    )
    return start + length <= row.size and (needed is None or length >= needed)


def digest_of(handle: BinaryIO, data: bytes, end: int) -> str:
    """SHA-256 of the first `end` bytes, of which `data` may hold some or all."""
    digest = hashlib.sha256(memoryview(data)[:end])
    left = end - len(data)
    if left > 0:
        handle.seek(len(data))
        while left > 0 and (block := handle.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _extent(head: bytes, place: int, *, is_implicit: bool, order: str) -> tuple[int, int]:
    """Where the value of the element at `place` starts, and its length [bytes] (PS3.5 7.1)."""
    if is_implicit:
        return place + 8, int(struct.unpack(order + "L", head[4:8])[0])
    if head[4:6] in _LONG_VRS:
        return place + 12, int(struct.unpack(order + "L", head[8:12])[0])
    return place + 8, int(struct.unpack(order + "H", head[6:8])[0])


def _has_whole_fragments(handle: BinaryIO, start: int, size: int) -> bool:
    """Walk the items of encapsulated pixel data (PS3.5 A.4); a missing delimiter after whole items passes."""
    place, items = start, 0
    while place + 8 <= size:
        handle.seek(place)
        group, element, length = struct.unpack("<HHL", handle.read(8))
        if (group, element) == _DELIMITER:
            return items > 1
        if (group, element) != _ITEM:
            return False
        place, items = place + 8 + int(length), items + 1
    return place == size and items > 1
