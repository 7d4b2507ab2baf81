"""Steps over the elements of a plain header (PS3.5 7): where each begins and ends, and what is inside its sequences.

Decides what "plain" means byte by byte: little endian, known VRs, items and elements that end where their lengths say. What
is not plain raises `Declined`; what lies beyond the bytes at hand raises `IndexError`. Values are for `plain_values`.
"""

from collections.abc import Container
from struct import Struct

SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_VRS = frozenset(b"OB OD OF OL OV OW SV UC UN UR UT UV".split())
TEXT_VRS = frozenset(b"LO LT PN SH ST UC UT".split())  # decoded by (0008,0005)
UNDEFINED = 0xFFFFFFFF
PIXELS = frozenset({b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00", b"\xe0\x7f\x10\x00"})
CHARACTER_SET = b"\x08\x00\x05\x00"
DELIMITERS = b"\xfe\xff"  # group FFFE
COMMANDS = b"\x00\x00"  # group 0000
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_DEEPEST = 32  # sequences in sequences

Implicit = Container[bytes] | None  # tags of known sequences where VRs are implicit, None where they are explicit
Inside = tuple[bytes, bytes, list[bytes]]  # tag and VR of the element wanted of all items, and its raw values

_u4 = Struct("<L").unpack_from


class Declined(Exception):  # noqa: N818  (an outcome: this header is for the general reader)
    """The header is not plain."""


class TooShort(Exception):  # noqa: N818  (an outcome: more bytes are needed)
    """The header is longer than the bytes at hand."""


def length_at(data: bytes, place: int) -> int:
    """A length of four bytes."""
    if place + 4 > len(data):
        raise IndexError
    return int(_u4(data, place)[0])


def looks_like_vr(two: bytes) -> bool:
    """Two bytes that pydicom takes for a VR: both from A to Z."""
    return len(two) == 2 and 0x40 < two[0] < 0x5B and 0x40 < two[1] < 0x5B


def element_at(data: bytes, place: int, implicit: Implicit) -> tuple[int, int, bytes]:
    """Where the value of the element at `place` begins, its length, and its VR (empty where it is implicit)."""
    if implicit is not None:
        return place + 8, length_at(data, place + 4), b""
    vr = data[place + 4 : place + 6]
    if vr in SHORT_VRS:
        return place + 8, data[place + 6] | data[place + 7] << 8, vr
    if vr in LONG_VRS or vr == b"SQ":
        return place + 12, length_at(data, place + 8), vr
    if len(vr) < 2:
        raise IndexError
    raise Declined


def after_element(data: bytes, place: int, implicit: Implicit, depth: int = 0) -> tuple[int, int, bytes]:
    """Where the value of the element at `place` begins, where the element ends, and its VR."""
    if data[place : place + 2] == DELIMITERS:
        raise Declined
    start, length, vr = element_at(data, place, implicit)
    if length != UNDEFINED:
        return start, start + length, vr
    if vr == b"SQ" or (implicit is not None and _is_sequence(data, place, start, implicit)):
        return start, after_items(data, start, None, implicit, None, depth), vr
    raise Declined


def after_items(
    data: bytes, place: int, end: int | None, implicit: Implicit, wanted: Inside | None = None, depth: int = 0
) -> int:
    """Where a sequence ends whose first item stands at `place` (PS3.5 7.5); `end` is None where its length is undefined."""
    if depth > _DEEPEST:
        raise Declined
    while place != end:
        tag, length = data[place : place + 4], length_at(data, place + 4)
        place += 8
        if end is not None and place > end:
            raise Declined
        if tag == _ITEM:
            last = None if length == UNDEFINED else place + length
            _refuse_beyond(last or place, end, data)
            place = _after_item(data, place, last, implicit, wanted, depth)
        elif tag == _SEQUENCE_END and end is None and length == 0:
            return place
        else:
            raise Declined
    return place


def _after_item(data: bytes, place: int, end: int | None, implicit: Implicit, wanted: Inside | None, depth: int) -> int:
    """Where an item ends whose first element stands at `place`; raw values of the `wanted` element are kept."""
    if implicit is not None and place != end and looks_like_vr(data[place + 4 : place + 6]):
        raise Declined
    while place != end:
        tag = data[place : place + 4]
        if tag == _ITEM_END and end is None and not length_at(data, place + 4):
            return place + 8
        if tag == CHARACTER_SET and wanted is not None and wanted[1] in TEXT_VRS:
            raise Declined  # an item with a character set of its own
        start, place, vr = after_element(data, place, implicit, depth + 1)
        _refuse_beyond(place, end, data)
        if wanted is not None and tag == wanted[0]:
            if vr not in {b"", wanted[1]}:
                raise Declined
            wanted[2].append(data[start:place])
    return place


def _refuse_beyond(place: int, end: int | None, data: bytes) -> None:
    """An element ends within its item; within the data where the item does not say."""
    if place > (len(data) if end is None else end):
        raise IndexError if end is None else Declined


def _is_sequence(data: bytes, place: int, start: int, known: Container[bytes]) -> bool:
    """Say whether an element of undefined length is a sequence: a known one, or a private one that begins with an item."""
    if data[place : place + 4] in known:
        return True
    return bool(data[place] & 1 and length_at(data, start) and data[start : start + 4] == _ITEM)
