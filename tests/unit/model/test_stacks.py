import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.stacks import (
    MAX_FILLED_RUN,
    MIN_TILT_DEG,
    STRICT,
    Evenness,
    StackRules,
    jitter_limit_mm,
    shape_of_stack,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
FILL, FINER = StackRules(fill=True), StackRules(to_finer=True)


def at(heights_mm, drift_per_mm=0.0):
    heights = np.asarray(heights_mm, float)
    return np.stack([np.full(len(heights), 7.0), heights * drift_per_mm, heights - 300.0], axis=1)


@given(n=st.integers(2, 300), step=st.floats(0.3, 30), turned=st.booleans())
def test_an_even_stack_is_even_in_both_directions(n, step, turned):
    heights = np.arange(n) * step
    shape = shape_of_stack(at(heights[::-1] if turned else heights), AXIAL)
    assert (shape.evenness, shape.n_slices, shape.levels) == (Evenness.EVEN, n, tuple(range(n)))
    assert shape.may_be_made(STRICT)
    assert not shape.is_sheared


@given(n=st.integers(8, 120), step=st.floats(0.5, 20), data=st.data())
def test_holes_are_found_where_they_are_whatever_the_jitter(n, step, data):
    gone = data.draw(st.sets(st.integers(1, n - 2), min_size=1, max_size=max(1, n // 10)))
    left = [k for k in range(n) if k not in gone]
    noise = np.random.default_rng(n).uniform(-0.2, 0.2, len(left)) * jitter_limit_mm(step)
    shape = shape_of_stack(at(np.array(left) * step + noise), AXIAL)
    assert shape.evenness is Evenness.HOLES
    assert set(shape.missing) == gone
    assert not shape.may_be_made(STRICT)


@given(run=st.integers(1, 6))
def test_a_long_run_of_missing_slices_is_never_filled(run):
    left = np.delete(np.arange(400), np.arange(50, 50 + run))
    assert shape_of_stack(at(left * 3.0), AXIAL).may_be_made(FILL) is (run <= MAX_FILLED_RUN)


@given(fine=st.floats(0.6, 6), ratio=st.floats(1.3, 3.9), n_fine=st.integers(4, 30), n_wide=st.integers(11, 30))
def test_levels_of_two_spacings_stand_for_the_true_heights(fine, ratio, n_fine, n_wide):
    steps = [fine] * n_fine + [fine * ratio] * n_wide
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    shape = shape_of_stack(at(heights), AXIAL)
    assert shape.evenness is Evenness.TWO_SPACINGS
    assert shape.may_be_made(FINER)
    assert not shape.may_be_made(FILL)
    made = np.array(shape.levels) * heights[-1] / (shape.n_slices - 1)
    assert np.abs(made - heights).max() <= jitter_limit_mm(fine) + 1e-9
    assert heights[-1] / (shape.n_slices - 1) == pytest.approx(fine, rel=0.5 / (shape.n_slices - 1) + 1e-6)


def test_one_slice_off_is_uneven_for_all_rules():
    heights = np.arange(20) * 3.0
    heights[9] += 0.5
    shape = shape_of_stack(at(heights), AXIAL)
    assert shape.evenness is Evenness.UNEVEN
    assert shape.jitter_mm == pytest.approx(0.5)
    assert not shape.may_be_made(StackRules(fill=True, to_finer=True))


@pytest.mark.parametrize("degrees", [0.02, 0.09, 0.11, 12.0, 30.0])
def test_the_tilt_is_measured_and_no_reason_to_refuse(degrees):
    shape = shape_of_stack(at(np.arange(30) * 2.0, np.tan(np.radians(degrees))), AXIAL)
    assert shape.evenness is Evenness.EVEN
    assert shape.tilt_deg == pytest.approx(degrees, abs=1e-6)
    assert shape.is_sheared is (degrees > MIN_TILT_DEG)


def test_copies_share_a_level_and_images_side_by_side_are_no_copies():
    positions = at([0, 3, 3, 6, 9, 12])
    shape = shape_of_stack(positions, AXIAL)
    assert (shape.levels, shape.copies, shape.n_slices) == ((0, 1, 1, 2, 3, 4), 1, 5)
    positions[2, 0] += 40.0
    assert shape_of_stack(positions, AXIAL).evenness is Evenness.CROWDED


def test_a_wrong_order_is_uneven():
    assert shape_of_stack(at([0, 6, 3, 9]), AXIAL).evenness is Evenness.UNEVEN
