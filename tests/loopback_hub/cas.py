"""The Xet side of the loopback Hub: a store of chunks in a folder, as ``hf_xet`` itself offers with a ``local://`` address.

The client chunks, deduplicates and keeps the chunks there; the Hub finds a file's Xet hash by its SHA-256 in the shards of
that store (little-endian, entries of 48 bytes: hash, flags, number of segments), and takes the file out when it is committed.
The store's index is locked while the client lives, so the Hub reads a view of links with a copy of that index.
"""

import os
import shutil
import struct
import tempfile
from pathlib import Path

_ENTRY = 48
_HAS_VERIFICATION, _HAS_METADATA = 31, 30  # bits of the flags


def _text(raw: bytes) -> str:
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", raw))


def index(folder: Path) -> dict[str, str]:
    """SHA-256 to Xet hash of every file that the store knows."""
    found = {}
    for path in folder.rglob("shards/*.mdb"):
        data, place = path.read_bytes(), _ENTRY
        while place + _ENTRY <= len(data):
            name = data[place : place + 32]
            if name == b"\xff" * 32:
                break
            flags, count = struct.unpack_from("<II", data, place + 32)
            place += _ENTRY * (1 + count * (2 if flags >> _HAS_VERIFICATION & 1 else 1))
            if flags >> _HAS_METADATA & 1:
                found[_text(data[place : place + 32])] = _text(name)
                found[data[place : place + 32].hex()] = _text(name)
                place += _ENTRY
    return found


def take_out(folder: Path, xet: str, size: int, target: Path) -> None:
    """Write a file of the store to `target`."""
    import hf_xet

    with tempfile.TemporaryDirectory(dir=target.parent) as view:
        for path in folder.rglob("*"):
            if path.is_file():
                seen = Path(view) / path.relative_to(folder)
                seen.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, seen) if path.suffix == ".redb" else os.link(path, seen)
        group = hf_xet.XetSession().new_file_download_group(
            endpoint=f"local://{view}",
            token="t",  # noqa: S106
            token_expiry_unix_secs=2**40,
        )
        with group:
            group.start_download_file(hf_xet.XetFileInfo(xet, size), str(target))


def stored_bytes(folder: Path) -> int:
    """Bytes of all chunks in the store."""
    return sum(path.stat().st_size for path in folder.rglob("xorbs/*") if path.is_file())
