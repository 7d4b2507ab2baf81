"""Volumes that are more than one stack of files: frames, gates, stations, mosaics, multi-frame objects; real files written."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.convert_builders import (
    FACTOR,
    a_frame,
    a_multi_frame,
    a_stack,
    an_item,
    an_order,
    places_of,
    some_pixels,
)
from umd_curate.convert.geometry import stack_of_places
from umd_curate.convert.header_io import pet_header
from umd_curate.convert.private_io import private_facts
from umd_curate.convert.step import Converted, convert_series
from umd_curate.model.findings import Refused
from umd_curate.model.sidecars import ImageSidecar, PetSidecar
from umd_curate.model.study import Layout, Role
from umd_curate.store.dicom import dataset_of
from umd_curate.store.nifti import read_volume

HALF_LIFE_S = 6586.2
STEM = "sub-7K3QF2_ses-petct1"


def convert(datasets: Sequence[Dataset], role: Role, folder: Path, *, label: str = "", frames: str = "static", **order):
    """Convert as the pixel path does: private facts are read of each dataset before it is handed on."""
    latest = []

    def stream():
        for dataset in datasets:
            latest[:] = [private_facts(dataset, "s-X")]
            yield dataset

    made = an_order(role, label, **order)
    return convert_series(stream(), made, folder, "p", None, private=lambda: latest[0], frames=frames)


def refusal(datasets: Sequence[Dataset], role: Role, folder: Path, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        convert(datasets, role, folder, **options)
    assert list(folder.iterdir()) == []
    return f"{caught.value.finding.code} {caught.value.finding.detail}"


def sidecar(folder: Path, role: str) -> dict[str, Any]:
    return json.loads((folder / f"{STEM}_{role}.json").read_text())


def image(folder: Path, role: str) -> np.ndarray:
    return read_volume(folder / f"{STEM}_{role}.nii.gz").array_kji


def codes_of(converted: Converted) -> set[str]:
    return {finding.code for finding in converted.findings}


# --- any orientation -----------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    spacing=st.tuples(st.floats(0.3, 8.0), st.floats(0.3, 8.0), st.floats(0.3, 12.0)),
    is_reversed=st.booleans(),
)
def test_every_voxel_of_any_orientation_stands_where_dicom_puts_it(angles, spacing, is_reversed) -> None:
    a, b, c = angles
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    row, column, normal = (turn_z @ turn_y @ turn_x).T
    stored = np.arange(4 * 6 * 5, dtype="<u2").reshape(4, 6, 5)
    step = normal * spacing[2] * (-1 if is_reversed else 1)
    orientation = [float(f"{number:.10f}") for number in (*row, *column)]
    made = {"ImageOrientationPatient": orientation, "PixelSpacing": [spacing[0], spacing[1]]}
    datasets = a_stack("MR", stored, step=step, **made)
    with TemporaryDirectory() as folder:
        geometry = stack_of_places(places_of(datasets), "s-X")
        convert_series(datasets, an_order(Role.MR), Path(folder), "p", geometry)
        found = nib.load(Path(folder) / f"{STEM}_mr.nii.gz")
        values, affine = np.asanyarray(found.dataobj), found.affine
    i, j, k = np.meshgrid(range(5), range(6), range(4), indexing="ij")
    assert np.array_equal(values[i, j, k], stored[k, j, i])
    for n, dataset in enumerate(datasets):
        start = np.array(dataset.ImagePositionPatient, float)
        for jj, ii in ((0, 0), (5, 4), (2, 3)):
            lps = start + ii * spacing[1] * np.array(orientation[:3]) + jj * spacing[0] * np.array(orientation[3:])
            assert affine @ [ii, jj, n, 1] == pytest.approx([-lps[0], -lps[1], lps[2], 1], abs=1e-4)


# --- time frames and gates -----------------------------------------------------------------------------------------


def a_dynamic_pet(stored: np.ndarray, starts_s: Sequence[int], durations_s: Sequence[int], **changes: Any):
    """Frames [t, k, j, i], all corrected to the scan's start an hour after the injection."""
    datasets = []
    for pixels, start, duration in zip(stored, starts_s, durations_s, strict=True):
        clock = f"11{start // 60:02d}{start % 60:02d}"
        datasets += a_stack(
            "PT",
            pixels,
            AcquisitionTime=clock,
            ActualFrameDuration=str(1000 * duration),
            FrameReferenceTime=None,
            **changes,
        )
    return datasets


