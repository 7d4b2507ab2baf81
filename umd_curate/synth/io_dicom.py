"""Encodes headers and pixels as DICOM files (PS3.10), quickly: what a series has in common is encoded once.

Decides bytes only; every value comes from the header files. Uses pydicom for the value representations.
"""

from functools import cache

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from umd_curate.store.dicom import quiet
from umd_curate.synth.header import Header, TaggedKey, Value
from umd_curate.synth.series import IMPLICIT, Series

_IMPLEMENTATION = "2.25.306127341820764021885174193560186113457"
_PIXEL_TAG = 0x7FE00010
_PADDING_TAG = 0xFFFCFFFC
_PREAMBLE_BYTES = 128
_LONG_TEXT_VRS = frozenset(("UR", "UT"))
_TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI", *_LONG_TEXT_VRS)
)

Encoded = dict[int, bytes]


def encode_series(series: Series, application_entity: str, private: str) -> list[tuple[str, bytes]]:
    """SOPInstanceUID and file bytes of every instance of a series.

    Parameters
    ----------
    series
        The series.
    application_entity, private
        Planted in the file meta: SourceApplicationEntityTitle (0002,0016), PrivateInformation (0002,0102).
    """
    implicit = series.transfer_syntax == IMPLICIT
    charset = str(series.header.get("SpecificCharacterSet", "ISO_IR 6"))
    with quiet():
        shared = encode(series.header, charset, implicit=implicit)
        found = []
        for one in series.slices:
            sop_uid = str(one.header["SOPInstanceUID"])
            own = encode(one.header, charset, implicit=implicit)
            body = _body(shared | own, one.pixels, series.padding, implicit=implicit)
            sop_class = str(one.header.get("SOPClassUID", series.header["SOPClassUID"]))
            meta = _meta(sop_class, sop_uid, series.transfer_syntax, application_entity, private)
            preamble = series.preamble[:_PREAMBLE_BYTES].ljust(_PREAMBLE_BYTES, b"\0")
            found.append((sop_uid, preamble + b"DICM" + meta + body))
    return found


def encode(header: Header, charset: str, *, implicit: bool) -> Encoded:
    """Bytes of every element by tag."""
    encodings = convert_encodings(charset)
    codec = "utf-8" if charset == "ISO_IR 192" else "latin-1"
    found: Encoded = {}
    for key, value in header.items():
        tag, vr = _key(key)
        if vr in _TEXT_VRS:
            found[tag] = _text(tag, vr, value, codec, implicit=implicit)
            continue
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, implicit
        write_data_element(stream, _element(key, value), encodings)
        found[tag] = stream.getvalue()
    return found


def _text(tag: int, vr: str, value: Value, codec: str, *, implicit: bool) -> bytes:
    """An element whose value is text (PS3.5 6.2, 7.1), padded to even length."""
    text = "\\".join(str(one) for one in value) if isinstance(value, list) else str(value)
    data = text.encode(codec)
    data += (b"\0" if vr == "UI" else b" ") * (len(data) % 2)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    if implicit:
        return head + len(data).to_bytes(4, "little") + data
    if vr in _LONG_TEXT_VRS:
        return head + vr.encode() + b"\0\0" + len(data).to_bytes(4, "little") + data
    return head + vr.encode() + len(data).to_bytes(2, "little") + data


def dataset_of(header: Header) -> Dataset:
    """The header as a dataset."""
    dataset = Dataset()
    for key, value in header.items():
        dataset.add(_element(key, value))
    return dataset


@cache
def _key(key: str | TaggedKey) -> tuple[int, str]:
    """Tag and value representation of a header's key."""
    if not isinstance(key, str):
        return key
    number = tag_for_keyword(key)
    if number is None:
        raise KeyError(key)
    return int(number), str(dictionary_VR(number))


def _element(key: str | TaggedKey, value: Value) -> DataElement:
    number, vr = _key(key)
    tag = Tag(number)
    if vr == "SQ":
        assert isinstance(value, list)  # noqa: S101  (headers are ours)
        return DataElement(tag, vr, Sequence([dataset_of(item) for item in value if isinstance(item, dict)]))
    return DataElement(tag, vr, value)


def _body(elements: Encoded, pixels: bytes, padding: bytes, *, implicit: bool) -> bytes:
    parts = [elements[tag] for tag in sorted(elements)]
    if pixels:
        parts.append(_long(_PIXEL_TAG, b"OW", pixels, implicit=implicit))
    if padding:
        parts.append(_long(_PADDING_TAG, b"OB", padding, implicit=implicit))
    return b"".join(parts)


def _long(tag: int, vr: bytes, value: bytes, *, implicit: bool) -> bytes:
    value += b"\0" * (len(value) % 2)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    return head + (b"" if implicit else vr + b"\0\0") + len(value).to_bytes(4, "little") + value


def _meta(sop_class: str, sop_uid: str, transfer_syntax: str, application_entity: str, private: str) -> bytes:
    """File meta information (PS3.10 7.1), with its group length."""
    secret = private.encode("ascii")
    header: Header = {
        (0x00020001, "OB"): b"\0\1",
        (0x00020002, "UI"): sop_class,
        (0x00020003, "UI"): sop_uid,
        (0x00020010, "UI"): transfer_syntax,
        (0x00020012, "UI"): _IMPLEMENTATION,
        (0x00020013, "SH"): "UMD_SYNTH_1",
        (0x00020016, "AE"): application_entity,
        (0x00020100, "UI"): _IMPLEMENTATION,
        (0x00020102, "OB"): secret + b" " * (len(secret) % 2),
    }
    elements = encode(header, "ISO_IR 6", implicit=False)
    rest = b"".join(elements[tag] for tag in sorted(elements))
    return encode({(0x00020000, "UL"): len(rest)}, "ISO_IR 6", implicit=False)[0x00020000] + rest
