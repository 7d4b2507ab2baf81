"""Fields on a grid: exponentials are inverted by their sign, smoothing keeps constants, folding is seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from umd_curate.register.field import block_mean, exponential, inconsistency, jacobian, refined, sample, smoothed

SHAPE = (12, 14, 16)


def waves(size, seed):
    random = np.random.default_rng(seed)
    return smoothed(random.normal(0, size, (3, *SHAPE)).astype(np.float32), 2.5)


@given(st.integers(0, 50))
def test_going_along_a_velocity_and_back_leads_to_the_start(seed):
    velocity = waves(6.0, seed)
    inner = inconsistency(exponential(velocity), exponential(-velocity))[3:-3, 3:-3, 3:-3]
    assert inner.mean() < 0.05


@given(st.integers(0, 50))
def test_a_smooth_velocity_does_not_fold(seed):
    assert jacobian(exponential(waves(8.0, seed))).min() > 0


def test_a_field_that_turns_space_inside_out_is_seen():
    field = np.zeros((3, *SHAPE), np.float32)
    field[0] = -2.0 * np.arange(SHAPE[0], dtype=np.float32)[:, None, None]
    assert jacobian(field).max() < 0


@given(st.floats(0.3, 4.0), st.floats(-5, 5))
def test_smoothing_keeps_a_constant_and_the_border(sigma, value):
    found = smoothed(np.full((1, *SHAPE), value, np.float32), sigma)
    assert np.allclose(found, value, atol=1e-4)


def test_smoothing_agrees_with_scipy():
    image = np.random.default_rng(1).normal(size=(1, 30, 31, 32)).astype(np.float32)
    expected = ndimage.gaussian_filter(image[0], 1.5, mode="nearest", truncate=2.5)
    assert np.abs(smoothed(image, 1.5)[0] - expected).max() < 0.01


@given(st.integers(0, 30))
def test_sampling_agrees_with_scipy(seed):
    random = np.random.default_rng(seed)
    image = random.normal(size=(*SHAPE, 2)).astype(np.float32)
    at = [random.uniform(0, n - 1, 40).astype(np.float32) for n in SHAPE]
    expected = np.stack([ndimage.map_coordinates(image[..., c], at, order=1) for c in range(2)], axis=-1)
    assert np.abs(sample(image, at) - expected).max() < 1e-4


def test_a_linear_ramp_survives_blocks_and_refinement():
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32), (1, 12, 14, 16))
    found = refined(block_mean(ramp, 2, 1), 2, (12, 14, 16))
    assert np.allclose(found[..., 1:-1], ramp[..., 1:-1], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 5), (4, 1, 7)])
def test_flat_images_are_sampled(shape):
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(*shape, 1)
    at = [np.zeros(1, np.float32)] * 3
    assert sample(image, at)[0, 0] == 0
