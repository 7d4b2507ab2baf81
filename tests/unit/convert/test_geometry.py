from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.convert.geometry import SlicePlace, check_slice, stack_of_places
from umd_curate.convert.verify import verify_grid
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.stacks import StackRules


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return z @ y @ x


def a_stack(
    n: int = 6,
    *,
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    step_mm: float = 3.0,
    shift_mm: float = 0.0,
    start: tuple[float, float, float] = (-120.0, -90.0, -400.0),
) -> list[SlicePlace]:
    """Slices along the normal of a turned frame; `shift_mm` moves each slice along its columns (gantry tilt)."""
    axes = rotation(turn)
    step = axes[:, 2] * step_mm + axes[:, 1] * shift_mm
    orientation = tuple(map(float, np.concatenate([axes[:, 0], axes[:, 1]])))
    return [
        SlicePlace(20, 30, tuple(map(float, np.array(start) + k * step)), orientation, (1.5, 0.8), 3.0)
        for k in range(n)
    ]


ANGLES = st.tuples(*[st.floats(-3.0, 3.0)] * 3)


@given(ANGLES, st.integers(2, 40), st.floats(0.5, 12.0))
def test_corners_of_oblique_and_reversed_stacks_are_where_dicom_puts_them(
    turn: tuple[float, float, float], n: int, step_mm: float
) -> None:
    places = a_stack(n, turn=turn, step_mm=step_mm)
    for stack in (places, places[::-1]):
        geometry = stack_of_places(stack, "s-X")
        assert np.abs(geometry.grid().corners_ras_mm() - geometry.corners_ras_mm()).max() < 1e-9
        assert geometry.max_jitter_mm < 1e-9
        assert geometry.findings == ()


@given(ANGLES, st.integers(0, 5), st.integers(0, 19), st.integers(0, 29))
def test_any_voxel_is_where_ps3_3_says(turn: tuple[float, float, float], k: int, j: int, i: int) -> None:
    places = a_stack(turn=turn)
    affine = stack_of_places(places, "s-X").grid().affine
    place = places[k]
    lps = (
        np.array(place.position_mm)
        + np.array(place.orientation[:3]) * 0.8 * i
        + np.array(place.orientation[3:]) * 1.5 * j
    )
    assert affine @ [i, j, k, 1] == pytest.approx([-lps[0], -lps[1], lps[2], 1], abs=1e-9)


@given(st.integers(4, 200), st.data())
def test_a_missing_slice_is_always_seen(n: int, data: st.DataObject) -> None:
    places = a_stack(n)
    del places[data.draw(st.integers(1, n - 2))]
    with pytest.raises(Refused) as caught:
        stack_of_places(places, "s-X")
    assert caught.value.finding.code == "CON-113"


def refused_code(places: list[SlicePlace]) -> str:
    with pytest.raises(Refused) as caught:
        stack_of_places(places, "s-X")
    return caught.value.finding.code


def test_two_spacings_are_refused() -> None:
    assert refused_code(a_stack(5) + a_stack(5, step_mm=6.0, start=(-120.0, -90.0, -385.0))) == "CON-103"


def test_a_slice_twice_is_one_slice_of_the_grid_and_flagged() -> None:
    places = a_stack()
    geometry = stack_of_places([*places[:3], places[2], *places[3:]], "s-X")
    assert (geometry.n_slices, geometry.n_images, geometry.copies) == (6, 7, 1)
    assert [n for n in range(7) if geometry.is_copy(n)] == [3]
    assert [finding.code for finding in geometry.findings] == ["CON-110"]
    assert np.array_equal(geometry.grid().affine, stack_of_places(places, "s-X").grid().affine)


def test_many_slices_twice_are_refused() -> None:
    assert refused_code([place for place in a_stack() for _ in range(2)]) == "CON-104"


@given(st.integers(20, 60), st.data())
def test_filling_keeps_every_slice_where_it_is_and_makes_the_one_between(n: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(1, n - 2))
    places = a_stack(n)
    geometry = stack_of_places([*places[:gone], *places[gone + 1 :]], "s-X", StackRules(fill=True))
    assert geometry.interpolated == (gone,)
    assert geometry.parts(gone) == (0.5, 1.0)
    assert np.allclose(geometry.grid().affine, stack_of_places(places, "s-X").grid().affine, atol=1e-9)
    assert [(finding.code, finding.measured) for finding in geometry.findings] == [("CON-109", 1)]
    assert f"0: {gone}" in geometry.findings[0].detail


def test_two_spacings_go_to_the_finer_one_where_allowed() -> None:
    places = a_stack(5) + a_stack(5, step_mm=6.0, start=(-120.0, -90.0, -382.0))
    geometry = stack_of_places(places, "s-X", StackRules(to_finer=True))
    assert geometry.n_slices == 15
    assert geometry.grid().spacing_mm[2] == pytest.approx(3.0)
    assert geometry.interpolated == (5, 7, 9, 11, 13)
    assert [geometry.parts(n) for n in (4, 5)] == [(1.0,), (0.5, 1.0)]