def test_a_dynamic_pet_is_the_mean_of_its_frames_by_duration(tmp_path: Path) -> None:
    stored = some_pixels((3, 4, 6, 5)[1:]) + np.arange(3, dtype="<i2")[:, None, None, None] * 100
    datasets = a_dynamic_pet(stored, (0, 60, 180), (60, 120, 300))
    converted = convert(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4, 4))
    wanted = FACTOR * np.average(stored.astype(float), axis=0, weights=(60, 120, 300))
    assert np.allclose(image(tmp_path, "pet"), wanted, rtol=1e-6)
    assert codes_of(converted) == {"CON-504"}
    told = PetSidecar.model_validate(sidecar(tmp_path, "pet"))
    assert [(entry.start, entry.duration) for entry in told.averaged.frames] == [(3600, 60), (3660, 120), (3780, 300)]
    assert [entry.weight for entry in told.averaged.frames] == pytest.approx([0.125, 0.25, 0.625])
    assert (told.averaged.time_zero, told.frame_duration, told.units) == ("injection", 480.0, "SUVbw")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{STEM}_pet.json", f"{STEM}_pet.nii.gz"]


def test_frames_that_were_not_decay_corrected_are_each_given_their_own_factor(tmp_path: Path) -> None:
    decay = np.log(2) / HALF_LIFE_S
    starts, durations = np.array([0.0, 60.0, 180.0]), np.array([60.0, 120.0, 300.0])
    # A lasting SUV of 1: the measured activity falls with time, and within a frame its mean is measured.
    left = 2.0 ** (-(3600 + starts) / HALF_LIFE_S) * -np.expm1(-decay * durations) / (decay * durations)
    measured = 368.08e6 * left / 70e3
    stored = np.ones((3, 4, 6, 5), "<i2")
    datasets = a_dynamic_pet(stored, (0, 60, 180), (60, 120, 300), DecayCorrection="NONE", CorrectedImage=["ATTN"])
    for n, dataset in enumerate(datasets):
        dataset.RescaleSlope = f"{measured[n // 4]:.10g}"
    convert(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4, 4))
    assert np.allclose(image(tmp_path, "pet"), 1.0, rtol=1e-6)


def test_uncorrected_frames_without_suv_have_no_mean(tmp_path: Path) -> None:
    stored = np.ones((2, 4, 6, 5), "<i2")
    datasets = a_dynamic_pet(stored, (0, 60), (60, 60), DecayCorrection="NONE", PatientWeight=None)
    assert refusal(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4)).startswith("CON-507")


def test_a_frame_of_unknown_duration_is_refused(tmp_path: Path) -> None:
    datasets = a_dynamic_pet(np.ones((2, 4, 6, 5), "<i2"), (0, 60), (60, 60))
    del datasets[5].ActualFrameDuration
    told = refusal(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4), frames="4d")
    assert told == "CON-506 (0018,1242) ActualFrameDuration"


def test_frames_are_kept_as_4d_when_asked_with_their_times(tmp_path: Path) -> None:
    stored = some_pixels((12, 6, 5)).reshape(3, 4, 6, 5)
    datasets = a_dynamic_pet(stored, (0, 60, 180), (60, 120, 300))
    converted = convert(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4, 4), frames="4d")
    assert [entry.what for entry in converted.artifacts] == [
        "staged-pet",
        "staged-pet.json",
        "staged-desc-dynamic_pet",
        "staged-desc-dynamic_pet.json",
    ]
    found = nib.load(tmp_path / f"{STEM}_desc-dynamic_pet.nii.gz")
    assert found.shape == (5, 6, 4, 3)
    assert np.allclose(np.asanyarray(found.dataobj).T, stored * FACTOR, rtol=1e-6)
    assert np.array_equal(found.affine, nib.load(tmp_path / f"{STEM}_pet.nii.gz").affine)
    told = sidecar(tmp_path, "desc-dynamic_pet")
    PetSidecar.model_validate(told)
    assert told["FrameTimesStart"] == [3600.0, 3660.0, 3780.0]
    assert told["FrameDuration"] == [60.0, 120.0, 300.0]
    assert told["VoxelSha256"] not in {"", sidecar(tmp_path, "pet")["VoxelSha256"]}


def test_frames_of_a_pet_without_injection_time_count_from_the_first(tmp_path: Path) -> None:
    datasets = a_dynamic_pet(some_pixels((8, 6, 5)).reshape(2, 4, 6, 5), (0, 60), (60, 120))
    for dataset in datasets:
        drug = dataset.RadiopharmaceuticalInformationSequence[0]
        del drug.RadiopharmaceuticalStartTime, drug.RadiopharmaceuticalStartDateTime
    convert(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4), frames="4d")
    told = sidecar(tmp_path, "desc-dynamic_pet")
    assert (told["TimeZero"], told["FrameTimesStart"], told["Units"]) == ("first frame", [0.0, 60.0], "Bq/mL")


def test_gates_are_averaged_by_their_own_part_of_the_time(tmp_path: Path) -> None:
    stored = some_pixels((8, 6, 5)).reshape(2, 4, 6, 5)
    datasets = a_dynamic_pet(stored, (0, 0), (300, 300))
    for n, dataset in enumerate(datasets):
        dataset.FrameTime = "250" if n < 4 else "750"
    convert(datasets, Role.PET, tmp_path, layout=Layout.GATED, groups=(4, 4), frames="4d")
    assert np.allclose(image(tmp_path, "pet"), FACTOR * (stored[0] * 0.25 + stored[1] * 0.75), rtol=1e-6)
    assert sidecar(tmp_path, "pet")["Averaged"]["Kind"] == "gated"
    assert (tmp_path / f"{STEM}_desc-gated_pet.nii.gz").exists()


