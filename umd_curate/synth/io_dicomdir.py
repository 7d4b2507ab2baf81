"""Writes the DICOMDIR of a file-set (PS3.3 F, PS3.10 8): patient, study, series and image records that point to each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import pack

from umd_curate.synth.header import Header
from umd_curate.synth.io_dicom import Coder, file_meta
from umd_curate.synth.series import Syntax

_MEDIA_CLASS = "1.2.840.10008.1.3.10"
_HEAD_BYTES = 132  # preamble and prefix
_SEQUENCE_HEAD_BYTES = 12  # tag, representation and length of (0004,1220)
_IN_USE = 0xFFFF
_RECORDS_TAG = 0x00041220


@dataclass(slots=True)
class Record:
    """A directory record, its keys and the records below it."""

    kind: str
    keys: Header
    below: "list[Record]" = field(default_factory=list)
    at: int = 0  # offset of its item in the file


def dicomdir(patients: Sequence[Record], sop_uid: str, application_entity: str, private: str) -> bytes:
    """Bytes of a DICOMDIR.

    Parameters
    ----------
    patients
        Records of the topmost level.
    sop_uid
        UID of the file-set.
    application_entity, private
        Of the file meta.
    """
    coder = Coder(Syntax.EXPLICIT, "ISO_IR 192")
    meta = file_meta(_MEDIA_CLASS, sop_uid, Syntax.EXPLICIT, application_entity, private)
    order: list[Record] = []
    _gather(patients, order)
    start = _HEAD_BYTES + len(meta) + len(_set_elements(coder, 0, 0)) + _SEQUENCE_HEAD_BYTES
    for record in order:  # offsets have a fixed width, so sizes are known before they are
        record.at = start
        start += len(coder.item(_item(record, 0)))
    items = b"".join(coder.item(_item(record, following)) for record, following in _with_next(patients))
    elements = _set_elements(coder, patients[0].at, patients[-1].at)
    return bytes(128) + b"DICM" + meta + elements + coder.element(_RECORDS_TAG, "SQ", items)


def _gather(level: Sequence[Record], order: list[Record]) -> None:
    for record in level:
        order.append(record)
        _gather(record.below, order)


def _with_next(level: Sequence[Record]) -> list[tuple[Record, int]]:
    """Every record in the order of the file, with the offset of the next one on its level."""
    found: list[tuple[Record, int]] = []
    for number, record in enumerate(level):
        found.append((record, level[number + 1].at if number + 1 < len(level) else 0))
        found += _with_next(record.below)
    return found


def _item(record: Record, following: int) -> Header:
    links: Header = {
        "OffsetOfTheNextDirectoryRecord": following,
        "RecordInUseFlag": _IN_USE,
        "OffsetOfReferencedLowerLevelDirectoryEntity": record.below[0].at if record.below else 0,
        "DirectoryRecordType": record.kind,
    }
    return links | record.keys


def _set_elements(coder: Coder, first: int, last: int) -> bytes:
    """Elements before the records: file-set ID, offsets of the first and last record, consistency."""
    return b"".join(
        (
            coder.element(0x00041130, "CS", b"EXPORT"),
            coder.element(0x00041200, "UL", pack("<I", first)),
            coder.element(0x00041202, "UL", pack("<I", last)),
            coder.element(0x00041212, "US", pack("<H", 0)),
        )
    )
