"""Reading a release: what comes back is what was put in, joined, filtered, on one grid, and refused where it is not whole."""

import pickle
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

import umd_curate
from tests.publish_builders import built, cohort, released
from tests.release_builders import Study
from umd_curate import load_dataset, load_pairs
from umd_curate.errors import EngineError, LoadError, SchemaError, UsageError
from umd_curate.model.release import VolumeRow
from umd_curate.store.nifti import read_volume, stored_voxel_sha256
from umd_curate.store.parquet import read_rows
from umd_curate.store.shard_map import locate
from umd_curate.store.shards import read_shard

IMAGES = ("pet", "ct", "ct_on_pet")
ORGANS = ("organs", "organs_on_pet")


@pytest.fixture(scope="module")
def folder():
    return released(3)[1]


@pytest.fixture
def own(folder, tmp_path):
    """A copy that may be harmed."""
    return shutil.copytree(folder, tmp_path / "umd")


def source_of(folder, row, role):
    stem = f"sub-{row['subject_id']}_ses-{row['session_id']}"
    return folder.parents[2] / f"data/sub-{row['subject_id']}/ses-{row['session_id']}/{stem}_{role}.nii.gz"


def test_every_voxel_is_that_of_the_workspace_and_of_nibabel(folder):
    rows = load_dataset("petct", path=folder, labels=True)
    assert len(rows) == 3
    roles = {"pet": "pet", "ct": "ct", "ct_on_pet": "space-pet_ct", "organs": "desc-organs_dseg"}
    for row in rows:
        for column, role in roles.items():
            image, path = row[column], source_of(folder, row, role)
            theirs = nib.load(path)
            assert np.array_equal(image.array, np.asarray(theirs.dataobj))
            assert image.array.dtype == theirs.get_data_dtype()
            assert np.allclose(image.affine, theirs.affine)
            assert np.array_equal(image.array_kji, read_volume(path).array_kji)
            assert image.shape == theirs.shape
            assert np.array_equal(image.to_nibabel().get_fdata(), theirs.get_fdata())


def test_the_digests_are_those_of_the_manifest(folder):
    manifest = {
        (row.config, row.subject_id, row.column): row
        for row in read_rows(folder / "manifests/volumes.parquet", VolumeRow)
    }
    for config in ("petct", "labels-petct"):
        for row, place in zip(rows := load_dataset(config, path=folder), rows.places, strict=True):
            for column in place.volumes:
                stated = manifest[config, place.subject, column]
                assert stored_voxel_sha256(row[column].read()) == stated.voxel_sha256


def test_plain_values_and_order_are_those_of_the_shards(folder):
    shards = [row for path in sorted((folder / "petct").glob("*.parquet")) for row in read_shard(path, volumes=())]
    assert load_dataset("petct", path=folder).metadata() == shards