def test_a_gate_without_the_time_that_the_others_have_is_refused(tmp_path: Path) -> None:
    datasets = a_dynamic_pet(np.ones((2, 4, 6, 5), "<i2"), (0, 0), (300, 300))
    for dataset in datasets[:4]:
        dataset.FrameTime = "250"
    assert refusal(datasets, Role.PET, tmp_path, layout=Layout.GATED, groups=(4, 4)) == "CON-506 (0018,1063) FrameTime"


def test_phases_of_a_ct_are_averaged_alike_and_the_blur_is_told(tmp_path: Path) -> None:
    stored = some_pixels((8, 6, 5)).reshape(2, 4, 6, 5)
    datasets = [each for phase in stored for each in a_stack("CT", phase)]
    converted = convert(datasets, Role.CT, tmp_path, layout=Layout.GATED, groups=(4, 4), frames="4d")
    assert np.array_equal(image(tmp_path, "ct"), (stored.mean(axis=0) - 1024).astype(np.float32))
    assert codes_of(converted) == {"CON-505"}
    assert len(converted.artifacts) == 2


def test_time_points_of_an_mr_are_no_anatomical_image(tmp_path: Path) -> None:
    datasets = [each for _ in range(2) for each in a_stack("MR", some_pixels())]
    assert refusal(datasets, Role.MR, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4)).startswith("CON-503")


@pytest.mark.parametrize(
    ("groups", "n_files", "code"),
    [
        ((4, 4), 7, "CON-205"),  # a file is missing in the last group
        ((4, 4), 4, "CON-205"),  # the last group is missing
        ((4, 3), 7, "CON-508"),  # the last group shows another grid
        ((4, 4), 9, "CON-205"),  # a file is left over
    ],
)
def test_groups_that_do_not_fit_the_files_are_refused(
    tmp_path: Path, groups: tuple[int, ...], n_files: int, code: str
) -> None:
    stacks = [a_stack("PT", np.ones((n, 6, 5), "<i2")) for n in (4, 4, 1)]
    datasets = [dataset for stack in stacks for dataset in stack]
    placed = places_of(datasets)[: sum(groups)]
    places = tuple((6, 5, p.position_mm, p.orientation, p.pixel_spacing_mm, 5.0) for p in placed)
    options = {"layout": Layout.DYNAMIC, "groups": groups, "places": places, "frames": "4d"}
    assert refusal(datasets[:n_files], Role.PET, tmp_path, **options).startswith(code)


def test_frames_on_two_grids_are_refused(tmp_path: Path) -> None:
    datasets = [*a_stack("PT", some_pixels()), *a_stack("PT", some_pixels(), PixelSpacing=[2.0, 3.1])]
    assert refusal(datasets, Role.PET, tmp_path, layout=Layout.DYNAMIC, groups=(4, 4)).startswith("CON-508")


# --- enhanced multi-frame ------------------------------------------------------------------------------------------


def an_enhanced_pet(
    stored: np.ndarray,
    times: Sequence[str],
    durations_ms: Sequence[float],
    slopes: Sequence[float],
    unit: str = "Bq/ml",
) -> pydicom.Dataset:
    """Enhanced PET [t, k, j, i]: no element of the single-frame PET modules, all in functional groups (PS3.3 A.56)."""
    frames = []
    for n, pixels in enumerate(stored):
        for k in range(len(pixels)):
            content = {"FrameAcquisitionDateTime": times[n], "FrameAcquisitionDuration": durations_ms[n]}
            mapping = {
                "RealWorldValueSlope": slopes[n],
                "RealWorldValueIntercept": 0.0,
                "MeasurementUnitsCodeSequence": [an_item(CodeValue=unit, CodingSchemeDesignator="UCUM")],
            }
            content["TemporalPositionIndex"] = n + 1
            frames.append(a_frame(k, FrameContentSequence=content, RealWorldValueMappingSequence=mapping))
    gone = ("Units", "DecayCorrection", "CorrectedImage", "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime")
    gone = dict.fromkeys((*gone, "ActualFrameDuration", "RescaleSlope", "RescaleIntercept"))
    dataset = a_multi_frame("PT", stored.reshape(-1, *stored.shape[2:]), frames, **gone)
    dataset.AcquisitionDateTime = times[0]
    for keyword in ("DecayCorrected", "AttenuationCorrected", "ScatterCorrected", "RandomsCorrected"):
        setattr(dataset, keyword, "YES")
    dataset.DeadTimeCorrected = "NO"
    dataset.DecayCorrectionDateTime = "20250101110000"
    return dataset


