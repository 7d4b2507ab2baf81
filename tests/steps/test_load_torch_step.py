"""Frames in the real torch and MONAI: what their loaders and transforms make of them, in mm and in voxels."""

from dataclasses import replace

import numpy as np
import pytest

from tests.publish_builders import built, cohort
from umd_curate import load_dataset

torch = pytest.importorskip("torch")
NAMES = ("ct", "pet", "organs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.mktemp("keys") / "signing.key"))
        return built(root, cohort(3), slices=False)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_of_torch_gives_the_voxels_of_the_release(folder, workers):
    rows = load_dataset("petct", path=folder, labels=True)
    loader = torch.utils.data.DataLoader(rows.frames(*NAMES, kind="torch"), batch_size=1, num_workers=workers)
    count = 0
    for batch, row in zip(loader, rows, strict=True):
        for name in NAMES:
            assert np.array_equal(batch[name][0, 0].numpy(), row[name].array)
            assert np.array_equal(batch[f"{name}_meta_dict"]["affine"][0].numpy(), row[name].affine)
        count += 1
    assert count == 3


def test_a_batch_on_one_grid_is_stacked(folder):
    frames = load_dataset("petct", path=folder, labels=True).frames(*NAMES, grid="pet", kind="torch")
    (batch,) = torch.utils.data.DataLoader(frames, batch_size=3)
    assert {batch[name].shape for name in NAMES} == {(3, 1, 6, 5, 4)}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_with_a_session_without_labels_is_collated(tmp_path, workers):
    first, second = cohort(2)
    folder = built(tmp_path, [first, replace(second, has_labels=False)], slices=False)
    rows = load_dataset("petct", path=folder, labels=True)
    frames = rows.frames(*NAMES, kind="torch")
    ways = {"batch_size": 2, "num_workers": workers}
    with pytest.raises((TypeError, AttributeError)):  # in a worker of its own, the one of the two that comes first
        next(iter(torch.utils.data.DataLoader(frames, **ways)))
    (batch,) = torch.utils.data.DataLoader(frames, collate_fn=frames.collate, **ways)
    assert batch["subject_id"] == [row["subject_id"] for row in rows]
    assert np.array_equal(batch["ct"][:, 0].numpy(), [row["ct"].array for row in rows])
    assert batch["ct_meta_dict"]["affine"].shape == (2, 4, 4)
    for tensor, row in zip(batch["organs"], rows, strict=True):
        assert (tensor is None) == (row["organs"] is None)
        assert tensor is None or np.array_equal(tensor[0].numpy(), row["organs"].array)
    assert [meta is None for meta in batch["organs_meta_dict"]] == [row["organs"] is None for row in rows]


def test_a_batch_of_images_of_different_shapes_is_a_list(tmp_path):
    first, second = cohort(2)
    folder = built(tmp_path, [first, replace(second, ct_shape_kji=(9, 10, 12))], slices=False)
    frames = load_dataset("petct", path=folder).frames("ct", "pet", kind="torch")
    (batch,) = torch.utils.data.DataLoader(frames, batch_size=2, collate_fn=frames.collate)
    assert sorted(tensor.shape for tensor in batch["ct"]) == [(1, 12, 10, 8), (1, 12, 10, 9)]
    assert batch["pet"].shape[:2] == (2, 1)


def test_the_transforms_of_monai_know_where_the_voxels_are(folder):
    data, transforms = pytest.importorskip("monai.data"), pytest.importorskip("monai.transforms")
    rows = load_dataset("petct", path=folder, labels=True)
    chain = transforms.Compose(
        [
            transforms.Orientationd(NAMES, "RAS", labels=None),
            transforms.ResampleToMatchd(("organs",), "pet", mode="nearest"),
        ]
    )
    for frame, plain, row in zip(
        data.Dataset(rows.frames(*NAMES, kind="monai"), chain), rows.frames(*NAMES, kind="monai"), rows, strict=True
    ):
        assert np.array_equal(plain["ct"].affine.numpy(), row["ct"].affine)
        assert np.array_equal(plain["ct"][0].numpy(), row["ct"].array)
        assert np.allclose(plain["ct"].pixdim.numpy(), row["ct"].spacing_mm)
        # the affines of these images turn i and j: in RAS both are reversed, and the corner is where the last voxel was
        assert np.array_equal(frame["ct"][0].numpy(), row["ct"].array[::-1, ::-1])
        corner = row["ct"].affine @ [*(n - 1 for n in row["ct"].shape[:2]), 0, 1]
        assert np.allclose(frame["ct"].affine.numpy()[:, 3], corner)
        expected = row["organs"].on_grid_of(row["pet"]).array[::-1, ::-1]
        assert frame["organs"].shape[1:] == row["pet"].shape
        assert (
            np.mean(frame["organs"][0].numpy() == expected) > 0.95
        )  # a tie between two voxels may be broken otherwise


def test_a_loader_of_monai_collates_what_its_transforms_made(folder):
    data, transforms = pytest.importorskip("monai.data"), pytest.importorskip("monai.transforms")
    rows = load_dataset("petct", path=folder, labels=True)
    chain = transforms.Spacingd(NAMES, (4.0, 4.0, 3.0), mode=("bilinear", "bilinear", "nearest"))
    loader = data.DataLoader(data.Dataset(rows.frames(*NAMES, kind="monai"), chain), batch_size=3, num_workers=0)
    (batch,) = loader
    assert {batch[name].shape[:2] for name in NAMES} == {(3, 1)}
    assert np.allclose(batch["ct"].pixdim[0].numpy(), (4.0, 4.0, 3.0))