def test_spacings_of_no_common_measure_are_interpolated_where_no_slice_lies() -> None:
    places = a_stack(5, step_mm=2.0) + a_stack(4, step_mm=5.0, start=(-120.0, -90.0, -387.0))  # 0 ... 8, 13 ... 28 mm
    geometry = stack_of_places(places, "s-X", StackRules(to_finer=True))
    made = [
        geometry.level(n - 1) + part * (geometry.level(n) - geometry.level(n - 1)) if n else 0.0
        for n in range(len(places))
        for part in geometry.parts(n)
    ]
    assert made == pytest.approx(range(15))


def test_a_localizer_inside_is_refused() -> None:
    places = a_stack()
    places[3] = replace(places[3], orientation=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0))
    assert refused_code(places) == "CON-102"


@pytest.mark.parametrize("change", [{"rows": 21}, {"columns": 31}, {"pixel_spacing_mm": (1.5, 0.9)}])
def test_slices_that_differ_are_refused(change: dict[str, object]) -> None:
    places = a_stack()
    places[-1] = replace(places[-1], **change)
    assert refused_code(places) == "CON-102"


@pytest.mark.parametrize(
    "change", [{"position_mm": ()}, {"orientation": ()}, {"pixel_spacing_mm": ()}, {"rows": None}, {"columns": 0}]
)
def test_a_slice_without_place_is_refused(change: dict[str, object]) -> None:
    places = a_stack()
    places[1] = replace(places[1], **change)
    assert refused_code(places) == "CON-101"


def test_directions_that_are_not_perpendicular_are_refused() -> None:
    assert (
        refused_code([replace(place, orientation=(1.0, 0.0, 0.0, 0.6, 0.8, 0.0)) for place in a_stack()]) == "CON-106"
    )


def test_jitter_of_rounded_positions_is_measured_and_kept() -> None:
    places = a_stack()
    x, y, z = places[2].position_mm
    places[2] = replace(places[2], position_mm=(x, y, z + 0.004))
    assert stack_of_places(places, "s-X").max_jitter_mm == pytest.approx(0.004, abs=1e-9)


def test_gantry_tilt_is_flagged_with_its_angle_and_the_affine_stays_true() -> None:
    geometry = stack_of_places(a_stack(shift_mm=3.0 * np.tan(np.radians(12))), "s-X")
    assert [finding.code for finding in geometry.findings] == ["CON-108"]
    assert geometry.findings[0].measured == pytest.approx(12.0, abs=1e-6)
    assert np.abs(geometry.grid().corners_ras_mm() - geometry.corners_ras_mm()).max() < 1e-9


def test_a_single_slice_steps_by_its_thickness_or_is_refused() -> None:
    (place,) = a_stack(1)
    assert stack_of_places([place], "s-X").grid().spacing_mm == pytest.approx((0.8, 1.5, 3.0))
    assert refused_code([replace(place, thickness_mm=None)]) == "CON-101"
    assert refused_code([]) == "CON-205"


def test_a_slice_elsewhere_than_indexed_is_refused() -> None:
    places = a_stack()
    geometry = stack_of_places(places, "s-X")
    assert check_slice(geometry, 2, places[2], "s-X") < 1e-9
    with pytest.raises(Refused) as caught:
        check_slice(geometry, 2, places[3], "s-X")
    assert caught.value.finding.code == "CON-105"
    assert caught.value.finding.measured == pytest.approx(3.0)


def test_a_written_grid_half_a_micrometre_off_passes_and_a_thousandth_of_a_mm_off_does_not() -> None:
    geometry = stack_of_places(a_stack(), "s-X")
    grid = geometry.grid()
    near, far = grid.affine.copy(), grid.affine.copy()
    near[0, 3] += 5e-7
    far[0, 3] += 1e-3
    assert verify_grid(Grid(grid.shape_kji, near), geometry, 0.0, "s-X").max_corner_error_mm == pytest.approx(
        5e-7, rel=1e-3
    )
    with pytest.raises(Refused) as caught:
        verify_grid(Grid(grid.shape_kji, far), geometry, 0.0, "s-X")
    assert caught.value.finding.code == "CON-301"


def test_a_flipped_row_order_in_the_file_is_seen() -> None:
    geometry = stack_of_places(a_stack(), "s-X")
    flipped = geometry.grid().affine.copy()
    flipped[:3, 3] += 19 * flipped[:3, 1]
    flipped[:3, 1] *= -1
    with pytest.raises(Refused):
        verify_grid(Grid((6, 20, 30), flipped), geometry, 0.0, "s-X")
