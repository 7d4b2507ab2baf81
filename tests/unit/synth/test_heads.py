"""The truth of trial heads: what is told as a face's surface is skin on the grid, and nothing lies before it."""

from dataclasses import replace

import numpy as np
import pytest

from umd_curate.model.geometry import apply_affine
from umd_curate.synth.heads import HeadSpec, trial_head
from umd_curate.synth.nod import Nod

AIR_HU, SKIN_HU = -1000, -600  # a voxel whose centre is just within the skin is half of it, half air
SPEC = HeadSpec(spacings_mm={"ct": (5.3, 5.3, 4.5)}, bottom_mm=-300, ct_noise_hu=0.0)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, seed=13, nod=Nod(1.0, 0.0, 6.75), signs=(-1, -1, -1), oblique_deg=(-3.3, -2.7, 9.8)),
        replace(SPEC, nod=Nod(15, -20, 10), spacings_mm={"ct": (3.0, 3.0, 6.0)}),
    ],
)
def test_points_of_the_face_are_voxels_of_skin_and_none_is_one_of_air(spec):
    head = trial_head(spec)["ct"]
    for points, least in ((head.face_ras_mm, 1400), (head.ears_ras_mm, 240)):
        index = apply_affine(np.linalg.inv(head.volume.affine), points)
        i, j, k = np.rint(index).astype(int).T
        assert np.allclose(index, np.rint(index), atol=1e-6)
        assert (head.volume.array_kji[k, j, i] > AIR_HU).all()
        assert (head.volume.array_kji[k, j, i] > SKIN_HU).mean() > 0.98  # in the others the frontal sinus is near
        assert len(points) >= least


def test_before_the_straight_face_lies_air():
    head = trial_head(SPEC)["ct"]
    i, j, k = np.rint(apply_affine(np.linalg.inv(head.volume.affine), head.face_ras_mm)).astype(int).T
    assert (
        head.volume.array_kji[k, j + 2, i] == AIR_HU
    ).mean() > 0.9  # cheekbones of the standard body come through its skin


def test_a_nod_is_undone():
    points = np.random.default_rng(3).uniform(-200, 100, (50, 3))
    nod = Nod(13, -17, 8)
    assert np.allclose(nod.straightened(nod.carried(points)), points)