def test_an_enhanced_pet_says_what_a_single_frame_one_says() -> None:
    dataset = an_enhanced_pet(some_pixels((4, 6, 5))[None], ["20250101110500"], [120e3], [2.5])
    header = pet_header(dataset, 1)
    assert (header.units, header.rescale_slope, header.rescale_intercept) == ("BQML", 2.5, 0.0)
    assert header.corrected_image == ("DECY", "ATTN", "SCAT", "RAN")
    assert (header.decay_correction, header.decay_correction_datetime) == ("START", "20250101110000")
    assert (header.acquisition_time, header.acquisition_datetime) == (None, "20250101110500")
    assert header.frame_duration_ms == 120e3


def test_an_enhanced_pet_becomes_suv(tmp_path: Path) -> None:
    stored = some_pixels()
    convert([an_enhanced_pet(stored[None], ["20250101110500"], [120e3], [2.5])], Role.PET, tmp_path)
    assert np.allclose(image(tmp_path, "pet"), stored * 2.5 * FACTOR, rtol=1e-6)
    assert sidecar(tmp_path, "pet")["Suv"]["Rule"] == "BQML/START/DecayCorrectionDateTime"
    assert sidecar(tmp_path, "pet")["ScanStart"] == 3900.0


def test_time_frames_within_an_enhanced_pet_are_averaged_by_their_durations(tmp_path: Path) -> None:
    stored = some_pixels((8, 6, 5)).reshape(2, 4, 6, 5)
    dataset = an_enhanced_pet(stored, ["20250101110000", "20250101110100"], [60e3, 180e3], [2.0, 4.0])
    convert([dataset], Role.PET, tmp_path, layout=Layout.MULTI_FRAME, frames="4d")
    wanted = FACTOR * (stored[0] * 2.0 * 0.25 + stored[1] * 4.0 * 0.75)
    assert np.allclose(image(tmp_path, "pet"), wanted, rtol=1e-6)
    assert sidecar(tmp_path, "desc-dynamic_pet")["FrameTimesStart"] == [3600.0, 3660.0]
    assert sidecar(tmp_path, "pet")["MultiFrame"]["ToldApartBy"] == ["(0020,9128) TemporalPositionIndex"]


@pytest.mark.parametrize(("unit", "rule"), [("g/ml{SUVbw}", "GML/BW"), ("{SUVlbm}g/ml", "GML/LBM")])
def test_an_enhanced_pet_in_suv_units_keeps_its_scale(tmp_path: Path, unit: str, rule: str) -> None:
    convert([an_enhanced_pet(some_pixels()[None], ["20250101110000"], [60e3], [1e-3], unit)], Role.PET, tmp_path)
    assert sidecar(tmp_path, "pet")["Suv"]["Rule"] == rule


def test_an_enhanced_pet_without_attenuation_correction_is_refused(tmp_path: Path) -> None:
    dataset = an_enhanced_pet(some_pixels()[None], ["20250101110000"], [60e3], [1.0])
    dataset.AttenuationCorrected = "NO"
    assert refusal([dataset], Role.PET, tmp_path).startswith("SUV-104")


def test_an_enhanced_pet_whose_decay_reference_is_missing_has_no_suv(tmp_path: Path) -> None:
    dataset = an_enhanced_pet(some_pixels()[None], ["20250101110000"], [60e3], [2.0])
    del dataset.DecayCorrectionDateTime
    assert codes_of(convert([dataset], Role.PET, tmp_path)) == {"SUV-205"}
    assert np.array_equal(image(tmp_path, "pet"), (some_pixels() * 2.0).astype(np.float32))


def an_object_with_times(stored: np.ndarray, durations_ms: Sequence[float], **whole: Any) -> pydicom.Dataset:
    """Enhanced PET, its frames one after the other from 11:00 on, with elements of the whole object beside them."""
    starts = np.cumsum([0, *durations_ms])[: len(stored)] / 1000
    times = [f"2025010111{int(start) // 60:02d}{int(start) % 60:02d}" for start in starts]
    dataset = an_enhanced_pet(stored, times, durations_ms, [1.0] * len(stored))
    for keyword, value in whole.items():
        setattr(dataset, keyword, value)
    return dataset


WHOLE = {"ActualFrameDuration": "10000", "AcquisitionDate": "20250101", "AcquisitionTime": "110000"}


def test_frames_weigh_by_their_own_durations_whatever_the_whole_object_says(tmp_path: Path) -> None:
    stored = np.array([100, 8000], "<i2")[:, None, None, None] + some_pixels((8, 6, 5), high=50).reshape(2, 4, 6, 5)
    dataset = an_object_with_times(stored.astype("<i2"), [10e3, 300e3], **WHOLE)
    convert([dataset], Role.PET, tmp_path, layout=Layout.MULTI_FRAME, frames="4d")
    assert np.allclose(image(tmp_path, "pet"), FACTOR * (stored[0] * 10 + stored[1] * 300.0) / 310, rtol=1e-6)
    assert sidecar(tmp_path, "desc-dynamic_pet")["FrameTimesStart"] == [3600.0, 3610.0]
    assert sidecar(tmp_path, "desc-dynamic_pet")["FrameDuration"] == [10.0, 300.0]


