import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.convert.decay import average_time_s, frame_mean, remaining


@given(st.floats(1.0, 1e5), st.floats(10.0, 1e7))
def test_the_mean_of_a_frame_is_the_activity_at_its_average_time(duration_s: float, half_life_s: float) -> None:
    average = average_time_s(duration_s, half_life_s)
    assert 0 < average < duration_s
    assert remaining(average, half_life_s) == pytest.approx(frame_mean(duration_s, half_life_s), rel=1e-9)
