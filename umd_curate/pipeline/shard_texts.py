"""What of a shard could be read as text: its footer, its plain cells and file names, the headers of its images, the chunks of its pictures.

The voxels themselves were searched in ``data/`` and are the same bytes; a header may have come with an extension, and a
picture with a comment.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip

from umd_curate.deid.pieces import Aim, Piece, gzip_texts, nifti_texts
from umd_curate.store.shards import VOLUME_TYPE

_GZIP_HEAD = 4096  # where a gzip member's name and comment stand
_NIFTI_HEADER = 352
_SIZE_OF_HEADER = 348  # the first number of a NIfTI-1 file tells its byte order
_VOX_OFFSET = slice(108, 112)  # float32, in the order of the writing machine
_MOST_HEADER = 1 << 24
_ONLY_TEXT = bytes(byte if 32 <= byte < 127 or byte > 159 else 10 for byte in range(256))
_PNG = b"\x89PNG"
_GZIP = b"\x1f\x8b"


def texts_of_shard(path: Path) -> Iterator[Piece]:
    """Texts of a shard, a row group at a time, and the headers of its images as they are; no image is decoded further."""
    with pq.ParquetFile(path) as file:
        yield Piece(str(file.schema_arrow.metadata).encode() + str(file.metadata.created_by).encode())
        blobs = [field.name for field in file.schema_arrow if field.type == VOLUME_TYPE]
        plain = [field.name for field in file.schema_arrow if field.type != VOLUME_TYPE]
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=plain, use_threads=False).to_pylist()
            yield Piece("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())
            for column in blobs:
                cells = file.read_row_group(group, columns=[column], use_threads=False).column(column)
                texts, headers = zip(
                    *(_texts_of_cell(cell) for cell in cells if cell.is_valid), (b"", b""), strict=True
                )
                yield Piece(b"\n".join(texts))
                yield Piece(b"\n".join(headers), aim=Aim.KNOWN)


def _texts_of_cell(cell: pa.StructScalar) -> tuple[bytes, bytes]:
    """Texts of a cell, and the header that they stand in; of a picture or of what is neither there is no header."""
    data = memoryview(cell["bytes"].as_buffer()).cast("B")  # Arrow has signed bytes
    name = str(cell["path"].as_py()).encode() + b"\n"
    if data[:4] == _PNG:
        return name + _chunks(data), b""
    if data[:2] == _GZIP:
        header, texts = _header(data)
        return name + texts, header
    return name + bytes(data), b""


def _header(data: memoryview) -> tuple[bytes, bytes]:
    """Header of a ``.nii.gz`` with its extensions; and the texts of both, with those of the gzip header."""
    with igzip.open(io.BytesIO(data), "rb") as stream:
        head: bytes = stream.read(_NIFTI_HEADER)
        end = _float(head[_VOX_OFFSET], ">f4" if int.from_bytes(head[:4], "big") == _SIZE_OF_HEADER else "<f4")
        extensions: bytes = stream.read(min(max(int(end) - _NIFTI_HEADER, 0), _MOST_HEADER))
    whole = head + extensions
    texts = [gzip_texts(bytes(data[:_GZIP_HEAD])), nifti_texts(head), extensions.translate(_ONLY_TEXT)]
    # Short words are looked for in readable bytes alone.
    return whole + b"\n" + whole.translate(_ONLY_TEXT), b"\n".join(texts)


def _float(data: bytes, order: str) -> float:
    import numpy as np  # noqa: PLC0415  (only where a shard is searched)

    return float(np.frombuffer(data, order)[0]) if len(data) == 4 else 0.0


def _chunks(data: memoryview) -> bytes:
    """Chunks of a PNG but for its image data, and what follows its end."""
    parts, place = [], 8
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if bytes(data[place + 4 : place + 8]) not in {b"IDAT", b"IHDR", b"IEND"}:
            parts.append(bytes(data[place + 4 : place + 8 + length]))
        place += 12 + length
    return b"\n".join([*parts, bytes(data[place:])])
