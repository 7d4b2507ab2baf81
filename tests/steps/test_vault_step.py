"""The vault on disk: ids and numbers for good, nothing readable without the key, nothing changed from outside, many writers."""

import json
import sqlite3
import stat
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from umd_curate.deid.audit_io import scan_tree
from umd_curate.deid.crosswalk import Link, Number
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.vault import Vault
from umd_curate.errors import WorkspaceError
from umd_curate.model.ids import SUBJECT_ALPHABET, SUBJECT_LENGTH, PatientKey, SubjectId
from umd_curate.store.keys import DeidKey

KEY = DeidKey(bytes(range(32)))
OTHER = DeidKey(b"y" * 32)
NAME = "Kowalska"
STUDY = "1.2.840.113619.2.55.3.42424242"
IDENTIFIERS = IdentifierSet(frozenset({(Kind.NAME, "kowalska"), (Kind.ID, "mrn00421337"), (Kind.UID, STUDY)}))

WRITER = """
import json, sys
from pathlib import Path
from umd_curate.deid.vault import Vault
from umd_curate.store.keys import DeidKey
seed, path = int(sys.argv[1]), Path(sys.argv[2])
patients = [str(n) for n in range(40)]
patients = patients[seed:] + patients[:seed]
sys.stdin.readline()
with Vault(path, DeidKey(bytes(range(32)))) as vault:
    print(json.dumps({p: [vault.subject_of(p), [vault.session_number(p, "petct", s) for s in "abc"]] for p in patients}))
"""


def a_vault(path, *, patients=("p",), key=KEY):
    with Vault(path, key) as vault:
        return [vault.subject_of(PatientKey(patient)) for patient in patients]


def test_vault_allots_one_id_per_patient_for_good(tmp_path):
    path = tmp_path / "vault" / "vault.sqlite"
    patients = [PatientKey(f"site\\{n}") for n in range(50)]
    first = a_vault(path, patients=patients)
    with Vault(path, KEY) as vault:
        assert [vault.subject_of(patient) for patient in reversed(patients)] == first[::-1]
        assert [vault.patient_of(subject) for subject in first] == patients
        assert [vault.patient_of(subject.lower()) for subject in first] == patients
        assert vault.known_subject(PatientKey("nobody")) is None
        assert len(vault) == 50
    assert len(set(first)) == 50
    assert all(len(one) == SUBJECT_LENGTH and set(one) <= set(SUBJECT_ALPHABET) for one in first)


def test_ids_are_random_and_not_derived_from_the_key(tmp_path):
    patients = [str(n) for n in range(5)]
    assert a_vault(tmp_path / "a", patients=patients) != a_vault(tmp_path / "b", patients=patients)


def test_wrong_key_is_refused_and_makes_no_new_ids(tmp_path):
    path = tmp_path / "vault.sqlite"
    a_vault(path)
    with pytest.raises(WorkspaceError, match="another key"), Vault(path, OTHER):
        pass
    with Vault(path, KEY) as vault:
        assert len(vault) == 1


def test_vault_file_shows_neither_patient_nor_study_nor_published_id_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "vault.sqlite"
    with Vault(path, KEY) as vault:
        patient = PatientKey(f"{NAME}\\MRN00421337")
        subject = vault.subject_of(patient)
        vault.session_number(patient, "petct", STUDY)
        vault.run_number(patient, "petct", STUDY, "late")
        modes = {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob("vault.sqlite*")}
        raw = b"".join(one.read_bytes() for one in sorted(tmp_path.glob("vault.sqlite*")))
        assert scan_tree(tmp_path, IDENTIFIERS) == []
    assert modes == {0o600}
    assert subject.encode() not in raw
    assert scan_tree(tmp_path, IDENTIFIERS) == []


