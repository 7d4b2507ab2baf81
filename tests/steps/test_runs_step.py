"""A late phase from DICOM files to ``data/``: a run of its session, in the session's folder, under a BIDS name."""

import json
import sys

import pytest

from tests.builders import a_ct_series, a_pet_series
from umd_curate.cli import main


@pytest.fixture
def ingested(monkeypatch, tmp_path, capsys):
    """Workspace after `umd-curate ingest` of two PET phases and one CT."""
    for name, clock, start in (("early", "100000", "095900"), ("late", "120000", "115900")):
        phase = a_pet_series().of(name=name).having(AcquisitionTime=clock, SeriesTime=start)
        phase.write(tmp_path / "raw" / name)
    a_ct_series().having(AcquisitionTime="095500").write(tmp_path / "raw" / "ct")
    arguments = ["umd-curate", "ingest", str(tmp_path / "raw"), "-w", str(tmp_path / "ws"), "--json"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as left:
        main.main()
    assert left.value.code == 0
    return tmp_path / "ws", json.loads(capsys.readouterr().out)


def test_a_late_phase_is_a_run_in_the_folder_of_its_session(ingested):
    workspace, answer = ingested
    (folder,) = (workspace / "data").glob("sub-*/ses-*")
    assert folder.name == "ses-petct1"
    names = {path.name.partition("_")[2] for path in folder.glob("*.nii.gz")}
    assert names == {
        "ses-petct1_pet.nii.gz", "ses-petct1_ct.nii.gz", "ses-petct1_run-2_pet.nii.gz", "ses-petct1_run-2_ct.nii.gz",
    }  # fmt: skip
    one, other = (next(folder.glob(f"*petct1{run}_ct.nii.gz")).read_bytes() for run in ("", "_run-2"))
    assert one == other
    assert answer["files"] == {"files": 15, "used": 15, "duplicate": {}, "excluded": {}, "quarantined": {}}