@pytest.mark.parametrize("keyword", [*WHOLE, "AcquisitionDateTime"])
def test_a_pet_without_decay_correction_is_carried_from_the_times_of_each_frame(tmp_path: Path, keyword: str) -> None:
    """Two beds in one object, 10 min apart; truth by hand: decay to the bed's start, mean over its 600 s."""
    dataset = an_enhanced_pet(some_pixels()[None], ["20250101110000"], [600e3], [1.0])
    dataset.DecayCorrected = "NO"
    del dataset.DecayCorrectionDateTime
    value = {**WHOLE, "AcquisitionDateTime": "20250101110000"}[keyword]
    setattr(dataset, keyword, value)
    if keyword == "AcquisitionTime":
        dataset.AcquisitionDate = "20250101"
    for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence[0].FrameAcquisitionDateTime = "20250101110000" if n < 2 else "20250101111000"
    convert([dataset], Role.PET, tmp_path)
    rate = np.log(2) / HALF_LIFE_S
    start = np.array([3600.0, 3600.0, 4200.0, 4200.0])
    left = 368.08e6 * np.exp(-rate * start) * (1 - np.exp(-rate * 600)) / (rate * 600)
    assert np.allclose(image(tmp_path, "pet"), some_pixels() * (70e3 / left)[:, None, None], rtol=1e-6)


def test_the_time_of_a_frame_among_unassigned_elements_goes_before_that_of_the_object(tmp_path: Path) -> None:
    dataset = an_enhanced_pet(some_pixels()[None], ["20250101110000"], [60e3], [1.0])
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20250101", "110000"
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.FrameContentSequence[0].FrameAcquisitionDateTime
        frame.UnassignedPerFrameConvertedAttributesSequence = [an_item(AcquisitionDateTime="20250101110500")]
    convert([dataset], Role.PET, tmp_path)
    assert sidecar(tmp_path, "pet")["ScanStart"] == 3900.0


def a_mapped_pet(*mappings: dict[str, Any], **whole: Any) -> pydicom.Dataset:
    """Enhanced PET with stored values 0..2999; each mapping in Bq/ml unless it says otherwise."""
    dataset = an_enhanced_pet(some_pixels()[None], ["20250101110000"], [60e3], [1.0])
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        items = []
        for mapping in mappings:
            code = an_item(CodeValue=mapping.get("unit", "Bq/ml"), CodingSchemeDesignator="UCUM")
            elements = {"RealWorldValueIntercept": 0.0, **mapping, "MeasurementUnitsCodeSequence": [code]}
            items.append(an_item(**{keyword: value for keyword, value in elements.items() if keyword != "unit"}))
        frame.RealWorldValueMappingSequence = items
    for keyword, value in whole.items():
        setattr(dataset, keyword, value)
    return dataset


def mapped(slope: float, first: float | None = None, last: float | None = None, **more: Any) -> dict[str, Any]:
    kind = "DoubleFloat" if isinstance(last, float) else ""
    ends = {f"{kind}RealWorldValueFirstValueMapped": first, f"{kind}RealWorldValueLastValueMapped": last}
    return {"RealWorldValueSlope": slope, **{key: end for key, end in ends.items() if end is not None}, **more}


@pytest.mark.parametrize(
    ("mappings", "code"),
    [
        ((mapped(1.0, 0, 2000), mapped(2.0, 2001, 32767)), "SUV-106"),
        ((mapped(1.0, 0, 32767), mapped(2.0, 0, 32767)), "SUV-106"),
        ((mapped(1.0), mapped(2.0, unit="Bq/mL")), "SUV-106"),
        ((mapped(1.0, 0, 2000),), "SUV-107"),
        ((mapped(1.0, 1000, 32767),), "SUV-107"),
        ((mapped(1.0, 0.0, 2000.0),), "SUV-107"),
        ((mapped(1.0, unit="BQML"),), "SUV-101 (0040,08EA) MeasurementUnitsCodeSequence"),
    ],
)
def test_a_mapping_that_does_not_say_what_every_value_is_is_refused(
    tmp_path: Path, mappings: Sequence[dict[str, Any]], code: str
) -> None:
    assert refusal([a_mapped_pet(*mappings)], Role.PET, tmp_path).startswith(code)


@pytest.mark.parametrize(
    "mappings",
    [
        (mapped(2.0, 0, 2999),),
        (mapped(2.0, 0.0, 2999.0),),
        (mapped(2.0, 32768, 32767),),  # -32768, written as unsigned
        (mapped(2.0, 0, 65535),),
        (mapped(2.0), mapped(2.0)),
        (mapped(2.0, unit="Bq/mL"),),
        (mapped(9e-4, 0, 10, unit="g/ml{SUVbw}"), mapped(2.0, 0, 32767)),
    ],
)
def test_a_mapping_that_holds_all_values_gives_the_scale(tmp_path: Path, mappings: Sequence[dict[str, Any]]) -> None:
    convert([a_mapped_pet(*mappings)], Role.PET, tmp_path)
    assert np.allclose(image(tmp_path, "pet"), some_pixels() * 2.0 * FACTOR, rtol=1e-6)