CHANGES = {
    "sealed content of a subject": "UPDATE subjects SET sealed = zeroblob(length(sealed))",
    "sealed content made short": "UPDATE subjects SET sealed = x'00'",
    "contents of two subjects swapped": "UPDATE subjects SET sealed = (SELECT s.sealed FROM subjects s WHERE s.mac != subjects.mac)",
    "a published id led elsewhere": "UPDATE subjects SET subject_mac = mac",
    "a subject taken out": "DELETE FROM subjects WHERE mac = (SELECT min(mac) FROM subjects)",
    "a subject put in": "INSERT INTO subjects SELECT zeroblob(32), zeroblob(32), sealed FROM subjects LIMIT 1",
    "a subject's index of another type": "UPDATE subjects SET subject_mac = mac || 'x'",
    "a number changed": "UPDATE numbers SET sealed = zeroblob(length(sealed))",
    "contents of two numbers swapped": "UPDATE numbers SET sealed = (SELECT n.sealed FROM numbers n WHERE n.mac != numbers.mac)",
    "a number taken out": "DELETE FROM numbers WHERE mac = (SELECT min(mac) FROM numbers)",
    "all rows taken out": "DELETE FROM subjects",
    "the sum of the rows": "UPDATE about SET value = '00' WHERE name = 'rows'",
    "the seal of the rows taken out": "DELETE FROM about WHERE name = 'rows_seal'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_from_outside_is_refused(tmp_path, change):
    path = tmp_path / "vault.sqlite"
    with Vault(path, KEY) as vault:
        for patient in ("a", "b"):
            vault.subject_of(PatientKey(patient))
            vault.session_number(PatientKey(patient), "petct", STUDY)
    with sqlite3.connect(path) as connection:
        connection.execute(CHANGES[change])
    connection.close()
    with pytest.raises(WorkspaceError, match="changed from outside"):
        asked_for_everything(path)


def asked_for_everything(path):
    with Vault(path, KEY) as vault:
        for patient in ("a", "b"):
            vault.subject_of(PatientKey(patient))
            vault.session_number(PatientKey(patient), "petct", STUDY)


def test_file_that_is_no_vault_is_refused(tmp_path):
    path = tmp_path / "vault.sqlite"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(WorkspaceError), Vault(path, KEY):
        pass


def test_processes_that_write_at_the_same_time_agree(tmp_path):
    path = tmp_path / "vault.sqlite"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(7 * n), str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for n in range(3)
    ]  # fmt: skip
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    answers = [json.loads(writer.communicate(timeout=120)[0]) for writer in writers]
    assert answers[0] == answers[1] == answers[2]
    assert len({subject for subject, _ in answers[0].values()}) == 40
    assert all(sorted(numbers) == [1, 2, 3] for _, numbers in answers[0].values())
    with Vault(path, KEY) as vault:
        assert len(vault) == 40


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


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_vault_of_another_version_is_refused_and_left_as_it_is(tmp_path, version):
    path = tmp_path / "vault.sqlite"
    a_vault(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = ? WHERE name = 'version'", (version,))
        connection.execute("DROP TABLE numbers")
    connection.close()
    with pytest.raises(WorkspaceError, match="another version"), Vault(path, KEY):
        pass
    with sqlite3.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"about", "subjects"}


keys_of_patients = st.text(min_size=1, max_size=12).map(PatientKey)
labels = st.text(SUBJECT_ALPHABET, min_size=1, max_size=8).map(SubjectId)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(keys_of_patients, labels, max_size=6), st.randoms(use_true_random=False))
def test_what_is_taken_over_is_given_back_whatever_the_order(tmp_path_factory, chosen, rng):
    links = [Link(patient, subject) for patient, subject in chosen.items()]
    links = list({link.subject.casefold(): link for link in links}.values())
    numbers = [Number("session", (link.patient, "petct"), f"1.2.{n}", n) for link in links for n in (2, 5)]
    shuffled = rng.sample(links, len(links)), rng.sample(numbers, len(numbers))
    with Vault(tmp_path_factory.mktemp("v") / "vault.sqlite", KEY) as vault:
        assert vault.take_over(*shuffled) == []
        assert vault.take_over(links, numbers) == []
        assert {link.patient: link.subject for link in vault.links()} == {link.patient: link.subject for link in links}
        assert sorted(map(str, vault.numbers())) == sorted(map(str, numbers))
        for link in links:
            assert vault.session_number(link.patient, "petct", "1.2.5") == 5
            assert vault.session_number(link.patient, "petct", "new") == 6


@pytest.mark.parametrize(
    ("link", "number", "told"),
    [
        (Link(PatientKey("a"), SubjectId("OTHER1")), None, "OTHER1: its patient is"),
        (Link(PatientKey("b"), SubjectId("TAKEN1")), None, "TAKEN1: it is another patient's here"),
        (Link(PatientKey("b"), SubjectId("taken1")), None, "taken1: it is another patient's here"),
        (None, Number("session", ("a", "petct"), STUDY, 2), "TAKEN1: session petct2 is another one here"),
        (None, Number("session", ("a", "petct"), "1.2.3", 1), "TAKEN1: session petct1 is another one here"),
    ],
)
def test_a_contradiction_takes_nothing_and_names_no_patient(tmp_path, link, number, told):
    with Vault(tmp_path / "vault.sqlite", KEY) as vault:
        assert vault.take_over([Link(PatientKey("a"), SubjectId("TAKEN1"))]) == []
        vault.session_number(PatientKey("a"), "petct", STUDY)
        fine = Link(PatientKey("fine"), SubjectId("FINE01"))
        (fault,) = vault.take_over([fine, *([link] if link else [])], [number] if number else [])
        assert fault.startswith(told)
        assert vault.known_subject(PatientKey("fine")) is None
        assert len(vault) == 1
    with Vault(tmp_path / "vault.sqlite", KEY) as vault:
        assert vault.known_subject(PatientKey("a")) == "TAKEN1"
