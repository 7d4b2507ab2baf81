"""`umd-curate audit`: any folder, files in files, in bounded memory; place and kind are told, never the value."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
import pytest
from click.testing import CliRunner
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.builders import a_ct_series
from umd_curate.cli.audit import audit
from umd_curate.deid.audit_io import for_telltales, scan, scan_file
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.unpack_io import BLOCK
from umd_curate.errors import PhiGateRefused, UsageError, WorkspaceError
from umd_curate.store.files import write_json
from umd_curate.store.workspace import create_workspace

NAME = "Kowalska"
KNOWN = IdentifierSet(frozenset({(Kind.NAME, "kowalska"), (Kind.ID, "mrn00421337")}))
MEASURED = """
import resource, sys
from pathlib import Path
from umd_curate.deid.audit_io import for_telltales, scan, scan_file
from umd_curate.deid.identifiers import IdentifierSet, Kind
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hits = scan_file(Path(sys.argv[1]), IdentifierSet(frozenset({(Kind.NAME, "kowalska")})))
print(len(hits), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def call(*arguments: object) -> str:
    result = CliRunner().invoke(audit, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    """What a call says that finds something."""
    result = CliRunner().invoke(audit, [str(argument) for argument in arguments])
    assert isinstance(result.exception, PhiGateRefused)
    assert result.exception.exit_code == 10
    return result.stdout


# --- DICOM, at every level and in every form ---------------------------------------------------------------------------


def a_dicom(path: Path) -> pydicom.FileDataset:
    a_ct_series().sized(slices=1).write(path.parent / "made")
    (made,) = (path.parent / "made").rglob("*.dcm")
    return pydicom.dcmread(made)


def deep(dataset: Dataset) -> None:
    item = Dataset()
    item.add_new(0x00091001, "LO", f"of {NAME}")
    for _ in range(3):
        outer = Dataset()
        outer.add_new(0x00091002, "SQ", Sequence([item]))
        item = outer
    dataset.add_new(0x00091003, "SQ", Sequence([item]))


PLANTED = {
    "a private sequence four deep": deep,
    "an unknown element": lambda dataset: dataset.add_new(0x00290010, "UN", NAME.encode()),
    "the file meta": lambda dataset: dataset.file_meta.add_new(0x00020102, "OB", NAME.encode()),
    "the preamble": lambda dataset: setattr(dataset, "preamble", NAME.encode().ljust(128, b"\0")),
    "the padding": lambda dataset: dataset.add_new(0xFFFCFFFC, "OB", NAME.encode()),
    "an overlay": lambda dataset: dataset.add_new(0x60001500, "LO", NAME),
    "a packed private element": lambda dataset: dataset.add_new(0x00091010, "OB", gzip.compress(NAME.encode() * 9)),
    "an encapsulated document": lambda dataset: dataset.add_new(
        0x00420011, "OB", b"%PDF-1.4\nstream\n" + zlib.compress(b"(Kowalska) Tj") + b"\nendstream\n"
    ),
    "the end of the pixels": lambda dataset: setattr(dataset, "PixelData", dataset.PixelData[:-8] + NAME.encode()),
}


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("where", PLANTED)
def test_a_name_is_found_anywhere_in_a_dicom_file(tmp_path, where, syntax):
    dataset = a_dicom(tmp_path / "x")
    PLANTED[where](dataset)
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset = pydicom.FileDataset(None, dict(dataset), preamble=dataset.preamble, file_meta=dataset.file_meta)
    dataset.save_as(tmp_path / "x.dcm", enforce_file_format=syntax is None, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)  # fmt: skip
    assert {hit.kind for hit in scan_file(tmp_path / "x.dcm", KNOWN)} == {Kind.NAME}


def test_a_dicom_file_without_preamble_is_read_as_one(tmp_path):
    dataset = a_dicom(tmp_path / "x")
    dataset.PatientName = "王^小东"
    dataset.SpecificCharacterSet = "GB18030"
    with (tmp_path / "x.bin").open("wb") as file:
        pydicom.dcmwrite(file, Dataset({tag: dataset[tag] for tag in dataset.keys()}), implicit_vr=False, little_endian=True)  # fmt: skip  # noqa: SIM118
    known = IdentifierSet(frozenset({(Kind.NAME, "王^小东")}))
    assert {hit.encoding for hit in scan_file(tmp_path / "x.bin", known)} == {"utf-8", "gb18030"}


def test_numbers_that_begin_as_a_header_might_are_no_dicom(tmp_path):
    (tmp_path / "x.raw").write_bytes(np.array([8, 8, 0, 1, 2, 3] * 400, np.int32).tobytes())
    assert scan(tmp_path / "x.raw", "x.raw", [for_telltales]) == []


# --- files in files ------------------------------------------------------------------------------------------------------


def in_zip(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", data)
    return buffer.getvalue()


def in_tar(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("inner")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def in_parquet(data: bytes) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": [{"bytes": data, "path": "x"}]}), buffer)
    return buffer.getvalue()


def in_pdf(data: bytes) -> bytes:
    return b"%PDF-1.4\n1 0 obj\nstream\r\n" + zlib.compress(data) + b"\r\nendstream\n%%EOF"


WRAPPERS = {
    "zip": in_zip, "tar": in_tar, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "parquet": in_parquet, "pdf": in_pdf,
}  # fmt: skip


@pytest.mark.parametrize("outer", WRAPPERS)
@pytest.mark.parametrize("inner", WRAPPERS)
def test_a_file_in_a_file_is_opened(tmp_path, outer, inner):
    path = tmp_path / "x"
    path.write_bytes(WRAPPERS[outer](WRAPPERS[inner](f"seen: {NAME}".encode())))
    assert {hit.kind for hit in scan_file(path, KNOWN)} == {Kind.NAME}
    path.write_bytes(WRAPPERS[outer](WRAPPERS[inner](b"seen: nobody")))
    assert scan_file(path, KNOWN) == []


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_file_that_ends_in_its_middle_is_searched_as_far_as_it_goes(tmp_path, wrapper):
    whole = WRAPPERS[wrapper](f"seen: {NAME}".encode() + bytes(9000))
    (tmp_path / "x").write_bytes(whole[: len(whole) - len(whole) // 4])
    scan_file(tmp_path / "x", KNOWN)


@pytest.mark.parametrize("place", [BLOCK - 3, 2 * BLOCK - 7, 2 * BLOCK])
def test_a_name_at_the_seam_of_two_blocks_of_a_packed_image_is_found(tmp_path, place):
    data = bytearray(2 * BLOCK + 4096)
    data[344:348] = b"n+1\0"
    data[108:112] = np.float32(352).tobytes()
    data[place : place + len(NAME)] = NAME.encode()
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(bytes(data), 1))
    assert {hit.kind for hit in scan_file(tmp_path / "x.nii.gz", KNOWN)} == {Kind.NAME}


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "x.nii.gz"
    with gzip.open(path, "wb", 1) as stream:
        head = bytearray(352)
        head[344:348] = b"n+1\0"
        stream.write(head)
        for _ in range(64):
            stream.write(bytes(BLOCK))
        stream.write(NAME.encode())
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True
    )  # fmt: skip
    hits, grown_mib = map(int, run.stdout.split())
    assert hits == 1
    assert grown_mib < 128  # of 256 MiB unpacked


# --- the command ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path):
    """A workspace that knows two subjects, with a clean file of each below the wall."""
    workspace = create_workspace(tmp_path / "study")
    known = {"7K3QF2": [["name", "kowalska"], ["id", "482913"]], "9XW2AB": [["name", "zaleska"]]}
    for subject, entries in known.items():
        write_json(workspace.private / "identifiers" / f"sub-{subject}_ses-petct1_pet.json", entries)
        write_json(tmp_path / "study" / "data" / f"sub-{subject}" / "x.json", {"voxels": 482913})
    (tmp_path / "study" / "data" / "sub-7K3QF2" / "x.json").write_text("{}", encoding="utf-8")
    return tmp_path / "study"


def test_a_clean_workspace_has_no_hit_and_its_private_side_is_not_searched(study):
    said = call(study, "-w", study)
    assert said.startswith("2 files, ")
    assert "0 hits" in said


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hit_tells_place_and_kind_and_not_the_value(study, workers):
    place = study / "data" / "sub-7K3QF2" / "y.json"
    place.write_text('{"note": "Kowalska"}', encoding="utf-8")
    said = refused(study, "-w", study, "--json", "--workers", workers)
    assert json.loads(said)["hits"] == [{"place": "data/sub-7K3QF2/y.json", "kind": "name", "as": "utf-8"}]
    assert "kowalska" not in (said + refused(study, "-w", study)).lower()


def test_a_number_that_is_met_by_chance_counts_with_its_own_subject_alone(study):
    (study / "data" / "sub-7K3QF2" / "y.json").write_text('{"n": 482913}', encoding="utf-8")
    (hit,) = json.loads(refused(study, "-w", study, "--json"))["hits"]
    assert (hit["place"], hit["kind"]) == ("data/sub-7K3QF2/y.json", "id")


def test_another_tree_is_searched_for_the_patients_of_a_workspace(study, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.html").write_text("<p>ZALESKA</p>", encoding="utf-16")
    (hit,) = json.loads(refused(tmp_path / "other", "-w", study, "--known", "--json"))["hits"]
    assert (hit["kind"], hit["as"]) == ("name", "utf-16")


def test_a_raw_folder_is_told_without_any_workspace(tmp_path):
    a_ct_series().having(PatientName="Kowalska^Anna", InstitutionName="Klinik").write(tmp_path / "raw")
    (tmp_path / "raw" / "note.txt").write_text("anna@klinik.de, born 12.03.1980", encoding="utf-8")
    hits = json.loads(refused(tmp_path / "raw", "--unknown", "--json"))["hits"]
    assert {"person-name", "identifying-element", "not-declared-clean", "e-mail", "date-near-name"} <= {
        hit["kind"] for hit in hits
    }
    said = refused(tmp_path / "raw", "--unknown", "--json", "--skip", "e-mail", "--skip", "date-near-name")
    assert "note.txt" not in said


def test_a_path_that_tells_a_name_is_masked(study):
    folder = study / "data" / "sub-9XW2AB" / "Zaleska_Maria"
    folder.mkdir()
    (folder / "x.txt").write_text("", encoding="utf-8")
    (hit,) = json.loads(refused(study, "-w", study, "--json"))["hits"]
    assert hit == {"place": "data/sub-9XW2AB/***/x.txt", "kind": "name", "as": "path"}


def test_a_dry_run_counts_and_searches_nothing(study):
    (study / "data" / "bad.txt").write_text("Kowalska", encoding="utf-8")
    assert call(study, "-w", study, "--dry-run") == ""


def test_what_cannot_be_searched_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no file to search"):
        call(tmp_path / "empty", "--unknown")
    with pytest.raises(UsageError, match="exclude each other"):
        call(tmp_path, "--unknown", "--known")
    with pytest.raises(UsageError, match="no known kind"):
        call(tmp_path, "--unknown", "--skip", "names")
    create_workspace(tmp_path / "study")
    with pytest.raises(WorkspaceError, match="nothing has been ingested"):
        call(tmp_path, "-w", tmp_path / "study")
