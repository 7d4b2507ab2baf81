"""Means over footprints: exact where axes run along each other, the same in world space however an image is stored."""

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the name that the field uses)
from hypothesis import given, settings
from hypothesis import strategies as st

from umd_curate.model.axes import axis_weights, pair_axes
from umd_curate.model.footprint import Coverage, FootprintMean
from umd_curate.model.geometry import Grid, Volume

REORDERINGS = list(product(permutations(range(3)), product((False, True), repeat=3)))

spacings = st.floats(0.7, 6.0)
spacing_triples = st.tuples(spacings, spacings, spacings)
shifts = st.tuples(*[st.floats(-15.0, 15.0)] * 3)
shapes = st.tuples(*[st.integers(2, 9)] * 3)


def grid(shape_kji, spacing_ijk, origin=(0.0, 0.0, 0.0), turn=None):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(spacing_ijk)
    affine[:3, 3] = origin
    return Grid(tuple(shape_kji), affine)


def turned_about_z(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def stored_otherwise(volume, order, flips):
    """The same image with its voxels stored in another axis order and direction."""
    array = volume.array_kji.transpose(order)
    affine = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, :3][:, [2 - order[2 - axis] for axis in range(3)]]
    for axis, flip in enumerate(flips):
        if flip:
            column = 2 - axis
            affine[:3, 3] += affine[:3, column] * (array.shape[axis] - 1)
            affine[:3, column] *= -1
            array = np.flip(array, axis)
    return Volume(np.ascontiguousarray(array), affine)


def planes(means, fixed):
    both = [means.plane(k) for k in range(fixed.shape_kji[0])]
    return np.stack([mean for mean, _ in both]), np.stack([covered for _, covered in both])


@given(shapes, spacing_triples, shapes, spacing_triples, shifts, st.sampled_from([0.0, 0.0, 11.0, 47.0]))
@settings(max_examples=60, deadline=None)
def test_a_constant_stays_that_constant_wherever_anything_is_covered(shape, spacing, to_shape, to_spacing, shift, turn):
    moving = Volume(np.full(shape, -731, np.int16), grid(shape, spacing).affine)
    fixed = grid(to_shape, to_spacing, shift, turned_about_z(turn))
    mean, covered = planes(FootprintMean(moving, fixed), fixed)
    assert np.abs(mean[covered > 1e-6] + 731).max(initial=0.0) < 1e-3
    assert covered.min() >= 0.0
    assert covered.max() <= 1.0


