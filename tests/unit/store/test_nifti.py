"""NIfTI files are compared with what nibabel, not we, reads from them."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies as some
from umd_curate.model.geometry import AFFINE_TOLERANCE_MM, Grid, Volume, max_corner_error_mm
from umd_curate.store.nifti import (
    NiftiWriter,
    read_grid,
    read_volume,
    stored_voxel_sha256,
    voxel_sha256,
    write_volume,
)
from umd_curate.store.nifti_header import header_bytes

TEXT_FIELDS = ("descrip", "aux_file", "db_name", "intent_name", "data_type")
few = settings(max_examples=25)  # each writes and syncs a file
NAMES = st.sampled_from(["image.nii", "image.nii.gz"])
VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nifti")


@few
@given(volume=some.volumes(), name=NAMES)
def test_writing_and_reading_is_the_identity(folder, volume, name):
    write_volume(folder / name, volume)
    found = read_volume(folder / name)
    assert found.array_kji.dtype == volume.array_kji.dtype
    assert np.array_equal(found.array_kji, volume.array_kji)
    assert max_corner_error_mm(found.grid, volume.grid) < AFFINE_TOLERANCE_MM


@few
@given(volume=some.volumes(), name=NAMES)
def test_nibabel_finds_each_voxel_at_its_index_and_place(folder, volume, name):
    write_volume(folder / name, volume)
    image = nib.load(folder / name)
    assert np.array_equal(np.asanyarray(image.dataobj), volume.array_kji.transpose())
    assert np.allclose(image.affine, volume.affine, rtol=0, atol=AFFINE_TOLERANCE_MM)
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    assert np.allclose(image.get_qform(), image.get_sform(), rtol=0, atol=5e-3)  # a quaternion is coarser: 1 m, 1e-6


@few
@given(volume=some.volumes())
def test_equal_volumes_are_equal_bytes(folder, volume):
    write_volume(folder / "one.nii.gz", volume)
    write_volume(folder / "another-name.nii.gz", volume)
    assert (folder / "one.nii.gz").read_bytes() == (folder / "another-name.nii.gz").read_bytes()


@few
@given(volume=some.volumes())
def test_the_voxel_checksum_is_one_before_writing_after_reading_and_as_stored(folder, volume):
    expected = voxel_sha256(volume)
    assert write_volume(folder / "image.nii.gz", volume) == expected
    assert voxel_sha256(read_volume(folder / "image.nii.gz")) == expected
    assert stored_voxel_sha256((folder / "image.nii.gz").read_bytes()) == expected


@given(some.volumes(), st.integers(0, 2**31))
def test_another_voxel_is_another_checksum(volume, where):
    changed = volume.array_kji.copy()
    bits = changed.view(f"u{changed.dtype.itemsize}")
    bits.flat[where % bits.size] ^= 1
    assert voxel_sha256(Volume(changed, volume.affine)) != voxel_sha256(volume)


def test_another_type_shape_or_place_is_another_checksum():
    base = voxel_sha256(VOLUME)
    assert voxel_sha256(Volume(VOLUME.array_kji.astype(np.int32), VOLUME.affine)) != base
    assert voxel_sha256(Volume(VOLUME.array_kji.reshape(3, 2, 4), VOLUME.affine)) != base
    assert voxel_sha256(Volume(VOLUME.array_kji, VOLUME.affine + np.eye(4) * 1e-3)) != base


@few
@given(volume=some.volumes(), name=NAMES)
def test_the_grid_is_read_from_the_header_alone(folder, volume, name):
    write_volume(folder / name, volume)
    assert read_grid(folder / name).is_same_as(read_volume(folder / name).grid, 1e-9)


def test_the_header_holds_no_text_and_gzip_no_name_and_no_time(folder):
    write_volume(folder / "telling-name.nii.gz", VOLUME)
    data = (folder / "telling-name.nii.gz").read_bytes()
    assert data[3] == 0  # RFC 1952 FLG: no name, no comment, no extra field
    assert data[4:8] == bytes(4)  # MTIME
    header = nib.load(folder / "telling-name.nii.gz").header
    assert all(bytes(header[name].tobytes()).strip(b"\0") == b"" for name in TEXT_FIELDS)
    assert list(header.extensions) == []
    assert b"telling" not in gzip.decompress(data)


def test_sheared_axes_are_kept_in_the_sform_and_have_no_qform(folder):
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[1, 2] = 0.6  # a gantry tilt of 11 degrees
    write_volume(folder / "tilted.nii.gz", Volume(VOLUME.array_kji, affine))
    image = nib.load(folder / "tilted.nii.gz")
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 0)
    assert np.allclose(image.affine, affine)


def test_a_label_map_says_that_it_is_one(folder):
    write_volume(folder / "labels.nii.gz", VOLUME, intent="label")
    assert nib.load(folder / "labels.nii.gz").header.get_intent()[0] == "label"


def test_a_volume_without_all_its_planes_does_not_appear(folder):
    with (
        pytest.raises(ValueError, match="fewer planes"),
        NiftiWriter(folder / "short.nii.gz", VOLUME.grid, "i2") as writer,
    ):
        writer.write(VOLUME.array_kji[0])
    assert not list(folder.glob("*short*"))


def test_an_error_while_writing_leaves_nothing(folder):
    planes = iter([VOLUME.array_kji[0]])
    with pytest.raises(StopIteration), NiftiWriter(folder / "broken.nii.gz", VOLUME.grid, "i2") as writer:
        [writer.write(next(planes)) for _ in VOLUME.array_kji]
    assert not list(folder.glob("*broken*"))


def test_a_plane_of_another_shape_is_refused(folder):
    with (
        pytest.raises(ValueError, match="does not fit"),
        NiftiWriter(folder / "wrong.nii", VOLUME.grid, "i2") as writer,
    ):
        writer.write(VOLUME.array_kji[0].T)


@few
@given(
    volume=some.volumes().filter(lambda volume: volume.array_kji.dtype == np.int16),
    planes=st.integers(0, 6),
    end=st.sampled_from(["nii", "nii.gz"]),
)
def test_a_file_that_goes_on_in_a_wider_type_is_the_one_written_in_it_at_once(folder, volume, planes, end):
    wide = Volume(volume.array_kji.astype(np.int32), volume.affine)
    with NiftiWriter(folder / f"promoted.{end}", volume.grid, np.int16) as writer:
        for k, plane in enumerate(volume.array_kji):
            if k == min(planes, len(volume.array_kji) - 1):
                writer.promote(np.int32)
            writer.write(plane)
    assert writer.voxel_sha256 == write_volume(folder / f"wide.{end}", wide)
    assert (folder / f"promoted.{end}").read_bytes() == (folder / f"wide.{end}").read_bytes()


def test_a_slope_and_a_fourth_axis_of_a_stranger_are_understood(folder):
    image = nib.Nifti1Image(np.full((4, 3, 2, 1), 5, np.int16), np.eye(4))
    image.header.set_slope_inter(2.0, 1.0)
    nib.save(image, folder / "stranger.nii.gz")
    found = read_volume(folder / "stranger.nii.gz")
    assert found.array_kji.shape == (2, 3, 4)
    stored = np.asanyarray(nib.load(folder / "stranger.nii.gz").dataobj)[..., 0]
    assert np.array_equal(found.array_kji, stored.T)


def test_a_stranger_s_or_damaged_file_has_no_stored_checksum(folder):
    nib.save(nib.Nifti1Image(np.zeros((4, 3, 2), np.int16), np.eye(4)), folder / "stranger.nii.gz")
    write_volume(folder / "ours.nii.gz", VOLUME)
    ours = (folder / "ours.nii.gz").read_bytes()
    for data in (b"", b"no gzip at all", ours[:-12], ours[:60] + b"\xff" * 4 + ours[64:]):
        with pytest.raises(ValueError, match="image"):
            stored_voxel_sha256(data)
    big_endian = nib.Nifti1Image(np.ones((4, 3, 2), ">i2"), np.eye(4), nib.Nifti1Header(endianness=">"))
    nib.save(big_endian, folder / "big-endian.nii.gz")
    with pytest.raises(ValueError, match="layout"):
        stored_voxel_sha256((folder / "big-endian.nii.gz").read_bytes())


def test_more_voxels_than_a_header_can_count_are_refused():
    with pytest.raises(ValueError, match="32767"):
        header_bytes(Grid((1, 1, 40_000), np.eye(4)), np.int16)


def test_frames_of_a_4d_image_come_back_one_after_the_other(tmp_path):
    frames = np.random.default_rng(2).normal(size=(3, 4, 5, 6)).astype(np.float32)
    grid = Volume(frames[0], np.diag([2.0, 3.0, 4.0, 1.0])).grid
    digests = []
    for name in ("a.nii", "a.nii.gz"):
        with NiftiWriter(tmp_path / name, grid, np.float32, n_frames=3) as writer:
            for plane in frames.reshape(12, 5, 6):
                writer.write(plane)
        assert np.array_equal(np.asanyarray(nib.load(tmp_path / name).dataobj).T, frames)
        digests.append(writer.voxel_sha256)
    assert digests == [stored_voxel_sha256((tmp_path / "a.nii.gz").read_bytes())] * 2


def test_a_4d_image_with_a_plane_too_few_does_not_appear(tmp_path):
    grid = Volume(np.zeros((2, 3, 4)), np.eye(4)).grid
    writer = NiftiWriter(tmp_path / "x.nii", grid, np.float32, n_frames=2)
    writer.__enter__()
    for _ in range(3):
        writer.write(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="fewer planes"):
        writer.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


@few
@given(grid=some.grids, dtype=st.sampled_from(some.STORED_TYPES), intent=st.sampled_from(["none", "label"]))
def test_the_header_is_the_one_that_nibabel_writes(grid, dtype, intent):
    header = nib.Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(grid.shape_kji[::-1])
    header.set_xyzt_units("mm", "sec")
    header.set_sform(grid.affine, code=1)
    header.set_qform(grid.affine, code=1)
    header.set_intent(intent)
    header["magic"], header["vox_offset"], header["scl_slope"], header["scl_inter"] = b"n+1", 352, 1.0, 0.0
    ours = nib.Nifti1Header(header_bytes(grid, dtype, intent=intent)[:348])
    for name in header:
        if name not in {"pixdim", "quatern_b", "quatern_c", "quatern_d"}:
            assert np.array_equal(ours[name], header[name]), name
    assert np.allclose(ours["pixdim"], header["pixdim"], rtol=1e-6)
    assert np.allclose(ours.get_qform(), header.get_qform(), rtol=0, atol=2e-2)  # half a turn: 1e-3 of 8 mm


def test_what_nifti_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="32767"):
        header_bytes(Grid((1, 1, 40_000), np.eye(4)), np.int16)
    with pytest.raises(ValueError, match="no voxels of type"):
        header_bytes(Grid((1, 1, 1), np.eye(4)), np.complex64)


def written_on_a_disk_that_spoils(path):
    noise = np.random.default_rng(1).integers(-1000, 1000, (3, 256, 256)).astype(np.int16)
    with NiftiWriter(path, Grid(noise.shape, np.eye(4)), "i2") as writer:
        for plane in noise:
            writer.write(plane)
        (temporary,) = path.parent.glob(f".{path.name}*")
        with temporary.open("r+b") as handle:
            handle.seek(4096)
            spoilt = bytes(255 - byte for byte in handle.read(16))
            handle.seek(4096)
            handle.write(spoilt)


@pytest.mark.parametrize("name", ["spoilt.nii", "spoilt.nii.gz"])
def test_an_image_that_the_disk_spoils_before_it_gets_its_name_does_not_appear(folder, name):
    with pytest.raises(OSError, match=r"on the disk|read back"):
        written_on_a_disk_that_spoils(folder / name)
    assert not list(folder.glob("*spoilt*"))


def test_a_file_of_another_layout_is_read(folder):
    nib.Nifti1Image(np.ones((2, 3, 4, 1, 1), np.int16), np.eye(4)).to_filename(folder / "foreign.nii")
    assert read_volume(folder / "foreign.nii").array_kji.shape == (4, 3, 2)
    assert read_grid(folder / "foreign.nii").shape_kji == (4, 3, 2)


@few
@given(volume=some.volumes(), n_frames=st.integers(2, 4))
def test_frames_are_written_and_told_one_after_the_other(folder, volume, n_frames):
    with NiftiWriter(folder / "frames.nii.gz", volume.grid, volume.array_kji.dtype, n_frames=n_frames) as writer:
        for plane in list(volume.array_kji) * n_frames:
            writer.write(plane)
    image = nib.load(folder / "frames.nii.gz")
    for frame in range(n_frames):
        assert np.array_equal(np.asanyarray(image.dataobj)[..., frame], volume.array_kji.T)
    assert stored_voxel_sha256((folder / "frames.nii.gz").read_bytes()) == writer.voxel_sha256
    assert read_grid(folder / "frames.nii.gz").shape_kji == volume.grid.shape_kji
