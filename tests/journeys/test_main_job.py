"""The main job on a synthetic cohort with known answers: raw DICOM in, load_dataset out."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.hospital import Finished
from umd_curate.store.nifti import read_volume
from umd_curate.store.resources import organ_table

AFFINE_MM = 1e-4
INT16_STEPS = 32767
MIN_DICE = 0.85  # the observer's contours against truth, on voxels of a centimetre and more


def sessions_of(finished: Finished):
    """Truth of each session with the folder that the run made of it."""
    for patient in finished.hospital.truth["patients"]:
        subject = finished.subject_of(patient["patient_id"])
        for session in patient["sessions"]:
            name = f"sub-{subject}_ses-{session['kind']}1"
            folder = finished.workspace / "data" / f"sub-{subject}" / f"ses-{session['kind']}1"
            yield patient, session, folder / name


def truth_of(finished: Finished, session: dict, name: str) -> Path:
    return finished.hospital.cohort / "truth" / session["folder"] / name


def test_a_clean_cohort_ends_with_exit_0(finished: Finished):
    assert finished.result.returncode == 0, finished.result.stderr
    answer = json.loads(finished.result.stdout)
    assert answer["exit"] == 0
    assert Path(answer["release"]) == finished.release.resolve()


def test_suv_equals_the_truth_within_the_stored_step(finished: Finished):
    for _, session, stem in sessions_of(finished):
        measured = read_volume(Path(f"{stem}_pet.nii.gz"))
        truth = read_volume(truth_of(finished, session, "suv_pet.nii.gz"))
        sidecar = json.loads(Path(f"{stem}_pet.json").read_text())
        changed = sidecar["Defacing"]["VoxelsChanged"]

        error = np.abs(measured.array_kji - truth.array_kji)
        steps = truth.array_kji.max(axis=(1, 2), keepdims=True) / INT16_STEPS + 1e-6
        assert np.count_nonzero(error > steps) <= changed
        assert changed < 0.05 * error.size
        np.testing.assert_allclose(measured.affine, truth.affine, atol=AFFINE_MM)


def test_affines_equal_the_truth(finished: Finished):
    for _, session, stem in sessions_of(finished):
        for role, affine in session["affines_ras_mm"].items():
            measured = read_volume(Path(f"{stem}_{role}.nii.gz"))
            np.testing.assert_allclose(measured.affine, np.array(affine), atol=AFFINE_MM)
            assert list(measured.array_kji.shape) == session["shapes_kji"][role]


def test_labels_are_the_site_contours_with_the_ids_of_the_dataset(finished: Finished):
    organs = {organ.id: organ.name for organ in organ_table()}
    for _, session, stem in sessions_of(finished):
        anatomical = "ct" if session["kind"] == "petct" else "mr"
        labels = read_volume(Path(f"{stem}_desc-organs_dseg.nii.gz")).array_kji
        on_pet = read_volume(Path(f"{stem}_space-pet_desc-organs_dseg.nii.gz")).array_kji
        truth = read_volume(truth_of(finished, session, f"labels_{anatomical}.nii.gz")).array_kji

        assert set(np.unique(labels)) == {0, *organs}
        assert set(np.unique(on_pet)) <= {0, *organs}
        dice = [
            2
            * np.count_nonzero((labels == i) & (truth == i))
            / (np.count_nonzero(labels == i) + np.count_nonzero(truth == i))
            for i in organs
        ]
        assert np.mean(dice) >= MIN_DICE
        assert not np.array_equal(labels, truth)  # an observer's contours, never the truth itself


def test_every_file_is_accounted_for_as_the_truth_says(finished: Finished):
    expected = {entry["path"]: entry["disposition"] for entry in finished.hospital.truth["files"]}
    found = {
        str(Path(row["path"]).relative_to(finished.hospital.raw.resolve())): row["disposition"]
        for row in finished.accounts()
    }
    assert found == expected


def test_the_release_loads_with_one_row_per_session(finished: Finished, tmp_path: Path):
    program = """
import json
from datasets import load_dataset, concatenate_datasets
out = {}
for name in ("petct", "petmri"):
    images, labels = load_dataset("umd", name), load_dataset("umd", f"labels-{name}")
    rows = {split: concatenate_datasets([images[split], labels[split]], axis=1) for split in images}
    out[name] = [[row["subject_id"], row["pet_units"], list(row["pet"].shape), list(row["organs"].shape)]
                 for part in rows.values() for row in part]
default = load_dataset("umd")
out["default"] = sum(len(part) for part in default.values())
print(json.dumps(out))
"""
    environment = {**finished.hospital.environment, "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=finished.release.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    for kind, anatomical in (("petct", "ct"), ("petmri", "mr")):
        truth = {
            finished.subject_of(patient["patient_id"]): session["shapes_kji"]
            for patient in finished.hospital.truth["patients"]
            for session in patient["sessions"]
            if session["kind"] == kind
        }
        assert {row[0]: (row[2], row[3]) for row in loaded[kind]} == {
            subject: (shapes["pet"][::-1], shapes[anatomical][::-1]) for subject, shapes in truth.items()
        }
        assert all(row[1] == "SUVbw" for row in loaded[kind])
    assert loaded["default"] == len(loaded["petct"])


def test_private_folder_is_for_its_owner_alone(finished: Finished):
    private = finished.workspace / "private"
    assert private.stat().st_mode & 0o777 == 0o700
    for path in private.rglob("*.json"):
        if path.parent.name in {"orders", "identifiers"}:
            assert path.stat().st_mode & 0o777 == 0o600


def test_report_names_every_session_and_asks_nothing_of_the_network(finished: Finished):
    page = (finished.workspace / "qa" / "report.html").read_text()
    for _, _, stem in sessions_of(finished):
        assert stem.name in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_status_and_reveal_lead_to_the_file(finished: Finished):
    hospital = finished.hospital
    status = json.loads(hospital.call("status", "-w", finished.workspace, "--json").stdout)
    assert status["files"]["files"] == len(hospital.truth["files"])
    assert all(step["left"] == 0 and step["failed"] == 0 for step in status["steps"])

    row = next(row for row in finished.accounts() if row["code"] == "ING-105")
    refused = hospital.call("reveal", row["id"], "-w", finished.workspace)
    assert refused.returncode == 2
    assert row["patient_id"] not in refused.stdout + refused.stderr
    shown = hospital.call("reveal", row["id"], "-w", finished.workspace, "--to-pipe")
    assert row["path"] in shown.stdout
    assert row["patient_id"] in shown.stdout


@pytest.mark.parametrize("command", ["run", "register", "label", "qa"])
def test_dry_run_prints_a_plan_and_changes_nothing(finished: Finished, command: str):
    before = {path: path.stat().st_mtime_ns for path in finished.workspace.rglob("*") if path.is_file()}
    result = finished.hospital.call(command, "-w", finished.workspace, "--dry-run", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)
    after = {path: path.stat().st_mtime_ns for path in finished.workspace.rglob("*") if path.is_file()}
    changed = {path.name for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed <= {"lock", "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"}
