"""What an element of a header is told by: its own bytes, and the other elements that pydicom reads it with.

Two headers with the same context give the same value for the same bytes. An element whose bytes are no longer at hand,
since pydicom has made a value of them, has none to compare and is judged anew.
"""

from collections.abc import Mapping, Sequence

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

Elements = Mapping[int, DataElement | RawDataElement]  # by tag as a number: pydicom's own tags compare slowly
Raws = Mapping[int, object]

# Character set; sign and width of the pixels, descriptor of a look-up table and width of a waveform, by which VRs that
# depend on them are told (PS3.5 annex A.2, PS3.3 C.7.6.3, C.11.1, C.10.9).
_CONTEXT = (0x00080005, 0x00280100, 0x00280103, 0x00283002, 0x54001004)
_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR"})  # VRs of one value, in which a backslash is a character (PS3.5 6.2)
_PLAIN = frozenset({"UI", "CS"})
_PIXEL_DATA = 0x7FE00010


def elements_of(dataset: Dataset) -> Elements:
    """Elements of a dataset as they were read: asking the dataset itself for one makes a value of its bytes."""
    return {int(tag): element for tag, element in dataset.items()}


def raws_of(elements: Elements) -> Raws:
    """VR, length and bytes of elements as they were read; None where they are not at hand.

    Of UIDs and the character set, which pydicom makes values of while it reads, the text is all there is.
    """
    return {
        tag: (element.VR, element.length, element.value) if isinstance(element, RawDataElement) else _plain(element)
        for tag, element in elements.items()
    }


def _plain(element: DataElement) -> object:
    if element.VR not in _PLAIN:
        return None
    value = element.value
    return element.VR, value if isinstance(value, str) else tuple(value or ())


def together(raws: Raws, tags: Sequence[int]) -> object:
    """Bytes of several elements, absent ones as such; None where those of one are not at hand."""
    found = [raws.get(tag, "absent") for tag in tags]
    return None if None in found else tuple(found)


def context_of(source: Dataset, raws: Raws) -> object:
    """What the elements of a header are read by, besides their own bytes; unlike any other where it is not at hand."""
    creators = [tag for tag in raws if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF]  # PS3.5 7.8.1
    read_by = together(raws, (*_CONTEXT, *creators))
    if read_by is None:
        return object()
    return source.original_encoding, tuple(creators), _PIXEL_DATA in raws, read_by


def is_plain_text(raw: RawDataElement) -> bool:
    """Say whether an element as read is text that every character set reads alike: pydicom need not make a value of it."""
    return isinstance(raw.value, bytes) and raw.value.isascii() and b"\x1b" not in raw.value


def plain_texts(raw: RawDataElement, vr: str) -> list[str]:
    """Values of such an element of a text VR, without their padding."""
    text = (raw.value or b"").decode("ascii").rstrip("\0 ")
    return [text] if vr in _ONE_VALUE else text.split("\\")
