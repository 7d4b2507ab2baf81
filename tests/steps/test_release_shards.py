"""Shards and voxel digests as files: what is written is what is read, row by row and byte by byte."""

import io
from pathlib import Path

import numpy as np
import pytest
from datasets import Features, Nifti
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from isal import igzip

from umd_curate.model.geometry import Volume
from umd_curate.model.tables import Column
from umd_curate.store.nifti import header_bytes, stored_voxel_sha256, voxel_sha256, write_volume
from umd_curate.store.shards import (
    MAX_VOLUME_BYTES,
    Layout,
    ShardWriter,
    read_footer,
    read_shard,
    read_volume_at,
)

LAYOUT = Layout(
    (Column("name", "string", nullable=True), Column("spacing", "list<float64>", nullable=True)), ("pet", "organs")
)
dtypes = st.sampled_from([np.dtype(name) for name in ("u1", "<i2", "<f4")])
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)))


def gzipped(volume: Volume) -> bytes:
    target = io.BytesIO()
    with igzip.GzipFile(fileobj=target, mode="wb", mtime=0) as stream:
        stream.write(header_bytes(volume.grid, volume.array_kji.dtype))
        stream.write(volume.array_kji.tobytes())
    return target.getvalue()


@given(arrays, st.floats(-100, 100))
def test_the_digest_of_a_stored_image_is_that_of_its_volume(array, shift):
    affine = np.diag([2.0, -2.5, 3.0, 1.0])
    affine[:3, 3] = shift
    volume = Volume(array, affine)
    assert stored_voxel_sha256(gzipped(volume)) == voxel_sha256(volume)


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-20], lambda data: b"no gzip", lambda data: data[:60] + b"x" + data[61:]]
)
def test_a_damaged_image_has_no_digest(harm):
    data = gzipped(Volume(np.arange(1000, dtype="<i2").reshape(10, 10, 10), np.eye(4)))
    with pytest.raises(ValueError, match=r"decoded|layout"):
        stored_voxel_sha256(harm(data))


def test_rows_come_back_in_order_with_their_bytes_and_their_gaps(tmp_path: Path):
    files = [tmp_path / f"{name}.nii.gz" for name in "ab"]
    for seed, path in enumerate(files):
        write_volume(path, Volume(np.full((2, 3, 4), seed, np.uint8), np.eye(4)))
    shard = tmp_path / "train-00000-of-00001.parquet"
    with ShardWriter(shard, LAYOUT) as writer:
        writer.write({"name": "one", "spacing": (1.0, 2.0)}, {"pet": files[0], "organs": files[1]})
        writer.write({"name": None, "spacing": None}, {"pet": files[1]})

    first, second = read_shard(shard)
    assert (first["name"], first["spacing"], bytes(first["pet"].data)) == ("one", [1.0, 2.0], files[0].read_bytes())
    assert (first["organs"].path, bytes(first["organs"].data)) == ("b.nii.gz", files[1].read_bytes())
    assert (second["name"], second["spacing"], second["organs"]) == (None, None, None)
    assert read_footer(shard).rows == 2
    assert [sorted(row) for row in read_shard(shard, volumes=())] == [["name", "spacing"]] * 2


def test_the_layout_is_that_of_datasets_itself():
    features = Features.from_dict(LAYOUT.features)
    assert isinstance(features["pet"], Nifti)
    assert features.arrow_schema.remove_metadata() == LAYOUT.schema.remove_metadata()


def test_a_failed_writer_leaves_no_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError), ShardWriter(tmp_path / "s.parquet", LAYOUT) as writer:
        writer.write({"name": "x", "spacing": None}, {"pet": tmp_path / "absent.nii.gz"})
    assert [path.name for path in tmp_path.iterdir() if path.name != "keys"] == []


def sparse(path: Path, size: int) -> Path:
    """A file of that size with bytes at its ends and a hole between them."""
    with path.open("wb") as handle:
        handle.write(path.name.encode())
        handle.truncate(size - 4)
        handle.seek(size - 4)
        handle.write(b"last")
    return path


def test_a_volume_of_two_gibibytes_is_refused_clearly_and_leaves_no_shard(tmp_path: Path):
    image = sparse(tmp_path / "large.nii.gz", MAX_VOLUME_BYTES + 1)
    with (
        pytest.raises(ValueError, match=f"at most {MAX_VOLUME_BYTES} bytes"),
        ShardWriter(tmp_path / "s.parquet", LAYOUT) as writer,
    ):
        writer.write({"name": "x", "spacing": None}, {"pet": image})
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "keys") == ["large.nii.gz"]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [{"pet": MAX_VOLUME_BYTES}, {"pet": 2**30 + 7, "organs": 2**30 + 9}])
def test_the_largest_volume_and_a_row_of_more_than_two_gibibytes_come_back(tmp_path: Path, sizes):
    images = {name: sparse(tmp_path / f"{name}.nii.gz", size) for name, size in sizes.items()}
    shard = tmp_path / "s.parquet"
    with ShardWriter(shard, LAYOUT) as writer:
        writer.write({"name": "x", "spacing": None}, images)
    assert shard.stat().st_size > 2**31 - 2048
    for name, path in images.items():
        found = read_volume_at(shard, 0, name)
        assert (len(found), bytes(found[:16]), bytes(found[-5:])) == (
            sizes[name],
            path.name.encode().ljust(16, b"\0"),
            b"\0last",
        )
