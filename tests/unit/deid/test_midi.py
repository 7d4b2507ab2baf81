"""MIDI-B's scoring, on a key of our own in its layout."""

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from umd_curate.deid.midi import ACTIONS, Answer, judge, score_of
from umd_curate.deid.midi_io import read_answers, score_folder
from umd_curate.errors import UsageError

PIXELS = bytes(range(32))


def answer(action, place="<(0010,4000)>", value="", text=""):
    return Answer(action, place, value, text)


@pytest.mark.parametrize(
    ("required", "found", "is_right"),
    [
        (answer("tag_retained"), "", True),
        (answer("text_notnull"), "", False),
        (answer("text_notnull"), "x", True),
        (answer("text_retained", text="left knee"), "MR of the LEFT KNEE", True),
        (answer("text_retained", text="left knee"), "MR of the left", False),
        (answer("text_retained", text="12.0"), "12", True),
        (answer("text_removed", text="1261 Leawood Street"), "lives at 1261", False),
        (answer("text_removed", text="1261 Leawood Street"), "lives at", True),
        (answer("text_removed", text="the Kowalska"), "the knee", True),
        (answer("date_shifted", value="20200102"), "20190102", True),
        (answer("date_shifted", value="20200102"), "20200102101500", False),
        (answer("uid_changed", value="1.2.3"), "2.25.7", True),
        (answer("uid_changed", value="1.2.3"), "1.2.3", False),
        (answer("uid_consistent", value="1.2.3"), "2.25.7", True),
        (answer("uid_consistent", value="1.2.4"), "2.25.7", False),
        (answer("patid_consistent", value="MRN1"), "7K3QF2", True),
    ],
)
def test_each_action_is_judged_as_the_challenge_does(required, found, is_right):
    outcome = judge(required, {required.place: found}, {"1.2.3": "2.25.7", "MRN1": "7K3QF2"}, "")
    assert outcome.passed is is_right


@pytest.mark.parametrize("action", ACTIONS)
def test_a_missing_file_passes_removals_by_the_challenge_and_nothing_strictly(action):
    outcome = judge(answer(action), None, {}, "")
    assert outcome.passed is (action in {"text_removed", "date_shifted", "uid_changed", "pixels_hidden"})
    assert outcome.strict is False


def test_a_blanked_date_is_shifted_by_the_challenge_but_not_strictly():
    for values in ({}, {"<(0010,4000)>": ""}):
        outcome = judge(answer("date_shifted", value="20200102"), values, {}, "")
        assert (outcome.passed, outcome.strict) == (True, False)


@given(st.lists(st.sampled_from(ACTIONS), max_size=30))
def test_strict_is_never_better(actions):
    outcomes = [judge(answer(action, value="1"), {"<(0010,4000)>": "2"}, {}, "") for action in actions]
    score = score_of(outcomes)
    assert sum(score.strict.values()) <= sum(score.passed.values())
    assert sum(score.required.values()) == len(actions)


def a_key(path, entries):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE answer_data (PatientID TEXT, SOPInstanceUID TEXT, AnswerData TEXT)")
    for patient, uid, answers in entries:
        data = {
            str(n): {"action": f"<{one.action}>", "action_text": f"<{one.text}>", "value": f"<{one.value}>", "tag_ds": one.place, "tag": "",
                     "answer_category_v2": {}}
            for n, one in enumerate(answers)
        }  # fmt: skip
        connection.execute("INSERT INTO answer_data VALUES (?, ?, ?)", (patient, uid, json.dumps(data)))
    connection.commit()
    connection.close()
    return path


def a_clean_file(path, uid="2.25.12"):
    dataset = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientID = "1.2.840.10008.5.1.4.1.1.128", uid, "7K3QF2"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.7", "2.25.9"
    dataset.StudyDate = "20180101"
    agent = Dataset()
    agent.RadionuclideTotalDose = "370"
    dataset.RadiopharmaceuticalInformationSequence = Sequence([agent])
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20180101101500")
    dataset.BitsAllocated, dataset.PixelData = 16, PIXELS
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)


def test_a_folder_is_scored_against_a_key_nested_and_private_elements_included(tmp_path):
    key = a_key(
        tmp_path / "key.db",
        [
            ("MRN1", "1.2.12", [
                answer("date_shifted", "<(0008,0020)>", "20200102"),
                answer("text_retained", "<(0054,0016)>[<0000>]<(0018,1074)>", "370", "370"),
                answer("date_shifted", '<(0009,"GEMS_PETD_01",0d)>', "20200102101500"),
                answer("uid_consistent", "<(0008,0018)>", "1.2.12"),
                answer("patid_consistent", "<(0010,0020)>", "MRN1"),
                answer("pixels_retained", text=hashlib.md5(PIXELS, usedforsecurity=False).hexdigest()),
                answer("text_retained", "<(0010,4000)>", "knee", "knee"),
            ]),
            ("MRN1", "1.2.13", [answer("text_removed", "<(0010,4000)>", text="Kowalska"), answer("tag_retained")]),
        ],
    )  # fmt: skip
    (tmp_path / "clean").mkdir()
    a_clean_file(tmp_path / "clean" / "a.dcm")
    score, missing = score_folder(key, tmp_path / "clean", lambda old: old.replace("1.2.", "2.25."))
    assert missing == 1
    assert sum(score.required.values()) == 9
    assert sum(score.passed.values()) == 7
    assert sum(score.strict.values()) == 6


def test_actions_of_a_study_are_required_of_each_of_its_files(tmp_path):
    key = tmp_path / "key.db"
    data = {"0": {"action": "<tag_retained>", "action_text": "", "value": "", "tag_ds": "<(0008,0020)>"}}
    with closing(sqlite3.connect(key)) as connection:
        connection.execute(
            "CREATE TABLE answer_data (scope TEXT, PatientID TEXT, StudyInstanceUID TEXT, SeriesInstanceUID TEXT, SOPInstanceUID TEXT, AnswerData TEXT)"
        )
        for scope, uid in (("<Study>", "1.2.7"), ("<Series>", "1.2.8"), ("<Instance>", "1.2.14")):
            row = (scope, "MRN1", uid, uid, uid, json.dumps(data))
            connection.execute("INSERT INTO answer_data VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    (tmp_path / "clean").mkdir()
    for n in (12, 13):
        a_clean_file(tmp_path / "clean" / f"{n}.dcm", f"2.25.{n}")
    score, missing = score_folder(key, tmp_path / "clean", lambda old: old.replace("1.2.", "2.25."))
    assert (score.required["tag_retained"], score.passed["tag_retained"], missing) == (4, 2, 1)


def test_a_file_that_is_no_key_is_refused(tmp_path):
    path = tmp_path / "key.db"
    path.write_bytes(b"no database")
    with pytest.raises(UsageError):
        read_answers(path)
