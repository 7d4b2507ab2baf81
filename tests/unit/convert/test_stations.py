"""Stations of one body: whatever the receivers and the table did, the composed image is the body."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umd_curate.convert.geometry import SlicePlace, StackGeometry, stack_of_places
from umd_curate.convert.stations import MAX_SEAM_STEP, blend_weights, compose, seam_step
from umd_curate.model.findings import Refused

AXIAL, CORONAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
STEP = 4.0


def body(points_mm: np.ndarray) -> np.ndarray:
    """Signal of a smooth body at points [..., 3] in LPS mm: a cylinder along z whose tissue varies slowly."""
    x, y, z = np.moveaxis(points_mm, -1, 0)
    tissue = 400 + 100 * np.sin(z / 40) + 60 * np.cos(x / 30) + 0.5 * z
    return np.where(x**2 + y**2 < 60**2, tissue, 3.0)


def a_station(z_mm: float, n: int, orientation=AXIAL, gain: float = 1.0) -> tuple[np.ndarray, StackGeometry]:
    """`n` samples along the body from `z_mm` on: slices where axial, rows (downwards) where coronal."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    if orientation == AXIAL:
        shape, origin = (n, 30, 32), np.array([-75.0, -72.0, z_mm])
    else:
        shape, origin = (28, n, 32), np.array([-75.0, -70.0, z_mm])
    spacing, steps = (5.0, 5.0) if orientation == AXIAL else (STEP, 5.0), STEP if orientation == AXIAL else 5.0
    places = [
        SlicePlace(shape[1], shape[2], tuple((origin + k * steps * normal).tolist()), orientation, spacing, steps)
        for k in range(shape[0])
    ]
    geometry = stack_of_places(places, "s-X")
    return (gain * body(points_of(geometry))).astype(np.float32), geometry


def points_of(geometry: StackGeometry) -> np.ndarray:
    """LPS mm of every voxel [k, j, i, 3], by PS3.3 C.7.6.2.1.1."""
    place, n = geometry.first, geometry.n_slices
    k, j, i = np.meshgrid(np.arange(n), np.arange(place.rows), np.arange(place.columns), indexing="ij")
    step = np.subtract(geometry.last_position_mm, place.position_mm) / (n - 1)
    return (
        np.array(place.position_mm)
        + k[..., None] * step
        + j[..., None] * np.array(place.orientation[3:]) * place.pixel_spacing_mm[0]
        + i[..., None] * np.array(place.orientation[:3]) * place.pixel_spacing_mm[1]
    )


def composed(stations, *, equalise=True):
    return compose(
        [array for array, _ in stations], [geometry for _, geometry in stations], equalise=equalise, place="s-X"
    )


def refusal(stations) -> str:
    with pytest.raises(Refused) as caught:
        composed(stations)
    return caught.value.finding.code


@settings(max_examples=20)
@given(
    gains=st.lists(st.floats(0.4, 2.5), min_size=3, max_size=3),
    overlaps=st.lists(st.integers(2, 8), min_size=2, max_size=2),
    order=st.permutations(range(3)),
    orientation=st.sampled_from([AXIAL, CORONAL]),
)
def test_gains_are_found_and_the_composed_image_is_the_body_to_one_factor(gains, overlaps, order, orientation) -> None:
    sign = 1 if orientation == AXIAL else -1  # rows of a coronal image run from head to foot
    starts = np.cumsum([0, 20 - overlaps[0], 20 - overlaps[1]]) * STEP * sign
    stations = [a_station(z, 20, orientation, gain) for z, gain in zip(starts.tolist(), gains, strict=True)]
    whole = composed([stations[n] for n in order])
    truth = body(points_of(whole.geometry))
    assert whole.array_kji.shape == truth.shape
    assert np.allclose(whole.array_kji / truth, np.exp(np.log(gains).mean()), rtol=1e-5)
    entries = whole.receipt.stations
    assert [entry.overlap for entry in entries] == [0, *overlaps]
    assert [entry.gain * gain for entry, gain in zip(entries, gains, strict=True)] == pytest.approx(
        [np.exp(np.log(gains).mean())] * 3, rel=1e-5
    )
    assert max(entry.seam_step or 0 for entry in entries) < 1e-5


def test_the_composed_grid_is_the_stations_own() -> None:
    low, high = a_station(-100.0, 12), a_station(-100.0 + 8 * STEP, 10)
    geometry = composed([high, low]).geometry
    assert geometry.first.position_mm == pytest.approx(low[1].first.position_mm, abs=1e-9)
    assert geometry.last_position_mm == pytest.approx(high[1].last_position_mm, abs=1e-9)
    assert geometry.n_slices == 18


