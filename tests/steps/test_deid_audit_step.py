"""The echo scan on real files of every kind that the product writes."""

import gzip
import io
import json
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from umd_curate.deid.audit_io import scan_file, scan_tree
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.model.geometry import Volume
from umd_curate.store.nifti import write_volume

NAME = "Kowalska"
IDENTIFIERS = IdentifierSet(frozenset({(Kind.NAME, "kowalska"), (Kind.ID, "mrn00421337"), (Kind.DATE, "19800312")}))


def a_nifti(path: Path, description: bytes = b"") -> Path:
    voxels = np.random.default_rng(1).integers(-1000, 1000, (8, 64, 64)).astype(np.int16)
    write_volume(path, Volume(voxels, np.eye(4)))
    if description:
        data = bytearray(gzip.decompress(path.read_bytes()))
        data[148 : 148 + len(description)] = description
        path.write_bytes(gzip.compress(bytes(data)))
    return path


def a_png(path: Path, text: str) -> Path:
    info = PngInfo()
    info.add_itxt("Comment", text, zip=True)
    Image.new("L", (8, 8)).save(path, pnginfo=info)
    return path


def a_sqlite(path: Path, text: str) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (a TEXT, b BLOB)")
    connection.execute("INSERT INTO t VALUES (?, ?)", ("x", gzip.compress(text.encode())))
    connection.commit()
    connection.close()
    return path


def a_parquet(path: Path, text: str) -> Path:
    pq.write_table(pa.table({"who": ["x", "y"], "blob": [b"", gzip.compress(text.encode())]}), path, compression="zstd")
    return path


def a_zip(path: Path, text: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", text)
    return path


def a_tar(path: Path, text: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return path


def a_text(path: Path, text: str) -> Path:
    path.write_text(json.dumps({"Comment": text}), encoding="utf-8")
    return path


MAKERS = {
    "a.json": a_text, "a.html": a_text, "a.csv": a_text, "a.png": a_png, "a.sqlite": a_sqlite, "a.parquet": a_parquet,
    "a.zip": a_zip, "a.tar.gz": a_tar, "a.nii.gz": lambda path, text: a_nifti(path, text.encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_identifier_is_found_in_every_kind_of_file(tmp_path, name):
    path = MAKERS[name](tmp_path / name, f"of {NAME}, born")
    hits = scan_file(path, IDENTIFIERS)
    assert {hit.kind for hit in hits} == {Kind.NAME}
    assert all(hit.place == name for hit in hits)


@pytest.mark.parametrize("name", MAKERS)
def test_clean_file_of_any_kind_raises_no_hit(tmp_path, name):
    assert scan_file(MAKERS[name](tmp_path / name, "of nobody"), IDENTIFIERS) == []


def test_path_is_searched_and_the_hit_does_not_tell_it(tmp_path):
    path = tmp_path / "out" / "KOWALSKA_A" / "ct.txt"
    path.parent.mkdir(parents=True)
    path.write_text("nothing", encoding="utf-8")
    (hit,) = scan_tree(tmp_path, IDENTIFIERS)
    assert (hit.place, hit.kind, hit.encoding) == ("out/***/ct.txt", Kind.NAME, "path")


def test_broken_archive_is_searched_as_it_is(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(b"\x1f\x8b broken " + NAME.encode())
    assert [hit.kind for hit in scan_file(path, IDENTIFIERS)] == [Kind.NAME]


def test_tree_of_our_own_images_has_no_hit(tmp_path):
    for n in range(3):
        a_nifti(tmp_path / f"sub-{n}.nii.gz")
    assert scan_tree(tmp_path, IDENTIFIERS) == []
