"""The echo scan on real files of every kind that the product writes, and the vault on disk."""

import gzip
import io
import json
import sqlite3
import stat
import tarfile
import threading
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
from umd_curate.deid.vault import Vault
from umd_curate.errors import WorkspaceError
from umd_curate.model.geometry import Volume
from umd_curate.model.ids import SUBJECT_ALPHABET, SUBJECT_LENGTH, PatientKey, SubjectId
from umd_curate.store.keys import DeidKey
from umd_curate.store.nifti import write_volume

KEY = DeidKey(bytes(range(32)))
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


def test_vault_allots_one_id_per_patient_for_good(tmp_path):
    path = tmp_path / "vault" / "vault.sqlite"
    patients = [PatientKey(f"site\0{n}") for n in range(50)]
    with Vault(path, KEY) as vault:
        first = [vault.subject_of(patient) for patient in patients]
    with Vault(path, KEY) as vault:
        assert [vault.subject_of(patient) for patient in patients] == first
        assert [vault.patient_of(subject) for subject in first] == patients
        assert vault.patient_of(SubjectId("000000")) in {None, *patients}
        assert len(vault) == 50
    assert len(set(first)) == 50
    assert all(len(one) == SUBJECT_LENGTH and set(one) <= set(SUBJECT_ALPHABET) for one in first)


def test_ids_are_random_and_not_derived_from_the_key(tmp_path):
    ids = []
    for name in "ab":
        with Vault(tmp_path / name, KEY) as vault:
            ids.append([vault.subject_of(PatientKey(str(n))) for n in range(5)])
    assert ids[0] != ids[1]


def test_wrong_key_is_refused_and_makes_no_new_ids(tmp_path):
    path = tmp_path / "vault.sqlite"
    with Vault(path, KEY) as vault:
        vault.subject_of(PatientKey("p"))
    with pytest.raises(WorkspaceError, match="another key"), Vault(path, DeidKey(b"y" * 32)):
        pass
    with Vault(path, KEY) as vault:
        assert len(vault) == 1


def test_vault_file_shows_neither_patient_nor_published_id_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "vault.sqlite"
    with Vault(path, KEY) as vault:
        subject = vault.subject_of(PatientKey(f"site\0{NAME}"))
        modes = {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob("vault.sqlite*")}
        raw = b"".join(one.read_bytes() for one in sorted(tmp_path.glob("vault.sqlite*")))
    assert modes == {0o600}
    assert subject.encode() not in raw
    assert scan_tree(tmp_path, IDENTIFIERS) == []


def test_row_that_was_changed_from_outside_is_refused(tmp_path):
    path = tmp_path / "vault.sqlite"
    with Vault(path, KEY) as vault:
        vault.subject_of(PatientKey("a"))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE subjects SET sealed = zeroblob(length(sealed))")
    connection.commit()
    connection.close()
    with Vault(path, KEY) as vault, pytest.raises(WorkspaceError, match="changed from outside"):
        vault.subject_of(PatientKey("a"))


def test_file_that_is_no_vault_is_refused(tmp_path):
    path = tmp_path / "vault.sqlite"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(WorkspaceError), Vault(path, KEY):
        pass


def test_writers_at_the_same_time_agree_on_the_id(tmp_path):
    path = tmp_path / "vault.sqlite"
    patients = [PatientKey(str(n)) for n in range(20)]
    answers: list[list[str]] = []

    def work() -> None:
        with Vault(path, KEY) as vault:
            answers.append([vault.subject_of(patient) for patient in patients])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)


def test_numbers_of_sessions_and_runs_stay_when_an_older_study_arrives_later(tmp_path):
    path, patient = tmp_path / "vault.sqlite", PatientKey("p")
    with Vault(path, KEY) as vault:
        assert [vault.session_number(patient, "petct", study) for study in ("2021", "2023", "2021")] == [1, 2, 1]
        assert vault.session_number(patient, "petmri", "2022") == 1
        assert vault.session_number(PatientKey("q"), "petct", "2023") == 1
        assert [vault.run_number(patient, "petct", "2023", anchor) for anchor in ("late", "later")] == [1, 2]
    with Vault(path, KEY) as vault:
        assert vault.session_number(patient, "petct", "2019") == 3
        assert [vault.session_number(patient, "petct", study) for study in ("2021", "2023")] == [1, 2]
        assert vault.run_number(patient, "petct", "2023", "early") == 3
        assert vault.run_number(patient, "petct", "2021", "late") == 1


def test_a_vault_of_the_first_version_keeps_its_ids_and_learns_numbers(tmp_path):
    path, patient = tmp_path / "vault.sqlite", PatientKey("p")
    with Vault(path, KEY) as vault:
        subject = vault.subject_of(patient)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE numbers")
    connection.execute("UPDATE about SET value = '1' WHERE name = 'version'")
    connection.commit()
    connection.close()
    with Vault(path, KEY) as vault:
        assert vault.subject_of(patient) == subject
        assert vault.session_number(patient, "petct", "2021") == 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT value FROM about WHERE name = 'version'").fetchone() == ("2",)


def test_a_vault_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "vault.sqlite"
    with Vault(path, KEY):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = '3' WHERE name = 'version'")
    with pytest.raises(WorkspaceError, match="another version"), Vault(path, KEY):
        pass
