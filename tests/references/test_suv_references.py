"""SUV and geometry against answers that others have published."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.convert_builders import an_order, places_of
from umd_curate.convert.contours_io import convert_contours
from umd_curate.convert.geometry import stack_of_places
from umd_curate.convert.header_io import Attributes, pet_header, slice_place
from umd_curate.convert.step import Converted, convert_series
from umd_curate.convert.suv import derive_suv, same_suv
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume, slice_normal
from umd_curate.model.pet import PetHeader
from umd_curate.model.study import Role
from umd_curate.store.dicom import read_dataset
from umd_curate.store.nifti import read_volume
from umd_curate.store.resources import organ_table

REFERENCE_OBJECTS = ["DRO_0_0", "DRO_1_0", "DRO_2_1", "DRO_3_0", "DRO_4_1"]


def convert(files: Iterable[Path], role: Role, folder: Path) -> tuple[Converted, Volume]:
    datasets = [read_dataset(path) for path in sorted(files)]
    geometry = None
    if "PerFrameFunctionalGroupsSequence" not in datasets[0]:
        placed = [(slice_place(Attributes(dataset)), dataset) for dataset in datasets]
        normal = slice_normal(placed[0][0].orientation)
        placed.sort(key=lambda entry: float(np.dot(entry[0].position_mm, normal)))
        geometry = stack_of_places([place for place, _ in placed], "s-X")
        datasets = [dataset for _, dataset in placed]
    converted = convert_series(datasets, an_order(role), folder, "p", geometry)
    return converted, read_volume(folder / f"sub-7K3QF2_ses-petct1_{role}.nii.gz")


def canonical(image: nib.Nifti1Image) -> tuple[np.ndarray, np.ndarray]:
    turned = nib.as_closest_canonical(image)
    return np.asanyarray(turned.dataobj), turned.affine


def assert_same_in_space(volume: Volume, truth: nib.Nifti1Image) -> None:
    """Compare by place, never by index: converters store rows in either order."""
    ours = nib.Nifti1Image(volume.array_kji.T.astype(np.float32), volume.affine)
    (found, found_affine), (wanted, wanted_affine) = canonical(ours), canonical(truth)
    assert found_affine == pytest.approx(wanted_affine, abs=1e-4)
    assert np.array_equal(found, wanted.reshape(found.shape).astype(np.float32))


@pytest.mark.parametrize("name", REFERENCE_OBJECTS)
def test_reference_objects_have_their_published_suv(shared_data: Path, tmp_path: Path, name: str) -> None:
    folder = shared_data / "suv-reference-objects" / name
    _, volume = convert((folder / "PT").glob("*.dcm"), Role.PET, tmp_path)
    mask = nib.load(folder / "mask" / "DRO_mask.nii.gz")
    assert volume.affine == pytest.approx(mask.affine, abs=1e-4)
    inside = volume.array_kji[np.asanyarray(mask.dataobj).T > 0]
    assert [round(float(value), 2) for value in (inside.min(), np.median(inside), inside.max())] == [0.20, 1.00, 4.00]


def header_of(entry: dict[str, object]) -> PetHeader:
    private = entry["PhilipsPETPrivateGroup"]
    assert isinstance(private, dict)

    def number(key: str) -> float | None:
        return float(entry[key]) if key in entry else None

    def text(key: str) -> str | None:
        return str(entry[key]) if key in entry else None

    factors = {key: float(value) for key, value in private.items()}
    return PetHeader(
        units=text("Units"),
        rescale_slope=1.0,
        corrected_image=tuple(entry["CorrectedImage"]),
        decay_correction=text("DecayCorrection"),
        weight=number("PatientWeight"),
        size=number("PatientSize"),
        sex=text("PatientSex"),
        radiopharmaceuticals=1,
        total_dose=number("RadionuclideTotalDose"),
        half_life_s=number("RadionuclideHalfLife"),
        injection_time=text("RadiopharmaceuticalStartTime"),
        injection_datetime=text("RadiopharmaceuticalStartDateTime"),
        series_date=text("SeriesDate"),
        series_time=text("SeriesTime"),
        acquisition_date=text("AcquisitionDate"),
        acquisition_time=text("AcquisitionTime"),
        frame_reference_time_ms=number("FrameReferenceTime"),
        frame_duration_ms=number("ActualFrameDuration"),
        philips_suv_factor=factors.get("SUVScaleFactor"),
        philips_activity_factor=factors.get("ActivityConcentrationScaleFactor"),
    )


@pytest.mark.parametrize(
    "vendor",
    ["SIEMENS", "GE_MEDICAL_AND_BQML", "PHILIPS_BQML", "PHILIPS_CNTS_AND_SUV", "RADIOPHARM_DATETIME_UNDEFINED"],
)
def test_headers_of_three_makers_give_their_published_factors(shared_data: Path, vendor: str) -> None:
    folder = shared_data / "suv-headers"
    expected = json.loads((folder / "expected_suvbw.json").read_text())[vendor]
    for entry in json.loads((folder / f"{vendor}-instances.json").read_text()):
        assert derive_suv(header_of(entry), "s-X").factor == pytest.approx(expected, abs=1e-6, rel=1e-6)


def test_the_raw_pet_equals_the_suv_crop_of_the_same_patient(shared_data: Path, tmp_path: Path) -> None:
    patient = shared_data / "sts-001-petctmr"
    _, raw = convert((patient / "raw/FDG_PET/image").glob("*.dcm"), Role.PET, tmp_path / "raw")
    _, crop = convert((patient / "ibsi-crop/PET/dicom/image").glob("*.dcm"), Role.PET, tmp_path / "crop")
    start = np.linalg.inv(raw.affine) @ crop.affine[:, 3]
    i, j, k = (round(float(index)) for index in start[:3])
    assert (i, j) == (59, 45)
    assert start[:3] == pytest.approx([i, j, k], abs=1e-3)
    n_k, n_j, n_i = crop.array_kji.shape
    part = raw.array_kji[k : k + n_k, j : j + n_j, i : i + n_i]
    assert np.abs(part - crop.array_kji).max() < 8e-4
    assert crop.array_kji.max() == pytest.approx(25.4, abs=0.05)


def test_a_research_phantom_without_units_is_refused(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        convert((shared_data / "nema-iq-phantom-1/pet_recon_1").glob("*.dcm"), Role.PET, tmp_path)
    assert caught.value.finding.code == "SUV-101"
    assert "(0054,1001)" in caught.value.finding.detail


def test_a_real_flt_slice_gives_suv_and_is_the_same_when_read_again(shared_data: Path) -> None:
    path = shared_data / "flt-pet-slice-1/1.dcm"
    header = pet_header(read_dataset(path))
    assert derive_suv(header, "s-X").rule == "BQML/START/SeriesTime"
    assert same_suv(header, pet_header(read_dataset(path)))


@pytest.mark.parametrize("codec", ["rle", "jpeg", "jpegls", "j2k"])
def test_compressed_slices_equal_their_published_nifti(shared_data: Path, tmp_path: Path, codec: str) -> None:
    folder = shared_data / "dicom2nifti-odd/generic" / f"compressed_{codec}"
    _, volume = convert((folder / "001").glob("*.dcm"), Role.MR, tmp_path)
    assert_same_in_space(volume, nib.load(folder / "001_ground_truth.nii.gz"))


def test_a_siemens_multi_frame_equals_its_published_nifti(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dicom2nifti-odd/siemens_multiframe/anatomical"
    _, volume = convert((folder / "001").glob("*.dcm"), Role.MR, tmp_path)
    assert_same_in_space(volume, nib.load(folder / "001_ground_truth.nii.gz"))


def test_each_object_of_an_enhanced_epi_equals_one_time_point_of_the_reference(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "dcm-qa-enh"
    truth = nib.load(folder / "Ref/Siemens_REST1_w_SMS_PF7-8_6.nii.gz")
    for number in range(4):
        _, volume = convert([folder / f"In/Siemens/XA10/6_{number + 1}.dcm"], Role.MR, tmp_path)
        assert_same_in_space(volume, truth.slicer[..., number])


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("dicom2nifti-odd/failing/notavolume/001", "CON-104"),
        ("dicom2nifti-odd/failing/sliceincrement/001", "CON-113"),
        ("dicom2nifti-odd/failing/sliceorientation/001", "CON-102"),
    ],
)
def test_odd_series_are_refused_by_name(shared_data: Path, tmp_path: Path, folder: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        convert((shared_data / folder).glob("*.dcm"), Role.CT, tmp_path)
    assert caught.value.finding.code == code


def test_mosaics_of_united_imaging_have_no_place_and_are_refused(shared_data: Path) -> None:
    datasets = [read_dataset(path) for path in (shared_data / "dcm-qa-uih/In").rglob("*.dcm")]
    with pytest.raises(Refused) as caught:
        stack_of_places([slice_place(Attributes(dataset)) for dataset in datasets], "s-X")
    assert caught.value.finding.code == "CON-101"


def test_a_tilted_gantry_keeps_its_sheared_truth_and_is_flagged(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "dicom2nifti-odd/failing/gantrytilting/001").glob("*.dcm"))
    converted, volume = convert(files, Role.CT, tmp_path)
    assert [finding.code for finding in converted.findings] == ["CON-108"]
    assert converted.findings[0].measured == pytest.approx(14.0, abs=0.01)
    positions = sorted(place.position_mm for place in places_of_files(files))
    (path,) = tmp_path.rglob("*_desc-sheared_ct.nii.gz")
    sheared = nib.load(path)
    ours = sorted(tuple((sheared.affine @ [0, 0, k, 1])[:3] * [-1, -1, 1]) for k in range(len(files)))
    assert sheared.header["qform_code"] == 0
    axes = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-4
    assert np.array(ours) == pytest.approx(np.array(positions), abs=1e-4)


def places_of_files(files: Iterable[Path]) -> list:
    datasets = [read_dataset(path) for path in files]
    for dataset in datasets:
        dataset.SliceThickness = dataset.get("SliceThickness") or "1"
    return places_of(datasets)


# --- contours ------------------------------------------------------------------------------------------------------


def nrrd(path: Path) -> np.ndarray:
    """Voxels [k, j, i] of a gzipped short NRRD whose axes are those of the CT."""
    head, _, data = path.read_bytes().partition(b"\n\n")
    sizes = next(line for line in head.decode().splitlines() if line.startswith("sizes:")).split()[1:]
    return np.frombuffer(gzip.decompress(data), "<i2").reshape([int(size) for size in reversed(sizes)])


def test_an_expert_liver_equals_its_published_voxels(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dcmqi-seg-sr"
    _, image = convert((folder / "ct-3slice").glob("*.dcm"), Role.CT, tmp_path)
    found = convert_contours(read_dataset(folder / "liver.dcm"), image.grid, organ_table(), "s-X")
    assert [organ.name for organ in found.labels] == ["liver"]
    assert found.findings == ()
    assert np.array_equal(found.array_kji > 0, nrrd(folder / "liver_seg.nrrd") > 0)


def test_a_tiny_segmentation_equals_its_published_voxels(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dcmqi-seg-sr/24x38x3"
    _, image = convert((folder / "image").glob("*.dcm"), Role.CT, tmp_path)
    found = convert_contours(read_dataset(folder / "seg/label.seg"), image.grid, organ_table(), "s-X")
    assert np.array_equal(found.array_kji > 0, nrrd(folder / "nrrd/label.nrrd") > 0)


def test_a_multi_frame_ct_equals_its_single_frames(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dcmqi-seg-sr/24x38x3"
    _, single = convert((folder / "image").glob("*.dcm"), Role.CT, tmp_path / "single")
    _, multi = convert([folder / "multiframe/mf.dcm"], Role.CT, tmp_path / "multi")
    assert np.array_equal(single.array_kji, multi.array_kji)
    assert multi.affine == pytest.approx(single.affine, abs=1e-5)


def test_segments_that_are_no_organ_leave_an_empty_map_and_two_findings(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dcmqi-seg-sr"
    _, image = convert((folder / "ct-3slice").glob("*.dcm"), Role.CT, tmp_path)
    found = convert_contours(read_dataset(folder / "partial_overlaps.dcm"), image.grid, organ_table(), "s-X")
    assert [(finding.code, finding.measured) for finding in found.findings] == [("CON-403", 5), ("CON-405", None)]


def test_contours_of_another_image_are_refused(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dcmqi-seg-sr"
    _, image = convert((folder / "24x38x3/image").glob("*.dcm"), Role.CT, tmp_path)
    with pytest.raises(Refused, match="CON-402"):
        convert_contours(read_dataset(folder / "liver.dcm"), image.grid, organ_table(), "s-X")
