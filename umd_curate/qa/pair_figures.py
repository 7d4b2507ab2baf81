"""Draws two sessions of a subject on each other: squares in turn, contours of one on the other, both in two colours.

All three show the moving image as registration placed it, so that what is off is seen as a step, a contour beside its organ,
or a coloured rim.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64, Volume
from umd_curate.model.labels import OrganTable
from umd_curate.qa import planes
from umd_curate.qa.figures import WHITE as INK
from umd_curate.qa.figures import (
    Figure,
    centre_of,
    compose,
    contour_colours,
    contoured,
    in_turn,
    views_of,
    windowed,
)
from umd_curate.qa.planes import Bytes


@dataclass(frozen=True, eq=False)
class PairSitter:
    """Two images in the fixed one's space.

    Parameters
    ----------
    fixed_name, moving_name
        Session and role, such as ``petct1/ct``.
    fixed, moving
        The images; the moving one as registration placed it.
    organs
        Labels of the fixed image; None where there are none.
    body_points_ras_mm
        (n, 3), what must be seen.
    """

    fixed_name: str
    moving_name: str
    fixed: Volume
    moving: Volume
    organs: Volume | None
    body_points_ras_mm: Float64


def draw_pair(sitter: PairSitter, table: OrganTable) -> tuple[Figure, ...]:
    """Draw a pair: checkerboard, contours where the fixed image has labels, fusion."""
    canvas = planes.canvas_around(sitter.body_points_ras_mm, centre_of(sitter.organs, sitter.body_points_ras_mm))
    views = views_of(canvas)
    points = [view.points(canvas) for view in views]
    here = windowed(sitter.fixed, sitter.fixed_name.rpartition("/")[2], points)
    there = windowed(sitter.moving, sitter.moving_name.rpartition("/")[2], points)
    names = f"{sitter.fixed_name} and {sitter.moving_name}"
    found = [compose("checkerboard", f"{names} in turn, as registered", in_turn(here, there), canvas, views, INK)]
    if sitter.organs is not None and np.any(sitter.organs.array_kji):
        labels = [planes.sample_labels(sitter.organs, plane) for plane in points]
        colours = contour_colours(table)
        panels = [contoured(grey, label, colours) for grey, label in zip(there, labels, strict=True)]
        caption = f"Organ contours of {sitter.fixed_name} on {sitter.moving_name}"
        found.append(compose("contours", caption, panels, canvas, views, INK))
    caption = f"{sitter.fixed_name} in magenta, {sitter.moving_name} in green; grey where both are alike"
    found.append(compose("fusion", caption, _two_colours(here, there), canvas, views, INK))
    return tuple(found)


def _two_colours(here: Sequence[Bytes], there: Sequence[Bytes]) -> list[NDArray[np.uint8]]:
    return [np.stack([a, b, a], axis=-1) for a, b in zip(here, there, strict=True)]
