"""Writes the clean headers of a series as DICOM files: an element that they share is encoded once.

The bytes are pydicom's own, element by element (a test compares them with `save_as`). What its writer would change on the way
(another encoding than was read, deflated or big-endian files, a VR that depends on others) is left to it as a whole.
"""

from pathlib import Path

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

_MANY_BYTES = 1 << 16  # of an element that is not kept: pixels differ from slice to slice


class SeriesWriter:
    """Writes clean headers of one series one after the other."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[DataElement, object, bytes]] = {}

    def write(self, dataset: FileDataset, path: Path) -> None:
        """Write a file as pydicom does.

        Raises
        ------
        READ_FAULTS
            An element cannot be written.
        """
        parts = self._parts(dataset)
        if parts is None:
            dataset.save_as(path, enforce_file_format=True)
            return
        with path.open("wb") as file:
            file.writelines(parts)

    def _parts(self, dataset: FileDataset) -> list[bytes] | None:
        """Preamble, file meta and elements as bytes; None where pydicom must write the file."""
        syntax = dataset.file_meta.TransferSyntaxUID
        is_implicit = syntax == ImplicitVRLittleEndian
        if syntax == DeflatedExplicitVRLittleEndian or dataset.original_encoding != (is_implicit, True):
            return None
        meta = _buffer(is_implicit=False)
        write_file_meta_info(meta, FileMetaDataset(dict(dataset.file_meta.items())), enforce_standard=True)
        parts = [b"\0" * 128, b"DICM", meta.getvalue()]
        if "PixelData" in dataset:
            dataset["PixelData"].is_undefined_length = syntax.is_compressed  # PS3.5 A.4
        charset = dataset.get("SpecificCharacterSet", "iso8859")
        read_by = (is_implicit, str(charset))
        for tag in sorted(dataset.keys()):
            element = dataset.get_item(tag)
            if element is None or " or " in str(element.VR) or element.VR is None:
                return None
            known = self._known.get(int(tag))
            if known is not None and known[0] is element and known[1] == read_by:
                parts.append(known[2])
                continue
            buffer = _buffer(is_implicit=is_implicit)
            write_data_element(buffer, element, charset)
            data = buffer.getvalue()
            if not isinstance(element, RawDataElement) and len(data) < _MANY_BYTES:
                self._known[int(tag)] = (element, read_by, data)
            parts.append(data)
        return parts


def _buffer(*, is_implicit: bool) -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = is_implicit, True
    return buffer
