"""A body that was sent as several multi-frame objects: raw files in, one plan and one volume out, or refused by name."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests.convert_builders import FACTOR, a_frame, a_multi_frame, an_item, an_order, some_pixels
from umd_curate.convert.step import convert_series
from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.scan import list_files, scan
from umd_curate.model.config import IngestConfig
from umd_curate.model.findings import Refused
from umd_curate.model.study import Disposition, IngestPlan, Layout, Role, SourceVolume
from umd_curate.store.keys import DeidKey

N, START_MM, STEP_MM = 12, -300.0, 5.0
HU = {"RescaleSlope": "1", "RescaleIntercept": "-1024", "RescaleType": "HU"}
UNIT = an_item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Becquerels/milliliter")
SCALE = {"RealWorldValueSlope": 2.5, "RealWorldValueIntercept": 0.0, "MeasurementUnitsCodeSequence": [UNIT]}
TAKEN = {"FrameAcquisitionDateTime": "20250101110500", "FrameAcquisitionDuration": 120e3}


def a_ct(stored: np.ndarray, places: Sequence[int], **changes) -> Dataset:
    frames = [a_frame(k, PixelValueTransformationSequence=HU) for k in places]
    return _identified(a_multi_frame("CT", stored[list(places)], frames), "CT", **changes)


def a_pet(stored: np.ndarray, places: Sequence[int], **changes) -> Dataset:
    frames = [a_frame(k, FrameContentSequence=TAKEN, RealWorldValueMappingSequence=SCALE) for k in places]
    gone = ("Units", "DecayCorrection", "CorrectedImage", "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime")
    gone = dict.fromkeys((*gone, "ActualFrameDuration", "RescaleSlope", "RescaleIntercept"))
    dataset = a_multi_frame("PT", stored[list(places)], frames, **gone)
    dataset.DecayCorrected = dataset.AttenuationCorrected = "YES"
    dataset.AcquisitionDateTime = TAKEN["FrameAcquisitionDateTime"]
    dataset.DecayCorrectionDateTime = "20250101110000"
    return _identified(dataset, "PT", **changes)


def _identified(dataset: Dataset, modality: str, **changes) -> Dataset:
    common = {
        "PatientID": "H-4711",
        "StudyInstanceUID": "1.2.826.0.2",
        "SeriesInstanceUID": f"1.2.826.0.3.{len(modality)}{modality == 'PT':d}",
        "FrameOfReferenceUID": "1.2.826.0.4",
        "StudyDate": "20250101",
        "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    }
    for keyword, value in {**common, **changes}.items():
        setattr(dataset, keyword, value)
    return dataset


def parts_of(sizes: Sequence[int], *, total: bool = True) -> list[tuple[range, dict]]:
    """Places of the parts of a concatenation of these sizes, and what each part says of itself."""
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    told = [
        {"ConcatenationUID": "1.2.826.0.5", "InConcatenationNumber": n + 1, "ConcatenationFrameOffsetNumber": start}
        for n, start in enumerate(starts)
    ]
    if total:
        told = [{**each, "InConcatenationTotalNumber": len(sizes)} for each in told]
    return [(range(start, start + size), each) for start, size, each in zip(starts, sizes, told, strict=True)]


def ingested(datasets: Sequence[Dataset], folder: Path) -> IngestPlan:
    """Write the files under names that say nothing of their order, and plan the folder."""
    folder.mkdir(exist_ok=True)
    for n, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = f"1.2.826.0.1.{dataset.SOPClassUID.split('.')[-1]}.{n}"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{dataset.Modality}{n}.dcm", enforce_file_format=True)
    return plan_ingest(list(scan(list_files([folder]), {})), IngestConfig(min_slices=2), DeidKey(b"k" * 32).short_id)


def volume(plan: IngestPlan, role: Role) -> SourceVolume:
    (found,) = [each for session in plan.sessions for each in session.volumes if each.role is role]
    return found


def converted(found: SourceVolume, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels [k, j, i] and affine of the volume that the plan names."""
    folder.mkdir(exist_ok=True)
    datasets = [pydicom.dcmread(image.path) for image in found.instances]
    order = an_order(found.role, found.label, layout=found.layout, groups=found.groups)
    convert_series(datasets, order, folder, "p", None)
    image = nib.load(folder / f"sub-7K3QF2_ses-petct1_{found.role}.nii.gz")
    return np.asanyarray(image.dataobj).T, image.affine


def check_whole(found: SourceVolume, folder: Path, wanted: np.ndarray) -> None:
    voxels, affine = converted(found, folder)
    assert voxels.shape == wanted.shape
    assert np.allclose(voxels, wanted, rtol=1e-6)
    for k in (0, N - 1):
        assert affine @ [0, 0, k, 1] == pytest.approx([100, 80, START_MM + STEP_MM * k, 1], abs=1e-4)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), total=st.booleans())
