import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from umd_curate.synth.physics import (
    Injection,
    bed_average_time_s,
    body_surface_cm2,
    count_factors,
    stored_per_suv,
    stored_slice,
    undecayed_share,
)
from umd_curate.synth.writing import Units


def test_one_half_life_after_350_mbq_in_70_kg_suv_1_is_2500_bq_per_ml():
    injection = Injection(350e6, 6586.2, 70.0, reference_delay_s=6586.2)
    assert injection.bqml_per_suv == pytest.approx(2500.0, rel=1e-12)


def test_decay_correction_to_the_injection_leaves_the_injected_activity():
    assert Injection(300e6, 6586.2, 60.0, 0.0).bqml_per_suv == pytest.approx(5000.0)


@given(
    arrays(np.float32, (6, 5), elements=st.floats(0, 40, width=32)),
    st.floats(1e8, 5e8),
    st.floats(40, 150),
    st.floats(0, 8000),
)
def test_stored_values_are_right_within_half_a_stored_step(suv, activity, weight, delay):
    injection = Injection(activity, 6586.2, weight, delay)
    stored, slope = stored_slice(suv, injection.bqml_per_suv)
    step = float(slope) / injection.bqml_per_suv
    found = stored * float(slope) / injection.bqml_per_suv
    assert np.abs(found - suv).max() <= 0.5 * step * (1 + 1e-4)
    assert stored.min() >= 0
    assert len(slope) <= 16  # DS, PS3.5 6.2


@given(st.floats(60, 80000), st.floats(1, 1800))
def test_the_activity_at_the_average_time_is_the_mean_over_the_bed_position(half_life, duration):
    times = (np.arange(20000) + 0.5) / 20000 * duration
    mean = np.exp2(-times / half_life).mean()
    at_average = math.pow(2.0, -bed_average_time_s(half_life, duration) / half_life)
    assert at_average == pytest.approx(mean, rel=1e-6)


def test_the_surface_of_a_body_by_du_bois_is_the_value_of_his_table():
    assert body_surface_cm2(70.0, 1.70) == pytest.approx(18_100, rel=2e-3)  # DuBois 1916, 70 kg and 170 cm: 1.81 m2


def test_each_unit_stands_for_the_same_suv():
    injection = Injection(350e6, 6586.2, 70.0, reference_delay_s=6586.2)  # 2500 Bq/mL at SUVbw 1
    factors = count_factors(injection, "5.000000")
    values = {units: stored_per_suv(units, injection, 1.70, factors) for units in Units}
    assert values[Units.BQML] == pytest.approx(2500)
    assert values[Units.GML] == 1
    assert values[Units.CM2ML] == pytest.approx(18_100 / 70_000, rel=2e-3)
    assert values[Units.COUNTS_ACTIVITY] == pytest.approx(500)
    assert values[Units.COUNTS_SUV] * float(factors.suv) == pytest.approx(1)
    assert values[Units.COUNTS_SUV] * float(factors.activity) == pytest.approx(2500, rel=1e-8)


@given(st.floats(1000, 10000), st.floats(0, 8000), st.floats(1, 900))
def test_what_is_not_corrected_for_decay_is_the_mean_over_the_bed_position(half_life, start, duration):
    times = start + (np.arange(20000) + 0.5) / 20000 * duration
    assert undecayed_share(half_life, start, duration) == pytest.approx(np.exp2(-times / half_life).mean(), rel=1e-6)