@pytest.mark.parametrize(("slope", "code"), [("3", "SUV-108"), ("2.0004", "SUV-108"), ("2.00001", "")])
def test_rescale_and_mapping_of_one_object_agree_or_it_is_refused(tmp_path: Path, slope: str, code: str) -> None:
    whole = {"Units": "BQML", "RescaleSlope": slope, "RescaleIntercept": "0"}
    dataset = a_mapped_pet(mapped(2.0, 0, 32767), **whole)
    if code:
        assert refusal([dataset], Role.PET, tmp_path).startswith(code)
    else:
        convert([dataset], Role.PET, tmp_path)
        assert np.allclose(image(tmp_path, "pet"), some_pixels() * 2.0 * FACTOR, rtol=1e-5)


def test_the_range_of_a_mapping_is_read_from_files_of_either_syntax(tmp_path: Path) -> None:
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        dataset = a_mapped_pet(mapped(1.0, 0, 2000))
        dataset.file_meta.TransferSyntaxUID = syntax
        file = tmp_path / "x.dcm"
        dataset.save_as(file, enforce_file_format=False)
        again = dataset_of(file.read_bytes())
        file.unlink()
        assert refusal([again], Role.PET, tmp_path).startswith("SUV-107")


def test_a_pet_converted_to_multi_frame_keeps_the_elements_of_its_slices(tmp_path: Path) -> None:
    """Legacy converted enhanced PET (PS3.3 A.70): single-frame elements stand in the unassigned groups."""
    stored, slopes = some_pixels(), [0.5, 1.25, 3.0, 0.125]
    frames = [
        a_frame(
            k,
            PixelValueTransformationSequence={"RescaleSlope": str(slopes[k]), "RescaleIntercept": "0"},
            UnassignedPerFrameConvertedAttributesSequence={
                "AcquisitionTime": "110000",
                "ActualFrameDuration": "300000",
            },
        )
        for k in (2, 0, 3, 1)
    ]
    dataset = a_multi_frame("PT", stored[[2, 0, 3, 1]], frames, AcquisitionTime=None, ActualFrameDuration=None)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128.1"
    unassigned = an_item(Units=dataset.Units, DecayCorrection=dataset.DecayCorrection)
    del dataset.Units, dataset.DecayCorrection
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.UnassignedSharedConvertedAttributesSequence = [unassigned]
    convert([dataset], Role.PET, tmp_path)
    assert np.allclose(image(tmp_path, "pet"), stored * np.array(slopes)[:, None, None] * FACTOR, rtol=1e-6)


def test_a_series_time_between_the_beds_of_a_multi_frame_pet_is_late_for_all_of_them(tmp_path: Path) -> None:
    """The times of the beds stand in the frames alone: 11:00 and 11:05, both corrected to 11:00; the series time is 11:03."""
    stored = some_pixels()
    frames = [
        a_frame(
            k,
            UnassignedPerFrameConvertedAttributesSequence={
                "AcquisitionTime": "110000" if k < 2 else "110500",
                "FrameReferenceTime": "150000" if k < 2 else "450000",
            },
        )
        for k in range(4)
    ]
    times = {"AcquisitionTime": None, "FrameReferenceTime": None, "SeriesTime": "110300"}
    dataset = a_multi_frame("PT", stored, frames, RescaleSlope="1", **times)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128.1"
    converted = convert([dataset], Role.PET, tmp_path, layout=Layout.MULTI_FRAME)
    assert converted.measured["suv_rule"] == "BQML/START/FrameReferenceTime"
    assert np.allclose(image(tmp_path, "pet"), stored * FACTOR, rtol=1e-4)


def test_several_objects_of_one_slice_each_are_one_volume(tmp_path: Path) -> None:
    stored = some_pixels(dtype="<u2")
    scale = {"RescaleSlope": "1", "RescaleIntercept": "-1024", "RescaleType": "HU"}
    objects = [
        a_multi_frame("CT", stored[k : k + 1], [a_frame(k, PixelValueTransformationSequence=scale)])
        for k in (3, 1, 0, 2)
    ]
    convert(objects, Role.CT, tmp_path, layout=Layout.MULTI_FRAME)
    assert np.array_equal(image(tmp_path, "ct"), stored.astype(int) - 1024)


def test_the_magnitude_of_a_complex_mr_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    stored = some_pixels((8, 6, 5), dtype="<u2")
    parts = [(part, k) for part in ("PHASE", "MAGNITUDE") for k in range(4)]
    frames = [a_frame(k, MRImageFrameTypeSequence={"ComplexImageComponent": part}) for part, k in parts]
    converted = convert([a_multi_frame("MR", stored, frames)], Role.MR, tmp_path, layout=Layout.MULTI_FRAME)
    assert np.array_equal(image(tmp_path, "mr"), stored[4:])
    (finding,) = converted.findings
    assert (finding.code, finding.measured) == ("CON-501", 4)
    told = ImageSidecar.model_validate(sidecar(tmp_path, "mr")).multi_frame
    assert (told.n_frames, told.n_used, told.rule) == (8, 4, "magnitude image")


