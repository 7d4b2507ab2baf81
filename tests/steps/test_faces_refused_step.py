"""A head whose face cannot be cut stays behind the wall by name, the run goes on, and the user is told what to do."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from tests.builders import SeriesBuilder, a_ct_series
from umd_curate.cli.main import cli
from umd_curate.deid import step
from umd_curate.errors import ExitCode
from umd_curate.synth.heads import HeadSpec, trial_head

SPACING = (5.0, 5.0, 6.0)
UPRIGHT = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def a_head() -> SeriesBuilder:
    """CT of a trial head with shoulders."""
    volume = trial_head(HeadSpec(spacings_mm={"ct": SPACING}))["ct"].volume
    x, y, z = volume.affine[:3, 3]
    nk, nj, ni = volume.array_kji.shape
    stored = np.clip(volume.array_kji, -1024, 3000)
    return (
        a_ct_series()
        .of(patient="HEAD", study="head", frame="head")
        .sized(
            slices=nk, rows=nj, columns=ni, spacing_mm=SPACING[:2], step_mm=SPACING[2], origin_mm=(-x, -y, z), orientation=UPRIGHT
        )
        .having(RescaleIntercept="0", RescaleSlope="1")
        .showing(lambda k, rows, columns: stored[k])
    )  # fmt: skip


def a_leg() -> SeriesBuilder:
    """CT of another patient that shows no head."""
    j, i = np.indices((40, 40))
    leg = np.where(np.hypot(j - 20, i - 20) < 15, 40, -1000)
    return (
        a_ct_series()
        .of(patient="LEG", study="leg", frame="leg")
        .sized(slices=40, rows=40, columns=40, spacing_mm=(5.0, 5.0), step_mm=6.0)
        .having(RescaleIntercept="0", RescaleSlope="1")
        .showing(lambda k, rows, columns: leg)
    )


def no_block(seen):
    return []


def test_the_head_stays_behind_the_wall_and_the_other_patient_crosses_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(step, "faces_of", no_block)
    for series in (a_head(), a_leg()):
        series.write(tmp_path / "raw" / series.patient)
    workspace = str(tmp_path / "ws")
    result = CliRunner().invoke(
        cli, ["ingest", str(tmp_path / "raw"), "-w", workspace, "--referee", "none"], standalone_mode=False
    )
    assert result.return_value == ExitCode.QUARANTINED, result.output
    crossed = list((tmp_path / "ws/data").rglob("*.nii.gz"))
    assert len(crossed) == 1
    told = json.loads(CliRunner().invoke(cli, ["quarantine", "-w", workspace, "--json"]).output)
    (entry,) = [entry for entry in told if entry["code"] == "DEI-303"]
    assert "deid.faces_retained" in entry["what_to_do"]
    assert entry["id"] not in str(crossed[0])
    assert [entry["code"] for entry in told] == ["DEI-303"]
