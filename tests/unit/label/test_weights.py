"""Weights: taken in from a zip or a folder, recorded, and every way in which a file can be wrong is told at once."""

import time
import zipfile

import pytest

from umd_curate.errors import EngineError
from umd_curate.label.engine import EngineSettings
from umd_curate.label.engines.totalsegmentator import TotalSegmentator, datasets, labels, tables
from umd_curate.label.weights_io import read_record, take_in
from umd_curate.model.config_labels import LabelConfig
from umd_curate.store.files import sha256_of
from umd_curate.store.resources import organ_table

FAST = "Dataset297_TotalSegmentator_total_3mm_1559subj"
FAST_MR = "Dataset852_TotalSegMRI_total_3mm_1088subj"
CHECKPOINT = f"{FAST}/trainer/fold_0/checkpoint_final.pth"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "weights.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CHECKPOINT, b"network" * 1000)
        archive.writestr(f"{FAST}/trainer/plans.json", b"{}")
        archive.writestr("readme.txt", b"")
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "engine" / "weights"


def engine(folder, **settings):
    return TotalSegmentator(EngineSettings(LabelConfig(totalsegmentator=settings), folder.parent))


def about_weights(found):
    return [said for said in found.ready() if "environment" not in said and "umd-curate" not in said]


def test_a_zip_is_taken_in_and_recorded(source, folder):
    assert take_in(source, folder, datasets()) == [FAST]
    record = read_record(folder)
    assert set(record) == {CHECKPOINT, f"{FAST}/trainer/plans.json"}
    assert record[CHECKPOINT].size == 7000
    assert record[CHECKPOINT].sha256 == sha256_of(folder / CHECKPOINT)
    assert about_weights(engine(folder)) == []
    assert engine(folder).describe().weights[CHECKPOINT] == record[CHECKPOINT].sha256


@pytest.mark.parametrize("inner", ["", FAST])
def test_a_folder_is_taken_in_like_the_zip(source, folder, tmp_path, inner):
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tmp_path / "unpacked")
    take_in(tmp_path / "unpacked" / inner, folder, datasets())
    take_in(source, tmp_path / "other", datasets())
    assert read_record(folder) == read_record(tmp_path / "other")


def test_a_second_source_adds_to_the_first(source, folder, tmp_path):
    take_in(source, folder, datasets())
    assert engine(folder).describe().targets == {"ct"}
    (tmp_path / FAST_MR / "t").mkdir(parents=True)
    (tmp_path / FAST_MR / "t" / "checkpoint_final.pth").write_bytes(b"mr")
    take_in(tmp_path / FAST_MR, folder, datasets())
    assert engine(folder).describe().targets == {"ct", "mr"}
    assert about_weights(engine(folder)) == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b""), "0 bytes, not 7000"),
        (lambda path: path.write_bytes(b"network" * 999), "6993 bytes, not 7000"),
        (lambda path: path.write_bytes(b"malware" * 1000), "SHA-256"),
    ],
    ids=["missing", "empty", "truncated", "another file"],
)
def test_a_wrong_file_is_named_at_once_and_without_a_network(source, folder, damage, says, monkeypatch):
    take_in(source, folder, datasets())
    damage(folder / CHECKPOINT)
    monkeypatch.setattr("socket.socket", None)
    began = time.monotonic()
    (said,) = about_weights(engine(folder))
    assert time.monotonic() - began < 1
    assert CHECKPOINT in said
    assert says in said


def test_without_weights_it_says_which_are_wanted(folder):
    assert len(about_weights(engine(folder))) == 2
    assert len(about_weights(engine(folder, models="full"))) == 9


def test_a_zip_of_something_else_is_refused(folder, tmp_path):
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Dataset999_Unknown/checkpoint_final.pth", b"x")
    with pytest.raises(EngineError, match="no weights that this engine knows"):
        take_in(path, folder, datasets())
    assert not folder.exists()
    path.write_bytes(b"no zip")
    with pytest.raises(EngineError, match="cannot be read"):
        take_in(path, folder, datasets())


@pytest.mark.parametrize("name", [f"{FAST}/../../x", f"/{FAST}/x"])
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, tmp_path, name):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(EngineError, match="leads out"):
        take_in(path, folder, datasets())


@pytest.mark.parametrize("role", ["ct", "mr"])
def test_all_organs_of_the_dataset_come_from_the_names_of_each_task(role):
    organs = organ_table("umd")
    names = labels(tables()["tasks"][role]["task"]).values()
    assert {organ.name for name in names if (organ := organs.named(name))} == {organ.name for organ in organs}


def test_the_same_number_means_different_structures_in_both_tasks():
    assert labels("total")[10] == "lung_upper_lobe_left"
    assert labels("total_mr")[10] == "lung_left"
