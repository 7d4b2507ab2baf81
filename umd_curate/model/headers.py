"""What the product needs to know of one file before it opens the pixels: one flat, typed row per file.

The row is the index's row (`INSTANCE_SCHEMA` in `model/tables.py` is made from it). It holds identifiers and stays in
``private/``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path


class FileKind(StrEnum):
    """What a file turned out to be when its first bytes were read."""

    DICOM = "dicom"
    NOT_DICOM = "not-dicom"
    UNREADABLE = "unreadable"  # begins like DICOM, or should, but cannot be read to the end of the header
    ARCHIVE = "archive"  # its members have rows of their own
    OTHER_ARCHIVE = "other-archive"  # of a kind that is not read, or inside another archive
    BROKEN_ARCHIVE = "broken-archive"  # cannot be listed to its end; none of its members is read
    ENCRYPTED = "encrypted"  # member of an archive
    OUTSIDE = "outside"  # member whose name leads out of its archive
    OVERSIZED = "oversized"  # member that claims to unpack to far more than any image
    LINK = "link"  # in an archive
    MISSING = "missing"  # listed by a DICOMDIR and not there
    MISNAMED = "misnamed"  # DICOM whose path is not UTF-8, so that no table can hold it; its row holds the path escaped


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the raw folder as the file system or its archive shows it.

    `name` is its absolute path; that of a member of an archive is ``/raw/export.zip!/folder/member``, and its time is that
    of its archive.
    """

    name: str
    size: int
    mtime_ns: int
    kind: FileKind | None = None  # what it is known to be without opening it

    @property
    def path(self) -> Path:
        """`name` as a path."""
        return Path(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHeader:
    """One file of the raw folder; for DICOM, the wanted elements of its header.

    Missing or empty elements are None (text, numbers) or an empty tuple (multi-valued). Dates and times stay as DICOM
    text (DA, TM, DT), since their rules (missing, midnight, offsets) belong to the rooms that use them.
    """

    path: str  # absolute path of the source file
    size: int  # bytes
    mtime_ns: int
    kind: FileKind
    header_sha256: str = ""  # of the bytes up to the pixel data
    content_sha256: str = ""  # of all bytes; only of files that could be copies of one another

    sop_class_uid: str | None = None  # (0008,0016)
    sop_instance_uid: str | None = None  # (0008,0018)
    study_uid: str | None = None  # (0020,000D)
    series_uid: str | None = None  # (0020,000E)
    frame_of_reference_uid: str | None = None  # (0020,0052)
    transfer_syntax_uid: str | None = None  # (0002,0010)

    patient_id: str | None = None  # (0010,0020)
    patient_id_issuer: str | None = None  # (0010,0021)
    patient_name: str | None = None  # (0010,0010), decoded
    patient_birth_date: str | None = None  # (0010,0030)
    patient_sex: str | None = None  # (0010,0040)
    patient_weight_kg: float | None = None  # (0010,1030) as written; may be in g, which convert decides

    modality: str | None = None  # (0008,0060)
    image_type: tuple[str, ...] = ()  # (0008,0008)
    manufacturer: str | None = None  # (0008,0070)
    model: str | None = None  # (0008,1090)
    study_date: str | None = None  # (0008,0020)
    study_time: str | None = None  # (0008,0030)
    series_date: str | None = None  # (0008,0021)
    series_time: str | None = None  # (0008,0031)
    acquisition_date: str | None = None  # (0008,0022)
    acquisition_time: str | None = None  # (0008,0032)
    acquisition_datetime: str | None = None  # (0008,002A)
    study_description: str | None = None  # (0008,1030)
    series_description: str | None = None  # (0008,103E)
    protocol_name: str | None = None  # (0018,1030)
    sequence_name: str | None = None  # (0018,0024)
    series_number: int | None = None  # (0020,0011)
    acquisition_number: int | None = None  # (0020,0012)
    instance_number: int | None = None  # (0020,0013)
    body_part: str | None = None  # (0018,0015)

    rows: int | None = None  # (0028,0010)
    columns: int | None = None  # (0028,0011)
    number_of_frames: int | None = None  # (0028,0008)
    concatenation_uid: str | None = None  # (0020,9161)
    concatenation_number: int | None = None  # (0020,9162), from 1
    concatenation_total: int | None = None  # (0020,9163)
    concatenation_offset: int | None = None  # (0020,9228) frames in the parts before
    samples_per_pixel: int | None = None  # (0028,0002)
    photometric: str | None = None  # (0028,0004)
    bits_allocated: int | None = None  # (0028,0100)
    pixel_spacing_mm: tuple[float, ...] = ()  # (0028,0030) row spacing, column spacing
    orientation: tuple[float, ...] = ()  # (0020,0037) LPS, six numbers
    position_mm: tuple[float, ...] = ()  # (0020,0032) LPS, three numbers
    slice_thickness_mm: float | None = None  # (0018,0050)
    gantry_tilt_deg: float | None = None  # (0018,1120)
    number_of_slices: int | None = None  # (0054,0081)
    images_in_acquisition: int | None = None  # (0020,1002)
    burned_in_annotation: str | None = None  # (0028,0301)

    units: str | None = None  # (0054,1001)
    decay_correction: str | None = None  # (0054,1102)
    corrected_image: tuple[str, ...] = ()  # (0028,0051)
    series_type: tuple[str, ...] = ()  # (0054,1000)
    frame_reference_time_ms: float | None = None  # (0054,1300)
    trigger_time_ms: float | None = None  # (0018,1060)
    radiopharmaceutical: str | None = None  # (0018,0031) in (0054,0016)
    reconstruction_method: str | None = None  # (0054,1103)
    convolution_kernel: str | None = None  # (0018,1210)
    contrast_agent: str | None = None  # (0018,0010)
    echo_time_ms: float | None = None  # (0018,0081)
    echo_number: int | None = None  # (0018,0086)
    b_value: float | None = None  # (0018,9087) s/mm2
    dixon_channel: str | None = None  # in, opp, fat or water, from ImageType value 4 and further
    referenced_series_uids: tuple[str, ...] = ()  # (0020,000E) in (0008,1115): what contours are drawn on


ROW_FIELDS = tuple(entry.name for entry in fields(InstanceHeader))
_PUT = tuple(getattr(InstanceHeader, name).__set__ for name in ROW_FIELDS)


def row_of(values: Iterable[object]) -> InstanceHeader:
    """Make a row of the values of all its fields, in order: what the constructor does, in a fifth of its time."""
    row: InstanceHeader = object.__new__(InstanceHeader)
    for put, value in zip(_PUT, values, strict=True):
        put(row, value)
    return row
