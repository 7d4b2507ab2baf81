"""The referee on real files: a second converter in a process of its own, and what becomes of an image that it reads otherwise."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from tests import geometry_phantom
from tests.convert_builders import a_stack, an_order, places_of, some_pixels
from umd_curate.convert.geometry import stack_of_places
from umd_curate.convert.referee import Outcome
from umd_curate.convert.referee_io import second_opinion
from umd_curate.convert.step import convert_series
from umd_curate.errors import EngineError
from umd_curate.model.config import ConvertConfig, UmdConfig
from umd_curate.model.receipts import State
from umd_curate.model.study import Role
from umd_curate.pipeline.run import ingest, opened
from umd_curate.store.workspace import create_workspace

pytestmark = pytest.mark.filterwarnings("ignore")
MODALITIES = {Role.CT: "CT", Role.MR: "MR", Role.PET: "PT"}


def staged(role: Role, folder: Path, step=(0, 0, 5), **changes):
    """Source files and our conversion of them."""
    datasets = a_stack(MODALITIES[role], some_pixels((6, 8, 7)), step, **changes)
    sources = []
    for number, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.SeriesInstanceUID, dataset.InstanceNumber = "1.2.3", number + 1
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        if role is Role.PET:
            dataset.RescaleSlope = f"{1 + number / 8}"
        sources.append(folder / f"source-{number}")
        dataset.save_as(sources[-1])
    made = convert_series(datasets, an_order(role), folder, "staged", stack_of_places(places_of(datasets), "s-X"))
    image, sidecar = (folder / Path(entry.path).name for entry in made.artifacts[:2])
    return sources, image, sidecar


def opinion(role: Role, folder: Path, parts, engine: str = "dicom2nifti"):
    sources, image, sidecar = parts
    found = second_opinion(sources, image, sidecar, role, engine, folder / "private" / "unit")
    assert not (folder / "private" / "unit").exists()
    return found


@pytest.mark.parametrize("role", [Role.CT, Role.MR, Role.PET])
def test_dicom2nifti_agrees_on_every_voxel_of_a_sound_series(role: Role, tmp_path: Path):
    found = opinion(role, tmp_path, staged(role, tmp_path))
    assert found.outcome is Outcome.AGREES, found
    assert found.voxels_agreeing == found.voxels_compared == 6 * 8 * 7
    assert found.position_error_mm < 1e-4


def test_an_image_that_we_would_write_wrongly_is_caught(tmp_path: Path):
    parts = staged(Role.CT, tmp_path)
    data = bytearray(gzip.decompress(parts[1].read_bytes()))
    plane = 2 * 8 * 7
    data[352 : 352 + plane], data[352 + plane : 352 + 2 * plane] = (
        data[352 + plane : 352 + 2 * plane],
        data[352 : 352 + plane],
    )
    parts[1].write_bytes(gzip.compress(data))  # two slices have changed places
    found = opinion(Role.CT, tmp_path, parts)
    assert found.outcome is Outcome.DIFFERS
    assert found.voxels_agreeing < found.voxels_compared


def test_a_refusal_of_the_converter_is_recorded_in_its_own_word_and_leaves_nothing(tmp_path: Path):
    parts = staged(Role.CT, tmp_path, step=(0, 1.2, 5))  # sheared
    found = opinion(Role.CT, tmp_path, parts)
    assert (found.outcome, found.reason) == (Outcome.REFUSED, "NON_CUBICAL_IMAGE/GANTRY_TILT")
    assert not (tmp_path / "private").exists()


def test_a_source_that_is_gone_is_a_refusal(tmp_path: Path):
    sources, image, sidecar = staged(Role.CT, tmp_path)
    sources[2].unlink()
    assert opinion(Role.CT, tmp_path, (sources, image, sidecar)).outcome is Outcome.REFUSED


def test_headers_of_the_source_reach_no_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    parts = staged(
        Role.CT, tmp_path, PatientName="CANARY^Otto", PatientID="CANARY1", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
    )
    parts[0][3].write_bytes(parts[0][3].read_bytes()[:600])  # cut off: the converter complains
    found = opinion(Role.CT, tmp_path, parts)
    said = capfd.readouterr()
    assert found.outcome is Outcome.REFUSED
    assert "CANARY" not in said.out + said.err + found.reason


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
@pytest.mark.parametrize("role", [Role.CT, Role.PET])
def test_dcm2niix_agrees_too_where_it_is_installed(role: Role, tmp_path: Path):
    assert opinion(role, tmp_path, staged(role, tmp_path), "dcm2niix").outcome is Outcome.AGREES


def test_a_converter_that_is_not_installed_ends_the_run_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="dcm2niix is not installed"):
        second_opinion([], tmp_path, tmp_path, Role.CT, "dcm2niix", tmp_path / "private")


def old_scanner(folder: Path) -> None:
    """A sound CT whose twelve bits stand in the high end of their words (PS3.5 8.1.1): dicom2nifti reads sixteen times as much."""
    for number, dataset in enumerate(geometry_phantom.Stack(heights=np.arange(6) * 3.0).files()):
        stored = np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = (stored << 4).astype("<u2").tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 15
        geometry_phantom.save(dataset, folder / f"{number}", ExplicitVRLittleEndian)


def test_a_disputed_image_stays_behind_the_wall_until_a_human_gives_a_reason(tmp_path: Path):
    old_scanner(tmp_path / "raw")
    workspace = create_workspace(tmp_path / "workspace")

    def run(**settings: object):
        config = UmdConfig(convert=ConvertConfig(**settings))
        with opened(workspace, config, "ingest") as session:
            ingest(session, [tmp_path / "raw"])
            (receipt,) = session.ledger.receipts("referee")
        return receipt, list((workspace.root / "data").rglob("*_ct.nii.gz"))

    receipt, published = run()
    assert (receipt.state, [finding.code for finding in receipt.findings]) == (State.QUARANTINED, ["CON-311"])
    assert receipt.measured["outcome"] == "differs"
    assert published == []

    again, published = run(referee="none")  # to ask about nothing more takes nothing back
    assert again.findings == receipt.findings
    assert published == []

    reason = "dicom2nifti ignores the high bit"
    overruled, published = run(referee_overruled={receipt.findings[0].place: reason})
    assert [finding.code for finding in overruled.findings] == ["CON-313"]
    assert overruled.findings[0].detail.endswith(reason)
    assert len(published) == 1
