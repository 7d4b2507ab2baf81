"""Files to datasets, by pydicom. Its warnings quote header values, so they are caught here and never reach a log.

Plain files in memory (little endian, not compressed, nothing of unknown length but sequences) are cut into elements here,
in a quarter of pydicom's time; the values of elements are always pydicom's, and so is every file that is not plain.
"""

import contextlib
import io
import logging
import struct
import threading
import warnings
import zlib
from functools import lru_cache, partial
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

import pydicom
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from umd_curate.store.runs import Mark, Runs

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False

# What pydicom raises for a file that is not DICOM or broken; the caller turns it into a finding.
READ_FAULTS = (
    pydicom.errors.BytesLengthException,
    pydicom.errors.InvalidDicomError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    NotImplementedError,
    RecursionError,
    struct.error,
    zlib.error,
)


class quiet(contextlib.ContextDecorator):  # noqa: N801  (used like a function)
    """Swallow the warnings of DICOM libraries: they hold header values. Nested uses cost next to nothing.

    Used as ``with quiet():`` or as the decorator ``@quiet()``.
    """

    _lock = threading.Lock()
    _depth = 0
    _catcher: "warnings.catch_warnings[None] | None" = None

    def __enter__(self) -> None:
        with quiet._lock:
            quiet._depth += 1
            if quiet._depth == 1:
                quiet._catcher = warnings.catch_warnings()
                quiet._catcher.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with quiet._lock:
            quiet._depth -= 1
            if quiet._depth == 0 and quiet._catcher is not None:
                quiet._catcher.__exit__(kind, error, traceback)
                quiet._catcher = None


def read_dataset(
    path: Path | BinaryIO,
    *,
    stop_before_pixels: bool = False,
    specific_tags: list[int] | None = None,
    force: bool = False,
) -> FileDataset:
    """Read a DICOM file; `force` also reads one without preamble and file meta.

    An open file is left where reading stopped: with `stop_before_pixels`, at the pixel data.

    Raises
    ------
    READ_FAULTS
        The file is not DICOM, or broken.
    """
    with quiet():
        return pydicom.dcmread(path, force=force, stop_before_pixels=stop_before_pixels, specific_tags=specific_tags)


def dataset_of(data: bytes) -> FileDataset:
    """Dataset of the bytes of a DICOM file, with or without preamble and file meta.

    Raises
    ------
    READ_FAULTS
        They are not DICOM, or broken.
    """
    try:
        return _plain(data)
    except (_NotPlain, struct.error):
        with quiet():
            return pydicom.dcmread(io.BytesIO(data), force=True)


_SHORT_BYTES: Final = 256  # longer values seldom come again
_NUMBERS: Final = frozenset({"FD", "FL", "SL", "SS", "UL", "US"})
_TEXTS: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"})
_ESCAPE: Final = b"\x1b"  # begins a change of character sets (PS3.5 6.1.2.5.3); other ASCII is the same in all of them


def value_of(dataset: Dataset, tag: BaseTag) -> Any:  # noqa: ANN401  (a DICOM value is of any type)
    """Value of an element as pydicom reads it; None where there is none. It may be shared: it must not be changed.

    Slices of a series say much the same: a short value that means the same everywhere (its VR is written with it, and it asks
    for no character set or is the same in all of them) is converted once.

    Raises
    ------
    READ_FAULTS
        The value cannot be read.
    """
    found = dataset._dict.get(tag)  # noqa: SLF001  (what `get_item` gives for a tag, in a tenth of its time)
    if found is None:
        return None
    if isinstance(found, RawDataElement):
        value = found.value
        if (
            value is not None
            and len(value) <= _SHORT_BYTES
            and (found.VR in _NUMBERS or (found.VR in _TEXTS and value.isascii() and _ESCAPE not in value))
        ):
            return _converted(tag, str(found.VR), value, found.is_little_endian)
        with quiet():
            return dataset[tag].value
    return found.value


@lru_cache(maxsize=1 << 14)
def _converted(tag: BaseTag, vr: str, value: bytes, is_little_endian: bool) -> Any:  # noqa: ANN401, FBT001
    raw = RawDataElement(tag, vr, len(value), value, 0, False, is_little_endian)
    with quiet():
        return convert_raw_data_element(raw).value


