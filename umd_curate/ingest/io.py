"""Reads one file into one `InstanceHeader`, whatever its content: DICOM, something else, or broken.

Decides what a file is from its first bytes, and whether its pixel data is whole from lengths alone; no pixel is decoded.
The header digest is over all bytes before the pixel data, over the whole file where there is none or the file is deflated.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileDataset

from umd_curate.ingest.classify import ROLE_OF_CLASS
from umd_curate.ingest.dixon import dixon_channel
from umd_curate.ingest.elements import FIELDS, field_values, native_bytes, text
from umd_curate.model.headers import FileKind, InstanceHeader, ListedFile
from umd_curate.model.study import Role
from umd_curate.store.dicom import READ_FAULTS, quiet, read_dataset

_PREAMBLE = 128
_PRINTABLE = frozenset(b"\t\n\r") | frozenset(range(0x20, 0x7F))
_OPENING = _PREAMBLE + 4
_BLOCK = 1 << 20
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
_LAST_ELEMENT_FIRST = 0x0020  # files without preamble begin with (0008,0000) to (0008,0020)
_LONGEST_FIRST = 256  # and with a short value
_UNDEFINED = 0xFFFFFFFF
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PIXEL_ELEMENTS = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
_LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"}

# Corrupt content makes pydicom raise these too when values are decoded.
_BROKEN = (*READ_FAULTS, ArithmeticError, AssertionError, LookupError, MemoryError, RuntimeError)
_WANTED_TAGS = [
    tag
    for tag in (
        *(tag_for_keyword(keyword) for keyword, _ in FIELDS.values()),
        tag_for_keyword("RadiopharmaceuticalInformationSequence"),
        tag_for_keyword("ReferencedSeriesSequence"),
    )
    if tag is not None
]


class _Header:
    """Values of a dataset by keyword; what cannot be decoded is None."""

    def __init__(self, dataset: FileDataset) -> None:
        self._dataset = dataset

    def value(self, keyword: str) -> object:
        try:
            found: object = self._dataset.get(keyword)
        except _BROKEN:
            return None
        return found

    def nested(self, sequence: str, keyword: str) -> list[str]:
        """Texts of one element in all items of a sequence."""
        try:
            found = [text(item.get(keyword)) for item in self._dataset.get(sequence) or ()]
        except _BROKEN:
            return []
        return [value for value in found if value]


def read_header(file: ListedFile) -> InstanceHeader:
    """Read the header of a file; never raises for any content.

    Parameters
    ----------
    file
        What `list_files` found.

    Returns
    -------
    InstanceHeader
        ``NOT_DICOM``: something else. ``UNREADABLE`` with a header digest: the pixel data is cut off. ``UNREADABLE`` without
        one: begins like DICOM, or is named ``.dcm`` and is no text, but cannot be read up to its pixels. ``DICOM``: all else.
    """
    try:
        with file.path.open("rb") as handle:
            opening = handle.read(_OPENING)
            has_preamble = opening[_PREAMBLE:] == b"DICM"
            if not has_preamble and not _begins_like_dicom(opening):
                is_broken = _is_named_dicom(file) and not _is_text(opening)
                return _row(file, FileKind.UNREADABLE if is_broken else FileKind.NOT_DICOM)
            return _read(file, handle, force=not has_preamble)
    except _BROKEN:
        return _row(file, FileKind.UNREADABLE)


def _read(file: ListedFile, handle: BinaryIO, *, force: bool) -> InstanceHeader:
    handle.seek(0)
    dataset = read_dataset(handle, stop_before_pixels=True, specific_tags=_WANTED_TAGS, force=force)
    end = min(handle.tell(), file.size)
    with quiet():
        values = _values(dataset)
    if not (values["sop_class_uid"] or values["modality"] or values["study_uid"]):
        is_broken = not force or _is_named_dicom(file)
        return _row(file, FileKind.UNREADABLE if is_broken else FileKind.NOT_DICOM)
    is_deflated = values["transfer_syntax_uid"] == _DEFLATED
    values["header_sha256"] = _digest(handle, file.size if is_deflated else end)
    row = _row(file, FileKind.DICOM, values)
    row = replace(row, dixon_channel=dixon_channel(row.image_type, row.series_description) if _is_mr(row) else None)
    if is_deflated or row.sop_class_uid not in ROLE_OF_CLASS:
        return row
    implicit, little = dataset.original_encoding
    handle.seek(end)
    head, order = handle.read(12), "<" if little else ">"
    if len(head) < 12 or struct.unpack(order + "HH", head[:4]) not in _PIXEL_ELEMENTS:
        return replace(row, kind=FileKind.UNREADABLE, header_sha256="")
    start, length = _extent(head, end, implicit=bool(implicit), order=order)
    is_whole = _has_whole_pixels(handle, start, length, row)
    return row if is_whole else replace(row, kind=FileKind.UNREADABLE)


def _values(dataset: FileDataset) -> dict[str, object]:
    header = _Header(dataset)
    values: dict[str, object] = dict(field_values(header))
    meta = getattr(dataset, "file_meta", {})
    values["transfer_syntax_uid"] = text(meta.get("TransferSyntaxUID"))
    values["sop_class_uid"] = values["sop_class_uid"] or text(meta.get("MediaStorageSOPClassUID"))
    tracers = header.nested("RadiopharmaceuticalInformationSequence", "Radiopharmaceutical")
    values["radiopharmaceutical"] = tracers[0] if tracers else None
    values["referenced_series_uids"] = tuple(header.nested("ReferencedSeriesSequence", "SeriesInstanceUID"))
    return values


def _row(file: ListedFile, kind: FileKind, values: Mapping[str, Any] | None = None) -> InstanceHeader:
    return InstanceHeader(path=str(file.path), size=file.size, mtime_ns=file.mtime_ns, kind=kind, **(values or {}))


def _is_mr(row: InstanceHeader) -> bool:
    return ROLE_OF_CLASS.get(row.sop_class_uid or "") is Role.MR or row.modality == "MR"


def _is_named_dicom(file: ListedFile) -> bool:
    return file.path.suffix.casefold() in _DICOM_SUFFIXES


def _is_text(opening: bytes) -> bool:
    """Say whether the first bytes are printable ASCII: a note that was given the wrong name, no damaged image."""
    return bool(opening) and all(byte in _PRINTABLE for byte in opening)


def _begins_like_dicom(opening: bytes) -> bool:
    """Say whether the first element of a file without preamble is one of group 0002 or 0008 with a believable VR or length."""
    if len(opening) < 8 or opening[:2] not in {b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08"}:
        return False
    if opening[4:6] in _VRS:
        return True
    group, element, length = struct.unpack("<HHL", opening[:8])
    return bool(group == 8 and element <= _LAST_ELEMENT_FIRST and length <= _LONGEST_FIRST)


def _extent(head: bytes, place: int, *, implicit: bool, order: str) -> tuple[int, int]:
    """Where the value of the element at `place` starts, and its length [bytes] (PS3.5 7.1)."""
    if implicit:
        return place + 8, int(struct.unpack(order + "L", head[4:8])[0])
    if head[4:6] in _LONG_VRS:
        return place + 12, int(struct.unpack(order + "L", head[8:12])[0])
    return place + 8, int(struct.unpack(order + "H", head[6:8])[0])


def _has_whole_pixels(handle: BinaryIO, start: int, length: int, row: InstanceHeader) -> bool:
    """Say whether the pixel data lies wholly in the file and fills the matrix."""
    if length == _UNDEFINED:
        return _has_whole_fragments(handle, start, row.size)
    needed = native_bytes(
        row.rows, row.columns, row.samples_per_pixel, row.number_of_frames, row.bits_allocated, row.photometric
    )
    return start + length <= row.size and (needed is None or length >= needed)


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


def _digest(handle: BinaryIO, end: int) -> str:
    """SHA-256 of the first `end` bytes."""
    digest = hashlib.sha256()
    handle.seek(0)
    left = end
    while left > 0 and (block := handle.read(min(left, _BLOCK))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()
