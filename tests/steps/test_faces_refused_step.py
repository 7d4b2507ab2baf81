"""A head whose face cannot be cut stays behind the wall by name, the run goes on, and the user is told what to do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.patients import a_head, a_leg
from umd_curate.cli.main import cli
from umd_curate.deid import step
from umd_curate.deid.engine import faces_of
from umd_curate.errors import ExitCode


def no_block(seen):
    return []


def half_a_block(seen):
    """The left half of each block."""
    found = faces_of(seen)
    for face in found:
        face.mask_kji[:, :, : face.mask_kji.shape[2] // 2] = False
    return found


@pytest.mark.parametrize(
    ("head", "blocks", "code"),
    [
        ({}, no_block, "DEI-303"),
        ({"bottom_mm": -600, "is_upside_down": True}, faces_of, "DEI-307"),
        ({}, half_a_block, "DEI-308"),
    ],
)
def test_the_head_stays_behind_the_wall_and_the_other_patient_crosses_it(
    head, blocks, code, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(step, "faces_of", blocks)
    for series in (a_head(**head), a_leg()):
        series.write(tmp_path / "raw" / series.patient)
    workspace = str(tmp_path / "ws")
    result = CliRunner().invoke(
        cli, ["ingest", str(tmp_path / "raw"), "-w", workspace, "--referee", "none"], standalone_mode=False
    )
    assert result.return_value == ExitCode.QUARANTINED, result.output
    crossed = list((tmp_path / "ws/data").rglob("*.nii.gz"))
    assert len(crossed) == 1
    told = json.loads(CliRunner().invoke(cli, ["quarantine", "-w", workspace, "--json"]).output)
    (entry,) = [entry for entry in told if entry["code"] == code]
    assert "faces_retained" in entry["what_to_do"]
    assert entry["id"] not in str(crossed[0])
    assert [entry["code"] for entry in told] == [code]