def holds(dataset: Dataset, tag: BaseTag) -> bool:
    """Say whether a dataset has an element, empty or not."""
    return tag in dataset._dict  # noqa: SLF001  (as in `value_of`)


def bytes_of(dataset: Dataset, tag: BaseTag) -> bytes | None:
    """Bytes of an element as they stand in the file; None where there is none, or they are no bytes.

    Pixel data is large, so it is not carried through pydicom's conversion of values, which would leave it as it is.
    """
    found = dataset._dict.get(tag)  # noqa: SLF001  (as in `value_of`)
    value = None if found is None else found.value
    return value if isinstance(value, bytes) else None


class _NotPlain(Exception):  # noqa: N818  (no error: pydicom reads the file)
    """The file has something that only pydicom reads."""


_Elements = dict[BaseTag, RawDataElement]


@lru_cache(maxsize=1 << 14)
def tag_of(tag: int | str) -> BaseTag:
    """Tag of a number or keyword: the same object each time, so that looking one up compares no numbers."""
    return tag_of(int(Tag(tag))) if isinstance(tag, str) else Tag(tag)


_UNDEFINED: Final = 0xFFFFFFFF
_META_START: Final = 132  # behind preamble and DICM (PS3.10 7.1)
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_ITEM_END = b"\xfe\xff\x0d\xe0"
_VRS: Final = {vr.value.encode(): (str(vr.value), vr in EXPLICIT_VR_LENGTH_32) for vr in VR if len(vr.value) == 2}
_EXPLICIT: Final = struct.Struct("<HH2sH")
_IMPLICIT: Final = struct.Struct("<HHL")
_LENGTH: Final = struct.Struct("<L")
_RUNS: Final = {is_implicit: Runs() for is_implicit in (False, True)}
_READ_ALIKE: Final = (repeat(True), repeat(True), repeat(False))  # little endian, raw, not deferred
_new_element: Final = partial(tuple.__new__, RawDataElement)  # its `_make`, without counting the fields


def _plain(data: bytes) -> FileDataset:
    """Dataset of a plain file.

    Raises
    ------
    _NotPlain, struct.error
        It is not plain.
    """
    if data[128:_META_START] != b"DICM" or data[_META_START : _META_START + 8] != b"\2\0\0\0UL\4\0":
        raise _NotPlain
    start = _META_START + 12 + _LENGTH.unpack_from(data, _META_START + 8)[0]
    raw_meta = _elements(data, _META_START, start, is_implicit=False)
    if any(tag >> 16 != 2 for tag in raw_meta) or data[start : start + 2] == b"\2\0":
        raise _NotPlain
    meta = FileMetaDataset(raw_meta)
    meta.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=default_encoding)
    syntax = value_of(meta, _SYNTAX)
    is_implicit = syntax == ImplicitVRLittleEndian
    looks_explicit = data[start + 4 : start + 6].isalpha() and data[start + 4 : start + 6].isupper()
    if syntax not in {ImplicitVRLittleEndian, ExplicitVRLittleEndian} or is_implicit == looks_explicit:
        raise _NotPlain
    elements = _elements(data, start, len(data), is_implicit=is_implicit)
    dataset = FileDataset(io.BytesIO(), dict(elements), data[:128], meta, is_implicit, True)
    charset = elements.get(_CHARSET)
    dataset.set_original_encoding(
        is_implicit, is_little_endian=True, character_encoding=[*_encodings(charset)] if charset else default_encoding
    )
    return dataset


_CHARSET, _SYNTAX = BaseTag(0x00080005), BaseTag(0x00020010)


def syntax_of(dataset: Dataset) -> UID:
    """Transfer syntax (0002,0010) that the file meta of a dataset names."""
    syntax: UID = value_of(dataset.file_meta, _SYNTAX)
    return syntax


@lru_cache(maxsize=64)
def _encodings(charset: RawDataElement) -> tuple[str, ...]:
    with quiet():
        found: DataElement = convert_raw_data_element(charset)
        return tuple(convert_encodings(found.value))


