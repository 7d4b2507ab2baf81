"""The echo scan on real files of every kind that the product writes."""

import gzip
import io
import json
import sqlite3
import struct
import tarfile
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nibabel.nifti1 import Nifti1Extension
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from umd_curate.deid.audit import is_readable
from umd_curate.deid.audit_io import for_telltales, scan, scan_file, scan_tree
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.telltales import Telltale, in_text
from umd_curate.model.geometry import Grid, Volume
from umd_curate.store.nifti import write_volume
from umd_curate.store.nifti_header import header_bytes

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


def told_of(path: Path) -> set[Telltale]:
    return {hit.kind for hit in scan(path, path.name, [for_telltales])}


@pytest.mark.parametrize("order", ["<", ">"])
def test_extensions_of_a_nifti_are_searched_whatever_its_header_says(tmp_path, order):
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4), nib.Nifti1Header(endianness=order))
    image.header.extensions.append(Nifti1Extension("comment", f"for {NAME}".encode()))
    nib.save(image, tmp_path / "image.nii.gz")
    assert {hit.kind for hit in scan_file(tmp_path / "image.nii.gz", IDENTIFIERS)} == {Kind.NAME}
    plain = bytearray(gzip.decompress((tmp_path / "image.nii.gz").read_bytes()))
    for offset in (float("nan"), float("-inf"), 1e30, 0.0):
        struct.pack_into(f"{order}f", plain, 108, offset)
        (tmp_path / "odd.nii").write_bytes(plain)
        assert {hit.kind for hit in scan_file(tmp_path / "odd.nii", IDENTIFIERS)} == {Kind.NAME}, offset
    assert told_of(tmp_path / "image.nii.gz") == set()


def test_packed_voxels_that_read_like_a_name_are_no_telltale(tmp_path):
    voxels = np.frombuffer(b"Doe^Jane " * 8 * 512, np.uint8).reshape(8, 64, 72)
    write_volume(tmp_path / "plain.nii", Volume(voxels, np.eye(4)))
    (tmp_path / "stored.nii.gz").write_bytes(gzip.compress((tmp_path / "plain.nii").read_bytes(), compresslevel=0))
    assert told_of(tmp_path / "stored.nii.gz") == set()


def test_numbers_of_a_header_that_read_like_a_name_are_no_telltale(tmp_path):
    rng = np.random.default_rng(0)
    for n in range(200):
        axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = axes * rng.uniform(0.5, 5, 3), rng.uniform(-500, 500, 3)
        head = header_bytes(Grid((2, 3, 4), affine), np.int16)
        (tmp_path / "x.nii").write_bytes(head + bytes(48))
        assert told_of(tmp_path / "x.nii") == set(), n


@pytest.mark.parametrize(
    ("field", "place"), [("data_type", 4), ("db_name", 14), ("descrip", 148), ("aux_file", 228), ("intent_name", 328)]
)
def test_every_text_of_a_nifti_header_is_judged(tmp_path, field, place):
    head = bytearray(header_bytes(Grid((2, 3, 4), np.eye(4)), np.int16))
    head[place : place + 8] = b"Doe^Jane"
    (tmp_path / "x.nii").write_bytes(bytes(head) + bytes(48))
    assert nib.load(tmp_path / "x.nii").header[field].tobytes().startswith(b"Doe^Jane")
    assert told_of(tmp_path / "x.nii") == {Telltale.NAME}


def test_numbers_of_a_dicom_header_are_no_telltale_and_its_other_values_are(tmp_path):
    rng = np.random.default_rng(0)

    def saved(**elements):
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, "2.25.1"
        dataset.PatientIdentityRemoved = "YES"
        for name, value in elements.items():
            setattr(dataset, name, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
        return told_of(tmp_path / "x.dcm")

    numbers = np.zeros((2000, 4))
    numbers[:, 0] = rng.uniform(-500, 500, 2000)
    assert Telltale.NAME in in_text(numbers.tobytes())
    assert is_readable(numbers.tobytes())
    assert saved(DiffusionGradientOrientation=numbers.ravel().tolist()) == set()
    assert saved(PixelPaddingValue=7, ICCProfile=b"for Doe^Jane") == {Telltale.NAME}


def test_figures_in_the_footer_of_a_table_are_no_telltale_and_its_texts_are(tmp_path):
    rng = np.random.default_rng(0)

    def told(names, **metadata):
        table = pa.table({name: rng.uniform(-500, 500, 50) for name in names}).replace_schema_metadata(metadata)
        pq.write_table(table, tmp_path / "x.parquet", row_group_size=1)
        return told_of(tmp_path / "x.parquet")

    assert told([f"column{n}" for n in range(200)]) == set()
    assert told(["for Doe^Jane"]) == {Telltale.NAME}
    assert told(["x"], note="for Doe^Jane") == {Telltale.NAME}


def test_extra_field_name_and_comment_of_a_gzip_file_are_searched_up_to_their_ends(tmp_path):
    packed = gzip.compress(b"nothing", compresslevel=0, mtime=0)
    fields = {4: b"\x08\0Doe^Jane", 8: b"Doe^Jane.nii\0", 16: b"of Doe^Jane\0"}
    clean = {4: b"\x05\0no^ne", 8: b"x.nii\0", 16: b"y\0"}
    for flag in fields:
        parts = [fields[one] if one == flag else clean[one] for one in fields]
        whole = packed[:3] + bytes([4 | 8 | 16]) + packed[4:10] + b"".join(parts)
        (tmp_path / f"{flag}.gz").write_bytes(whole + packed[10:])
        assert Telltale.NAME in told_of(tmp_path / f"{flag}.gz"), flag
    (tmp_path / "cut.gz").write_bytes(packed[:3] + bytes([8]) + packed[4:10] + b"Doe^Jane")
    assert Telltale.NAME in told_of(tmp_path / "cut.gz")


def test_what_cannot_be_opened_is_told(tmp_path):
    whole = a_zip(tmp_path / "whole.zip", "nothing to see")
    assert told_of(whole) == set()
    encrypted = bytearray(whole.read_bytes())
    for head, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the bit that says so (APPNOTE 4.4.4)
        encrypted[encrypted.index(head) + flags] |= 1
    (tmp_path / "encrypted.zip").write_bytes(encrypted)
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:-30])
    (tmp_path / "cut.parquet").write_bytes(a_parquet(tmp_path / "whole.parquet", "nothing").read_bytes()[:-1])
    packed = b"nothing"
    for _ in range(7):
        packed = gzip.compress(packed)
    (tmp_path / "deep.gz").write_bytes(packed)
    for name in ("encrypted.zip", "cut.zip", "cut.parquet", "deep.gz"):
        assert told_of(tmp_path / name) == {Telltale.UNOPENED}, name


def test_tree_of_our_own_images_has_no_hit(tmp_path):
    for n in range(3):
        a_nifti(tmp_path / f"sub-{n}.nii.gz")
    assert scan_tree(tmp_path, IDENTIFIERS) == []
