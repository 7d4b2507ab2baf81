"""A label map on another grid: every voxel has the label of the nearest centre, found by brute force, and 0 outside."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.load.nearest import nearest
from umd_curate.model.geometry import Grid, Volume

SPACINGS = st.tuples(*[st.sampled_from([-2.0, 1.0, 1.5, 3.0])] * 3)
OFFSETS = st.tuples(*[st.sampled_from([-3.1, 0.2, 2.3])] * 3)
SHAPES = st.tuples(*[st.integers(1, 4)] * 3)


@st.composite
def grids(draw):
    affine = np.diag([*draw(SPACINGS), 1.0])
    if draw(st.booleans()):
        affine[:3, :3] = affine[:3, :3] @ np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    affine[:3, 3] = draw(OFFSETS)
    return Grid(draw(SHAPES), affine)


@given(grids(), grids(), st.integers(0, 9))
def test_it_is_what_brute_force_finds(moving, fixed, seed):
    labels = np.random.default_rng(seed).integers(1, 14, moving.shape_kji, np.uint8)
    found = nearest(Volume(labels, moving.affine), fixed)
    inverse = np.linalg.inv(moving.affine)
    for k, j, i in np.ndindex(fixed.shape_kji):
        at = (inverse @ fixed.affine @ [i, j, k, 1])[:3]
        index = np.floor(at + 0.5).astype(int)
        near_border = np.abs(at + 0.5 - np.round(at + 0.5)).min() < 1e-9
        inside = all(0 <= n < limit for n, limit in zip(index, moving.shape_kji[::-1], strict=True))
        expected = labels[index[2], index[1], index[0]] if inside else 0
        assert near_border or found[k, j, i] == expected


def test_on_its_own_grid_it_is_itself():
    grid = Grid((2, 3, 4), np.diag([-2.0, 1.5, 3, 1]))
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert (nearest(Volume(labels, grid.affine), grid) == labels).all()
