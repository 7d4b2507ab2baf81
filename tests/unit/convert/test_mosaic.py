"""Tiles of a mosaic: which part of the plane each slice is, and where it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.convert.geometry import SlicePlace
from umd_curate.convert.mosaic import Tiles, siemens_positions, tile_shape, tiles_of
from umd_curate.model.findings import Refused

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@given(n=st.integers(1, 100), rows=st.integers(1, 90), columns=st.integers(1, 90), is_square=st.booleans())
def test_a_plane_that_was_tiled_tells_its_tiles(n: int, rows: int, columns: int, is_square: bool) -> None:
    across = int(np.ceil(np.sqrt(n)))
    down = across if is_square else int(np.ceil(n / across))
    assert tile_shape(down * rows, across * columns, n, is_square=is_square) == (rows, columns)


@pytest.mark.parametrize(("rows", "columns", "n"), [(64, 64, 0), (65, 64, 4), (64, 65, 4)])
def test_a_plane_that_is_no_grid_of_so_many_tiles_is_none(rows: int, columns: int, n: int) -> None:
    assert tile_shape(rows, columns, n, is_square=True) is None


@given(n=st.integers(2, 30), is_down=st.booleans())
def test_the_slices_of_a_mosaic_ascend_and_each_shows_its_own_tile(n: int, is_down: bool) -> None:
    heights = [float(3 * k) for k in range(n)][:: -1 if is_down else 1]
    across = int(np.ceil(np.sqrt(n)))
    down = int(np.ceil(n / across))
    whole = SlicePlace(4 * down, 5 * across, (), AXIAL, (2.0, 2.0), 3.0)
    found = tiles_of(whole, Tiles(tuple((0.0, 0.0, height) for height in heights), is_square=False), "s-X")
    assert [tile.slice_place.position_mm[2] for tile in found] == sorted(heights)
    plane = np.repeat(np.repeat(np.arange(down * across).reshape(down, across), 4, 0), 5, 1)
    assert [heights[plane[tile.window].max()] for tile in found] == sorted(heights)
    assert all(plane[tile.window].shape == (4, 5) and np.ptp(plane[tile.window]) == 0 for tile in found)


def test_tiles_that_do_not_fit_the_image_are_refused() -> None:
    whole = SlicePlace(63, 64, (), AXIAL, (2.0, 2.0), 3.0)
    with pytest.raises(Refused, match="CON-610"):
        tiles_of(whole, Tiles(((0.0, 0.0, 0.0),) * 4, is_square=True), "s-X")


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_siemens_places_the_first_slice_in_the_middle_of_the_mosaic(direction: float) -> None:
    whole = SlicePlace(128, 128, (-127.0, -127.0, 10.0), AXIAL, (2.0, 2.0), 3.0)
    found = siemens_positions(whole, (64, 64), 3, 4.0, (0.0, 0.0, direction))
    assert found.positions_mm[0] == pytest.approx((-63.0, -63.0, 10.0))
    assert [position[2] for position in found.positions_mm] == pytest.approx([10 + direction * 4 * k for k in range(3)])
