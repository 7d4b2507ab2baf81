"""Opens files for the echo scan: what was written is searched for the identifiers that `gather_io` found in the source.

Each kind of file is unpacked to its bytes and its text (DICOM, NIfTI, Parquet, SQLite, PNG, zip, tar, gzip; JSON, CSV,
HTML and the rest are text as they are). Spellings are made by `identifiers`, the search is done by `audit`. Pixels are
not read as pictures: burned-in text is another check's work. Dates that a clean DICOM header holds are shifted ones; such
a day may by chance be a true day of another patient, so a DICOM file is best searched for its own patient's identifiers.
"""

import io
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pydicom
from isal import igzip

from umd_curate.deid.audit import Searcher
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.store.dicom import READ_FAULTS, quiet

Piece = tuple[bytes, bool]  # bytes, and whether they are text (or a header) rather than numeric payload

_MAX_DEPTH = 4  # archives in archives
_HEAD = 4096
_NIFTI_HEADER = 352
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)


@dataclass(frozen=True, slots=True)
class Hit:
    """An identifier in an output; the value is not told.

    Parameters
    ----------
    place
        File relative to the searched folder; parts of a path that themselves hold an identifier are ``***``.
    kind
        What sort of identifier.
    encoding
        How it stood there, such as ``utf-8`` or ``base64 of utf-16``; ``path`` for the file's name.
    """

    place: str
    kind: Kind
    encoding: str


def scan_tree(root: Path, identifiers: IdentifierSet) -> list[Hit]:
    """Search every file below `root`, and the paths; sorted by place."""
    searcher = _searcher(identifiers)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [hit for path in files for hit in _scan(path, path.relative_to(root).as_posix(), searcher)]


def scan_file(path: Path, identifiers: IdentifierSet) -> list[Hit]:
    """Search one file and its name."""
    return _scan(path, path.name, _searcher(identifiers))


@lru_cache(maxsize=4)
def _searcher(identifiers: IdentifierSet) -> Searcher:
    return Searcher(identifiers)


def _scan(path: Path, place: str, searcher: Searcher) -> list[Hit]:
    in_path = searcher.in_text(place.encode())
    if in_path:
        parts = ("***" if searcher.in_text(part.encode()) else part for part in place.split("/"))
        place = "/".join(parts)
        place = "***" if searcher.in_text(place.encode()) else place
    found: set[tuple[Kind, str]] = {(kind, "path") for kind, _ in in_path}
    for data, is_text in _pieces(path.read_bytes(), 0):
        found |= searcher.in_text(data) if is_text else searcher.in_payload(data)
    return sorted((Hit(place, kind, encoding) for kind, encoding in found), key=lambda hit: (hit.kind, hit.encoding))


def _pieces(data: bytes, depth: int) -> Iterator[Piece]:
    """A file's bytes as text and payload, unpacked; what cannot be unpacked is searched as text."""
    reader = _reader(data)
    if reader is None or depth > _MAX_DEPTH:
        yield data, True
        return
    try:
        yield from reader(data, depth)
    except (*READ_FAULTS, sqlite3.Error, zipfile.BadZipFile, tarfile.TarError, zlib.error):
        yield data, True


def _reader(data: bytes) -> Callable[[bytes, int], Iterator[Piece]] | None:
    if data[128:132] == b"DICM":
        return _dicom
    if data[344:348] in {b"n+1\0", b"ni1\0"}:
        return _nifti
    if data[257:262] == b"ustar":
        return _tar
    starts: dict[bytes, Callable[[bytes, int], Iterator[Piece]]] = {
        b"\x1f\x8b": _gzip,
        b"PAR1": _parquet,
        b"SQLite format 3\0": _sqlite,
        b"\x89PNG\r\n": _png,
        b"PK\x03\x04": _zip,
    }
    return next((reader for magic, reader in starts.items() if data.startswith(magic)), None)


