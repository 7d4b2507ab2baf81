"""Planes from the middle of a packed image, against what other programs read; files without restarts, and damaged ones."""

import gzip
import zlib

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.geometry import Grid, Volume
from umd_curate.store import restarts
from umd_curate.store.nifti import NiftiWriter, write_volume
from umd_curate.store.restarts import SPACING, PackedPlanes, planes_between


def noise(shape_kji, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape_kji).astype(dtype)


@given(st.integers(1, 9), st.integers(1, 40), st.sampled_from(["u1", "<i2", "<f4"]), st.integers(0, 3))
def test_every_plane_in_any_order_is_the_plane_that_was_written(tmp_path_factory, planes, side, dtype, seed):
    path = tmp_path_factory.mktemp("x") / "x.nii.gz"
    array = noise((planes, side, side + 1), dtype, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restarts, "SPACING", 2 * side * (side + 1) * array.itemsize)
        write_volume(path, Volume(array, np.eye(4)))
        packed = PackedPlanes(memoryview(path.read_bytes()))
        for k in np.random.default_rng(seed).permutation(planes):
            assert np.array_equal(packed.plane(int(k)), array[k])
        assert packed.stored.dtype == array.dtype


def test_a_large_image_is_one_member_that_every_reader_reads(tmp_path):
    array = noise((24, 512, 512), "<i2")
    path = tmp_path / "x.nii.gz"
    write_volume(path, Volume(array, np.eye(4)))
    data = path.read_bytes()
    inflate = zlib.decompressobj(31)
    content = inflate.decompress(data)
    assert inflate.eof
    assert inflate.unused_data == b""
    assert content == gzip.decompress(data)
    assert np.array_equal(np.asarray(nib.load(path).dataobj).T, array)
    assert planes_between(512 * 512 * 2) == 4
    assert planes_between(2 * SPACING) == 1
    packed = PackedPlanes(memoryview(data))
    assert np.array_equal(packed.plane(23), array[23])
    # The way to the last plane unpacks its block alone: what stands before may be harmed.
    start = packed._starts[5]
    harmed = bytearray(data)
    harmed[9000 : start - 10] = bytes(start - 10 - 9000)
    with pytest.raises(zlib.error):
        zlib.decompress(bytes(harmed), 31)
    assert np.array_equal(
        zlib.decompressobj(-15).decompress(bytes(harmed[start:]))[: 4 * 2**19], array[20:24].tobytes()
    )


def test_restarts_cost_next_to_nothing(tmp_path, monkeypatch):
    array = np.random.default_rng(0).normal(0, 12, (24, 512, 512)).astype("<i2")
    sizes = []
    for spacing in (SPACING, 1 << 40):
        monkeypatch.setattr(restarts, "SPACING", spacing)
        write_volume(tmp_path / "x.nii.gz", Volume(array, np.eye(4)))
        sizes.append((tmp_path / "x.nii.gz").stat().st_size)
    assert sizes[0] < 1.001 * sizes[1]


def test_a_file_of_another_program_has_no_restarts(tmp_path, monkeypatch):
    monkeypatch.setattr(restarts, "SPACING", 100)
    nib.Nifti1Image(noise((6, 10, 10), "<i2").T, np.eye(4)).to_filename(tmp_path / "x.nii.gz")
    assert PackedPlanes(memoryview((tmp_path / "x.nii.gz").read_bytes())).plane(4) is None


def test_what_is_no_image_is_refused():
    for data in (b"", b"x" * 500, gzip.compress(b"x" * 500)):
        with pytest.raises(ValueError, match="no "):
            PackedPlanes(memoryview(data))


def test_a_written_file_is_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr(restarts, "SPACING", 1000)
    array = noise((30, 20, 20), "<i2")
    for name in ("a.nii.gz", "b.nii.gz"):
        with NiftiWriter(tmp_path / name, Grid((30, 20, 20), np.eye(4)), "<i2") as writer:
            for plane in array:
                writer.write(plane)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
