import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.synth.shapes import blend, ellipsoid, merged, mirrored, outside, tube, turned, within

angles = st.floats(-180, 180)
places = st.floats(-200, 200)
radii = st.floats(3, 80)


def at(*point):
    return tuple(np.array([value], np.float64) for value in point)


@given(places, places, places, radii, radii, radii, angles, angles, angles)
def test_an_ellipsoid_is_negative_at_its_centre_and_zero_at_the_ends_of_its_axes(x, y, z, a, b, c, yaw, pitch, roll):
    rotation = turned(yaw, pitch, roll)
    body = ellipsoid((x, y, z), (a, b, c), rotation)
    assert body.level(at(x + 1e-3, y, z))[0] < 0
    for axis, radius in enumerate((a, b, c)):
        tip = np.array([x, y, z]) + rotation[:, axis] * radius
        assert body.level(at(*tip))[0] == pytest.approx(0, abs=1e-4)


@given(radii, radii, radii, angles, st.floats(-300, 300), st.floats(-300, 300), st.floats(-300, 300))
def test_no_point_outside_the_box_is_inside_the_body(a, b, c, yaw, x, y, z):
    body = ellipsoid((0, 0, 0), (a, b, c), turned(yaw, 20, -35))
    is_outside = any(not low <= value <= high for low, value, high in zip(body.lo, (x, y, z), body.hi, strict=True))
    if is_outside:
        assert body.level(at(x, y, z))[0] > 0


@given(angles, angles, angles)
def test_turning_keeps_lengths_and_handedness(yaw, pitch, roll):
    rotation = turned(yaw, pitch, roll)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_a_straight_tube_has_its_radius_everywhere():
    course = within(tube([(0, 0, 0), (0, 0, 50), (0, 0, 100)], [7, 7, 7]))
    for z in (0, 13, 50, 99):
        assert course(at(7, 0, z))[0] == pytest.approx(0, abs=1e-9)
        assert course(at(0, 10, z))[0] == pytest.approx(3, abs=1e-9)


@given(places, places, places)
def test_a_mirrored_body_is_the_same_on_both_sides(x, y, z):
    pair = within(mirrored((ellipsoid((60, 5, 0), (20, 30, 40), turned(25)),)))
    assert pair(at(x, y, z))[0] == pytest.approx(pair(at(-x, y, z))[0])


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 20))
def test_a_rounded_union_holds_both_bodies_and_little_more(first, second, width):
    found = blend(np.array([first]), np.array([second]), width)[0]
    assert min(first, second) - width / 4 - 1e-9 <= found <= min(first, second) + 1e-9


def test_what_is_trimmed_by_the_outside_of_a_body_keeps_its_distance():
    ball = ellipsoid((0, 0, 0), (10, 10, 10))
    trim = outside(ball.level, 2.0)
    assert trim(at(11.9, 0, 0))[0] > 0
    assert trim(at(12.1, 0, 0))[0] < 0


def test_merged_bodies_stay_in_their_box():
    body = merged([ellipsoid((0, 0, 0), (10, 10, 10)), ellipsoid((12, 0, 0), (10, 10, 10))], 6.0)
    side = np.linspace(-40, 60, 41)
    points = np.meshgrid(side, side, side, indexing="ij")
    inside = body.level(tuple(points)) < 0
    for axis, values in enumerate(points):
        assert values[inside].min() >= body.lo[axis]
        assert values[inside].max() <= body.hi[axis]
