"""`suv explain` and `doctor suv` as a physicist calls them."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.pet_cases import late
from tests.pet_phantom import SUV_KJI, Phantom
from umd_curate.cli.main import cli
from umd_curate.errors import CurateError, UsageError
from umd_curate.model.geometry import Volume, affine_from_dicom
from umd_curate.store.nifti import write_volume

CANARY_DAY = dt.datetime(1987, 2, 3, 11, 7, 13)  # noqa: DTZ001  (DICOM's local time)
OLD = Phantom(injected=CANARY_DAY - dt.timedelta(hours=1), scan=CANARY_DAY)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(entry) for entry in arguments], standalone_mode=False)


def written(phantom: Phantom, folder: Path, series_uid: str = "1.2.3.4") -> Path:
    folder.mkdir(parents=True)
    for number, dataset in enumerate(phantom.datasets()):
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series_uid, "1.2.3"
        dataset.SOPInstanceUID = f"{series_uid}.{number}"
        dataset.PatientName = "CANARY^PATIENT"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def with_mask(folder: Path) -> Path:
    """A mask over two of the phantom's slices, beside the series' folder."""
    affine = affine_from_dicom((-100, -80, -300), (-100, -80, -275), (1, 0, 0, 0, 1, 0), (2, 3), 6)
    mask_kji = np.zeros(SUV_KJI.shape, np.uint8)
    mask_kji[2:4] = 1
    (folder / "mask").mkdir()
    write_volume(folder / "mask" / "mask.nii.gz", Volume(mask_kji, affine))
    return folder


# --- explain -------------------------------------------------------------------------------------------------------


def test_the_explanation_names_inputs_rules_and_values_but_no_date_and_no_name(tmp_path):
    result = call("suv", "explain", written(late(OLD, 3), tmp_path / "pet"), "--type", "SUL-janma")
    for part in (
        "6 slice(s), SUVbw by the rule BQML/START/FrameReferenceTime",
        "PatientWeight",
        "(0010,1030)",
        "70 kg",
        "3600 to 3856 s after injection",
        "average time of the frame - frame reference time",
        "2^(-t / half-life)",
        "(stored x RescaleSlope) x 0.000277",
        "SUL-janma",
        "SUV-306",
    ):
        assert part in result.output
    for canary in ("1987", "0203", "1107", "CANARY"):
        assert canary not in result.output
    assert result.return_value == 0


def test_the_explanation_as_json_holds_what_the_sidecar_holds(tmp_path):
    (document,) = json.loads(call("suv", "explain", written(OLD, tmp_path / "pet"), "--json").output)
    assert document["suv"]["Rule"] == "BQML/START/SeriesTime"
    assert document["suv"]["FactorMin"] == pytest.approx(1 / OLD.concentration(OLD.scan), rel=1e-9)
    assert [step["Name"] for step in document["suv"]["Steps"]] == [
        "decay_factor",
        "activity_at_reference",
        "suv_factor",
    ]
    assert document["findings"] == []


def test_a_series_without_suv_says_which_tag_and_what_to_do_and_ends_with_3(tmp_path):
    result = call("suv", "explain", written(OLD.having(PatientWeight=None), tmp_path / "pet"))
    assert result.return_value == 3
    assert "no SUV: kept in Bq/mL" in result.output
    assert "(0010,1030)" in result.output
    assert "SUV-201" in result.output


def test_an_unsound_image_is_explained_too(tmp_path):
    result = call("suv", "explain", written(OLD.having(RescaleIntercept="-3"), tmp_path / "pet"))
    assert (result.return_value, "refused: no image is made" in result.output) == (3, True)
    assert "(0028,1052)" in result.output


def test_a_table_of_the_site_is_heard(tmp_path):
    folder = written(OLD.having(PatientWeight=None), tmp_path / "pet")
    table = tmp_path / "records.csv"
    table.write_text("series_uid,weight_kg,source\n1.2.3.4,70,ris\n")
    result = call("suv", "explain", folder, "--supplement", table)
    assert "supplement: ris" in result.output
    assert result.return_value == 0


def test_each_series_of_a_folder_is_explained_and_other_files_are_passed_over(tmp_path):
    written(OLD, tmp_path / "raw" / "one")
    written(Phantom(units="GML", per_suv=1.0), tmp_path / "raw" / "two", "1.2.3.5")
    (tmp_path / "raw" / "notes.txt").write_text("no DICOM")
    documents = json.loads(call("suv", "explain", tmp_path / "raw", "--json").output)
    assert [entry["suv"]["Rule"] for entry in documents] == ["BQML/START/SeriesTime", "GML/BW"]


def test_a_series_in_several_folders_or_named_by_one_of_its_files_is_explained_as_one(tmp_path):
    """Its series time is later than the first bed: what a bed by itself does not show."""
    late_one = late(OLD, 3)
    whole = written(late_one, tmp_path / "whole")
    split = written(late_one, tmp_path / "split" / "a")
    (tmp_path / "split" / "b").mkdir()
    for number in (3, 4, 5):
        (split / f"{number}.dcm").rename(tmp_path / "split" / "b" / f"{number}.dcm")
    (wanted,) = json.loads(call("suv", "explain", whole, "--json").output)
    (joined,) = json.loads(call("suv", "explain", tmp_path / "split", "--json").output)
    (named,) = json.loads(call("suv", "explain", whole / "5.dcm", "--json").output)
    assert joined["suv"] == named["suv"] == wanted["suv"]
    assert joined["suv"]["Rule"] == "BQML/START/FrameReferenceTime"


def test_folders_that_hold_the_same_places_are_series_of_their_own(tmp_path):
    for name in ("one", "two"):
        written(OLD, tmp_path / name)
    assert len(json.loads(call("suv", "explain", tmp_path, "--json").output)) == 2


def test_a_name_that_is_nowhere_is_an_error_of_use(tmp_path):
    (tmp_path / "empty").mkdir()
    assert isinstance(call("suv", "explain", tmp_path / "empty").exception, UsageError)
    assert isinstance(call("suv", "explain", "s-NOWHERE1", "-w", tmp_path / "none").exception, CurateError)


# --- doctor --------------------------------------------------------------------------------------------------------


def test_phantoms_are_right_with_and_without_a_mask(tmp_path):
    written(OLD, tmp_path / "a" / "PT")
    with_mask(tmp_path / "a")
    written(Phantom(decay="NONE"), tmp_path / "b")
    result = call("doctor", "suv", tmp_path, "--json")
    objects = {entry["id"]: entry for entry in json.loads(result.output)["objects"]}
    assert result.return_value == 0
    assert (objects["a/PT"]["voxels"], objects["b"]["voxels"]) == (24, 72)
    assert objects["b"]["measured"] == pytest.approx([0.2, 1.0, 4.0], rel=1e-6)


def test_an_object_that_is_wrong_refused_or_missing_ends_with_1(tmp_path):
    written(OLD, tmp_path / "dro" / "good")
    assert call("doctor", "suv", tmp_path / "dro").return_value == 0
    expected = tmp_path / "expected.csv"
    expected.write_text("id,min,median,max\ngood,0.2,1.0,4.1\n")
    wrong = call("doctor", "suv", tmp_path / "dro", "--expect", expected)
    assert (wrong.return_value, "WRONG" in wrong.output) == (1, True)
    expected.write_text("id,min,median,max\ngood,0.2,1.0,4.0\nelse,0.2,1.0,4.0\n")
    assert call("doctor", "suv", tmp_path / "dro", "--expect", expected).return_value == 1
    written(OLD.having(PatientWeight=None), tmp_path / "dro" / "bad", "1.2.3.5")
    refused = call("doctor", "suv", tmp_path / "dro")
    assert (refused.return_value, "SUV-201" in refused.output) == (1, True)


def test_a_list_that_does_not_fit_is_an_error_of_use(tmp_path):
    written(OLD, tmp_path / "dro" / "good")
    (tmp_path / "expected.csv").write_text("id,min\ngood,0.2\n")
    result = call("doctor", "suv", tmp_path / "dro", "--expect", tmp_path / "expected.csv")
    assert isinstance(result.exception, UsageError)


def test_an_empty_folder_is_not_right(tmp_path):
    assert call("doctor", "suv", tmp_path).return_value == 1


def test_the_reference_objects_at_hand_are_right(shared_data):
    result = call("doctor", "suv", shared_data / "suv-reference-objects")
    assert result.return_value == 0
    assert "5 of 5 right" in result.output
