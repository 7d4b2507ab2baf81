"""Real images with known answers, each as a data manager would bring it: one command on the folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.hospital import Hospital
from umd_curate.store.nifti import read_volume

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def site(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path, tmp_path / "keys" / "deid.key")


def run(site: Hospital, raw: Path, workspace: Path) -> dict:
    result = site.call("run", raw, "-w", workspace, "--json")
    assert result.returncode in {0, 3}, result.stderr
    assert "Traceback" not in result.stderr
    answer = json.loads(result.stdout)
    sums = answer["files"]
    parts = [sums["used"], *(sum(sums[kind].values()) for kind in ("duplicate", "excluded", "quarantined"))]
    assert sum(parts) == sums["files"] == sum(1 for path in raw.rglob("*") if path.is_file())
    return answer


def test_suv_of_sts_001_equals_the_answer_key(shared_data: Path, site: Hospital, tmp_path: Path):
    """SOURCE.md: the GML crop equals the raw series at column 59, row 45, z = -881.3 mm, within 1e-3 of the maximum."""
    raw = shared_data / "sts-001-petctmr"
    workspace = tmp_path / "workspace"
    answer = run(site, raw, workspace)
    assert Path(answer["release"]).is_dir()
    (image,) = (workspace / "data").rglob("*petct1_pet.nii.gz")
    suv = read_volume(image)
    assert suv.array_kji.shape == (267, 128, 128)

    (crop_path,) = (raw / "ibsi-crop").rglob("PET/nifti/**/*image*.nii*")
    crop = read_volume(crop_path)
    world = crop.affine @ np.array([0, 0, 0, 1.0])
    start = np.rint(np.linalg.solve(suv.affine, world)[:3]).astype(int)
    cut = suv.array_kji[tuple(slice(start[2 - a], start[2 - a] + crop.array_kji.shape[a]) for a in range(3))]
    assert np.abs(cut - crop.array_kji).max() <= 1e-3 * crop.array_kji.max()


def test_three_real_patients_become_three_rows(shared_data: Path, site: Hospital, tmp_path: Path):
    workspace = tmp_path / "workspace"
    answer = run(site, shared_data / "ibsi-sts-patients", workspace)
    card = (Path(answer["release"]) / "README.md").read_text()
    assert "petct" in card
    assert len(list((workspace / "data").rglob("*petct1_pet.nii.gz"))) == 3


def test_all_real_images_as_one_folder_are_accounted_for(shared_data: Path, site: Hospital, tmp_path: Path):
    run(site, shared_data, tmp_path / "workspace")
    status = json.loads(site.call("status", "-w", tmp_path / "workspace", "--json").stdout)
    assert all(step["failed"] == 0 for step in status["steps"])
