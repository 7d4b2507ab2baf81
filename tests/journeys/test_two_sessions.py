"""Two sessions of one subject through the command line: brought onto each other, labels carried, shown, and overruled.

The PET/MR has no contours of its own, so what stands on its PET came from the PET/CT; the cohort's truth says where organs are.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.hospital import Finished, Hospital, make_hospital
from umd_curate.store.nifti import read_volume
from umd_curate.store.resources import organ_table

MIN_DICE = 0.6  # of large organs on voxels of more than a centimetre, after a rigid fit
LARGE = ("liver", "brain", "lung", "heart")
SHIFT = "1 0 0 3\n0 1 0 -4\n0 0 1 5\n0 0 0 1\n"  # fixed points to moving points, RAS mm
SHIFT_ITK = """#Insight Transform File V1.0
#Transform 0
Transform: Euler3DTransform_double_3_3
Parameters: 0 0 0 -3 4 5
FixedParameters: 10 20 30
"""
REASON = "recentred on the console"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Hospital:
    """One patient with both scans, the MR without contours."""
    found = make_hospital(tmp_path_factory.mktemp("two"), subjects=1)
    files = [path for path in found.raw.rglob("*") if path.is_file()]
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True, force=True) for path in files}
    mr_studies = {str(header.StudyInstanceUID) for header in headers.values() if header.get("Modality") == "MR"}
    for path, header in headers.items():
        if header.get("Modality") == "SEG" and str(header.StudyInstanceUID) in mr_studies:
            path.unlink()
    return found


@pytest.fixture(scope="module")
def both(hospital, tmp_path_factory) -> Finished:
    workspace = tmp_path_factory.mktemp("both") / "workspace"
    ran = hospital.call("run", hospital.raw, "-w", workspace, "--json")
    assert ran.returncode == 0, ran.stderr
    registered = hospital.call("register", "--between", "rigid", "-w", workspace)
    assert registered.returncode == 0, registered.stderr
    judged = hospital.call("qa", "-w", workspace)
    assert judged.returncode == 0, judged.stderr
    return Finished(hospital, workspace, registered)


def pair_of(finished: Finished) -> str:
    (receipt,) = finished.workspace.glob("data/*/ses-petct1/*_from-petmri1_xfm.json")
    return receipt.name.removesuffix("_xfm.json")


def explained(finished: Finished, pair: str) -> dict:
    answer = finished.hospital.call("register", "--explain", pair, "-w", finished.workspace, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_the_pair_is_accepted_and_its_receipt_can_be_asked_for(both):
    receipt = explained(both, pair_of(both))
    assert (receipt["Fixed"], receipt["Moving"], receipt["Method"]) == ("petct1/ct", "petmri1/mr", "rigid")
    assert receipt["Verdict"] == "accepted"
    assert receipt["Capture"]["RecoveredMm"] <= receipt["Capture"]["LimitMm"]
    assert receipt["Agreement"]["After"] > receipt["Agreement"]["Before"]


def test_the_pet_of_the_mr_session_has_the_organs_of_the_ct_session_where_the_truth_puts_them(both):
    (path,) = both.workspace.glob("data/*/ses-petmri1/*_space-pet_desc-organs_dseg.nii.gz")
    sidecar = json.loads(Path(str(path).replace(".nii.gz", ".json")).read_text())
    assert (sidecar["Engine"], sidecar["Reference"]) == ("propagate", "petct1/ct")
    assert sidecar["Transform"] == f"inverse of {pair_of(both)}_xfm.tfm"
    assert set(sidecar["Approximate"]) == set(sidecar["Labels"])
    found = read_volume(path).array_kji
    truth = read_volume(both.hospital.cohort / "truth" / "1" / "petmri" / "labels_pet.nii.gz").array_kji
    for name in LARGE:
        organ = organ_table().named(name).id
        both_have = np.count_nonzero((found == organ) & (truth == organ))
        assert 2 * both_have / (np.count_nonzero(found == organ) + np.count_nonzero(truth == organ)) > MIN_DICE, name


def test_the_report_shows_the_pair_with_pictures_and_receipt(both):
    page = (both.workspace / "qa" / "report.html").read_text()
    assert "petmri1/mr on petct1/ct" in page
    for name in ("checkerboard", "contours", "fusion"):
        (figure,) = both.workspace.glob(f"qa/*/ses-petct1/*_from-petmri1_figure-{name}.png")
        assert f'src="{figure.relative_to(both.workspace / "qa").as_posix()}"' in page
    for words in ("Capture: recovered", "Agreement: after", "Overlap part", "Convention", "Inputs: moving/mr"):
        assert words in page


def test_a_reviewers_transform_is_used_in_either_format_and_taken_back(both, tmp_path):
    workspace = shutil.copytree(both.workspace, tmp_path / "workspace")
    finished = Finished(both.hospital, workspace, both.result)
    session = pair_of(both).partition("_from-")[0]
    moved = []
    for name, text in (("mine.tfm", SHIFT_ITK), ("mine.txt", SHIFT)):
        (tmp_path / name).write_text(text)
        given = ("--override", session, tmp_path / name, "--reason", REASON)
        done = both.hospital.call("register", *given, "-w", workspace)
        assert done.returncode == 0, done.stderr
        receipt = explained(finished, session)
        assert (receipt["Method"], receipt["OverrideReason"]) == ("override", REASON)
        assert receipt["ShiftMm"] == pytest.approx(50**0.5, abs=1e-3)
        (image,) = workspace.glob("data/*/ses-petct1/*_ses-petct1_space-pet_ct.nii.gz")
        moved.append(image.read_bytes())
    assert moved[0] == moved[1]
    assert both.hospital.call("register", "--forget", session, "-w", workspace).returncode == 0
    assert explained(finished, session)["Method"] == "identity"


def test_a_file_that_is_no_rigid_transform_is_refused_without_a_word_of_it(both, tmp_path):
    (tmp_path / "bad.tfm").write_text("2 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1")
    session = pair_of(both).partition("_from-")[0]
    done = both.hospital.call("register", "--override", session, tmp_path / "bad.tfm", "--reason", REASON, "-w", both.workspace)  # fmt: skip
    assert done.returncode == 4
    assert "not rigid" in done.stderr
    assert "bad" not in done.stderr
