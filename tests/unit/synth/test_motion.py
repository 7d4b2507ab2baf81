import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umd_curate.synth.anatomy import landmarks_of
from umd_curate.synth.build import build_of
from umd_curate.synth.motion import Motion, Rigid, breathing_share, pose_of, waves_of

RESTING = Motion((0.0, 0.0, 0.0), Rigid(), (1.0, 1.0, 1.0))


def columns(points):
    return points[:, 0], points[:, 1], points[:, 2]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 17), st.floats(0, 9))
def test_landmarks_map_to_the_scanner_and_back_within_a_thousandth_of_a_millimetre(seed, breath, size):
    build = build_of(seed, 1, "F")
    motion = Motion(
        (3.0, -8.0, -500.0),
        pose_of(seed, 1, "petct"),
        build.scale,
        waves_of(seed, 1, "petct", size),
        breath,
        Rigid((1.0, -0.5, 0.7), (4.0, 3.0, -2.0)),
    )
    points = np.array(list(landmarks_of(build).values()))
    back = np.stack(motion.to_body(columns(motion.to_scanner(points))), axis=1)
    assert np.abs(back - points).max() < 1e-3


def test_a_resting_body_lies_where_it_is():
    points = np.array([[10.0, 20.0, -300.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(RESTING.to_scanner(points), points, atol=1e-9)


def test_a_rigid_motion_keeps_distances():
    motion = Motion((5.0, 6.0, 7.0), Rigid((2, 1, -1), (3, 0, 4)), (1.0, 1.0, 1.0), drift=Rigid((0.5, 1, 1), (1, 2, 3)))
    points = np.array([[0.0, 0.0, -100.0], [30.0, 40.0, -100.0]])
    placed = motion.to_scanner(points)
    assert np.linalg.norm(placed[0] - placed[1]) == pytest.approx(50.0)


def test_the_drift_of_the_pet_is_its_matrix_times_the_resting_place():
    drift = Rigid((1.0, 0.0, 0.0), (4.0, 0.0, 0.0))
    offset = (2.0, -3.0, -400.0)
    still = Motion(offset, Rigid((0, 1, 0), (1, 1, 1)), (1.0, 1.0, 0.97))
    moved = Motion(offset, still.pose, still.scale, drift=drift)
    points = np.array([[10.0, 20.0, -300.0]])
    matrix = drift.matrix(offset)
    expected = still.to_scanner(points) @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(moved.to_scanner(points), expected, atol=1e-6)


def test_breathing_in_moves_the_domes_down_and_leaves_head_spine_and_pelvis():
    points = np.array([[66.0, 4.0, -540.0], [0.0, -10.0, -80.0], [0.0, -55.0, -540.0], [0.0, 20.0, -915.0]])
    breathing = Motion((0.0, 0.0, 0.0), Rigid(), (1.0, 1.0, 1.0), breath_mm=15.0)
    down = points[:, 2] - breathing.to_scanner(points)[:, 2]
    assert down[0] > 12
    np.testing.assert_allclose(down[1:], 0, atol=1e-6)


@given(st.floats(-200, 200), st.floats(-150, 150), st.floats(-1100, 50))
def test_nothing_moves_further_than_the_diaphragm(x, y, z):
    share = breathing_share((np.array([x]), np.array([y]), np.array([z])))[0]
    assert 0 <= share <= 1
