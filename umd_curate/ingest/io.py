"""Reads one file into one `InstanceHeader`, whatever its content: DICOM, something else, or broken.

Decides what a file is from its first bytes. A plain header is read by `flat`, any other by pydicom; both give the same
values. The header digest is over all bytes before the pixel data, over the whole file where there is none or the file is
deflated. Whether the pixel data is whole is for `whole_io` to say.
"""

import functools
import struct
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import PurePath
from typing import Any, BinaryIO

from umd_curate.ingest.classify import ROLE_OF_CLASS
from umd_curate.ingest.dixon import dixon_channel
from umd_curate.ingest.elements import FIELDS, NESTED, STRUCTURE_SET, Value, text
from umd_curate.ingest.flat import FlatReader, Wanted
from umd_curate.ingest.header import BrokenHeader, Header
from umd_curate.ingest.steps import LONG_VRS, SHORT_VRS, Declined, TooShort
from umd_curate.ingest.tags import TAGS
from umd_curate.ingest.whole_io import are_pixels_whole, digest_of, has_pixels
from umd_curate.model.headers import FileKind, InstanceHeader, ListedFile, row_of
from umd_curate.model.study import Role
from umd_curate.store.sources import open_source

_PREAMBLE = 128
_OPENING = _PREAMBLE + 4
_FIRST_READ = 8 << 10  # bytes; most headers of images are shorter
_LONGEST_FLAT = 32 << 20  # bytes; pydicom keeps less of a longer header in memory
_PRINTABLE = frozenset(b"\t\n\r") | frozenset(range(0x20, 0x7F))
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
_LAST_ELEMENT_FIRST = 0x0020  # files without preamble begin with (0008,0000) to (0008,0020)
_LONGEST_FIRST = 256  # and with a short value
_DEFLATED = "1.2.840.10008.1.2.1.99"
_VRS = SHORT_VRS | LONG_VRS | {b"SQ"}


def _wanted(field: str, keyword: str, kind: Callable[[object], Value] = text, sequence: str | None = None) -> Wanted:
    tag, vr = TAGS[keyword]
    return Wanted(field, tag, vr, kind, TAGS[sequence][0] if sequence else None)


WANTED = (
    *(_wanted(field, keyword, kind) for field, (keyword, kind) in FIELDS.items()),
    *(_wanted(field, keyword, sequence=sequence) for field, (sequence, keyword) in NESTED.items()),
)


class _Dictionary:
    """The tags that PS3.6 knows as sequences; only implicit VRs need it."""

    def __contains__(self, tag: object) -> bool:
        from umd_curate.ingest.pydicom_io import SEQUENCES  # noqa: PLC0415  (half a second and 35 MiB)

        return tag in SEQUENCES


_FLAT = FlatReader(WANTED, _Dictionary())  # one per process: it remembers what it has decoded
_DEFAULTS = [(entry.name, entry.default) for entry in fields(InstanceHeader)]


def read_header(file: ListedFile) -> InstanceHeader:
    """Read the header of a file; never raises for any content.

    Parameters
    ----------
    file
        What `list_files` found; one whose kind is known is not opened.

    Returns
    -------
    InstanceHeader
        ``NOT_DICOM``: something else. ``UNREADABLE`` with a header digest: the pixel data is cut off. ``UNREADABLE`` without
        one: begins like DICOM, or is named ``.dcm`` and is no text, but cannot be read up to its pixels. ``DICOM``: all else.
    """
    if file.kind is not None:
        return _row(file, file.kind)
    try:
        with open_source(file.name) as handle:
            opening = handle.read(_FIRST_READ)
            has_preamble = opening[_PREAMBLE:_OPENING] == b"DICM"
            if not has_preamble and not _begins_like_dicom(opening):
                is_broken = _is_named_dicom(file) and not _is_text(opening[:_OPENING])
                return _row(file, FileKind.UNREADABLE if is_broken else FileKind.NOT_DICOM)
            header = read_flat(handle, file.size, opening) or _by_pydicom(handle, file.size, force=not has_preamble)
            return _row_of(file, handle, header, has_preamble=has_preamble)
    except (OSError, BrokenHeader):
        return _row(file, FileKind.UNREADABLE)


def _by_pydicom(handle: BinaryIO, size: int, *, force: bool) -> Header:
    from umd_curate.ingest.pydicom_io import read_by_pydicom  # noqa: PLC0415  (half a second and 35 MiB)

    return read_by_pydicom(handle, size, force=force)


def read_flat(handle: BinaryIO, size: int, data: bytes) -> Header | None:
    """Read a plain header without pydicom; None where it is not plain.

    Parameters
    ----------
    handle
        The open file, behind the bytes `data`.
    size
        Bytes of the file.
    data
        Its first bytes.
    """
    while True:
        try:
            found = _FLAT.read(data, size)
        except TooShort:
            more = handle.read(min(3 * len(data), size - len(data))) if len(data) < _LONGEST_FLAT else b""
            if not more:
                return None
            data += more
        except Declined:
            return None
        else:
            return Header(found.values, found.end, found.is_implicit, True, data)


def _row_of(file: ListedFile, handle: BinaryIO, header: Header, *, has_preamble: bool) -> InstanceHeader:
    values = header.values
    sop_class = values.get("sop_class_uid")
    if not (sop_class or values.get("modality") or values.get("study_uid")):
        is_broken = has_preamble or _is_named_dicom(file)
        return _row(file, FileKind.UNREADABLE if is_broken else FileKind.NOT_DICOM)
    values["radiopharmaceutical"] = next(iter(values.get("radiopharmaceutical", ())), None)
    is_deflated = values["transfer_syntax_uid"] == _DEFLATED
    values["header_sha256"] = digest_of(handle, header.data, file.size if is_deflated else header.end)
    if ROLE_OF_CLASS.get(sop_class or "") is Role.MR or values.get("modality") == "MR":
        values["dixon_channel"] = _dixon_channel(values.get("image_type", ()), values.get("series_description"))
    row = _row(file, FileKind.DICOM, values)
    if is_deflated or sop_class not in ROLE_OF_CLASS or sop_class == STRUCTURE_SET:
        return row
    order = "<" if header.is_little_endian else ">"
    head = header.data[header.end : header.end + 12]
    if len(head) < 12:
        handle.seek(header.end)
        head = handle.read(12)
    if not has_pixels(head, order):
        return replace(row, kind=FileKind.UNREADABLE, header_sha256="")
    is_whole = are_pixels_whole(handle, head, header.end, row, is_implicit=header.is_implicit, order=order)
    return row if is_whole else replace(row, kind=FileKind.UNREADABLE)


_dixon_channel = functools.lru_cache(maxsize=1024)(dixon_channel)  # one series has one answer


def _row(file: ListedFile, kind: FileKind, values: Mapping[str, Any] | None = None) -> InstanceHeader:
    known = {"path": file.name, "size": file.size, "mtime_ns": file.mtime_ns, "kind": kind, **(values or {})}
    return row_of([known.get(name, default) for name, default in _DEFAULTS])


def _is_named_dicom(file: ListedFile) -> bool:
    return PurePath(file.name).suffix.casefold() in _DICOM_SUFFIXES


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
