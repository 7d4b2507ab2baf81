import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from umd_curate.convert.rescale import Rescale, as_float32, as_int16, grey_rescale, int16_ends, without_padding
from umd_curate.model.findings import Refused

STORED = st.sampled_from(["<i2", "<u2", "|u1", "|i1", "<i4", "<u4"]).flatmap(lambda kind: npst.arrays(kind, (3, 4)))


@given(STORED, st.integers(-50, 50), st.integers(-5000, 5000))
def test_int16_is_exact_or_not_taken(stored: np.ndarray, slope: int, intercept: int) -> None:
    exact = [int(value) * slope + intercept for value in stored.ravel()]
    rescale = Rescale(float(slope), float(intercept))
    ends = int16_ends(stored, rescale)
    fits = all(-32768 <= value <= 32767 for value in exact)
    assert ends == ((min(exact), max(exact)) if fits else None)
    if ends is not None:
        found = as_int16(stored, rescale)
        assert found.dtype == np.int16
        assert found.ravel().tolist() == exact


@pytest.mark.parametrize("rescale", [Rescale(1.5, 0.0), Rescale(1.0, 0.25)])
def test_a_fraction_is_never_rounded_to_int16(rescale: Rescale) -> None:
    assert int16_ends(np.array([[1, 2]], "<i2"), rescale) is None


def test_floating_point_pixels_stay_floating_point() -> None:
    assert int16_ends(np.array([[1.0]], "<f4"), Rescale(1.0, 0.0)) is None


@given(npst.arrays("<i2", (3, 4)), st.floats(1e-8, 100.0))
def test_float32_is_stored_times_slope_rounded_once(stored: np.ndarray, slope: float) -> None:
    found = as_float32(stored, Rescale(slope, 0.0))
    wanted = np.array([[np.float32(float(value) * slope) for value in row] for row in stored])
    assert found.dtype == np.float32
    assert np.array_equal(found, wanted)


def test_a_ct_without_slope_or_intercept_is_refused_not_guessed() -> None:
    for slope, intercept, tag in (
        (None, -1024.0, "(0028,1053)"),
        (1.0, None, "(0028,1052)"),
        (None, None, "(0028,1053)"),
    ):
        with pytest.raises(Refused, match="CON-204") as caught:
            grey_rescale(slope, intercept, is_required=True, place="s-X")
        assert tag in caught.value.finding.detail


@pytest.mark.parametrize("is_required", [True, False])
def test_a_slope_of_0_is_refused_by_name(is_required: bool) -> None:
    with pytest.raises(Refused, match=r"CON-204 \(0028,1053\) RescaleSlope is 0"):
        grey_rescale(0.0, -1024.0, is_required=is_required, place="s-X")


def test_an_mr_without_rescale_keeps_its_stored_numbers() -> None:
    assert grey_rescale(None, None, is_required=False, place="s-X") == (Rescale(1.0, 0.0), "stored")
    assert grey_rescale(2.5, -3.0, is_required=False, place="s-X") == (Rescale(2.5, -3.0), "rescaled")


def test_padding_far_below_air_becomes_air_and_the_rest_stays() -> None:
    stored = np.array([[-2000, -2000, 0], [24, 1024, -1999]], "<i2")
    image, count = without_padding(stored, Rescale(1.0, -1024.0), (-2000.0,))
    assert image.tolist() == [[0, 0, 0], [24, 1024, -1999]]
    assert (count, image.dtype) == (2, stored.dtype)


@pytest.mark.parametrize("ends", [(63536.0,), (-2000.0, -1990.0), (-1990.0, -2000.0)])
def test_padding_is_understood_as_the_other_sign_and_as_a_range(ends: tuple[float, ...]) -> None:
    stored = np.array([[-2000, -1000]], "<i2")
    assert without_padding(stored, Rescale(1.0, -1024.0), ends)[0].tolist() == [[0, -1000]]


@pytest.mark.parametrize(
    ("padding", "rescale"),
    [
        (0.0, Rescale(1.0, 0.0)),  # 0 HU is water
        (0.0, Rescale(1.0, -1024.0)),  # air already
        (-32768.0, Rescale(0.01, 0.0)),  # -327 HU may be real
    ],
)
def test_padding_that_may_be_an_image_value_is_left_as_it_is(padding: float, rescale: Rescale) -> None:
    stored = np.array([[0, 5, -32768]], "<i2")
    image, count = without_padding(stored, rescale, (padding,))
    assert image is stored
    assert count == 0


def test_without_padding_in_the_header_nothing_changes() -> None:
    stored = np.array([[-2000]], "<i2")
    assert without_padding(stored, Rescale(1.0, -1024.0), ())[0] is stored
