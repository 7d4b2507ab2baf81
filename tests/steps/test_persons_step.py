"""The hospital's mapping of patients to persons: a CSV that is checked, and what it makes one subject of."""

import hashlib

import pytest

from tests.unit.ingest.rows import series, short_id
from umd_curate.errors import ConfigError
from umd_curate.ingest.patients import Persons
from umd_curate.ingest.persons_io import read_persons
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig
from umd_curate.store.settings import load_config

HEAD = "issuer,id,person\n"


def _written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "patients.csv"
    path.write_text(text, encoding=encoding)
    return str(path)


def _patients(rows, persons):
    return [session.patient for session in plan_ingest(rows, IngestConfig(), short_id, persons).sessions]


def _two_hospitals(**second):
    own = {"patient": "0042", "patient_id_issuer": "B", "study": "mr", "frame": "mr", **second}
    return [*series("PT", "a", patient="A-42", patient_id_issuer="A"), *series("PT", "b", **own)]


def test_ids_of_two_hospitals_become_one_subject_with_the_first_ids_key(tmp_path):
    path = _written(tmp_path, HEAD + "A,A-42,one\nB,0042,one\n", "utf-8-sig")
    persons = read_persons(path)
    assert _patients(_two_hospitals(), None) == ["A\\A-42", "B\\0042"]
    assert _patients(_two_hospitals(), persons) == ["A\\A-42", "A\\A-42"]
    assert persons.sha256 == hashlib.sha256((tmp_path / "patients.csv").read_bytes()).hexdigest()
    assert plan_ingest([], IngestConfig(), short_id, persons).persons_sha256 == persons.sha256


def test_a_row_without_issuer_holds_for_every_issuer_that_has_none_of_its_own(tmp_path):
    persons = read_persons(_written(tmp_path, HEAD + "A,A-42,one\n,0042,one\nC,0042,other\n"))
    assert _patients(_two_hospitals(), persons) == ["A\\A-42", "A\\A-42"]
    assert _patients(_two_hospitals(patient_id_issuer="C"), persons) == ["A\\A-42", "C\\0042"]


def test_a_study_under_two_ids_of_one_person_is_not_mixed(tmp_path):
    persons = read_persons(_written(tmp_path, HEAD + ",P,one\n,Q,one\n"))
    rows = [*series("PT", "pet"), *series("CT", "ct", patient="Q")]
    assert {d.code for d in plan_ingest(rows, IngestConfig(), short_id).decisions} == {codes.TWO_PATIENTS.code}
    (session,) = plan_ingest(rows, IngestConfig(), short_id, persons).sessions
    assert session.kind == "petct"


def test_no_file_maps_nobody():
    assert read_persons(None) == Persons()


@pytest.mark.parametrize(
    "text",
    ["issuer,id\nA,1\n", HEAD + "A,,one\n", HEAD + "A,1,\n", HEAD + "A,1,one\nA,1,CANARY\n", "\xff", HEAD + "A\n"],
)
def test_a_table_that_is_not_whole_is_refused_without_a_value_of_it(tmp_path, text):
    path = _written(tmp_path, text, "latin-1")
    with pytest.raises(ConfigError) as refused:
        read_persons(path)
    assert "CANARY" not in str(refused.value)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError):
        read_persons(str(tmp_path / "gone.csv"))


def test_the_table_is_looked_for_beside_the_settings(tmp_path):
    (tmp_path / "umd.toml").write_text('[ingest]\npatients = "patients.csv"\n', encoding="utf-8")
    assert load_config(tmp_path / "umd.toml", {}).ingest.patients == str(tmp_path / "patients.csv")