def _elements(data: bytes, start: int, end: int, *, is_implicit: bool) -> _Elements:
    """Elements of one level, uncut: the bytes of a sequence are its value."""
    elements: _Elements = {}
    runs, new = _RUNS[is_implicit], _new_element
    place, fresh = start, list[Mark]()  # walked one by one, not in a run yet
    while place < end:
        found = runs.cut(data, place, end)
        if found is not None:
            runs.learn(fresh)
            fresh = []
            run, values = found
            places = map(place.__add__, run.places)
            raw = zip(run.tags, run.vrs, run.lengths, values, places, repeat(is_implicit), *_READ_ALIKE, strict=False)
            elements.update(zip(run.tags, map(new, raw), strict=True))
            place += run.size
            continue
        if is_implicit:
            number, vr, length, value_at = _implicit_head(data, place)
            if number >> 16 == _ITEM >> 16:
                raise _NotPlain
            key = tag_of(number)
        else:
            key, vr, length, is_long = _explicit_start(data[place : place + 8])
            value_at = place + 8
            if is_long:
                length, value_at = _LENGTH.unpack_from(data, value_at)[0], place + 12
        if length == _UNDEFINED:
            if (vr or _vr_of(key)) != "SQ":
                raise _NotPlain
            runs.learn(fresh)
            fresh = []
            place = _sequence_end(data, value_at, is_implicit=is_implicit)
            value: bytes | None = data[value_at : place - 8]
        else:
            empty = empty_value_for_VR(vr, raw=True)
            fresh.append(Mark(data[place:value_at], key, vr, length, empty))
            place = value_at + length
            value = data[value_at:place] if length else empty
        elements[key] = new((key, vr, length, value, value_at, is_implicit, True, True, False))
    if place != end:
        raise _NotPlain
    runs.learn(fresh)
    return elements


@lru_cache(maxsize=1 << 14)
def _explicit_start(start: bytes) -> tuple[BaseTag, str | None, int, bool]:
    """Tag, VR and length of an element from its first 8 bytes, and whether its length stands behind them; slices of a series say the same."""
    group, element, name, length = _EXPLICIT.unpack(start)
    if name not in _VRS or group == _ITEM >> 16:
        raise _NotPlain
    vr, is_long = _VRS[name]
    return tag_of(group << 16 | element), vr, length, is_long


def _head(data: bytes, place: int, *, is_implicit: bool) -> tuple[int, str | None, int, int]:
    """Tag, VR, length and place of the value of the element at `place`."""
    return _implicit_head(data, place) if is_implicit else _explicit_head(data, place)


def _implicit_head(data: bytes, place: int) -> tuple[int, str | None, int, int]:
    group, element, length = _IMPLICIT.unpack_from(data, place)
    return group << 16 | element, None, length, place + 8


def _explicit_head(data: bytes, place: int) -> tuple[int, str | None, int, int]:
    group, element, name, length = _EXPLICIT.unpack_from(data, place)
    known = _VRS.get(name)
    if known is None:
        raise _NotPlain
    vr, is_long = known
    if is_long:
        return group << 16 | element, vr, _LENGTH.unpack_from(data, place + 8)[0], place + 12
    return group << 16 | element, vr, length, place + 8


def _vr_of(tag: int) -> str:
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return ""


def _sequence_end(data: bytes, place: int, *, is_implicit: bool) -> int:
    """Place behind the delimiter of a sequence whose length is not told; `place` is its first item's."""
    while True:
        group, element, length = _IMPLICIT.unpack_from(data, place)
        tag, place = group << 16 | element, place + 8
        if tag == _SEQUENCE_END:
            return place
        if tag != _ITEM:
            raise _NotPlain
        if length == _UNDEFINED:
            while data[place : place + 4] != _ITEM_END:
                place = _element_end(data, place, is_implicit=is_implicit)
            place += 8
            continue
        end = place + length
        while place < end:
            place = _element_end(data, place, is_implicit=is_implicit)
        if place != end:  # pydicom reads on where the elements end, not where the item does
            raise _NotPlain


def _element_end(data: bytes, place: int, *, is_implicit: bool) -> int:
    """Place behind the element at `place`."""
    tag, vr, length, value_at = _head(data, place, is_implicit=is_implicit)
    if length != _UNDEFINED:
        return value_at + length
    if (vr or _vr_of(tag)) == "SQ":
        return _sequence_end(data, value_at, is_implicit=is_implicit)
    raise _NotPlain
