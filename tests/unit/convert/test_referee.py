from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import affines
from umd_curate.convert.referee import Outcome, Scale, chosen, compare
from umd_curate.model.geometry import Volume
from umd_curate.model.study import Role

TURNS = [(order, flips) for order in permutations(range(3)) for flips in product((False, True), repeat=3)]
CT = Scale(Role.CT)


def image(affine=None, dtype=np.int16):
    values = np.random.default_rng(2).integers(-1024, 2000, (5, 7, 9)).astype(dtype)
    return Volume(values, np.diag([1.5, 2.0, 3.0, 1.0]) if affine is None else affine)


def turned(volume, order, flips):
    """The same image stored with its axes in another order and direction."""
    array = volume.array_kji.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    to_old = np.zeros((4, 4))
    to_old[3, 3] = 1
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        to_old[2 - old, 2 - new] = -1 if flip else 1
        to_old[2 - old, 3] = volume.array_kji.shape[old] - 1 if flip else 0
    return Volume(array, volume.affine @ to_old)


@given(affines(), st.sampled_from(TURNS))
def test_an_image_agrees_with_itself_however_it_is_stored(affine, turn):
    ours = image(affine)
    opinion = compare(ours, turned(ours, *turn), CT)
    assert opinion.outcome is Outcome.AGREES
    assert opinion.voxels_agreeing == opinion.voxels_compared == 5 * 7 * 9
    assert opinion.position_error_mm < 1e-6


@given(affines(), st.sampled_from(TURNS), st.integers(0, 314), st.floats(1.0, 50))
def test_one_other_voxel_is_seen(affine, turn, where, much):
    ours = image(affine)
    other = ours.array_kji.astype(np.float64)
    other.ravel()[where] = max(other.ravel()[where], -1000) + much
    opinion = compare(ours, turned(Volume(other, affine), *turn), CT)
    assert (opinion.outcome, opinion.voxels_compared - opinion.voxels_agreeing) == (Outcome.DIFFERS, 1)


@pytest.mark.parametrize("shift", [(0.75, 0, 0), (0, -1.0, 0), (0, 0, 1.5), (0, 0, 3.0), (0.2, 0, 0)])
def test_half_a_voxel_and_even_a_tenth_elsewhere_differs(shift):
    ours = image()
    affine = ours.affine.copy()
    affine[:3, 3] += shift
    assert compare(ours, Volume(ours.array_kji, affine), CT).outcome is Outcome.DIFFERS


@pytest.mark.parametrize("axis", range(3))
def test_a_flip_of_the_values_alone_differs(axis):
    ours = image()
    assert compare(ours, Volume(np.flip(ours.array_kji, axis), ours.affine), CT).outcome is Outcome.DIFFERS


def test_a_stretched_or_shorter_image_differs():
    ours = image()
    stretched = ours.affine.copy()
    stretched[:3, 2] *= 1.25
    assert compare(ours, Volume(ours.array_kji[:4], stretched), CT).outcome is Outcome.DIFFERS
    assert compare(ours, Volume(ours.array_kji[:4], ours.affine), CT).outcome is Outcome.DIFFERS


def test_padding_below_air_is_air_for_a_ct_alone():
    ours = image()
    other = ours.array_kji.copy()
    mine = ours.array_kji.copy()
    mine[0, 0], other[0, 0] = -1024, -3024
    assert compare(Volume(mine, ours.affine), Volume(other, ours.affine), CT).outcome is Outcome.AGREES
    assert compare(Volume(mine, ours.affine), Volume(other, ours.affine), Scale(Role.PET)).outcome is Outcome.DIFFERS


def pet(factors):
    bqml = np.random.default_rng(4).uniform(0, 5e4, (5, 7, 9))
    suv = (bqml * np.reshape(factors, (-1, 1, 1))).astype(np.float32)
    return Volume(suv, np.eye(4)), Volume(bqml, np.eye(4)), Scale(Role.PET, min(factors), max(factors))


@pytest.mark.parametrize("factors", [[2.7e-4] * 5, [2.7e-4, 2.8e-4, 2.8e-4, 2.9e-4, 3.0e-4]])
def test_suv_is_compared_in_bqml(factors):
    ours, theirs, scale = pet(factors)
    assert compare(ours, theirs, scale).outcome is Outcome.AGREES


def test_a_wrong_factor_of_one_slice_differs():
    ours, theirs, scale = pet([2.7e-4] * 5)
    wrong = ours.array_kji.copy()
    wrong[3] *= np.float32(1.001)
    opinion = compare(Volume(wrong, ours.affine), theirs, scale)
    assert (opinion.outcome, opinion.voxels_agreeing) == (Outcome.DIFFERS, 4 * 7 * 9)


@given(st.floats(0.01, 50), st.floats(-100, 100))
def test_arbitrary_numbers_of_mr_agree_up_to_one_line(gain, offset):
    theirs = Volume(np.random.default_rng(8).uniform(0, 900, (5, 7, 9)), np.eye(4))
    ours = Volume(theirs.array_kji * gain + offset, np.eye(4))
    opinion = compare(ours, theirs, Scale(Role.MR))
    assert opinion.outcome is Outcome.AGREES
    assert opinion.gain == pytest.approx(gain, rel=1e-6)
    bent = Volume(ours.array_kji * np.linspace(1, 1.2, 5)[:, None, None], np.eye(4))
    assert compare(bent, theirs, Scale(Role.MR)).outcome is Outcome.DIFFERS


GROUPS = {"b_ct": "g-1", "a_ct": "g-1", "c_ct": "g-2", "d_pet": "g-3"}


def test_one_series_of_each_group_is_asked_about_and_stays_when_others_come():
    assert chosen(GROUPS, set(), "group") == ("a_ct", "c_ct", "d_pet")
    assert chosen(GROUPS, {"b_ct"}, "group") == ("b_ct", "c_ct", "d_pet")
    assert chosen(GROUPS, {"gone_ct"}, "group") == ("a_ct", "c_ct", "d_pet")
    assert chosen(GROUPS, {"a_ct"}, "all") == ("a_ct", "b_ct", "c_ct", "d_pet")
    assert chosen(GROUPS, {"a_ct"}, "none") == ("a_ct",)
    assert chosen(GROUPS, set(), "none") == ()
