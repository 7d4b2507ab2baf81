import json
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from tests.convert_builders import (
    FACTOR,
    REFERENCE,
    a_frame,
    a_multi_frame,
    a_slice,
    a_stack,
    an_order,
    places_of,
    some_pixels,
)
from umd_curate.convert.geometry import stack_geometry, stack_of_places
from umd_curate.convert.header_io import pet_header
from umd_curate.convert.step import Converted, convert_series
from umd_curate.convert.suv import same_suv
from umd_curate.model.findings import Refused, Severity
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.sidecars import ImageSidecar, PetSidecar, SourceReceipt
from umd_curate.model.study import Role
from umd_curate.store.nifti import read_volume, voxel_sha256

OBLIQUE = (0.0, 0.8, 0.6, 0.0, -0.6, 0.8)


def convert(datasets: Sequence[Dataset], role: Role, folder: Path, label: str = "") -> Converted:
    geometry = stack_of_places(places_of(datasets), "s-TESTTEST")
    return convert_series(iter(datasets), an_order(role, label), folder, "private/staged", geometry)


def refused_code(datasets: Sequence[Dataset], role: Role, folder: Path) -> str:
    with pytest.raises(Refused) as caught:
        convert(datasets, role, folder)
    assert caught.value.finding.severity is Severity.FAIL
    assert list(folder.iterdir()) == []
    return caught.value.finding.code


def sidecar_of(folder: Path, role: str) -> dict[str, object]:
    return json.loads((folder / f"sub-7K3QF2_ses-petct1_{role}.json").read_text())


# --- values --------------------------------------------------------------------------------------------------------


def test_a_ct_becomes_int16_hu_where_dicom_puts_it(tmp_path: Path) -> None:
    stored = some_pixels(dtype="<u2")
    datasets = a_stack(
        "CT", stored, step=(-4, 0, 0), ImageOrientationPatient=list(OBLIQUE), KVP="120", ContrastBolusAgent=""
    )
    converted = convert(datasets, Role.CT, tmp_path)
    image = nib.load(tmp_path / "sub-7K3QF2_ses-petct1_ct.nii.gz")
    assert image.get_data_dtype() == np.int16
    assert np.array_equal(np.asanyarray(image.dataobj).T, stored.astype(int) - 1024)
    for k, dataset in enumerate(datasets):
        j, i = 5, 4
        lps = np.array(dataset.ImagePositionPatient) + np.array(OBLIQUE[:3]) * 3.0 * i + np.array(OBLIQUE[3:]) * 2.0 * j
        assert image.affine @ [i, j, k, 1] == pytest.approx([-lps[0], -lps[1], lps[2], 1], abs=1e-4)
    assert [artifact.what for artifact in converted.artifacts] == ["staged-ct", "staged-ct.json"]
    sidecar = ImageSidecar.model_validate(sidecar_of(tmp_path, "ct"))
    assert (sidecar.units, sidecar.kvp, sidecar.contrast, sidecar.value_rule) == ("HU", 120.0, False, "rescaled")
    assert sidecar.voxel_sha256 == voxel_sha256(read_volume(tmp_path / "sub-7K3QF2_ses-petct1_ct.nii.gz"))


def test_a_pet_becomes_suv_with_each_slice_its_own_slope(tmp_path: Path) -> None:
    stored = some_pixels()
    datasets = a_stack("PT", stored)
    slopes = [0.5, 1.25, 3.0, 0.125]
    for dataset, slope in zip(datasets, slopes, strict=True):
        dataset.RescaleSlope = str(slope)
    converted = convert(datasets, Role.PET, tmp_path)
    found = read_volume(tmp_path / "sub-7K3QF2_ses-petct1_pet.nii.gz").array_kji
    wanted = stored * np.array(slopes)[:, None, None] * FACTOR
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() <= 1e-7 * wanted.max()
    sidecar = PetSidecar.model_validate(sidecar_of(tmp_path, "pet"))
    assert sidecar.units == "SUVbw"
    assert sidecar.suv is not None
    assert sidecar.suv.factor_min == sidecar.suv.factor_max == pytest.approx(FACTOR, rel=1e-12)
    assert (sidecar.injected_radioactivity, sidecar.body_weight, sidecar.scan_start) == (
        pytest.approx(368.08),
        70.0,
        3600.0,
    )
    assert converted.measured["suv_rule"] == "BQML/START/SeriesTime"
    assert converted.measured["max_corner_error_mm"] <= 1e-4


