import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from umd_curate.convert.upright import Upright
from umd_curate.model.geometry import Grid, apply_affine

TILTS = st.floats(-25.0, 25.0)


def sheared(degrees_j, degrees_i, shape=(7, 11, 13), spacing=(0.8, 1.1, 2.5)):
    """Grid whose slices drift along their columns and rows."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 2] += [2.5 * np.tan(np.radians(degrees_i)), 2.5 * np.tan(np.radians(degrees_j)), 0]
    affine[:3, 3] = [-30, 12, 400]
    return Grid(shape, affine)


@given(TILTS, TILTS)
def test_the_upright_grid_is_rectangular_and_holds_every_pixel(degrees_j, degrees_i):
    grid = sheared(degrees_j, degrees_i)
    upright = Upright(grid, 0.0).grid
    axes = upright.affine[:3, :3]
    assert np.abs(axes.T @ axes - np.diag(np.diag(axes.T @ axes))).max() < 1e-9
    assert np.allclose(upright.spacing_mm, (0.8, 1.1, 2.5))
    at = apply_affine(np.linalg.inv(upright.affine) @ grid.affine, np.argwhere(np.ones(grid.shape_kji[::-1])))
    assert at.min() > -1e-9
    assert (at.max(axis=0) < np.array(upright.shape_kji[::-1]) - 1 + 1e-9).all()
    assert np.abs(at[:, 2] - np.rint(at[:, 2])).max() < 1e-9  # no slice is mixed with another


@settings(max_examples=25)
@given(TILTS, TILTS)
def test_a_linear_image_stays_what_it_is_at_every_place(degrees_j, degrees_i):
    grid = sheared(degrees_j, degrees_i)

    def ramp(of):
        k, j, i = np.indices(of.shape_kji)
        points = apply_affine(of.affine, np.stack([i.ravel(), j.ravel(), k.ravel()], 1))
        return (points @ [3.0, -2.0, 1.5] + 7).reshape(of.shape_kji)

    upright = Upright(grid, -1e6)
    made = np.stack([upright.plane(k, plane) for k, plane in enumerate(ramp(grid))])
    seen = made != -1e6
    assert seen.sum() >= 7 * 10 * 12
    inner = seen & np.roll(seen, 1, 1) & np.roll(seen, -1, 1) & np.roll(seen, 1, 2) & np.roll(seen, -1, 2)
    inner[:, [0, -1]] = inner[:, :, [0, -1]] = False
    assert np.abs(made - ramp(upright.grid))[inner].max() < 1e-5


def test_what_no_slice_covers_is_the_background_in_the_type_of_the_image():
    made = Upright(sheared(20, 0), -1024.0).plane(6, np.full((11, 13), 50, np.int16))
    assert made.dtype == np.int16
    assert set(np.unique(made)) == {-1024, 50}