@given(shapes, st.tuples(*[st.integers(1, 4)] * 3), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_integer_ratios_are_the_exact_means_of_blocks(blocks, ratio_kji, random):
    shape = [n * r for n, r in zip(blocks, ratio_kji, strict=True)]
    values = np.random.default_rng(random.getrandbits(32)).integers(-1024, 3000, shape).astype(np.int16)
    moving = Volume(values, grid(shape, (1.5, 1.0, 2.0)).affine)
    r = np.array(ratio_kji[::-1])
    fixed = grid(blocks, r * (1.5, 1.0, 2.0), (r - 1) / 2 * (1.5, 1.0, 2.0))
    mean, covered = planes(FootprintMean(moving, fixed), fixed)
    k, j, i = ratio_kji
    expected = values.reshape(blocks[0], k, blocks[1], j, blocks[2], i).mean(axis=(1, 3, 5), dtype=np.float64)
    np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(covered, 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("order", "flips"), REORDERINGS)
@pytest.mark.parametrize("turn", [0.0, 20.0])
def test_the_order_and_direction_of_stored_axes_change_nothing_in_world_space(order, flips, turn):
    values = np.random.default_rng(3).normal(size=(8, 9, 10)).astype(np.float32)
    moving = Volume(values, grid(values.shape, (1.1, 1.3, 2.0), (-4.0, 2.0, 1.0)).affine)
    fixed = grid((4, 5, 4), (3.1, 2.9, 3.3), (-3.0, 3.0, 2.0), turned_about_z(turn))
    expected, expected_covered = planes(FootprintMean(moving, fixed), fixed)
    mean, covered = planes(FootprintMean(stored_otherwise(moving, order, flips), fixed), fixed)
    np.testing.assert_allclose(covered, expected_covered, atol=1e-9)
    np.testing.assert_allclose(mean[covered > 0], expected[covered > 0], atol=1e-5)


@given(shapes, spacing_triples, shapes, spacing_triples, shifts)
@settings(max_examples=60, deadline=None)
def test_the_total_in_the_overlap_is_kept_where_the_fixed_voxels_are_larger(shape, spacing, to_shape, factors, shift):
    values = np.random.default_rng(len(shape)).normal(100, 30, shape)
    moving = Volume(values, grid(shape, spacing).affine)
    larger = tuple(s * (1 + f) for s, f in zip(spacing, factors, strict=True))
    fixed = grid(to_shape, larger, shift)
    mean, covered = planes(FootprintMean(moving, fixed), fixed)
    inside = Coverage(fixed, moving.grid)
    part = np.stack([inside.plane(k) for k in range(shape[0])])
    after = (mean * covered).sum() * fixed.voxel_volume_ml
    before = (values * part).sum() * moving.grid.voxel_volume_ml
    assert after == pytest.approx(before, rel=1e-4, abs=1e-4)


def test_the_covered_part_is_the_volume_that_both_grids_share():
    # 10 x 10 x 10 mm of 1 mm voxels; one 10 mm voxel whose box is shifted by 2, 3 and 5 mm: 8 * 7 * 5 of 1000 mm3
    fixed = grid((1, 1, 1), (10.0, 10.0, 10.0), (4.5 + 2, 4.5 + 3, 4.5 + 5))
    assert Coverage(grid((10, 10, 10), (1.0, 1.0, 1.0)), fixed).part() == pytest.approx(0.28)


def test_the_covered_part_of_oblique_grids_is_that_of_a_rotated_square():
    # a square turned by 45 degrees has half the area of the upright square around it
    small = grid((2, 100, 100), (1.0, 1.0, 50.0), (0.0, -99 / np.sqrt(2), 25.0), turned_about_z(45.0))
    bounding = grid((2, 70, 70), (101 / 70 * np.sqrt(2),) * 2 + (50.0,), (-71.0 + 1, -71.0 + 1, 25.0))
    assert Coverage(small, bounding).part() == pytest.approx(0.5, abs=0.02)


def test_fine_stripes_average_out_instead_of_aliasing():
    stripes = np.zeros((4, 60, 60), np.int16)
    stripes[:, :, ::2] = 100
    moving = Volume(stripes, grid(stripes.shape, (1.0, 1.0, 1.0)).affine)
    for turn in (0.0, 30.0):
        fixed = grid((1, 6, 6), (4.0, 4.0, 4.0), (20.0, 10.0, 1.5), turned_about_z(turn))
        mean, _ = planes(FootprintMean(moving, fixed), fixed)
        assert np.abs(mean - 50).max() < 12


def test_a_smooth_oblique_image_agrees_with_linear_resampling_by_itk():
    shape = (20, 24, 28)
    moving_grid = grid(shape, (2.0, 2.0, 2.5), (-25.0, -20.0, -22.0))
    fixed = grid((6, 7, 8), (4.0, 4.0, 4.0), (-10.0, -10.0, -10.0), turned_about_z(25.0))
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    values = (3.0 * i - 2.0 * j + 5.0 * k).astype(np.float32)
    mean, covered = planes(FootprintMean(Volume(values, moving_grid.affine), fixed), fixed)
    reference = sitk.GetArrayFromImage(
        sitk.Resample(itk_image(values, moving_grid), itk_image(np.zeros(fixed.shape_kji, np.float32), fixed))
    )
    assert covered.min() == 1.0
    np.testing.assert_allclose(mean, reference, atol=0.05)


def itk_image(values, on):
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(on.spacing_mm)
    image.SetDirection((on.affine[:3, :3] / np.array(on.spacing_mm)).ravel().tolist())
    image.SetOrigin(on.affine[:3, 3].tolist())
    return image


def test_larger_moving_voxels_are_read_linearly_not_as_a_staircase():
    ramp = Volume(np.arange(10, dtype=np.float32)[None, None, :].repeat(2, 0).repeat(2, 1), np.diag([4.0, 4, 4, 1]))
    fixed = grid((2, 2, 18), (2.0, 4.0, 4.0), (1.0, 0.0, 0.0))
    mean, _ = planes(FootprintMean(ramp, fixed), fixed)
    np.testing.assert_allclose(np.diff(mean[0, 0]), 0.5, atol=1e-9)


def test_a_voxel_without_any_part_inside_has_no_weight():
    weights = axis_weights(n_moving=4, n_fixed=3, step=2.0, offset=-10.0)
    assert weights.covered.tolist() == [0.0, 0.0, 0.0]
    assert not weights.weight.any()


def test_slightly_turned_grids_are_oblique_only_when_the_turn_can_be_seen():
    moving, fixed = grid((50, 200, 200), (1.0,) * 3), (30, 100, 100)
    assert pair_axes(moving, grid(fixed, (2.0,) * 3, turn=turned_about_z(1e-4))) is not None
    assert pair_axes(moving, grid(fixed, (2.0,) * 3, turn=turned_about_z(1.0))) is None