def test_slices_that_one_station_alone_shows_are_its_own_times_its_gain() -> None:
    low, high = a_station(0.0, 12), a_station(8 * STEP, 12, gain=1.3)
    whole = composed([low, high])
    first, second = whole.receipt.stations
    assert np.array_equal(whole.array_kji[:8], low[0][:8] * np.float32(first.gain))
    assert np.array_equal(whole.array_kji[12:], high[0][4:] * np.float32(second.gain))


def test_a_station_between_the_slices_is_resampled_along_them_and_says_so() -> None:
    low, high = a_station(0.0, 16), a_station(10 * STEP + 1.6, 16)
    whole = composed([low, high])
    truth = body(points_of(whole.geometry))
    assert [entry.resampled for entry in whole.receipt.stations] == [False, True]
    assert abs(whole.receipt.stations[1].shift_steps) == pytest.approx(0.6)
    assert np.abs(whole.array_kji / truth - 1).max() < 0.01  # linear between samples of a sine
    assert {finding.code for finding in whole.findings} == {"CON-605", "CON-607"}


def test_falloff_at_the_ends_leaves_a_seam_below_the_limit() -> None:
    low, high = a_station(0.0, 24), a_station(16 * STEP, 24, gain=0.87)
    ramp = np.ones(24, np.float32)
    ramp[-8:] = np.linspace(1.0, 0.8, 8)
    whole = composed([(low[0] * ramp[:, None, None], low[1]), (high[0] * ramp[::-1, None, None], high[1])])
    assert 0 < whole.receipt.stations[1].seam_step < MAX_SEAM_STEP
    centre = whole.array_kji[:, 15, 15] / body(points_of(whole.geometry))[:, 15, 15]
    assert np.abs(np.diff(centre) / centre[1:]).max() < 0.03 + MAX_SEAM_STEP  # the falloff itself is 0.029 per slice


def test_a_seam_that_is_left_is_measured_and_found() -> None:
    low, high = a_station(0.0, 12), a_station(9 * STEP, 12)
    tissue = high[0].copy()
    tissue[0] *= 1.6  # one slice of the overlap is wrong: the median gain does not follow it
    whole = composed([low, (tissue, high[1])])
    assert whole.receipt.stations[1].seam_step > MAX_SEAM_STEP
    assert "CON-606" in {finding.code for finding in whole.findings}


def test_the_step_of_a_blend_is_what_the_weight_changes_by_times_the_difference() -> None:
    before = np.full((3, 10, 10), 100.0, np.float32)
    weights = blend_weights(3)
    expected = np.diff([0, *weights, 1]).max() * 0.1
    assert seam_step(before, before * np.float32(1.1), weights) == pytest.approx(expected, rel=0.1)
    assert seam_step(before, before, weights) == 0.0


def test_absolute_values_keep_their_gain() -> None:
    whole = composed([a_station(0.0, 12), a_station(8 * STEP, 12, gain=1.3)], equalise=False)
    assert [entry.gain for entry in whole.receipt.stations] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"z_mm": 11 * STEP}, "CON-602"),  # one slice in common
        ({"z_mm": 14 * STEP}, "CON-602"),  # a gap
        ({"z_mm": 2 * STEP, "n": 8}, "CON-601"),  # inside the other one
        ({"z_mm": 8 * STEP, "orientation": CORONAL}, "CON-601"),
    ],
)
def test_stations_that_do_not_fit_are_refused_by_name(change: dict, code: str) -> None:
    assert refusal([a_station(0.0, 12), a_station(**{"n": 12, **change})]) == code


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("position_mm", (-74.0, -72.0, 8 * STEP), "CON-603"),
        ("pixel_spacing_mm", (5.0, 5.1), "CON-601"),
        ("columns", 31, "CON-601"),
    ],
)
def test_stations_that_differ_within_the_plane_are_refused(field: str, value: object, code: str) -> None:
    array, geometry = a_station(8 * STEP, 12)
    moved = replace(geometry.first, **{field: value})
    last = np.add(geometry.last_position_mm, np.subtract(moved.position_mm, geometry.first.position_mm))
    assert refusal([a_station(0.0, 12), (array, replace(geometry, first=moved, last_position_mm=tuple(last)))]) == code


def test_an_overlap_of_air_tells_no_gain() -> None:
    low, high = a_station(0.0, 12), a_station(9 * STEP, 12)
    empty = low[0].copy()
    empty[-4:] = 0
    assert refusal([(empty, low[1]), high]) == "CON-604"
