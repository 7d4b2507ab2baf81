import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.geometry import Grid
from umd_curate.synth.draws import stream
from umd_curate.synth.imaging import BREATH_STATES, MEAN_BREATH, blur, ct_stored, dixon, mr_stored, pet_image

GRID = Grid((20, 22, 24), np.diag([-4.0, -4.0, 5.0, 1.0]))


@given(st.floats(0.1, 2.5), st.floats(0.1, 2.5), st.floats(0.1, 2.5))
def test_blur_keeps_the_total_of_what_lies_inside(k, j, i):
    volume = np.zeros((21, 21, 21), np.float32)
    volume[10, 10, 10] = 100
    found = blur(volume, (k, j, i))
    np.testing.assert_allclose(found.sum(), 100, rtol=1e-4)
    assert found.argmax() == volume.argmax()


def test_blur_leaves_a_constant_as_it_is():
    np.testing.assert_allclose(blur(np.full((5, 6, 7), 3.0, np.float32), (1, 2, 3)), 3.0, rtol=1e-5)


def test_the_breathing_of_the_pet_has_the_mean_that_its_labels_show():
    assert abs(sum(share for _, share in BREATH_STATES) - 1) < 1e-9
    assert abs(sum(part * share for part, share in BREATH_STATES) - MEAN_BREATH) < 1e-9


def test_in_phase_is_the_sum_and_opposed_phase_the_difference_of_water_and_fat():
    images = dixon(np.array([300.0, 40.0]), np.array([20.0, 760.0]))
    np.testing.assert_array_equal(images["in"], [320, 800])
    np.testing.assert_array_equal(images["opp"], [280, 720])


def test_ct_is_stored_with_an_offset_of_1024_and_noise_of_the_given_strength():
    water = ct_stored(np.zeros((20, 40, 40), np.float32), stream(1, "t"), 20.0)
    assert abs(water.mean() - 1024) < 1
    assert 17 < water.std() < 23


def test_magnitude_noise_in_air_follows_rayleigh():
    air = mr_stored(np.zeros((20, 40, 40), np.float32), stream(1, "t"), 20.0)
    assert abs(air.mean() - 20 * np.sqrt(np.pi / 2)) < 1


def test_pet_noise_grows_with_the_root_of_the_uptake_and_no_uptake_is_negative():
    low = pet_image(np.full(GRID.shape_kji, 1.0, np.float32), GRID, stream(1, "t"), 6.0, 0.1)
    high = pet_image(np.full(GRID.shape_kji, 16.0, np.float32), GRID, stream(1, "t"), 6.0, 0.1)
    assert 3.7 < high.std() / low.std() < 4.1
    assert min(low.min(), high.min()) >= 0
