"""Figures show the right place at the right scale; numbers are printed exactly."""

import io
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.unit.qa.phantom import grid, render
from umd_curate.model.geometry import Volume
from umd_curate.qa import planes, words
from umd_curate.qa.figures import Sitter, contour_colours, draw
from umd_curate.store.resources import organ_table

rotations = st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))


def ramp(affine: np.ndarray) -> Volume:
    """A volume whose value is 1000 + x + 2 y + 3 z of the voxel centre in RAS+ mm."""
    kji = np.indices((20, 22, 24)).reshape(3, -1)
    world = planes.apply_affine(affine, kji[::-1].T)
    return Volume((1000 + world @ np.array([1.0, 2.0, 3.0])).reshape(20, 22, 24), affine)


@given(rotations)
def test_sampling_reads_a_linear_image_exactly_on_any_oblique_grid(angles: tuple[float, float]) -> None:
    a, b = angles
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ tilt @ np.diag([-2.0, -2.5, 3.0])
    volume = ramp(affine)
    centre = planes.apply_affine(affine, np.array([[12.0, 11.0, 10.0]]))[0]
    points = centre + np.array([[[0, 0, 0], [4, 0, 1]], [[0, -4, 2], [3, 3, -3]]])
    expected = 1000 + points @ np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(planes.sample(volume, points, 0.0), expected, atol=1e-6)


def test_outside_the_volume_is_the_fill_value() -> None:
    far = np.full((1, 1, 3), 1e4)
    assert planes.sample(ramp(np.eye(4)), far, -1000.0)[0, 0] == -1000.0


def test_the_projection_along_y_keeps_the_hottest_voxel_and_its_place() -> None:
    array = np.zeros((5, 6, 7), np.float32)
    array[2, 4, 3] = 9.0
    array[0, 0, 0] = np.nan
    flat = planes.projection(Volume(array, np.eye(4)), 1)
    assert flat.array_kji.shape == (5, 1, 7)
    assert flat.array_kji[2, 0, 3] == 9.0
    assert np.isfinite(flat.array_kji).all()


def test_contours_lie_inside_their_organ() -> None:
    labels = np.zeros((20, 20), np.int64)
    labels[5:15, 5:15] = 3
    line = planes.edges(labels)
    assert line.sum() == 36
    assert (labels[line] == 3).all()


def test_the_patients_right_is_on_the_left_of_the_coronal_image() -> None:
    canvas = planes.canvas_around(np.array([[-100.0, -100, -100], [100, 100, 100]]), (0, 0, 0))
    points = planes.coronal_points(canvas)
    assert points[0, 0, 0] > points[0, -1, 0]
    assert points[0, 0, 2] > points[-1, 0, 2]
    assert planes.sagittal_points(canvas)[0, 0, 1] > planes.sagittal_points(canvas)[0, -1, 1]


@pytest.fixture(scope="module")
def sitter() -> Sitter:
    on = grid(8.0)
    ct, pet, labels = render(on)
    belly = np.array([[-180.0, -120.0, -100.0], [180.0, 120.0, 60.0]])
    return Sitter("ct", ct, labels, pet, is_suv=True, body_points_ras_mm=belly)


def test_all_figures_of_a_session_have_one_size_and_equal_bytes_every_time(sitter: Sitter) -> None:
    first, second = draw(sitter, organ_table()), draw(sitter, organ_table())
    assert [figure.name for figure in first] == ["anatomy", "labels", "fusion", "mip"]
    assert [figure.png for figure in first] == [figure.png for figure in second]
    assert len({(figure.width, figure.height) for figure in first}) == 1


def test_the_checkerboard_shows_ct_and_pet_in_turn(sitter: Sitter) -> None:
    bright, cold = (Volume(np.full_like(sitter.pet.array_kji, value), sitter.pet.affine) for value in (1000.0, 99.0))
    both = replace(sitter, anatomy_on_pet=bright, pet=cold)
    figure = next(figure for figure in draw(both, organ_table()) if figure.name == "checkerboard")
    pixels = np.asarray(Image.open(io.BytesIO(figure.png)))
    middle = pixels[80:160, 80:160]  # four squares inside the coronal panel
    assert set(np.unique(middle)) == {0, 255}
    assert 0.4 < (middle == 255).mean() < 0.6


def test_a_figure_carries_no_metadata(sitter: Sitter) -> None:
    for figure in draw(sitter, organ_table()):
        image = Image.open(io.BytesIO(figure.png))
        assert image.info == {}
        assert image.size == (figure.width, figure.height)


