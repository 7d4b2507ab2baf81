"""Looks for planted secrets in files: in their bytes, and in all that can be decoded or inflated from them.

Shares no code with the product: it turns the file into plain text in many ways, where the product's own search turns the
secrets into many spellings. Secrets have eight random characters or more, so none stands anywhere by chance.
"""

import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom
from pydicom.filebase import DicomBytesIO

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{12,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
_DEFLATED = "1.2.840.10008.1.2.1.99"


def stem(secret: str) -> bytes:
    """What of a secret all character sets write alike: its letters and digits of ASCII."""
    return secret.lower().encode("ascii", "ignore")


def survivors(data: bytes, secrets: Iterable[bytes]) -> set[bytes]:
    """Stems that stand in a file."""
    plain = b"\n".join(_layers(data)).lower()
    return {secret for secret in secrets if secret in plain}


def _layers(data: bytes) -> Iterator[bytes]:
    for layer in (data, *_decoded(data)):
        yield layer
        yield layer.replace(b"\0", b"")  # UTF-16
        for run in _BASE64.findall(layer):
            for lead in range(4):
                piece = run[lead : lead + (len(run) - lead) // 4 * 4]
                text = base64.b64decode(piece)
                yield text
                yield text.replace(b"\0", b"")
        for run in _HEX.findall(layer):
            text = bytes.fromhex(run.decode())
            yield text
            yield text.replace(b"\0", b"")


def _decoded(data: bytes) -> Iterator[bytes]:
    """Elements of a DICOM file as text, and what is deflated in it."""
    if data[128:132] != b"DICM":
        return
    dataset = pydicom.dcmread(DicomBytesIO(data), force=True)
    texts = [str(e.value) for e in dataset.iterall() if e.VR != "SQ" and not isinstance(e.value, bytes)]
    yield "\n".join(texts).encode("utf-8", "replace")
    if str(dataset.file_meta.get("TransferSyntaxUID")) == _DEFLATED:
        meta_end = 132 + 12 + int.from_bytes(data[140:144], "little")
        yield zlib.decompressobj(-15).decompress(data[meta_end:])


def survivors_in(root: Path, secrets: Iterable[str]) -> dict[str, set[bytes]]:
    """Survivors by file below a folder, names and paths included."""
    stems = {stem(secret) for secret in secrets}
    found = {}
    for path in sorted(root.rglob("*")):
        inside = survivors(path.relative_to(root).as_posix().encode(), stems)
        if path.is_file():
            inside |= survivors(path.read_bytes(), stems)
        if inside:
            found[path.relative_to(root).as_posix()] = inside
    return found
