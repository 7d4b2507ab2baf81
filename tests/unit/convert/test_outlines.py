"""Outlines become the voxels whose centres they hold; the oracle is matplotlib's own test of points in a polygon."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon

from umd_curate.convert.outlines import filled, inside
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid, apply_affine

GRID = Grid((4, 12, 14), np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 5.0, -30], [0, 0, 0, 1]]))
CORNERS = st.lists(st.tuples(st.floats(-2, 15), st.floats(-2, 13)), min_size=3, max_size=9)


def outline(corners_ij, k=1.0, grid=GRID):
    """An outline on slice k, in LPS."""
    ijk = np.column_stack([np.array(corners_ij, float), np.full(len(corners_ij), k)])
    return apply_affine(grid.affine, ijk) * np.array([-1.0, -1.0, 1.0])


def square(low, high):
    return [(low, low), (high, low), (high, high), (low, high)]


def starred(corners):
    """The corners in the order of their angle: a polygon without crossings."""
    points = np.array(corners)
    away = points - points.mean(axis=0)
    return points[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]


def from_edges(points, polygon):
    """Distance of each point from the nearest edge."""
    found = np.full(len(points), np.inf)
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        length = max(float((b - a) @ (b - a)), 1e-300)
        along = np.clip((points - a) @ (b - a) / length, 0, 1)[:, None]
        found = np.minimum(found, np.linalg.norm(points - a - along * (b - a), axis=1))
    return found


@given(CORNERS)
def test_a_pixel_is_in_where_another_library_says_so(corners):
    polygon = starred(corners)
    rows, columns = np.mgrid[0:12, 0:14]
    centres = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    expected = Polygon(np.vstack([polygon, polygon[:1]]), closed=True).contains_points(centres).reshape(12, 14)
    sure = (from_edges(centres, polygon) > 1e-6).reshape(12, 14)
    assert np.array_equal(inside(polygon, 12, 14)[sure], expected[sure])


@given(CORNERS, st.integers(0, 8))
def test_where_the_outline_begins_and_which_way_it_runs_change_nothing(corners, turn):
    polygon = np.array(corners)
    once = inside(polygon, 12, 14)
    assert np.array_equal(inside(np.roll(polygon, turn, axis=0), 12, 14), once)
    assert np.array_equal(inside(polygon[::-1], 12, 14), once)


@given(st.lists(st.integers(0, 11), min_size=2, max_size=5, unique=True))
def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_out(cuts):
    cuts = sorted(cuts)
    parts = [inside(np.array([(1.0, a), (9.0, a), (9.0, b), (1.0, b)]), 12, 14) for a, b in pairwise(cuts)]
    whole = inside(np.array([(1.0, cuts[0]), (9.0, cuts[0]), (9.0, cuts[-1]), (1.0, cuts[-1])]), 12, 14)
    assert np.array_equal(np.sum(parts, axis=0), whole.astype(int))


def test_an_inner_outline_makes_a_hole():
    masks = filled([outline(square(0.5, 8.5)), outline(square(2.5, 5.5))], GRID, "s-X")
    assert list(masks) == [1]
    assert masks[1].sum() == 64 - 9
    assert not masks[1][4, 4]


def test_two_outlines_of_a_slice_are_two_parts():
    assert filled([outline(square(0.5, 2.5)), outline(square(5.5, 8.5))], GRID, "s-X")[1].sum() == 4 + 9


@pytest.mark.parametrize("k", [1.3, -1.0, 4.0, 0.5])
def test_an_outline_off_the_slices_is_refused_not_moved(k):
    with pytest.raises(Refused) as caught:
        filled([outline(square(0.5, 2.5), k)], GRID, "s-X")
    assert caught.value.finding.code == "CON-402"


def test_an_outline_across_the_slices_is_refused():
    leaning = outline(square(0.5, 8.5))
    leaning[2:, 2] += 4.0
    with pytest.raises(Refused):
        filled([leaning], GRID, "s-X")


def test_the_rounding_of_another_program_is_forgiven():
    assert filled([outline(square(0.5, 2.5), 1.004)], GRID, "s-X")[1].sum() == 4


@given(st.integers(4, 60), st.floats(1.5, 4.0))
def test_the_area_of_a_circle_is_kept(corners, radius):
    assume(corners >= 12)
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    fine = Grid((1, 120, 140), np.array([[0.1, 0, 0, 0], [0, 0.1, 0, 0], [0, 0, 5.0, 0], [0, 0, 0, 1]]))
    points = np.column_stack([60 + 10 * radius * np.cos(angle), 60 + 10 * radius * np.sin(angle)])
    mask = filled([outline(points, 0.0, fine)], fine, "s-X")[0]
    area = 0.5 * corners * radius**2 * np.sin(2 * np.pi / corners)
    assert mask.sum() * 0.01 == pytest.approx(area, rel=0.02)