def test_a_sidecar_holds_no_date(tmp_path: Path) -> None:
    convert(a_stack("PT", some_pixels()), Role.PET, tmp_path)
    text = (tmp_path / "sub-7K3QF2_ses-petct1_pet.json").read_text()
    assert "20250101" not in text
    assert "110000" not in text


def test_a_pet_without_weight_is_kept_in_bq_per_ml_and_not_guessed(tmp_path: Path) -> None:
    stored = some_pixels()
    converted = convert(a_stack("PT", stored, PatientWeight=None, RescaleSlope="2.5"), Role.PET, tmp_path)
    found = read_volume(tmp_path / "sub-7K3QF2_ses-petct1_pet.nii.gz").array_kji
    assert np.array_equal(found, (stored * 2.5).astype(np.float32))
    assert [(finding.code, finding.severity) for finding in converted.findings] == [("SUV-201", Severity.WARN)]
    sidecar = sidecar_of(tmp_path, "pet")
    assert (sidecar["Suv"], sidecar["Units"], sidecar["BodyWeight"]) == (None, "Bq/mL", None)


def test_counts_without_the_makers_factors_are_set_aside(tmp_path: Path) -> None:
    assert refused_code(a_stack("PT", some_pixels(), Units="CNTS"), Role.PET, tmp_path) == "SUV-212"


def test_counts_with_the_makers_private_factor_are_suv(tmp_path: Path) -> None:
    datasets = a_stack("PT", some_pixels(), Units="CNTS")
    for dataset in datasets:
        dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "0.000728")
    assert convert(datasets, Role.PET, tmp_path).measured["suv_factor_max"] == 0.000728


def test_a_private_element_of_another_maker_is_not_taken(tmp_path: Path) -> None:
    datasets = a_stack("PT", some_pixels(), Units="CNTS")
    for dataset in datasets:
        dataset.private_block(0x7053, "SOMEONE ELSE", create=True).add_new(0x00, "DS", "0.000728")
    assert refused_code(datasets, Role.PET, tmp_path) == "SUV-212"


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [("PatientWeight", "71", "SUV-105"), ("RescaleIntercept", "-1", "SUV-102"), ("Units", "GML", "SUV-105")],
)
def test_a_pet_whose_slices_disagree_is_set_aside(tmp_path: Path, keyword: str, value: str, code: str) -> None:
    datasets = a_stack("PT", some_pixels())
    setattr(datasets[2], keyword, value)
    assert refused_code(datasets, Role.PET, tmp_path) == code


def test_a_pet_of_which_only_some_slices_have_an_suv_is_set_aside_by_the_name_of_what_they_lack(tmp_path: Path) -> None:
    """Over midnight, where the date of acquisition was not counted on: the later beds come before the injection."""
    datasets = a_stack("PT", some_pixels(), DecayCorrection="NONE", CorrectedImage=["ATTN"])
    for dataset in datasets[2:]:
        dataset.AcquisitionTime = "000500"
    assert refused_code(datasets, Role.PET, tmp_path) == "SUV-207"


def test_beds_of_an_uncorrected_pet_have_factors_of_their_own(tmp_path: Path) -> None:
    datasets = a_stack("PT", some_pixels(), DecayCorrection="NONE", CorrectedImage=["ATTN"])
    datasets[3].AcquisitionTime = "110500"
    measured = convert(datasets, Role.PET, tmp_path).measured
    assert measured["suv_factor_max"] / measured["suv_factor_min"] == pytest.approx(2 ** (300 / 6586.2), rel=1e-12)


def test_a_ct_whose_later_slice_exceeds_int16_goes_on_in_float32_exactly(tmp_path: Path) -> None:
    stored = some_pixels(dtype="<u2")
    stored[2, 0, 0] = 65535
    converted = convert(a_stack("CT", stored), Role.CT, tmp_path)
    volume = read_volume(tmp_path / "sub-7K3QF2_ses-petct1_ct.nii.gz")
    assert converted.measured["dtype"] == "float32"
    assert np.array_equal(volume.array_kji, stored.astype(float) - 1024)
    assert sidecar_of(tmp_path, "ct")["VoxelSha256"] == voxel_sha256(volume)
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".json", ".gz"]


