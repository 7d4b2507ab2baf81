"""An image that is carried is byte for byte the one that would be written at once, and only what was changed is packed anew."""

import hashlib

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies as some
from umd_curate.model.geometry import Grid, Volume
from umd_curate.store import carried, restarts
from umd_curate.store.carried import OtherImageError, carry_volume
from umd_curate.store.nifti import NiftiWriter, Written, read_volume, voxel_sha256, write_volume

few = settings(max_examples=25)  # each writes and syncs files
VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0]))
SOURCE, TARGET, AT_ONCE = "source.nii.gz", "target.nii.gz", "at-once.nii.gz"


def written(path, volume, n_frames=1):
    with NiftiWriter(path, volume.grid, volume.array_kji.dtype, n_frames=n_frames) as writer:
        for plane in list(volume.array_kji) * n_frames:
            writer.write(plane)
    return writer.written


def set_to_seven(plane):
    changed = int((plane != 7).sum())
    plane.fill(7)
    return changed


@few
@given(volume=some.volumes(), n_frames=st.integers(1, 3), planes=st.integers(1, 4), data=st.data())
def test_a_change_on_the_way_makes_the_file_that_the_changed_image_would_have_made(
    tmp_path_factory, volume, n_frames, planes, data
):
    folder = tmp_path_factory.mktemp("x")
    taken = data.draw(st.sets(st.integers(0, len(volume.array_kji) - 1)))
    changed = volume.array_kji.copy()
    changed[sorted(taken)] = 7
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restarts, "SPACING", planes * volume.array_kji[0].nbytes)
        known = written(folder / SOURCE, volume, n_frames)
        carry = carry_volume(
            folder / SOURCE, known, folder / TARGET, lambda k, plane: set_to_seven(plane) if k in taken else 0
        )
        wanted = written(folder / AT_ONCE, Volume(changed, volume.affine), n_frames)
    data = (folder / TARGET).read_bytes()
    assert data == (folder / AT_ONCE).read_bytes()
    assert (carry.voxel_sha256, carry.sha256, carry.size) == (wanted.voxel_sha256, wanted.sha256, wanted.size)
    assert (carry.sha256, carry.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert carry.n_changed == n_frames * (changed != volume.array_kji).sum()
    frames = np.asanyarray(nib.load(folder / TARGET).dataobj).reshape(*changed.shape[::-1], n_frames)
    for frame in range(n_frames):
        assert np.array_equal(frames[..., frame], changed.T)


@few
@given(volume=some.volumes())
def test_an_image_of_which_nothing_goes_is_the_same_file(tmp_path_factory, volume):
    folder = tmp_path_factory.mktemp("x")
    known = written(folder / SOURCE, volume)
    assert carry_volume(folder / SOURCE, known, folder / TARGET) == known
    assert (folder / TARGET).read_bytes() == (folder / SOURCE).read_bytes()


def test_only_blocks_that_are_changed_are_packed_anew(tmp_path, monkeypatch):
    array = np.random.default_rng(0).integers(-1000, 1000, (24, 256, 256)).astype(np.int16)
    monkeypatch.setattr(restarts, "SPACING", 4 * array[0].nbytes)
    known = written(tmp_path / SOURCE, Volume(array, np.eye(4)))
    packed = []

    def watched(pieces, *, is_last):
        packed.append(sum(map(len, pieces)))
        return restarts.packed_block(pieces, is_last=is_last)

    monkeypatch.setattr(carried, "packed_block", watched)
    carry_volume(
        tmp_path / SOURCE, known, tmp_path / TARGET, lambda k, plane: set_to_seven(plane) if k in {9, 10, 23} else 0
    )
    assert packed == [4 * array[0].nbytes] * 2
    array[[9, 10, 23]] = 7
    assert np.array_equal(read_volume(tmp_path / TARGET).array_kji, array)


@pytest.mark.parametrize("change", [None, lambda k, plane: 0])
def test_an_image_that_is_not_the_one_of_its_receipt_is_not_carried(tmp_path, change):
    known = written(tmp_path / SOURCE, VOLUME)
    carry_volume(tmp_path / SOURCE, known, tmp_path / TARGET, change)
    write_volume(tmp_path / "other.nii.gz", Volume(VOLUME.array_kji + 1, VOLUME.affine))
    with pytest.raises(OtherImageError):
        carry_volume(tmp_path / "other.nii.gz", known, tmp_path / AT_ONCE, change)
    assert not list(tmp_path.glob("*at-once*"))


def test_a_cut_image_is_not_carried(tmp_path):
    known = written(tmp_path / SOURCE, VOLUME)
    (tmp_path / SOURCE).write_bytes((tmp_path / SOURCE).read_bytes()[:-2])
    for change in (None, lambda k, plane: 0):
        with pytest.raises(OtherImageError):
            carry_volume(tmp_path / SOURCE, known, tmp_path / TARGET, change)
    assert not list(tmp_path.glob("*target*"))


def test_a_file_of_another_program_is_not_changed_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(restarts, "SPACING", 100)
    nib.Nifti1Image(np.ones((20, 20, 20), np.int16), np.eye(4)).to_filename(tmp_path / SOURCE)
    data = (tmp_path / SOURCE).read_bytes()
    known = Written(voxel_sha256(read_volume(tmp_path / SOURCE)), hashlib.sha256(data).hexdigest(), len(data))
    with pytest.raises(ValueError, match="own NIfTI layout"):
        carry_volume(tmp_path / SOURCE, known, tmp_path / TARGET, lambda k, plane: 0)
    assert not list(tmp_path.glob("*target*"))


def test_a_copy_that_the_disk_spoils_does_not_appear(tmp_path, monkeypatch):
    array = np.random.default_rng(0).integers(-1000, 1000, (4, 256, 256)).astype(np.int16)
    known = written(tmp_path / SOURCE, Volume(array, np.eye(4)))

    def spoil(k, plane):
        for temporary in tmp_path.glob(".target*"):
            if temporary.stat().st_size > 5000:
                with temporary.open("r+b") as handle:
                    handle.seek(4096)
                    handle.write(b"spoilt, and not what was sent")
        return 0

    monkeypatch.setattr(restarts, "SPACING", array[0].nbytes)
    known = written(tmp_path / SOURCE, Volume(array, Grid(array.shape, np.eye(4)).affine))
    with pytest.raises(OSError, match="on the disk"):
        carry_volume(tmp_path / SOURCE, known, tmp_path / TARGET, spoil)
    assert not list(tmp_path.glob("*target*"))
