from functools import cache

import numpy as np
import pytest

from umd_curate.model.geometry import Grid
from umd_curate.store.resources import organ_table
from umd_curate.synth.anatomy import Posture, landmarks_of, layers_of
from umd_curate.synth.build import build_of
from umd_curate.synth.motion import Motion, Rigid
from umd_curate.synth.paint import paint
from umd_curate.synth.tissues import LOOKS

IDS = {organ.name: organ.id for organ in organ_table()}
HU = {tissue: look.hu for tissue, look in LOOKS.items()}
# Adult organ volumes [mL], wide ranges: ICRP Publication 89 reference values halved and doubled, lungs inflated.
PLAUSIBLE_ML = {
    "liver": (700, 3000), "kidney_left": (75, 320), "kidney_right": (75, 320), "brain": (700, 1900), "heart": (300, 1300),
    "spleen": (60, 360), "aorta": (80, 450), "lung": (2000, 7500), "colon": (300, 1500), "urinary_bladder": (80, 450),
    "pancreas": (40, 260), "esophagus": (20, 160), "stomach": (120, 800),
}  # fmt: skip


@cache
def body(seed=1, sex="M", posture=Posture.ARMS_UP, pixel=6.5, step=8.0):
    build = build_of(seed, 1, sex)
    n, slices = round(520 / pixel), round(1050 / step)
    affine = np.diag([-pixel, -pixel, step, 1.0])
    affine[:3, 3] = (260 - pixel / 2, 260 - pixel / 2, 30 - 1050 + step / 2)
    grid = Grid((slices, n, n), affine)
    motion = Motion((0.0, 0.0, 0.0), Rigid(), build.scale)
    return build, grid, motion, paint(grid, motion, layers_of(build, posture), (HU,), IDS)


def index_of(grid, point):
    i, j, k = np.rint(np.linalg.inv(grid.affine) @ [*point, 1.0])[:3].astype(int)
    return k, j, i


@pytest.mark.parametrize(("seed", "sex"), [(1, "M"), (2, "F"), (3, "M"), (4, "F")])
def test_every_organ_has_a_plausible_volume_in_every_patient(seed, sex):
    _, grid, _, painted = body(seed, sex)
    for name, (least, most) in PLAUSIBLE_ML.items():
        volume = (painted.labels == IDS[name]).sum() * grid.voxel_volume_ml
        assert least < volume < most, name


def test_organs_lie_on_the_side_where_patients_have_them():
    _, grid, _, painted = body()
    x = {}
    for name in ("liver", "spleen", "kidney_left", "kidney_right", "heart", "stomach"):
        _, _, i = np.nonzero(painted.labels == IDS[name])
        x[name] = float(np.mean(grid.affine[0, 0] * i + grid.affine[0, 3]))
    assert x["liver"] > 20
    assert x["kidney_right"] > 40
    assert all(x[name] < -5 for name in ("spleen", "kidney_left", "heart", "stomach"))


def test_landmarks_of_organs_lie_in_the_organs():
    build, grid, motion, painted = body()
    points = landmarks_of(build)
    names = {"bladder_centre": "urinary_bladder", "left_kidney_centre": "kidney_left", "spleen_centre": "spleen"}
    for landmark, organ in names.items():
        place = motion.to_scanner(np.array([points[landmark]]))[0]
        assert painted.labels[index_of(grid, place)] == IDS[organ], landmark


def test_tissues_have_the_ct_numbers_that_radiologists_know():
    _, _, _, painted = body()
    hu = painted.channels[0]
    assert 40 < np.median(hu[painted.labels == IDS["liver"]]) < 75
    assert np.median(hu[painted.labels == IDS["lung"]]) < -700
    assert np.median(hu[painted.labels == IDS["urinary_bladder"]]) < 20
    assert hu.max() > 500
    assert hu.min() == -1000


def test_the_nose_stands_out_of_the_face():
    build, grid, motion, painted = body(pixel=4, step=5)
    nose = motion.to_scanner(np.array([landmarks_of(build)["nose_tip"]]))[0]
    row = painted.channels[0][index_of(grid, nose)[0]]
    first_row_of_skin = np.flatnonzero((row > -500).any(axis=1))[0]
    assert abs(grid.affine[1, 1] * first_row_of_skin + grid.affine[1, 3] - nose[1]) < 12


def test_arms_are_beside_the_head_or_beside_the_hips():
    def width_mm(posture, z):
        _, grid, _, painted = body(posture=posture)
        k = index_of(grid, (0.0, 0.0, z))[0]
        columns = np.flatnonzero((painted.channels[0][k] > -500).any(axis=0))
        return (columns[-1] - columns[0]) * grid.spacing_mm[0]

    assert width_mm(Posture.ARMS_UP, -80) > 300
    assert width_mm(Posture.ARMS_DOWN, -80) < 200
    assert width_mm(Posture.ARMS_DOWN, -680) > width_mm(Posture.ARMS_UP, -680) + 50


def test_painting_in_slabs_changes_nothing(monkeypatch):
    _, _, _, whole = body(pixel=13, step=20.0)
    monkeypatch.setattr("umd_curate.synth.paint._SLAB_VOXELS", 40 * 40 * 3)
    _, _, _, parts = body.__wrapped__(pixel=13, step=20.0)
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_array_equal(whole.channels[0], parts.channels[0])
