"""The register step on real files: a CT or MR comes to the grid of its PET, and the receipt says how."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import State, What
from umd_curate.model.sidecars import ResampledSidecar
from umd_curate.model.steps import SessionFiles
from umd_curate.register import STEP
from umd_curate.store.files import artifact
from umd_curate.store.nifti import read_volume, voxel_sha256, write_volume
from umd_curate.store.workspace import create_workspace

FOLDER = "data/sub-7K3QF2/ses-petct1"


@dataclass
class Sessions:
    found: list

    def sessions(self):
        return self.found

    def receipts(self, _step):
        return ()


def affine_of(spacing, origin=(0.0, 0.0, 0.0)):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return affine


@pytest.fixture
def place(tmp_path):
    return create_workspace(tmp_path / "ws")


def add(place, role, array, affine):
    relative = f"{FOLDER}/sub-7K3QF2_ses-petct1_{role}.nii.gz"
    write_volume(place.resolve(relative), Volume(array, affine))
    return artifact(role, relative, place.resolve(relative))


def register(place, *artifacts):
    session = SessionFiles("7K3QF2", "petct1", "petct", {entry.what: entry for entry in artifacts})
    (unit,) = STEP.plan(Sessions([session]), UmdConfig())
    return STEP.perform(unit, place, UmdConfig())


def ct_and_pet(place):
    ct = np.random.default_rng(1).integers(-1000, 1500, (12, 32, 32)).astype(np.int16)
    pet = np.ones((6, 10, 8), np.float32)
    # one PET voxel is 4 x 4 x 2 CT voxels; the PET grid is one voxel wider than the CT at the end of rows and columns
    return (
        ct,
        add(place, What.CT, ct, affine_of((1.0, 1.0, 2.0))),
        add(place, What.PET, pet, affine_of((4.0, 4.0, 4.0), (1.5, -2.5, 1.0))),
    )


def test_each_pet_voxel_has_the_mean_of_its_ct_voxels_and_air_outside(place):
    ct, *files = ct_and_pet(place)
    receipt = register(place, *files)
    assert [entry.what for entry in receipt.outputs] == ["space-pet_ct", "space-pet_ct.json", "space-pet_xfm.json"]
    image = read_volume(place.resolve(receipt.outputs[0].path))
    expected = ct.reshape(6, 2, 8, 4, 8, 4).mean(axis=(1, 3, 5))
    assert image.array_kji.dtype == np.int16
    assert np.abs(image.array_kji[:, 1:9] - expected).max() <= 0.5
    assert (image.array_kji[:, 0] == -1024).all()
    assert (image.array_kji[:, 9] == -1024).all()


def test_the_receipt_holds_identity_overlap_and_mean(place):
    ct, *files = ct_and_pet(place)
    receipt = register(place, *files)
    assert receipt.state is State.DONE
    assert receipt.findings == ()
    assert receipt.measured["transform"] == "identity"
    assert receipt.measured["overlap_part"] == pytest.approx(0.8)
    assert receipt.measured["overlap_ml"] == pytest.approx(ct.size * 0.002)
    assert receipt.measured["mean_moving"] == pytest.approx(ct.mean(), abs=1e-3)
    assert receipt.measured["mean_resampled"] == pytest.approx(ct.mean(), abs=0.1)


def test_the_sidecar_fits_its_schema_and_its_voxels(place):
    _, *files = ct_and_pet(place)
    receipt = register(place, *files)
    image, text = (place.resolve(entry.path) for entry in receipt.outputs[:2])
    sidecar = ResampledSidecar.model_validate(json.loads(text.read_text(encoding="utf-8")))
    assert (sidecar.reference, sidecar.moving, sidecar.transform, sidecar.units) == ("pet", "ct", "identity", "HU")
    assert sidecar.voxel_sha256 == voxel_sha256(read_volume(image))
    assert sidecar.inputs == {entry.what: entry.sha256 for entry in files}


def test_an_mr_keeps_fractions_and_has_zero_outside(place):
    mr = np.arange(8 * 8 * 8, dtype=np.int16).reshape(8, 8, 8)
    files = (
        add(place, What.MR, mr, affine_of((2.0, 2.0, 2.0))),
        add(place, What.PET, np.ones((4, 4, 8), np.float32), affine_of((4.0, 4.0, 4.0), (1.0, 1.0, 1.0))),
    )
    receipt = register(place, *files)
    image = read_volume(place.resolve(receipt.outputs[0].path)).array_kji
    assert receipt.outputs[0].what == "space-pet_mr"
    assert image.dtype == np.float32
    assert np.array_equal(image[:, :, :4], mr.reshape(4, 2, 4, 2, 4, 2).mean(axis=(1, 3, 5)).astype(np.float32))
    assert not image[:, :, 4:].any()


def test_images_that_show_different_parts_of_the_body_are_refused(place):
    files = (
        add(place, What.CT, np.zeros((8, 8, 8), np.int16), affine_of((1.0, 1.0, 1.0))),
        add(place, What.PET, np.ones((4, 4, 4), np.float32), affine_of((4.0, 4.0, 4.0), (0.0, 0.0, 500.0))),
    )
    with pytest.raises(Refused) as caught:
        register(place, *files)
    assert caught.value.finding.code == "REG-101"
    assert not list(place.root.glob("data/**/*space-pet*"))


def test_a_second_run_writes_the_same_bytes(place):
    _, *files = ct_and_pet(place)
    assert register(place, *files).outputs == register(place, *files).outputs


def test_a_session_without_a_partner_for_its_pet_has_no_work(place):
    pet = add(place, What.PET, np.ones((2, 2, 2), np.float32), np.eye(4))
    session = SessionFiles("7K3QF2", "pet1", "pet", {What.PET: pet})
    assert STEP.plan(Sessions([session]), UmdConfig()) == []


def test_a_real_ct_keeps_its_mean_on_a_coarser_oblique_grid(place, shared_data):
    ct = read_volume(shared_data / "totalsegmentator-examples" / "example_ct.nii.gz")
    c, s = np.cos(0.1), np.sin(0.1)
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    shape = ct.grid.shape_kji
    affine = ct.affine @ np.diag([2.0, 2.0, 2.0, 1.0]) @ turn
    files = (
        add(place, What.CT, ct.array_kji.astype(np.int16), ct.affine),
        add(place, What.PET, np.ones([n // 2 for n in shape], np.float32), affine),
    )
    receipt = register(place, *files)
    assert abs(receipt.measured["mean_change"]) < 0.01
    assert "oblique" in receipt.measured["interpolation"]


def test_border_voxels_that_are_left_empty_are_no_change_of_the_mean(place):
    # air on one side of a body; the PET voxels there overlap the CT by a quarter only and are left empty
    ct = np.full((12, 32, 32), 40, np.int16)
    ct[:, :, :8] = -1000
    files = add(place, What.CT, ct, affine_of((1.0, 1.0, 2.0)))
    pet = add(place, What.PET, np.ones((6, 10, 12), np.float32), affine_of((4.0, 4.0, 4.0), (-1.5, -2.5, 1.0)))
    receipt = register(place, files, pet)
    assert receipt.findings == ()
    assert abs(receipt.measured["mean_change"]) < 1e-4