def test_an_mr_with_philips_rescale_is_float32_and_one_without_is_stored(tmp_path: Path) -> None:
    stored = some_pixels(dtype="<u2", high=4000)
    convert(a_stack("MR", stored, RescaleSlope="1.5", RescaleIntercept="0"), Role.MR, tmp_path / "philips", "in")
    convert(a_stack("MR", stored, RepetitionTime="4.2"), Role.MR, tmp_path / "other")
    philips, other = (read_volume(tmp_path / name / "sub-7K3QF2_ses-petct1_mr.nii.gz") for name in ("philips", "other"))
    assert np.array_equal(philips.array_kji, (stored * 1.5).astype(np.float32))
    assert other.array_kji.dtype == np.int16
    assert sidecar_of(tmp_path / "philips", "mr")["DixonChannel"] == "in"
    assert sidecar_of(tmp_path / "other", "mr")["ValueRule"] == "stored"
    assert sidecar_of(tmp_path / "other", "mr")["RepetitionTime"] == pytest.approx(0.0042)


def test_a_ct_that_is_not_in_hu_says_so(tmp_path: Path) -> None:
    converted = convert(a_stack("CT", some_pixels(), RescaleType="US"), Role.CT, tmp_path)
    assert [finding.code for finding in converted.findings] == ["CON-207"]
    assert sidecar_of(tmp_path, "ct")["Units"] == "arbitrary"


@pytest.mark.parametrize("syntax", ["native", "rle"])
@pytest.mark.parametrize("dtype", ["<u2", "<i2"])
def test_twelve_bits_that_end_at_the_highest_one_are_read_there(tmp_path: Path, dtype: str, syntax: str) -> None:
    values = np.random.default_rng(5).integers(0, 2000, (4, 6, 5)).astype(dtype) - (1000 if dtype == "<i2" else 0)
    words = (values.astype("<i4") << 4).astype(dtype)  # PS3.5 8.1.1: the lowest four bits are no part of the value
    datasets = a_stack("CT", words, BitsStored=12, HighBit=15)
    if syntax == "rle":
        for dataset in datasets:
            dataset.compress(RLELossless, generate_instance_uid=False)
    convert(datasets, Role.CT, tmp_path)
    image = nib.load(tmp_path / "sub-7K3QF2_ses-petct1_ct.nii.gz")
    assert np.array_equal(np.asanyarray(image.dataobj).T, values.astype(int) - 1024)


def test_a_highest_bit_outside_the_word_is_refused(tmp_path: Path) -> None:
    assert refused_code(a_stack("CT", some_pixels(), HighBit=16), Role.CT, tmp_path) == "CON-201"


def test_a_ct_with_padding_is_air_outside_its_circle_and_says_so(tmp_path: Path) -> None:
    stored = some_pixels()
    stored[:, :, 0] = -2000
    convert(a_stack("CT", stored, PixelPaddingValue=-2000), Role.CT, tmp_path)
    image = read_volume(tmp_path / "sub-7K3QF2_ses-petct1_ct.nii.gz")
    assert (image.array_kji[:, :, 0] == -1024).all()
    assert np.array_equal(image.array_kji[:, :, 1:], stored[:, :, 1:].astype(int) - 1024)
    found = [(entry["Code"], entry["Measured"]) for entry in sidecar_of(tmp_path, "ct")["Findings"]]
    assert found == [("CON-209", 24)]


def test_an_empty_image_is_noticed(tmp_path: Path) -> None:
    converted = convert(a_stack("MR", np.zeros((3, 4, 5), "<u2")), Role.MR, tmp_path)
    assert [finding.code for finding in converted.findings] == ["CON-208"]


