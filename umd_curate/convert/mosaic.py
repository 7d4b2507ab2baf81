"""Where the slices of a mosaic are: tiles of one stored plane, each with a place of its own.

Siemens (MOSAIC) and United Imaging (VFRAME) store all slices of a volume as tiles of one image, row by row from the upper
left. Number and places of the slices stand in private elements, read in `mosaic_io.py` from the source header; the public
position of the image is that of the whole mosaic, or missing.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from umd_curate.convert.geometry import SlicePlace
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import slice_normal

IMAGE_TYPES: Final = frozenset({"MOSAIC", "VFRAME"})  # values of (0008,0008) that mark a mosaic


@dataclass(frozen=True, slots=True)
class Tiles:
    """The slices of a mosaic in tile order.

    Parameters
    ----------
    positions_mm
        (0020,0032) of each slice: centre of its first pixel, LPS+ mm.
    is_square
        Whether there are as many rows of tiles as tiles in a row (Siemens), else only as many as are needed.
    """

    positions_mm: tuple[tuple[float, ...], ...]
    is_square: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """One slice of a mosaic: rows and columns of the stored plane, and its place."""

    window: tuple[slice, slice]
    slice_place: SlicePlace


def tile_shape(rows: int, columns: int, n_tiles: int, *, is_square: bool) -> tuple[int, int] | None:
    """Rows and columns of one tile; None where the plane is no grid of so many tiles.

    Both makers set as many tiles along a row as the square root of their number, rounded up. Siemens has as many rows of
    tiles, the last ones empty; United Imaging only as many as are needed.

    Examples
    --------
    >>> tile_shape(256, 320, 20, is_square=False)
    (64, 64)
    """
    if n_tiles < 1:
        return None
    across = math.isqrt(n_tiles - 1) + 1
    down = across if is_square else -(-n_tiles // across)
    return None if rows % down or columns % across else (rows // down, columns // across)


def siemens_positions(
    mosaic: SlicePlace, tile: tuple[int, int], n_tiles: int, spacing_mm: float, normal: tuple[float, ...]
) -> Tiles:
    """Positions of the slices of a Siemens mosaic.

    The header's position is the corner that an image of the mosaic's size would have around the centre of the first slice,
    so half of the surplus rows and columns leads back to the slice's own corner.

    Parameters
    ----------
    mosaic
        Place of the whole image as the header has it.
    tile
        Rows and columns of one tile.
    n_tiles
        Number of slices.
    spacing_mm
        (0018,0088) SpacingBetweenSlices [mm].
    normal
        SliceNormalVector of the CSA header: the direction from slice to slice, LPS+.
    """
    along_row, along_column = np.array(mosaic.orientation[:3]), np.array(mosaic.orientation[3:])
    surplus_rows = ((mosaic.rows or 0) - tile[0]) / 2.0
    surplus_columns = ((mosaic.columns or 0) - tile[1]) / 2.0
    first = (
        np.array(mosaic.position_mm)
        + along_row * mosaic.pixel_spacing_mm[1] * surplus_columns
        + along_column * mosaic.pixel_spacing_mm[0] * surplus_rows
    )
    direction = slice_normal(mosaic.orientation)
    direction = direction if float(direction @ np.array(normal)) >= 0 else -direction
    positions = tuple(tuple((first + n * spacing_mm * direction).tolist()) for n in range(n_tiles))
    return Tiles(positions, is_square=True)


def tiles_of(mosaic: SlicePlace, tiles: Tiles, place: str) -> list[Tile]:
    """Slices of a mosaic sorted along their normal.

    Parameters
    ----------
    mosaic
        Place of the whole image: its matrix, orientation, spacing and thickness count.
    tiles
        Where its slices are.
    place
        Short id of the series.

    Raises
    ------
    Refused
        CON-610: the image is no grid of that many tiles.
    """
    shape = tile_shape(mosaic.rows or 0, mosaic.columns or 0, len(tiles.positions_mm), is_square=tiles.is_square)
    if shape is None:
        detail = "(0028,0010) Rows or (0028,0011) Columns is no multiple of the tiles"
        raise Refused(codes.MOSAIC_UNKNOWN.at(place, detail, measured=len(tiles.positions_mm)))
    rows, columns = shape
    across = (mosaic.columns or 0) // columns
    normal = slice_normal(mosaic.orientation)
    found = []
    for n, position in enumerate(tiles.positions_mm):
        down, right = divmod(n, across)
        window = (slice(down * rows, (down + 1) * rows), slice(right * columns, (right + 1) * columns))
        at = SlicePlace(rows, columns, position, mosaic.orientation, mosaic.pixel_spacing_mm, mosaic.thickness_mm)
        found.append(Tile(window, at))
    return sorted(found, key=lambda each: float(np.dot(each.slice_place.position_mm, normal)))