def test_the_liver_is_drawn_in_its_colour_on_the_viewers_left(sitter: Sitter) -> None:
    figure = next(figure for figure in draw(sitter, organ_table()) if figure.name == "labels")
    liver = contour_colours(organ_table())[1]
    pixels = np.asarray(Image.open(io.BytesIO(figure.png)))
    _, columns = np.nonzero((pixels == liver).all(axis=-1))
    panel = planes.canvas_around(sitter.body_points_ras_mm, (0, 0, 0)).size(0)  # width of the coronal panel
    assert 0 < np.median(columns[columns < panel]) < panel / 2


def test_pet_without_suv_is_labelled_in_becquerel(sitter: Sitter) -> None:
    pet_only = Sitter("", None, None, sitter.pet, is_suv=False, body_points_ras_mm=sitter.body_points_ras_mm)
    (mip,) = draw(pet_only, organ_table())
    assert re.search(r"0 to \d+(\.\d+)? Bq/mL, percentile 99.5", mip.caption.replace("\N{NARROW NO-BREAK SPACE}", ""))
    assert "SUV" not in mip.caption


def lab_of(colour: tuple[int, int, int]) -> NDArray[np.float64]:
    """CIE L*a*b* of an sRGB triple under D65 (IEC 61966-2-1, CIE 15)."""
    part = np.array(colour) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def test_contours_have_the_datasets_colours_which_differ_by_far_and_are_bright_on_black() -> None:
    colours = contour_colours(organ_table())
    assert colours == {organ.id: organ.colour for organ in organ_table()}
    assert np.allclose(lab_of((255, 0, 0)), [53.24, 80.09, 67.20], atol=0.1)  # sRGB red, as tables print it
    seen = [lab_of(colour) for colour in colours.values()]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) > 30
    assert min(float(entry[0]) for entry in seen) > 50


PRINTED = {
    0.00026981: "0.0002698",
    3.1e-5: "3.1e\N{MINUS SIGN}5",
    -130.0: "\N{MINUS SIGN}130",
    379e6: "379\N{NARROW NO-BREAK SPACE}000\N{NARROW NO-BREAK SPACE}000",
    0.0: "0",
    0.5: "0.5",
    6586.25: "6\N{NARROW NO-BREAK SPACE}586",
    1e-12: "1e\N{MINUS SIGN}12",
}


@pytest.mark.parametrize("value", PRINTED)
def test_numbers_are_printed_in_one_way(value: float) -> None:
    assert words.number(value) == PRINTED[value]


@given(st.floats(1e-9, 1e9))
def test_a_printed_number_is_the_number_to_four_digits(value: float) -> None:
    text = words.number(value).replace(words.MINUS, "-").replace(words.THIN, "")
    assert abs(float(text) - value) <= 1e-3 * value


def test_limits_read_as_intervals() -> None:
    assert words.interval(None, 5, "mL") == "\N{LESS-THAN OR EQUAL TO} 5 mL"
    assert words.interval(0.95, None) == "\N{GREATER-THAN OR EQUAL TO} 0.95"
    assert words.interval(-20, 200, "HU") == "\N{MINUS SIGN}20 to 200 HU"
    assert not words.interval(None, None)


def test_keys_are_split_into_words_and_unit() -> None:
    assert words.key_and_unit("max_corner_error_mm") == ("max corner error", "mm")
    assert words.key_and_unit("BodyWeight") == ("body weight", "")
    assert words.key_and_unit("GEAdministrationDateTime") == ("GE administration date time", "")


def test_a_thin_stack_is_drawn_in_its_own_planes(sitter: Sitter) -> None:
    slab = replace(sitter, body_points_ras_mm=np.array([[-180.0, -120.0, -30.0], [180.0, 120.0, -20.0]]))
    canvas = planes.canvas_around(slab.body_points_ras_mm, (0, 0, -25))
    for figure in draw(slab, organ_table()):
        assert (figure.width, figure.height) == (canvas.size(0), canvas.size(1))


@given(st.floats(5, 2000), st.floats(5, 2000))
def test_no_figure_is_larger_than_the_page_can_bear(width_mm: float, height_mm: float) -> None:
    canvas = planes.canvas_around(np.array([[0, 0, 0], [width_mm, 200, height_mm]]), (0, 0, 0))
    assert max(canvas.size(axis) for axis in range(3)) <= planes.MAX_PIXELS + 1