def test_what_the_pipeline_knows_of_the_source_is_asked_after_the_last_slice(tmp_path: Path) -> None:
    datasets, read = a_stack("CT", some_pixels()), []

    def stream() -> object:
        for dataset in datasets:
            read.append(1)
            yield dataset

    geometry = stack_of_places(places_of(datasets), "s-TESTTEST")
    convert_series(
        stream(),
        an_order(Role.CT),
        tmp_path,
        "p",
        geometry,
        source=lambda: SourceReceipt(series="s-X", n_files=len(read), sha256="0"),
    )
    assert sidecar_of(tmp_path, "ct")["Source"]["NFiles"] == 4


def test_converting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for run in ("a", "b"):
        convert(a_stack("PT", some_pixels()), Role.PET, tmp_path / run)
    for name in ("sub-7K3QF2_ses-petct1_pet.nii.gz", "sub-7K3QF2_ses-petct1_pet.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# --- bad data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [slice(None, -2), slice(None, 0), slice(None, 7)], ids=["two bytes", "all", "most"])
def test_a_truncated_slice_is_refused(tmp_path: Path, cut: slice) -> None:
    datasets = a_stack("CT", some_pixels())
    datasets[1].PixelData = datasets[1].PixelData[cut]
    assert refused_code(datasets, Role.CT, tmp_path) == "CON-202"


def test_pixels_of_another_size_are_refused(tmp_path: Path) -> None:
    datasets = a_stack("CT", some_pixels())
    datasets[1].PixelData += b"\0" * 60
    assert refused_code(datasets, Role.CT, tmp_path) == "CON-202"


def test_no_pixels_at_all_are_refused(tmp_path: Path) -> None:
    assert refused_code(a_stack("CT", some_pixels(), PixelData=None), Role.CT, tmp_path) == "CON-201"


def floating(stored: np.ndarray) -> list[Dataset]:
    datasets = a_stack("MR", stored, PixelData=None, HighBit=None, BitsStored=None, PixelRepresentation=None)
    for dataset, plane in zip(datasets, stored, strict=True):
        dataset.FloatPixelData = plane.tobytes()
    return datasets


def test_floating_point_pixels_are_kept_and_what_is_no_number_is_refused(tmp_path: Path) -> None:
    stored = some_pixels(dtype="<f4") / np.float32(7)
    convert(floating(stored), Role.MR, tmp_path / "sound")
    assert np.array_equal(read_volume(tmp_path / "sound" / "sub-7K3QF2_ses-petct1_mr.nii.gz").array_kji, stored)
    stored[1, 2, 3] = np.nan
    (tmp_path / "unsound").mkdir()
    assert refused_code(floating(stored), Role.MR, tmp_path / "unsound") == "CON-201"


def test_a_damaged_compressed_stream_is_refused(tmp_path: Path) -> None:
    datasets = a_stack("CT", some_pixels())
    datasets[2].compress(RLELossless, generate_instance_uid=False)
    datasets[2].PixelData = encapsulate([b"\x01\0\0\0" + b"\xff" * 80])
    assert refused_code(datasets, Role.CT, tmp_path) == "CON-201"


def test_a_transfer_syntax_that_no_codec_knows_is_refused(tmp_path: Path) -> None:
    datasets = a_stack("CT", some_pixels())
    datasets[0].file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    datasets[0].PixelData = encapsulate([b"\0" * 40])
    assert refused_code(datasets, Role.CT, tmp_path) == "CON-201"


def test_a_colour_image_is_refused(tmp_path: Path) -> None:
    assert refused_code(a_stack("MR", some_pixels(), SamplesPerPixel=3), Role.MR, tmp_path) == "CON-203"


def test_a_ct_without_intercept_is_refused_not_guessed(tmp_path: Path) -> None:
    assert refused_code(a_stack("CT", some_pixels(), RescaleIntercept=None), Role.CT, tmp_path) == "CON-204"


def test_a_slice_that_vanished_since_the_scan_is_refused(tmp_path: Path) -> None:
    datasets = a_stack("CT", some_pixels())
    geometry = stack_of_places(places_of(datasets), "s-TESTTEST")
    for found in (datasets[:-1], [*datasets, a_slice("CT", some_pixels()[0], (0, 0, 0))], []):
        with pytest.raises(Refused, match="CON-205"):
            convert_series(found, an_order(Role.CT), tmp_path, "p", geometry)


def test_slices_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    datasets = a_stack("CT", some_pixels())
    geometry = stack_of_places(places_of(datasets), "s-TESTTEST")
    with pytest.raises(Refused, match="CON-105"):
        convert_series([datasets[0], datasets[2], datasets[1], datasets[3]], an_order(Role.CT), tmp_path, "p", geometry)


def test_a_mosaic_is_refused(tmp_path: Path) -> None:
    datasets = a_stack("MR", some_pixels(), ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    assert refused_code(datasets, Role.MR, tmp_path) == "CON-206"


def test_an_unreadable_number_is_missing_and_no_traceback(tmp_path: Path) -> None:
    datasets = a_stack("PT", some_pixels())
    for dataset in datasets:
        dataset.add(pydicom.DataElement(0x00101030, "LO", "seventy"))
    assert [finding.code for finding in convert(datasets, Role.PET, tmp_path).findings] == ["SUV-201"]


# --- headers, multi-frame ------------------------------------------------------------------------------------------


def test_a_header_is_read_as_it_is_written() -> None:
    (dataset,) = a_stack("PT", some_pixels((1, 6, 5)))
    found = pet_header(dataset)
    assert {name: getattr(found, name) for name in found.__slots__} == {
        name: getattr(REFERENCE, name) for name in REFERENCE.__slots__
    }
    assert same_suv(found, REFERENCE)


def test_a_ge_private_time_is_found_in_whatever_block_the_creator_reserved() -> None:
    (dataset,) = a_stack("PT", some_pixels((1, 6, 5)))
    dataset.private_block(0x0009, "SOMEONE ELSE", create=True).add_new(0x0D, "DT", "19990101000000")
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "UN", b"20250101105500.00 ")
    assert pet_header(dataset).ge_scan_datetime == "20250101105500.00"


def test_the_index_and_the_datasets_give_one_geometry() -> None:
    datasets = a_stack("CT", some_pixels())
    headers = [
        InstanceHeader(
            path="",
            size=0,
            mtime_ns=0,
            kind=FileKind.DICOM,
            rows=place.rows,
            columns=place.columns,
            position_mm=place.position_mm,
            orientation=place.orientation,
            pixel_spacing_mm=place.pixel_spacing_mm,
            slice_thickness_mm=place.thickness_mm,
        )
        for place in places_of(datasets)
    ]
    assert stack_geometry(headers, "s-X") == stack_of_places(places_of(datasets), "s-X")


def enhanced(stored: np.ndarray, order: Sequence[int], slopes: Sequence[float]) -> Dataset:
    """A multi-frame MR whose frame n is slice ``order[n]``, with a slope per frame."""
    scales = [{"RescaleSlope": str(slope), "RescaleIntercept": "0"} for slope in slopes]
    frames = [a_frame(k, PixelValueTransformationSequence=scales[k]) for k in order]
    return a_multi_frame("MR", stored[list(order)], frames)


def test_shuffled_frames_are_sorted_by_position_each_with_its_own_slope(tmp_path: Path) -> None:
    stored, slopes = some_pixels(), [1.0, 2.0, 3.0, 4.0]
    convert_series([enhanced(stored, [2, 0, 3, 1], slopes)], an_order(Role.MR), tmp_path, "p", None)
    volume = read_volume(tmp_path / "sub-7K3QF2_ses-petct1_mr.nii.gz")
    assert np.array_equal(volume.array_kji, stored * np.array(slopes)[:, None, None])
    assert volume.affine @ [0, 0, 0, 1] == pytest.approx([100, 80, -300, 1])
    assert volume.grid.spacing_mm == pytest.approx((3, 2, 5))


def test_frames_of_one_place_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="CON-107"):
        convert_series([enhanced(some_pixels(), [0, 1, 0, 1], [1.0] * 4)], an_order(Role.MR), tmp_path, "p", None)


def test_two_multi_frame_objects_are_no_volume(tmp_path: Path) -> None:
    whole = enhanced(some_pixels(), [0, 1, 2, 3], [1.0] * 4)
    with pytest.raises(Refused, match="CON-107"):
        convert_series([whole, whole], an_order(Role.MR), tmp_path, "p", None)
