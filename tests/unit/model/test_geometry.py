"""Where voxels are: expected places come from DICOM PS3.3 equation C.7.6.2.1-1 and from nibabel, never from our code."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies as some
from umd_curate.model.geometry import (
    AFFINE_TOLERANCE_MM,
    LPS_TO_RAS,
    SAME_GRID_TOLERANCE_MM,
    Grid,
    Volume,
    affine_from_dicom,
    apply_affine,
    max_corner_error_mm,
    slice_normal,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
origins = st.tuples(*[st.floats(-1000, 1000)] * 3)


def stack(rotation, origin, step_mm, n_slices):
    """Orientation, first and last position of a stack along the normal, all LPS as DICOM has them."""
    orientation = (*rotation[:, 0], *rotation[:, 1])
    last = tuple(np.array(origin) + rotation[:, 2] * step_mm * (n_slices - 1))
    return orientation, origin, last


def place_lps(orientation, position, pixel_spacing, column, row):
    """PS3.3 equation C.7.6.2.1-1: place of a pixel [mm, LPS] from its slice's own elements."""
    x, y = np.array(orientation[:3]), np.array(orientation[3:])
    return np.array(position) + x * pixel_spacing[1] * column + y * pixel_spacing[0] * row


@given(
    some.rotations(), origins, some.spacings_mm, some.spacings_mm, some.spacings_mm,
    st.integers(2, 400), st.integers(0, 511), st.integers(0, 511), st.booleans(),
)  # fmt: skip
def test_every_voxel_lies_where_the_dicom_equation_puts_it(
    rotation, origin, between_rows, between_columns, step, n, i, j, reversed_
):
    orientation, first, last = stack(rotation, origin, -step if reversed_ else step, n)
    affine = affine_from_dicom(first, last, orientation, (between_rows, between_columns), n)
    for k, position in ((0, first), (n - 1, last)):
        expected_ras = place_lps(orientation, position, (between_rows, between_columns), i, j) * (-1, -1, 1)
        assert np.abs(apply_affine(affine, np.array([[i, j, k]]))[0] - expected_ras).max() < AFFINE_TOLERANCE_MM


@given(some.rotations(), origins, st.integers(2, 100))
def test_a_stack_read_from_its_other_end_lies_at_the_same_place(rotation, origin, n):
    orientation, first, last = stack(rotation, origin, 3.0, n)
    up = Grid((n, 4, 5), affine_from_dicom(first, last, orientation, (2.0, 1.5), n))
    down = Grid((n, 4, 5), affine_from_dicom(last, first, orientation, (2.0, 1.5), n))
    ijk = np.array([[1, 2, 0], [4, 3, n - 1]])
    mirrored = np.array([[1, 2, n - 1], [4, 3, 0]])
    assert np.abs(apply_affine(up.affine, ijk) - apply_affine(down.affine, mirrored)).max() < AFFINE_TOLERANCE_MM


def test_head_first_supine_axial_slices_have_the_textbook_affine():
    affine = affine_from_dicom((-250.0, -240.0, 100.0), (-250.0, -240.0, 130.0), AXIAL, (2.0, 1.0), 11)
    assert np.array_equal(affine, [[-1, 0, 0, 250], [0, -2, 0, 240], [0, 0, 3, 100], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("orientation", "letters"),
    [(AXIAL, ("L", "P", "S")), (CORONAL, ("L", "I", "P")), (SAGITTAL, ("P", "I", "R"))],
)
def test_planes_point_where_nibabel_says(orientation, letters):
    normal = slice_normal(orientation)
    affine = affine_from_dicom((0.0, 0.0, 0.0), tuple(normal * 9), orientation, (1.0, 1.0), 4)
    # slice_normal of a sagittal stack points to the right of the patient, of a coronal one to the back.
    assert nib.aff2axcodes(affine) == letters


def test_a_single_slice_steps_by_its_thickness_along_the_normal():
    affine = affine_from_dicom((0.0, 0.0, 7.0), (0.0, 0.0, 7.0), AXIAL, (1.0, 1.0), 1, 5.0)
    assert np.array_equal(affine[:3, 2], [0, 0, 5])


def test_jitter_of_inner_slices_does_not_add_up():
    exact = affine_from_dicom((0.0, 0.0, 0.0), (0.0, 0.0, 297.0), AXIAL, (1.0, 1.0), 100)
    assert exact[2, 2] == 3.0


@given(some.affines())
def test_lps_and_back_is_the_identity(affine):
    assert np.array_equal(LPS_TO_RAS @ (LPS_TO_RAS @ affine), affine)


@given(some.affines(), st.lists(st.tuples(*[st.floats(-500, 500)] * 3), min_size=1, max_size=8))
def test_points_go_where_nibabel_takes_them(affine, points):
    expected = nib.affines.apply_affine(affine, np.array(points))
    assert np.allclose(apply_affine(affine, np.array(points)), expected, rtol=0, atol=1e-9)


@given(some.grids)
def test_spacing_and_volume_are_nibabels(grid):
    assert np.allclose(grid.spacing_mm, nib.affines.voxel_sizes(grid.affine))
    assert grid.voxel_volume_ml == pytest.approx(np.prod(nib.affines.voxel_sizes(grid.affine)) / 1000)


@given(some.grids, some.rotations(), st.floats(0, 2e-3))
def test_a_grid_is_the_same_until_a_corner_moves_beyond_the_tolerance(grid, rotation, shift_mm):
    moved = grid.affine.copy()
    moved[:3, 3] += rotation[:, 0] * shift_mm
    other = Grid(grid.shape_kji, moved)
    assert max_corner_error_mm(grid, other) == pytest.approx(shift_mm, abs=1e-9)
    if abs(shift_mm - SAME_GRID_TOLERANCE_MM) > 1e-9:
        assert grid.is_same_as(other) == (shift_mm < SAME_GRID_TOLERANCE_MM)


def test_a_grid_of_another_shape_is_never_the_same():
    affine = np.eye(4)
    assert not Grid((2, 3, 4), affine).is_same_as(Grid((2, 4, 3), affine))


@given(some.volumes())
def test_the_far_corner_of_a_volume_is_its_last_voxel(volume):
    k, j, i = (n - 1 for n in volume.array_kji.shape)
    last = nib.affines.apply_affine(volume.affine, [i, j, k])
    assert np.linalg.norm(volume.grid.corners_ras_mm() - last, axis=1).min() < 1e-9


def test_the_axis_order_is_slice_row_column():
    grid = Volume(np.zeros((2, 3, 4)), np.diag([1.0, 2.0, 3.0, 1.0])).grid
    assert grid.shape_kji == (2, 3, 4)
    assert np.array_equal(grid.corners_ras_mm().max(axis=0), [3, 4, 3])