def test_two_echoes_in_one_object_are_refused_by_name(tmp_path: Path) -> None:
    frames = [a_frame(k, MREchoSequence={"EffectiveEchoTime": echo}) for echo in (2.4, 4.8) for k in range(4)]
    dataset = a_multi_frame("MR", some_pixels((8, 6, 5)), frames)
    assert refusal([dataset], Role.MR, tmp_path, layout=Layout.MULTI_FRAME).startswith("CON-502 (0018,9082)")


# --- stations, mosaics, scales -------------------------------------------------------------------------------------


def stations(frame_uids: tuple[str | None, str | None] = ("1.2.3", "1.2.3"), gain: float = 1.25) -> list[Dataset]:
    """A body of 10 slices in two stations of 6, the second received weaker by `gain`."""
    body = np.random.default_rng(3).integers(800, 1200, (10, 14, 12)).astype(float)
    low = a_stack("MR", (body[:6]).astype("<u2"), FrameOfReferenceUID=frame_uids[0])
    high = a_stack("MR", np.rint(body[4:] / gain).astype("<u2"), FrameOfReferenceUID=frame_uids[1])
    for k, dataset in enumerate(high):
        dataset.ImagePositionPatient = [-100.0, -80.0, -300.0 + 5 * (4 + k)]
    return [*low, *high]


def test_stations_become_one_volume_with_their_gains_told(tmp_path: Path) -> None:
    datasets = stations()
    converted = convert(datasets, Role.MR, tmp_path, label="in", layout=Layout.STATIONS, groups=(6, 6))
    found = image(tmp_path, "mr")
    assert found.shape == (10, 14, 12)
    told = ImageSidecar.model_validate(sidecar(tmp_path, "mr"))
    first, second = told.composed.stations
    assert second.gain / first.gain == pytest.approx(1.25, rel=2e-3)
    assert (first.first, first.count, second.first, second.count, second.overlap) == (0, 6, 4, 6, 2)
    assert second.seam_step < 0.02
    assert told.dixon_channel == "in"
    body = np.concatenate([[d.pixel_array for d in datasets[:6]], [d.pixel_array * 1.25 for d in datasets[8:]]])
    assert np.abs(found / (body * first.gain) - 1).max() < 4e-3
    assert codes_of(converted) == {"CON-605"}
    assert read_volume(tmp_path / f"{STEM}_mr.nii.gz").affine @ [0, 0, 9, 1] == pytest.approx(
        [100, 80, -255, 1], abs=1e-4
    )


