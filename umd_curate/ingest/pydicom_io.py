"""Reads any header with pydicom: what is not plain enough for `flat`, broken or not.

Importing pydicom costs half a second and 35 MiB, so this file is opened only when a header needs it.
"""

import io
from typing import BinaryIO, cast

from pydicom.datadict import DicomDictionary
from pydicom.dataset import FileDataset

from umd_curate.ingest.elements import DRAWN_ON, FIELDS, NESTED, STRUCTURE_SET, field_values, text
from umd_curate.ingest.flat import tag_bytes
from umd_curate.ingest.header import BrokenHeader, Header
from umd_curate.ingest.tags import TAGS
from umd_curate.store.dicom import READ_FAULTS, quiet, read_dataset
from umd_curate.store.sources import open_source

SEQUENCES = frozenset(tag_bytes(tag) for tag, entry in DicomDictionary.items() if entry[0] == "SQ")
_WANTED = [
    *(TAGS[keyword][0] for keyword, _ in (*FIELDS.values(), *NESTED.values())),
    0x30060010,  # ReferencedFrameOfReferenceSequence
]

# Corrupt content makes pydicom raise these too when values are decoded.
_BROKEN = (*READ_FAULTS, ArithmeticError, AssertionError, LookupError, MemoryError, RuntimeError)


class _Elements:
    """Values of a dataset by keyword; what cannot be decoded is None."""

    def __init__(self, dataset: FileDataset) -> None:
        self._dataset = dataset

    def value(self, keyword: str) -> object:
        try:
            found: object = self._dataset.get(keyword)
        except _BROKEN:
            return None
        return found

    def nested(self, sequence: str, keyword: str) -> tuple[str, ...]:
        """Texts of one element in all items of a sequence."""
        try:
            found = [text(item.get(keyword)) for item in self._dataset.get(sequence) or ()]
        except _BROKEN:
            return ()
        return tuple(value for value in found if value)

    def deep(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Texts of an element in all items of sequences within sequences; the element comes last."""
        items = [self._dataset]
        try:
            for sequence in path[:-1]:
                items = [inner for item in items for inner in item.get(sequence) or ()]
            found = [text(item.get(path[-1])) for item in items]
        except _BROKEN:
            return ()
        return tuple(value for value in found if value)


def read_by_pydicom(handle: BinaryIO, size: int, *, force: bool = False) -> Header:
    """Read any header with pydicom; `force` also reads one without preamble.

    Raises
    ------
    BrokenHeader
        It cannot be read up to the pixel data.
    """
    try:
        return _read(handle, size, force=force)
    except _BROKEN as error:
        raise BrokenHeader from error


def _read(handle: BinaryIO, size: int, *, force: bool) -> Header:
    handle.seek(0)
    buffered = io.BufferedReader(cast(io.RawIOBase, handle))
    try:
        dataset = read_dataset(buffered, stop_before_pixels=True, specific_tags=_WANTED, force=force)
        end = min(buffered.tell(), size)
    finally:
        buffered.detach()
    with quiet():
        values = _values(dataset)
    is_implicit, is_little_endian = dataset.original_encoding
    return Header(values, end, bool(is_implicit), bool(is_little_endian), b"")


def _values(dataset: FileDataset) -> dict[str, object]:
    found = _Elements(dataset)
    values: dict[str, object] = dict(field_values(found))
    meta = getattr(dataset, "file_meta", {})
    values["transfer_syntax_uid"] = text(meta.get("TransferSyntaxUID"))
    values["sop_class_uid"] = values["sop_class_uid"] or text(meta.get("MediaStorageSOPClassUID"))
    for field, (sequence, keyword) in NESTED.items():
        values[field] = found.nested(sequence, keyword)
    if values["sop_class_uid"] == STRUCTURE_SET:
        values["referenced_series_uids"] = found.deep(DRAWN_ON)
    return values


def file_ids_of(name: str) -> tuple[str, ...]:
    """Referenced File IDs (0004,1500) of a DICOMDIR; none where it cannot be read."""
    try:
        with open_source(name) as handle:
            dataset = read_dataset(io.BufferedReader(cast(io.RawIOBase, handle)))
        found = [text(record.get("ReferencedFileID")) for record in dataset.get("DirectoryRecordSequence") or ()]
    except _BROKEN:
        return ()
    return tuple(file_id for file_id in found if file_id)
