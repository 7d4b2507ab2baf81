"""Writes a cleaned header with its pixels as a DICOM file, reads it back, and searches it before anybody else may see it.

A file gets its name only when nothing was found. Which files are written and where is for the pipeline to say; how a
header is cleaned for `clean_io`; what is looked for for `gather_io` and `audit_io`.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from umd_curate.deid import identifiers as spell
from umd_curate.deid.audit_io import scan_file
from umd_curate.deid.clean_io import Cleaned, declare_pixels_cut
from umd_curate.deid.encode_io import SeriesWriter
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.findings import Refused
from umd_curate.store.dicom import READ_FAULTS, dataset_of, quiet

_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_INTEGERS = {(1, 0): "u1", (1, 1): "i1", (2, 0): "u2", (2, 1): "i2", (4, 0): "u4", (4, 1): "i4"}

Stored = NDArray[np.integer]


def refuse_hidden(source: Dataset, place: str) -> None:
    """Look at the pixels of one image as they are stored.

    Raises
    ------
    Refused
        DEI-110: bits above BitsStored hold something. DEI-111: compressed pixels cannot be decoded.
    """
    with quiet():
        try:
            if _syntax(source) not in _NATIVE:
                source.pixel_array  # noqa: B018  (it raises where a frame cannot be decoded)
            elif "PixelData" in source and _has_hidden_bits(source):
                raise Refused(codes.HIDDEN_BITS.at(place, "(7FE0,0010)"))
        except READ_FAULTS as fault:
            raise Refused(codes.UNDECODABLE.at(place, type(fault).__name__)) from fault
        except RuntimeError as fault:  # pydicom: no decoder, or none that could
            raise Refused(codes.UNDECODABLE.at(place, type(fault).__name__)) from fault


def _has_hidden_bits(source: Dataset) -> bool:
    allocated, stored = int(source.BitsAllocated), int(source.BitsStored)
    if stored >= allocated or allocated // 8 not in {1, 2, 4}:
        return False
    order = "<" if source.original_encoding[1] else ">"
    raw = np.frombuffer(source.PixelData, f"{order}{_INTEGERS[allocated // 8, 0]}")
    high = int(source.get("HighBit", stored - 1))
    above = raw >> np.asarray(high + 1, raw.dtype)
    if high + 1 < stored or high + 1 >= allocated:
        return False
    if not int(source.get("PixelRepresentation", 0)):
        return bool(above.any())
    sign = (raw >> np.asarray(high, raw.dtype)) & 1
    filled = (1 << (allocated - high - 1)) - 1
    return bool(((above != 0) & ~((sign == 1) & (above == filled))).any())


def stored_plane(source: Dataset) -> Stored | None:
    """Stored values of a single-frame image, shape [j, i]; None where it has frames, colours or no integers."""
    if int(source.get("NumberOfFrames") or 1) != 1:
        return None
    return next(stored_planes(source), None)


def stored_planes(source: Dataset) -> Iterator[Stored]:
    """Stored values of each frame of an image, shape [j, i]; none of one with colours or without integers."""
    if int(source.get("SamplesPerPixel") or 1) != 1:
        return
    with quiet():
        array: Stored = source.pixel_array
    if array.dtype.kind in "iu":
        yield from array[None] if array.ndim == 2 else array


def with_plane(cleaned: Cleaned, plane_ji: Stored, *, face: bool, text: bool) -> None:
    """Put other stored values in place of an image's own, uncompressed, and declare that a face or text was cut.

    The headers of a series share their elements, so new ones take the places of those that change.
    """
    dataset = cleaned.dataset
    data = np.ascontiguousarray(plane_ji, plane_ji.dtype.newbyteorder("<")).tobytes()
    vr = "OW" if int(dataset.BitsAllocated) > 8 else "OB"
    dataset["PixelData"] = DataElement(0x7FE00010, vr, data + b"\0" * (len(data) % 2))
    if _syntax(dataset) not in {ImplicitVRLittleEndian, ExplicitVRLittleEndian}:
        dataset.file_meta["TransferSyntaxUID"] = DataElement(0x00020010, "UI", ExplicitVRLittleEndian)
        dataset.set_original_encoding(
            is_implicit_vr=False, is_little_endian=True, character_encoding=dataset.original_character_set
        )
    declare_pixels_cut(dataset, face=face, text=text)


def write_checked(cleaned: Cleaned, path: Path, place: str, writer: SeriesWriter | None = None) -> None:
    """Write a cleaned image, read it back and compare; what does not come back as it was is removed.

    Parameters
    ----------
    cleaned
        Header with pixels.
    path
        Where to; on the private side until all of a series is known to be clean.
    place
        Short id for findings.
    writer
        That of the series, where there is one.

    Raises
    ------
    Refused
        DEI-107: what was written is not what was cleaned.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with quiet():
            (writer or SeriesWriter()).write(cleaned.dataset, path)
            is_as_cleaned = _is_as_cleaned(dataset_of(path.read_bytes()), cleaned.dataset)
    except READ_FAULTS as fault:
        path.unlink(missing_ok=True)
        raise Refused(codes.NOT_WRITTEN_BACK.at(place, type(fault).__name__)) from fault
    if not is_as_cleaned:
        path.unlink(missing_ok=True)
        raise Refused(codes.NOT_WRITTEN_BACK.at(place))


def refuse_identifiers(
    paths: Sequence[Path], place: str, identifiers: IdentifierSet, moved: Iterable[str] = ()
) -> None:
    """Search the written files of one series for the identifiers of its patient.

    The days in `moved`, which the clean headers hold as moved dates, are not looked for: by chance one may be another true day.

    Raises
    ------
    Refused
        DEI-201: an identifier stands in one of them.
    """
    spared = {(Kind.DATE, spelling) for day in moved for spelling in spell.from_date(day)}
    looked_for = IdentifierSet(identifiers.entries - spared)
    with quiet():
        told = {f"{hit.kind} as {hit.encoding}" for path in paths for hit in scan_file(path, looked_for)}
    if told:
        raise Refused(codes.ECHO.at(place, "; ".join(sorted(told))))


def _is_as_cleaned(written: FileDataset, cleaned: FileDataset) -> bool:
    """Say whether header, pixels and file meta came back, and the preamble is zero."""
    if (written.preamble or b"").strip(b"\0") or written.keys() != cleaned.keys():
        return False
    meta = {int(element.tag) for element in written.file_meta}
    if not meta <= {0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013}:
        return False
    if str(written.file_meta.MediaStorageSOPInstanceUID) != str(cleaned.SOPInstanceUID):
        return False
    return all(written.get_item(tag).value == cleaned.get_item(tag).value for tag in _PIXELS if tag in cleaned)


def _syntax(dataset: Dataset) -> str:
    return str(getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID", ImplicitVRLittleEndian))
