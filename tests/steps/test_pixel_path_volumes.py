"""The pixel path on orders of every layout: source files in, de-identified, one staged volume out."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.convert_builders import a_frame, a_multi_frame, a_stack, an_item, an_order, places_of, some_pixels
from umd_curate.model.config import ConvertConfig, UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Receipt
from umd_curate.model.study import Layout, Role, VolumeOrder
from umd_curate.pipeline.orders import read_order, units_of, write_orders
from umd_curate.pipeline.pixel_path import stage_volume
from umd_curate.store.keys import key_path, make_key
from umd_curate.store.nifti import read_volume
from umd_curate.store.workspace import Workspace, create_workspace

STEM = "sub-7K3QF2_ses-petct1"
CONFIG = UmdConfig(convert=ConvertConfig(frames="4d"))


def ordered(datasets: Sequence[Dataset], folder: Path, role: Role, *, with_places: bool, **changes) -> VolumeOrder:
    """Write the datasets as the files of an order, as ingest makes it."""
    folder.mkdir()
    files, places = [], []
    for n, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = f"1.2.826.0.1.{n + 1}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.0.2", "1.2.826.0.3"
        dataset.PatientID, dataset.PatientName, dataset.StudyDate = "H-4711", "Canary^Bird", "20250101"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        path = folder / f"{n}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        files.append((str(path), path.stat().st_size, path.stat().st_mtime_ns))
    if with_places:
        places = [tuple(asdict(place).values()) for place in places_of(datasets)]
    return an_order(role, patient="P", files=tuple(files), places=tuple(places), **changes)


def staged(order: VolumeOrder, workspace: Workspace) -> Receipt:
    make_key(key_path(CONFIG.deid.key_file))
    artifacts = write_orders([order], workspace.private / "orders")
    (unit,) = units_of([order], artifacts, {})
    assert read_order(workspace.private / "orders" / f"{order.unit}.json") == order
    return stage_volume(unit, workspace, CONFIG)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "workspace")


def test_a_dynamic_pet_leaves_its_mean_and_its_frames(tmp_path: Path, workspace: Workspace) -> None:
    stored = some_pixels((8, 6, 5)).reshape(2, 4, 6, 5)
    frames = [a_stack("PT", each, AcquisitionTime=f"1100{n}0") for n, each in enumerate(stored)]
    order = ordered(
        [*frames[0], *frames[1]], tmp_path / "raw", Role.PET, with_places=True, layout=Layout.DYNAMIC, groups=(4, 4)
    )
    receipt = staged(order, workspace)
    assert [entry.what for entry in receipt.outputs][:4] == [
        "staged-pet",
        "staged-pet.json",
        "staged-desc-dynamic_pet",
        "staged-desc-dynamic_pet.json",
    ]
    assert nib.load(workspace.resolve(receipt.outputs[2].path)).shape[3] == 2
    for entry in receipt.outputs[:4]:
        data = workspace.resolve(entry.path)
        assert data.stat().st_mode & 0o777 == 0o600
        assert b"Canary" not in data.read_bytes()
    told = json.loads(workspace.resolve(receipt.outputs[1].path).read_text())
    assert told["Source"]["NFiles"] == 8


def an_enhanced_order(stored: np.ndarray, folder: Path, **mapping: float) -> VolumeOrder:
    """Order of one enhanced PET whose frames are stored out of place, at 2.5 Bq/mL per stored unit."""
    content = {"FrameAcquisitionDateTime": "20250101110500", "FrameAcquisitionDuration": 120e3}
    unit = an_item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Becquerels/milliliter")
    scale = {"RealWorldValueSlope": 2.5, "RealWorldValueIntercept": 0.0, "MeasurementUnitsCodeSequence": [unit]}
    macros = {"FrameContentSequence": content, "RealWorldValueMappingSequence": {**scale, **mapping}}
    gone = ("Units", "DecayCorrection", "CorrectedImage", "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime")
    dataset = a_multi_frame(
        "PT",
        stored[[2, 0, 3, 1]],
        [a_frame(k, **macros) for k in (2, 0, 3, 1)],
        **dict.fromkeys((*gone, "ActualFrameDuration", "RescaleSlope", "RescaleIntercept")),
        DecayCorrected="YES",
        AttenuationCorrected="YES",
        DecayCorrectionDateTime="20250101110000",
    )
    return ordered([dataset], folder, Role.PET, with_places=False, layout=Layout.MULTI_FRAME)


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"RealWorldValueFirstValueMapped": 0, "RealWorldValueLastValueMapped": 2999},
        {"RealWorldValueFirstValueMapped": -1, "RealWorldValueLastValueMapped": 2999},  # signed, as the pixels are
    ],
)
def test_an_enhanced_pet_keeps_its_suv_through_de_identification(
    tmp_path: Path, workspace: Workspace, mapping: dict[str, float]
) -> None:
    stored = some_pixels()
    receipt = staged(an_enhanced_order(stored, tmp_path / "raw", **mapping), workspace)
    assert receipt.measured["suv_rule"] == "BQML/START/DecayCorrectionDateTime"
    factor = 70e3 / (368.08e6 * 2 ** (-3600 / 6586.2))
    found = read_volume(workspace.resolve(receipt.outputs[0].path)).array_kji
    assert np.allclose(found, stored * 2.5 * factor, rtol=1e-6)


@pytest.mark.parametrize(
    "mapping",
    [
        {"RealWorldValueFirstValueMapped": 0, "RealWorldValueLastValueMapped": 2000},
        {"DoubleFloatRealWorldValueFirstValueMapped": 0.0, "DoubleFloatRealWorldValueLastValueMapped": 2000.0},
    ],
)
def test_the_range_of_a_mapping_counts_after_de_identification_too(
    tmp_path: Path, workspace: Workspace, mapping: dict[str, float]
) -> None:
    with pytest.raises(Refused) as caught:
        staged(an_enhanced_order(some_pixels(), tmp_path / "raw", **mapping), workspace)
    assert caught.value.finding.code == "SUV-107"


def test_a_mosaic_finds_its_slices_in_elements_that_do_not_pass(tmp_path: Path, workspace: Workspace) -> None:
    stored = some_pixels((4, 6, 7), dtype="<u2")
    plane = stored.reshape(2, 2, 6, 7).transpose(0, 2, 1, 3).reshape(12, 14)
    (dataset,) = a_stack("MR", plane[None], ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    items = [an_item(ImagePositionPatient=[-100.0, -80.0, -300.0 + 4.0 * k]) for k in range(4)]
    dataset.private_block(0x0065, "Image Private Header", create=True).add_new(0x51, "SQ", items)
    order = ordered([dataset], tmp_path / "raw", Role.MR, with_places=True, layout=Layout.MOSAIC, groups=(1,))
    receipt = staged(order, workspace)
    found = read_volume(workspace.resolve(receipt.outputs[0].path))
    assert np.array_equal(found.array_kji, stored)
    assert found.grid.spacing_mm == pytest.approx((3, 2, 4))


def test_stations_of_an_mr_become_one_staged_volume(tmp_path: Path, workspace: Workspace) -> None:
    body = np.random.default_rng(3).integers(800, 1200, (10, 14, 12)).astype("<u2")
    low = a_stack("MR", body[:6], FrameOfReferenceUID="1.2.826.0.4")
    high = a_stack("MR", (body[4:] // 2).astype("<u2"), FrameOfReferenceUID="1.2.826.0.4")
    for k, each in enumerate(high):
        each.ImagePositionPatient = [-100.0, -80.0, -300.0 + 5 * (4 + k)]
    order = ordered(
        [*low, *high], tmp_path / "raw", Role.MR, with_places=True, layout=Layout.STATIONS, groups=(6, 6), label="in"
    )
    receipt = staged(order, workspace)
    assert (receipt.measured["layout"], receipt.measured["n_slices"]) == ("stations", 10)
    found = read_volume(workspace.resolve(receipt.outputs[0].path)).array_kji
    assert np.abs(found / body / (found[0] / body[0]).mean() - 1).max() < 4e-3


def test_a_philips_scale_is_told_although_its_element_does_not_pass(tmp_path: Path, workspace: Workspace) -> None:
    datasets = a_stack("MR", some_pixels(), Manufacturer="Philips", RescaleSlope="2", RescaleIntercept="0")
    for dataset in datasets:
        dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.25)
    receipt = staged(ordered(datasets, tmp_path / "raw", Role.MR, with_places=True), workspace)
    told = json.loads(workspace.resolve(receipt.outputs[1].path).read_text())
    assert (told["ValueRule"], told["PhilipsScale"]["PreciseFactor"]) == ("displayed", 2.0)
    assert pydicom.dcmread(tmp_path / "raw" / "0.dcm")[0x2005100E].value == 0.25