def test_stations_may_be_multi_frame_objects(tmp_path: Path) -> None:
    body = np.random.default_rng(3).integers(800, 1200, (10, 14, 12)).astype("<u2")
    objects = []
    for slices, gain in ((range(6), 1), (range(4, 10), 2)):
        frames = [a_frame(k) for k in reversed(slices)]
        stored = np.ascontiguousarray(body[list(reversed(slices))] // gain)
        objects.append(a_multi_frame("MR", stored, frames, FrameOfReferenceUID="1.2.3"))
    convert(objects, Role.MR, tmp_path, layout=Layout.STATIONS, groups=(1, 1))
    ratio = image(tmp_path, "mr") / body
    assert np.abs(ratio / ratio[0].mean() - 1).max() < 4e-3


def test_a_station_of_two_echoes_is_refused_by_name(tmp_path: Path) -> None:
    frames = [a_frame(k, MREchoSequence={"EffectiveEchoTime": echo}) for echo in (2.4, 4.8) for k in range(4)]
    dataset = a_multi_frame("MR", some_pixels((8, 6, 5)), frames, FrameOfReferenceUID="1.2.3")
    told = refusal([dataset, dataset], Role.MR, tmp_path, layout=Layout.STATIONS, groups=(1, 1))
    assert told.startswith("CON-502 (0018,9082)")


def test_a_multi_frame_object_in_a_stack_of_single_slices_is_refused(tmp_path: Path) -> None:
    datasets: list[Dataset] = a_stack("MR", some_pixels())
    geometry = stack_of_places(places_of(datasets), "s-X")
    datasets[1] = a_multi_frame("MR", some_pixels((2, 6, 5)), [a_frame(1), a_frame(2)])
    with pytest.raises(Refused, match="CON-107"):
        convert_series(datasets, an_order(Role.MR), tmp_path, "p", geometry)
    assert list(tmp_path.iterdir()) == []


def test_a_plain_image_in_an_order_of_mosaics_is_refused(tmp_path: Path) -> None:
    assert refusal(a_stack("MR", some_pixels()[:1]), Role.MR, tmp_path, layout=Layout.MOSAIC).startswith("CON-610")


@pytest.mark.parametrize("uids", [("1.2.3", "1.2.4"), (None, None)])
def test_stations_without_one_frame_of_reference_are_refused(tmp_path: Path, uids: tuple[str | None, ...]) -> None:
    datasets = stations(("1.2.3", "1.2.3"))
    for n, dataset in enumerate(datasets):
        dataset.FrameOfReferenceUID = uids[n // 6] or ""
    told = refusal(datasets, Role.MR, tmp_path, layout=Layout.STATIONS, groups=(6, 6))
    assert told.startswith("CON-601 (0020,0052)")


def a_united_imaging_mosaic(stored: np.ndarray) -> Dataset:
    """Five slices as tiles of a 3 x 2 grid, positions in the private sequence (0065,xx51), stored from the top down."""
    tiles = np.zeros((2, 3, *stored.shape[1:]), stored.dtype)
    tiles.reshape(6, *stored.shape[1:])[: len(stored)] = stored[::-1]
    plane = tiles.transpose(0, 2, 1, 3).reshape(2 * stored.shape[1], 3 * stored.shape[2])
    (dataset,) = a_stack("MR", plane[None], ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"], ImagePositionPatient=None)
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    positions = [[-100.0, -80.0, -300.0 + 4.2 * k] for k in reversed(range(len(stored)))]
    block.add_new(0x51, "SQ", [an_item(ImagePositionPatient=position) for position in positions])
    return dataset


def test_a_mosaic_is_taken_apart_with_every_slice_in_its_place(tmp_path: Path) -> None:
    stored = some_pixels((5, 6, 7), dtype="<u2")
    convert([a_united_imaging_mosaic(stored)], Role.MR, tmp_path, layout=Layout.MOSAIC, groups=(1,))
    found = read_volume(tmp_path / f"{STEM}_mr.nii.gz")
    assert np.array_equal(found.array_kji, stored)
    assert found.affine @ [0, 0, 4, 1] == pytest.approx([100, 80, -300 + 4 * 4.2, 1], abs=1e-4)
    assert found.grid.spacing_mm == pytest.approx((3, 2, 4.2))


def test_a_mosaic_that_lost_its_private_elements_is_refused(tmp_path: Path) -> None:
    dataset = a_united_imaging_mosaic(some_pixels((5, 6, 7), dtype="<u2"))
    del dataset[0x00651051]
    assert refusal([dataset], Role.MR, tmp_path, layout=Layout.MOSAIC).startswith("CON-610 (0019,100A)")


def test_mosaics_of_several_time_points_are_refused(tmp_path: Path) -> None:
    datasets = [a_united_imaging_mosaic(some_pixels((5, 6, 7), dtype="<u2")) for _ in range(3)]
    assert refusal(datasets, Role.MR, tmp_path, layout=Layout.MOSAIC, groups=(1, 1, 1)).startswith("CON-503")


def test_a_philips_mr_names_its_displayed_values_and_the_way_to_the_precise_ones(tmp_path: Path) -> None:
    datasets = a_stack("MR", some_pixels(), Manufacturer="Philips", RescaleSlope="1.25", RescaleIntercept="0")
    for dataset in datasets:
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0D, "FL", 0.0)
        block.add_new(0x0E, "FL", 0.5)
    convert(datasets, Role.MR, tmp_path)
    told = sidecar(tmp_path, "mr")
    assert told["ValueRule"] == "displayed"
    assert told["PhilipsScale"] == {"ScaleSlope": 0.5, "ScaleIntercept": 0.0, "PreciseFactor": 1 / (1.25 * 0.5)}


def test_slices_of_a_philips_mr_on_two_scales_are_found(tmp_path: Path) -> None:
    datasets = a_stack("MR", some_pixels(), Manufacturer="Philips", RescaleSlope="1.25", RescaleIntercept="0")
    for n, dataset in enumerate(datasets):
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 0.5 if n < 2 else 0.25)
    (finding,) = convert(datasets, Role.MR, tmp_path).findings
    assert (finding.code, finding.measured) == ("CON-211", pytest.approx(2.0))


@pytest.mark.parametrize("case", ["dynamic", "stations", "mosaic", "enhanced"])
def test_converting_twice_gives_the_same_bytes(tmp_path: Path, case: str) -> None:
    made: dict[str, tuple[list[Dataset], Role, dict[str, Any]]] = {
        "dynamic": (
            a_dynamic_pet(some_pixels((8, 6, 5)).reshape(2, 4, 6, 5), (0, 60), (60, 60)),
            Role.PET,
            {"layout": Layout.DYNAMIC, "groups": (4, 4), "frames": "4d"},
        ),
        "stations": (stations(), Role.MR, {"layout": Layout.STATIONS, "groups": (6, 6)}),
        "mosaic": ([a_united_imaging_mosaic(some_pixels((5, 6, 7), "<u2"))], Role.MR, {"layout": Layout.MOSAIC}),
        "enhanced": ([an_enhanced_pet(some_pixels()[None], ["20250101110500"], [60e3], [2.5])], Role.PET, {}),
    }
    datasets, role, options = made[case]
    for run in ("a", "b"):
        convert(datasets, role, tmp_path / run, **options)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