def test_a_plane_is_the_plane_of_the_whole_image_along_each_axis(folder):
    row = load_dataset("petct", path=folder)[1]
    whole = row["ct"].array
    for axis, count in enumerate(whole.shape):
        for index in (count - 1, 0, count // 2, 1):
            fresh = load_dataset("petct", path=folder)[1]["ct"]
            assert np.array_equal(fresh.plane(index, axis), whole.take(index, axis))
    fresh = load_dataset("petct", path=folder)[1]["ct"]
    assert all(np.array_equal(fresh.plane(k), whole[:, :, k]) for k in (5, 0, 7, 3))
    with pytest.raises(IndexError):
        fresh.plane(whole.shape[2])


def test_filters_split_and_columns(folder):
    rows = load_dataset("petct", path=folder)
    one = rows[2]["subject_id"]
    assert [row["subject_id"] for row in load_dataset("petct", path=folder, filters=[("subject_id", "==", one)])] == [
        one
    ]
    assert len(rows.filter([("tracer", "==", "FDG")])) == 3
    assert len(rows.filter([("tracer", "==", "PSMA")])) == 0
    assert len(rows.filter([[("age_years", ">", 90)], [("sex", "==", "F")]])) == 3
    by_split = {
        split: len(load_dataset("petct", path=folder, split=split)) for split in ("train", "validation", "test")
    }
    assert sum(by_split.values()) == 3
    narrow = load_dataset("petct", path=folder, columns=["subject_id", "pet"])
    assert set(narrow[0]) == {"subject_id", "pet"}
    with pytest.raises(UsageError, match="nonsense"):
        load_dataset("petct", path=folder, columns=["nonsense"])[0]
    assert len(rows[:2]) == 2
    assert rows.select([2])[0]["subject_id"] == one


def test_a_filter_on_the_subject_opens_no_shard(own):
    for path in (own / "petct").glob("*.parquet"):
        path.unlink()
    rows = load_dataset("petct", path=own)
    one = rows.places[0].subject
    assert len(rows.filter([("subject_id", "in", [one]), ("split", "==", rows.places[0].split)])) == 1
    with pytest.raises(LoadError):
        rows[0]


def test_a_session_without_labels_has_none_and_keeps_its_place(tmp_path):
    studies = cohort(2)
    studies[0].has_labels = False
    rows = load_dataset("petct", path=built(tmp_path, studies), labels=True)
    found = {row["subject_id"]: row["organs"] for row in rows}
    assert found[studies[0].subject] is None
    assert found[studies[1].subject] is not None


def test_pairs_are_the_subjects_with_both_and_their_first_sessions(tmp_path):
    studies = cohort(3)
    both = studies[1].subject
    studies += [Study(both, session, "petmri", 9) for session in ("petmri1", "petmri2")] + [
        Study(both, "petct2", seed=8)
    ]
    folder = built(tmp_path, studies)
    (pair,) = load_pairs(path=folder)
    assert (pair.subject, pair.petct["session_id"], pair.petmri["session_id"]) == (both, "petct1", "petmri1")
    assert pair.petct["organs"].is_label
    assert pair.petmri["mr"].array.shape == pair.petmri["organs"].array.shape


def test_pet_on_the_grid_of_ct_has_its_shape_its_range_and_its_mean(folder):
    row = load_dataset("petct", path=folder)[0]
    pet = row["pet"].on_grid_of(row["ct"])
    assert pet.array.shape == row["ct"].array.shape
    assert np.array_equal(pet.affine, row["ct"].affine)
    assert row["pet"].array.min() <= pet.array[pet.array > 0].min()
    assert pet.array.max() <= row["pet"].array.max()
    assert pet.on_grid_of(row["ct"]) is pet


def test_labels_on_another_grid_stay_labels(folder):
    row = load_dataset("petct", path=folder, labels=True)[0]
    moved = row["organs_on_pet"].on_grid_of(row["organs"])
    assert moved.array.shape == row["organs"].array.shape
    assert set(np.unique(moved.array)) <= set(np.unique(row["organs_on_pet"].array)) | {0}


def test_frames_are_arrays_with_a_channel_on_one_grid(folder):
    frames = load_dataset("petct", path=folder, labels=True).frames("ct", "pet", "organs", grid="ct")
    assert len(frames) == 3
    frame = frames[0]
    assert {frame[name].shape for name in ("ct", "pet", "organs")} == {(1, 12, 10, 8)}
    assert frame["ct"].flags.c_contiguous
    meta = frame["pet_meta_dict"]
    assert np.array_equal(meta["affine"], frame["ct_meta_dict"]["affine"])
    assert (meta["units"], meta["filename_or_obj"].endswith("_pet.nii.gz")) == ("SUVbw", True)
    with pytest.raises(UsageError):
        load_dataset("petct", path=folder).frames("ct", grid="pet")


@pytest.mark.parametrize("kind", ["torch", "monai"])
def test_tensors_without_torch_are_refused_by_name(folder, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "torch", None)
    frames = load_dataset("petct", path=folder).frames("pet", kind=kind)
    with pytest.raises(EngineError, match=kind):
        frames[0]


def test_a_kind_that_does_not_exist_is_refused(folder):
    with pytest.raises(UsageError, match="monai"):
        load_dataset("petct", path=folder).frames("pet", kind="jax")


def test_a_dataset_goes_to_another_process_and_reads_there(folder):
    frames = load_dataset("petct", path=folder, labels=True).frames("pet", "organs")
    sent = pickle.loads(pickle.dumps(frames))  # noqa: S301  (our own)
    assert np.array_equal(sent[1]["pet"], frames[1]["pet"])


@pytest.mark.parametrize("harm", ["volume", "manifest", "shard"])
def test_what_is_not_what_the_release_says_is_refused(own, harm):
    rows = load_dataset("petct", path=own)
    shard = own / rows.places[0].shard
    if harm == "volume":
        span = rows.release.span(rows.places[0].shard, rows.places[0].row, "pet")
        content = bytearray(shard.read_bytes())
        content[span.start + span.size // 2] ^= 1
        shard.write_bytes(content)
        with pytest.raises(SchemaError, match="pet"):
            _ = load_dataset("petct", path=own)[0]["pet"].array
        with pytest.raises(SchemaError):
            _ = load_dataset("petct", path=own, verify=False)[0]["pet"].array
    elif harm == "manifest":
        (own / "manifests/volumes.parquet").write_bytes((own / "manifests/subjects.parquet").read_bytes())
        with pytest.raises(SchemaError):
            load_dataset("petct", path=own)
    else:
        import pyarrow.parquet as pq

        pq.write_table(pq.read_table(shard), shard)  # another writer's layout: compressed, with dictionaries
        with pytest.raises(SchemaError):
            _ = load_dataset("petct", path=own)[0]["pet"].array


def test_the_map_of_a_shard_finds_the_bytes_that_parquet_reads(folder):
    for path in folder.glob("*petct/*.parquet"):
        with path.open("rb") as handle:
            spans = locate(handle)
        content = path.read_bytes()
        for row, found in zip(read_shard(path), spans, strict=True):
            volumes = {name: value.data for name, value in row.items() if hasattr(value, "data")}
            assert {name: content[span.start : span.start + span.size] for name, span in found.items()} == {
                name: bytes(data) for name, data in volumes.items()
            }


def test_a_folder_of_versions_or_a_workspace_gives_the_version_that_is_named(folder):
    workspace = folder.parents[2]
    assert len(load_dataset("petct", path=workspace, version="1.0.0")) == 3
    with pytest.raises(LoadError):
        load_dataset("petct", path=workspace, version="9.9.9")
    with pytest.raises(LoadError, match="petmri"):
        load_dataset("petmri", path=folder)


def test_importing_the_package_imports_nothing_heavy():
    script = "import sys, umd_curate; print(sorted({'numpy', 'pyarrow', 'isal', 'huggingface_hub', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    assert set(umd_curate.__all__) <= {
        *dir(umd_curate),
        "Dataset",
        "Image",
        "SubjectPair",
        "load_dataset",
        "load_pairs",
    }
    with pytest.raises(AttributeError):
        umd_curate.nonsense  # noqa: B018