def _dicom(data: bytes, depth: int) -> Iterator[Piece]:
    del depth
    with quiet():
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        texts = [str(element.value) for element in dataset.iterall() if element.VR not in {"SQ", "OB", "OW", "UN"}]
        meta = [str(element.value) for element in dataset.file_meta]
        pixels = next((dataset.get_item(tag) for tag in _PIXELS if tag in dataset), None)
    start = getattr(pixels, "value_tell", None)
    length = getattr(pixels, "length", None)
    yield "\n".join(texts + meta).encode(errors="replace"), True
    if not start or str(dataset.file_meta.get("TransferSyntaxUID")) == "1.2.840.10008.1.2.1.99":
        yield data, True
        return
    end = start + length if length and length != 0xFFFFFFFF else max(len(data) - _HEAD, start)
    yield data[:start], True
    yield data[start:end], False
    yield data[end:], True


def _nifti(data: bytes, depth: int) -> Iterator[Piece]:
    del depth
    import nibabel as nib  # noqa: PLC0415  (heavy, and most files are no NIfTI)

    header = nib.Nifti1Header.from_fileobj(io.BytesIO(data[:_NIFTI_HEADER]), check=False)
    offset = max(int(header["vox_offset"]), _NIFTI_HEADER)
    yield data[:offset], True
    yield data[offset:], False


def _gzip(data: bytes, depth: int) -> Iterator[Piece]:
    yield data[:_HEAD], True
    yield from _pieces(igzip.decompress(data), depth + 1)


def _zip(data: bytes, depth: int) -> Iterator[Piece]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield archive.comment, True
        for entry in archive.infolist():
            yield entry.filename.encode(errors="replace") + b"\n" + entry.comment + entry.extra, True
            yield from _pieces(archive.read(entry), depth + 1)


def _tar(data: bytes, depth: int) -> Iterator[Piece]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            yield f"{member.name}\n{member.linkname}\n{member.uname}\n{member.gname}".encode(errors="replace"), True
            handle = archive.extractfile(member) if member.isfile() else None
            if handle is not None:
                yield from _pieces(handle.read(), depth + 1)


def _png(data: bytes, depth: int) -> Iterator[Piece]:
    """Chunks of a PNG: all but the image data are text; zTXt and iTXt are inflated."""
    place = 8
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        yield body, name != b"IDAT"
        if name in {b"zTXt", b"iTXt"}:
            yield from _inflated(body, depth)
        place += 12 + length
    yield data[place:], True


def _inflated(body: bytes, depth: int) -> Iterator[Piece]:
    start = body.find(b"\x78")
    if start >= 0:
        yield from _pieces(zlib.decompressobj().decompress(body[start:]), depth + 1)


def _parquet(data: bytes, depth: int) -> Iterator[Piece]:
    import pyarrow.parquet as pq  # noqa: PLC0415  (heavy, and most files are no tables)

    footer = int.from_bytes(data[-8:-4], "little")
    yield data[-8 - footer :], True
    file = pq.ParquetFile(io.BytesIO(data))
    for batch in file.iter_batches(batch_size=1):
        for row in batch.to_pylist():
            texts: list[str] = []
            for leaf in _leaves(row):
                if isinstance(leaf, bytes):
                    yield from _pieces(leaf, depth + 1)
                else:
                    texts.append(str(leaf))
            yield "\n".join(texts).encode(errors="replace"), True


def _sqlite(data: bytes, depth: int) -> Iterator[Piece]:
    yield data, True
    plain = data[:18] + b"\1\1" + data[20:]  # a copy in memory has no write-ahead log
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(plain)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            quoted = table.replace('"', '""')
            for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608  (the name is quoted)
                for leaf in row:
                    yield from _pieces(leaf, depth + 1) if isinstance(leaf, bytes) else [(str(leaf).encode(), True)]
    finally:
        connection.close()


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for entry in value.values():
            yield from _leaves(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _leaves(entry)
    elif value is not None:
        yield value