def test_the_parts_of_a_concatenation_are_one_volume_in_any_order_of_files(data, total, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("parts")
    cuts = sorted(data.draw(st.sets(st.integers(1, N - 1), min_size=1, max_size=4)))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, N], strict=True)]
    stored = some_pixels((N, 6, 5), "<u2")
    parts = [a_ct(stored, places, **told) for places, told in parts_of(sizes, total=total)]
    plan = ingested(data.draw(st.permutations(parts)), folder / "raw")
    found = volume(plan, Role.CT)
    assert [image.concatenation_number for image in found.instances] == list(range(1, len(sizes) + 1))
    check_whole(found, folder / "out", stored.astype(int) - 1024)


def test_the_parts_of_a_pet_are_one_volume_with_its_ct(tmp_path: Path) -> None:
    stored = some_pixels((N, 6, 5))
    halves = [a_pet(stored, places, **told) for places, told in parts_of((6, 6))]
    plan = ingested([*halves, a_ct(stored.astype("<u2"), range(N))], tmp_path / "raw")
    assert {decision.disposition for decision in plan.decisions} == {Disposition.USED}
    check_whole(volume(plan, Role.PET), tmp_path / "out", stored * 2.5 * FACTOR)


@pytest.mark.parametrize(("gone", "total"), [(0, True), (1, True), (2, True), (0, False), (1, False)], ids=str)
@pytest.mark.parametrize("make", [a_ct, a_pet])
def test_a_concatenation_without_one_of_its_parts_is_refused_by_name(tmp_path: Path, make, gone, total) -> None:
    stored = some_pixels((N, 6, 5), "<u2" if make is a_ct else "<i2")
    parts = [make(stored, places, **told) for places, told in parts_of((4, 4, 4), total=total)]
    del parts[gone]
    plan = ingested(parts, tmp_path / "raw")
    assert plan.sessions == ()
    assert {(d.disposition, d.code) for d in plan.decisions} == {(Disposition.QUARANTINED, "ING-225")}
    (finding,) = plan.findings
    assert finding.measured == 2
    assert finding.limit == 3


def test_a_part_that_lost_frames_is_refused_by_name(tmp_path: Path) -> None:
    stored = some_pixels((N, 6, 5), "<u2")
    (_, first), (_, second) = parts_of((6, 6))
    plan = ingested([a_ct(stored, range(5), **first), a_ct(stored, range(6, 12), **second)], tmp_path / "raw")
    assert {d.code for d in plan.decisions} == {"ING-225"}
    (finding,) = plan.findings
    assert (finding.measured, finding.limit) == (5, 6)


@pytest.mark.parametrize("sizes", [(6, 6), (2, 10), (11, 1), (1,) * N], ids=str)
@pytest.mark.parametrize("make", [a_ct, a_pet])
def test_objects_that_follow_each_other_are_one_volume_down_to_one_frame_each(tmp_path: Path, make, sizes) -> None:
    stored = some_pixels((N, 6, 5), "<u2" if make is a_ct else "<i2")
    objects = [make(stored, places) for places, _ in parts_of(sizes)]
    plan = ingested(objects[::-1], tmp_path / "raw")
    assert {(d.disposition, d.code) for d in plan.decisions} == {(Disposition.USED, "")}
    found = volume(plan, Role.CT if make is a_ct else Role.PET)
    assert found.layout is Layout.MULTI_FRAME
    wanted = stored.astype(int) - 1024 if make is a_ct else stored * 2.5 * FACTOR
    check_whole(found, tmp_path / "out", wanted)


def test_objects_with_a_hole_between_them_are_refused_by_name(tmp_path: Path) -> None:
    stored = some_pixels((N, 6, 5), "<u2")
    plan = ingested([a_ct(stored, range(5)), a_ct(stored, range(6, 12))], tmp_path / "raw")
    with pytest.raises(Refused, match="CON-113"):
        converted(volume(plan, Role.CT), tmp_path / "out")


def test_two_ct_objects_of_the_same_places_are_refused_by_name_not_averaged(tmp_path: Path) -> None:
    stored = some_pixels((N, 6, 5), "<u2")
    objects = [a_ct(stored, range(N)), a_ct(stored + 1, range(N))]
    for n, dataset in enumerate(objects):
        for groups in dataset.PerFrameFunctionalGroupsSequence:
            groups.FrameContentSequence = [an_item(FrameAcquisitionDateTime=f"2025010111{n:02d}00")]
    plan = ingested(objects, tmp_path / "raw")
    with pytest.raises(Refused, match="CON-502"):
        converted(volume(plan, Role.CT), tmp_path / "out")
