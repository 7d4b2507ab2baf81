"""Opens files for a search: text and payload of every kind of file that holds others, a block at a time.

DICOM (plain, deflated, without preamble), NIfTI, gzip, bzip2, xz, zip, tar, Parquet, SQLite, PNG, PDF; JSON, CSV, HTML and the
rest are text as they are. Memory is bounded by the largest of: a block, a DICOM header, a cell of a table, a picture. What
cannot be unpacked is searched as it is, and told. Pixels are not read as pictures: burned-in text is another check's work.
"""

import bz2
import io
import lzma
import math
import re
import sqlite3
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import IO, BinaryIO, cast

import pydicom
from isal import igzip
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from umd_curate.deid.audit import OVERLAP
from umd_curate.deid.elements_io import is_plain_text, plain_texts
from umd_curate.deid.kinds import PIXELS
from umd_curate.deid.pieces import Aim, Binary, Piece, gzip_texts, nifti_texts
from umd_curate.deid.telltales import Element, Telltale, in_header
from umd_curate.store.dicom import READ_FAULTS, dataset_of, quiet

BLOCK = 4 << 20  # bytes of a file in memory at once
_MAX_DEPTH = 5  # archives in archives
_HEAD = 4096
_NIFTI_HEADER, _VOX_OFFSET = 352, 108  # bytes of a NIfTI-1 header with its extender; place of vox_offset (float32)
_SIZEOF_HDR = (348).to_bytes(4, "little")
_IN_MEMORY = 64 << 20  # bytes of a nested file; a larger one goes to a temporary file without a name
_DEFERRED = 1 << 20  # bytes of an element that is left on disk
_NUMBER_VRS = frozenset({"AT", "FD", "FL", "OD", "OF", "OL", "OV", "SL", "SS", "SV", "UL", "US", "UV"})
_TEXT_VRS = frozenset({"AE", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"})
_IDENTITY_REMOVED = 0x00120062
_UNOPENED = frozenset({Telltale.UNOPENED})
_DEFLATED = "1.2.840.10008.1.2.1.99"
# A file without preamble begins with a group length, a character set, an image type or a SOP class; explicit or implicit.
_BARE_DICOM = re.compile(
    rb"[\x02\x08]\0\0\0(?:UL\x04\0|\x04\0\0\0)|\x08\0[\x05\x08]\0(?:CS|[\x02-\x40]\0\0\0[A-Z])|\x08\0\x16\0(?:UI|[\x10-\x40]\0\0\0[0-2]\.)",
    re.DOTALL,
)
_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def pieces(file: BinaryIO, depth: int = 0) -> Iterator[Piece]:
    """Parts of a file, unpacked. `file` is read from its present place; it need not be seekable."""
    head = _read(file, _HEAD)
    reader = _reader(head)
    if reader is None or depth > _MAX_DEPTH:
        if reader is not None:
            yield Piece(b"", told=_UNOPENED)
        yield from _blocks(_Joined(head, file), is_text=True)
        return
    if reader in _STREAMED:
        yield from _guarded(reader, cast("BinaryIO", _Joined(head, file)), depth)
        return
    if file.seekable():
        file.seek(-len(head), io.SEEK_CUR)
        yield from _guarded(reader, file, depth)
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        for part in iter(lambda: head if not copy.tell() else file.read(BLOCK), b""):
            copy.write(part)
        copy.seek(0)
        yield from _guarded(reader, cast("BinaryIO", copy), depth)


Reader = Callable[[BinaryIO, int], Iterator[Piece]]


def _guarded(reader: Reader, file: BinaryIO, depth: int) -> Iterator[Piece]:
    """What a reader gives; where it fails, the file as it is too (of a stream, what is left of it), and that it failed."""
    try:
        yield from reader(file, depth)
    except Exception:  # noqa: BLE001  (files come from anywhere: whatever a reader stumbles over, the bytes are searched)
        yield Piece(b"", told=_UNOPENED)
        if file.seekable():
            file.seek(0)
        yield from _blocks(file, is_text=True)


class _Joined(io.RawIOBase):
    """What was read ahead, followed by the rest of a stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._head[: len(view)] or self._rest.read(len(view))
        self._head = self._head[len(data) :]
        view[: len(data)] = data
        return len(data)


def _read(file: BinaryIO, count: int) -> bytes:
    """Read `count` bytes, or what is left."""
    parts, missing = [], count
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _blocks(
    file: BinaryIO | io.RawIOBase, *, is_text: bool, aim: Aim = Aim.ALL, left: int | None = None
) -> Iterator[Piece]:
    """A stream in overlapping blocks; `left` is how many bytes, all where None."""
    tail, stream = b"", cast("BinaryIO", file)
    while left is None or left > 0:
        data = _read(stream, BLOCK if left is None else min(BLOCK, left))
        if not data:
            return
        left = None if left is None else left - len(data)
        yield Piece(tail + data, is_text, aim)
        tail = data[-OVERLAP:]


def _reader(head: bytes) -> Reader | None:
    if head[128:132] == b"DICM" or _BARE_DICOM.match(head):
        return _dicom
    if head[344:348] in {b"n+1\0", b"ni1\0"}:
        return _nifti
    if head[257:262] == b"ustar":
        return _tar
    return next((reader for magic, reader in _MAGIC.items() if head.startswith(magic)), None)


def _dicom(file: BinaryIO, depth: int) -> Iterator[Piece]:
    begin = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(begin)
    with quiet():
        if size - begin <= _IN_MEMORY:
            dataset: Dataset = dataset_of(file.read())
        else:
            dataset = pydicom.dcmread(file, force=True, defer_size=_DEFERRED)
        parts = list(_parts(dataset))
        pixels = next((dataset.get_item(tag) for tag in PIXELS if tag in dataset), None)
    if not parts:
        message = "no element can be read"
        raise ValueError(message)
    texts = [part for part in parts if isinstance(part, Element)]
    decoded = "\n".join(part.text for part in texts).encode(errors="replace")
    told = frozenset(in_header(texts))
    is_deflated = str(dataset.file_meta.get("TransferSyntaxUID")) == _DEFLATED
    yield Piece(b"\n".join([decoded, dataset.preamble or b""]), aim=Aim.ALIKE, told=told)
    for binary in (part for part in parts if isinstance(part, Binary)):
        if _reader(binary.data[:_HEAD]) is not None:
            yield from pieces(io.BytesIO(binary.data), depth + 1)
        elif is_deflated:
            yield Piece(binary.data, aim=Aim.KNOWN if binary.is_number else Aim.ALL)
        elif not binary.is_number:
            yield Piece(binary.data, aim=Aim.ALIKE)
    start, length = getattr(pixels, "value_tell", 0), getattr(pixels, "length", 0)
    if is_deflated and pixels is not None:
        yield Piece(bytes(getattr(dataset[pixels.tag], "value", b"") or b""), is_text=False)
    file.seek(begin)
    if not start or is_deflated:
        yield Piece(decoded, aim=Aim.KNOWN)
        yield from _blocks(file, is_text=True, aim=Aim.KNOWN)
        return
    first = _read(file, min(start, BLOCK))
    yield Piece(decoded + b"\n" + first, aim=Aim.KNOWN)
    if start > len(first):
        file.seek(-OVERLAP, io.SEEK_CUR)
    is_known = bool(length) and length != 0xFFFFFFFF
    yield from _blocks(file, is_text=True, aim=Aim.KNOWN, left=begin + start - file.tell())
    yield from _blocks(file, is_text=False, left=length if is_known else max(size - file.tell() - _HEAD, 0))
    yield from _blocks(file, is_text=True, aim=Aim.KNOWN)


def _parts(dataset: Dataset) -> Iterator[Element | Binary]:
    """Texts of a header, with what its character sets say, and its binary values; every level, file meta included.

    What cannot be read as its VR says is given as it is.
    """
    for part in (getattr(dataset, "file_meta", Dataset()), dataset):
        for tag in sorted(part.keys()):
            if int(tag) not in PIXELS:
                try:
                    yield from _parts_of(part, tag)
                except READ_FAULTS:
                    raw = part.get_item(tag)
                    if isinstance(raw, RawDataElement) and raw.value is not None:
                        yield Binary(raw.value, is_number=False)


def _parts_of(dataset: Dataset, tag: BaseTag) -> Iterator[Element | Binary]:
    raw = dataset.get_item(tag)
    vr = getattr(raw, "VR", None) or (dictionary_VR(tag) if dictionary_has_tag(tag) else "UN")
    if vr == "SQ":
        for item in dataset[tag].value or ():
            yield from _parts(item)
    elif vr in _TEXT_VRS and isinstance(raw, RawDataElement) and is_plain_text(raw):
        yield from (Element(int(tag), vr, text) for text in plain_texts(raw, raw.VR or ""))
    elif vr in _TEXT_VRS or tag == _IDENTITY_REMOVED:
        value = dataset[tag].value
        texts = value if isinstance(value, MultiValue) else [value]
        yield from (Element(int(tag), vr, str(text)) for text in texts if text is not None)
    elif isinstance(getattr(raw, "value", None), bytes):
        yield Binary(raw.value, vr in _NUMBER_VRS)
        if tag >> 16 & 0xFF01 in {0x5000, 0x6000}:
            yield Element(int(tag), vr, "curve or overlay")


def _nifti(file: BinaryIO, depth: int) -> Iterator[Piece]:
    del depth
    head = _read(file, _NIFTI_HEADER)
    yield Piece(head, aim=Aim.KNOWN)
    yield Piece(nifti_texts(head), aim=Aim.ALIKE)
    order = "<" if head[:4] == _SIZEOF_HDR else ">"
    (offset,) = struct.unpack_from(f"{order}f", head, _VOX_OFFSET)
    extensions = offset - _NIFTI_HEADER if math.isfinite(offset) else BLOCK
    yield Piece(_read(file, int(min(max(extensions, 0), BLOCK))))
    yield from _blocks(file, is_text=False)


def _gzip(file: BinaryIO, depth: int) -> Iterator[Piece]:
    head = _read(file, _HEAD)
    yield Piece(gzip_texts(head))
    with igzip.IGzipFile(fileobj=io.BufferedReader(_Joined(head, file)), mode="rb") as stream:
        yield from pieces(cast("BinaryIO", _Forward(stream)), depth + 1)


def _bzip2(file: BinaryIO, depth: int) -> Iterator[Piece]:
    with bz2.BZ2File(file) as stream:
        yield from pieces(cast("BinaryIO", _Forward(stream)), depth + 1)


def _xz(file: BinaryIO, depth: int) -> Iterator[Piece]:
    with lzma.LZMAFile(file) as stream:
        yield from pieces(cast("BinaryIO", _Forward(stream)), depth + 1)


class _Forward(io.RawIOBase):
    """A compressed stream that is only read forward: to seek in it would mean to unpack it again."""

    def __init__(self, stream: IO[bytes] | io.BufferedIOBase) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)


def _zip(file: BinaryIO, depth: int) -> Iterator[Piece]:
    with zipfile.ZipFile(file) as archive:
        yield Piece(archive.comment)
        for entry in archive.infolist():
            yield Piece(entry.filename.encode(errors="replace") + b"\n" + entry.comment + entry.extra)
            with archive.open(entry) as member:
                yield from pieces(cast("BinaryIO", _Forward(member)), depth + 1)


def _tar(file: BinaryIO, depth: int) -> Iterator[Piece]:
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            names = (member.name, member.linkname, member.uname, member.gname, *member.pax_headers.values())
            yield Piece("\n".join(map(str, names)).encode(errors="replace"))
            handle = archive.extractfile(member) if member.isfile() else None
            if handle is not None:
                yield from pieces(cast("BinaryIO", _Forward(handle)), depth + 1)


def _png(file: BinaryIO, depth: int) -> Iterator[Piece]:
    """Chunks of a PNG: all but the image data are text; zTXt, iTXt and the colour profile are inflated."""
    file.seek(8, io.SEEK_CUR)
    while len(start := _read(file, 8)) == 8:
        length, name = int.from_bytes(start[:4], "big"), start[4:]
        if name == b"IDAT":
            yield from _blocks(file, is_text=False, left=length)
            file.seek(4, io.SEEK_CUR)
            continue
        body = _read(file, length + 4)[:length]
        yield Piece(body)
        packed = body.find(b"\x78") if name in {b"zTXt", b"iTXt", b"iCCP"} else -1
        if packed >= 0:
            yield from pieces(io.BytesIO(zlib.decompressobj().decompress(body[packed:])), depth + 1)
    yield Piece(start)


def _pdf(file: BinaryIO, depth: int) -> Iterator[Piece]:
    data = file.read()
    yield Piece(data)
    for found in _PDF_STREAM.finditer(data):
        try:
            inflated = zlib.decompressobj().decompress(found[1])
        except zlib.error:
            continue  # stored otherwise; it was searched as it is
        yield from pieces(io.BytesIO(inflated), depth + 1)


def _parquet(file: BinaryIO, depth: int) -> Iterator[Piece]:
    import pyarrow.parquet as pq  # noqa: PLC0415  (heavy, and most files are no tables)

    file.seek(-8, io.SEEK_END)
    footer = int.from_bytes(file.read(4), "little")
    file.seek(-8 - footer, io.SEEK_END)
    yield Piece(file.read(), aim=Aim.KNOWN)
    table = pq.ParquetFile(file, pre_buffer=False, buffer_size=BLOCK)
    schema = table.schema_arrow.to_string(show_field_metadata=True, show_schema_metadata=True, truncate_metadata=False)
    yield Piece(f"{table.metadata.created_by}\n{schema}".encode(errors="replace"))
    for batch in table.iter_batches(batch_size=1):
        yield from _cells(batch.to_pylist(), depth)


def _sqlite(file: BinaryIO, depth: int) -> Iterator[Piece]:
    begin = file.tell()
    yield from _blocks(file, is_text=True)
    file.seek(begin)
    data = file.read()
    plain = data[:18] + b"\1\1" + data[20:]  # a copy in memory has no write-ahead log
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(plain)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            quoted = table.replace('"', '""')
            for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608  (the name is quoted)
                yield from _cells(list(row), depth)


def _cells(value: object, depth: int) -> Iterator[Piece]:
    """Texts of a row as one piece; what its binary cells hold apart."""
    texts = []
    for leaf in _leaves(value):
        if isinstance(leaf, bytes):
            yield from pieces(io.BytesIO(leaf), depth + 1)
        else:
            texts.append(str(leaf))
    yield Piece("\n".join(texts).encode(errors="replace"))


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for entry in value.values():
            yield from _leaves(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _leaves(entry)
    elif value is not None:
        yield value


_MAGIC: dict[bytes, Reader] = {
    b"\x1f\x8b\x08": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\0": _xz,
    b"PAR1": _parquet,
    b"SQLite format 3\0": _sqlite,
    b"\x89PNG\r\n\x1a\n": _png,
    b"PK\x03\x04": _zip,
    b"%PDF-": _pdf,
}
_STREAMED = frozenset({_gzip, _bzip2, _xz, _tar, _nifti})
