"""Bad input is normal input: each planted defect ends in its reason, and all else of the cohort is made."""

import json
from pathlib import Path

import pytest

from tests.hospital import make_hospital

DEFECTS = (
    "truncated-pixels", "corrupt-header", "not-dicom", "missing-slice", "missing-weight", "duplicate-slice", "two-spacings",
    "localizer-inside", "missing-uids", "big-endian", "jpeg-ls", "contradicting-weight",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_ends_as_the_truth_says_and_the_rest_goes_on(defect: str, tmp_path: Path):
    hospital = make_hospital(tmp_path / "hospital", defects=(defect,))
    workspace = tmp_path / "workspace"
    result = hospital.call("run", hospital.raw, "-w", workspace, "--json")
    files = hospital.truth["files"]
    expected = {
        kind: sum(entry["disposition"] == kind for entry in files) for kind in ("used", "quarantined", "duplicate")
    }

    assert result.returncode == (3 if expected["quarantined"] else 0), result.stderr
    assert "Traceback" not in result.stderr
    sums = json.loads(result.stdout)["files"]
    assert sums["used"] == expected["used"]
    assert sum(sums["quarantined"].values()) == expected["quarantined"]
    assert sum(sums["duplicate"].values()) == expected["duplicate"]
    assert sums["files"] == len(files)
    assert (workspace / "releases" / "0.1.0" / "umd" / "README.md").is_file()
    if expected["quarantined"]:
        listed = json.loads(hospital.call("quarantine", "-w", workspace, "--json").stdout)
        assert all(entry["reason"] and entry["what_to_do"] for entry in listed)
