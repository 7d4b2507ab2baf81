"""Draws the surface of a head as a person would see it: a depth map of the first tissue on each ray, shaded by its slope.

No mesh and no graphics library: where a ray first crosses the threshold between air and skin is interpolated, the slope of
that depth is the surface's normal, and a lamp above the viewer's shoulder lights it.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]

LAMP = (-0.35, -0.55, 1.0)  # columns to the right, rows down, towards the viewer
AMBIENT = 0.18
FADE = 0.35  # of the light is lost on the way through the whole box
GAP = 6  # pixels between pictures
BACKGROUND = 12


class Side(StrEnum):
    """From where the head is looked at; left and right are the patient's."""

    FRONT = "front"
    LEFT = "left"
    RIGHT = "right"


# Axes [k, j, i] run up, to the front and to the right; towards: first axis away from the viewer, then rows down, then columns right.
_TOWARDS: dict[Side, Callable[[Float32], Float32]] = {
    Side.FRONT: lambda image: image[::-1, ::-1, ::-1].transpose(1, 0, 2),
    Side.LEFT: lambda image: image[::-1, ::-1, :].transpose(2, 0, 1),
    Side.RIGHT: lambda image: image[::-1, :, ::-1].transpose(2, 0, 1),
}


def relief(image_kji: Float32, skin: float, side: Side) -> Picture:
    """Shaded surface of an image, seen from one side.

    Parameters
    ----------
    image_kji
        Image on a cubic grid along RAS+.
    skin
        Value between air and skin.
    side
        Where the viewer stands.

    Returns
    -------
    Grey levels [rows, columns]; rays that meet nothing are nearly black.
    """
    away = _TOWARDS[side](image_kji)
    inside = away > skin
    inside[:-1] &= inside[1:]  # what is one voxel thin is noise or a table
    hit = inside.argmax(axis=0)
    meets = inside.any(axis=0)
    rows, columns = np.indices(hit.shape)
    there, before = away[hit, rows, columns], away[np.maximum(hit - 1, 0), rows, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        back = np.where(hit > 0, (there - skin) / (there - before), 0.0)
    depth = np.where(meets, hit - np.nan_to_num(back), float(len(away)))
    down, right = np.gradient(depth)
    light = (LAMP[2] - LAMP[0] * right - LAMP[1] * down) / np.sqrt(1 + right**2 + down**2) / np.linalg.norm(LAMP)
    shade = (AMBIENT + (1 - AMBIENT) * np.clip(light, 0, 1)) * (1 - FADE * depth / len(away))
    picture: Picture = np.where(meets, np.clip(shade * 255, 0, 255), BACKGROUND).astype(np.uint8)
    return picture


def sheet(rows: list[list[Picture]]) -> Picture:
    """Pictures side by side, row by row."""
    height = sum(max(one.shape[0] for one in row) + GAP for row in rows) + GAP
    width = max(sum(one.shape[1] + GAP for one in row) for row in rows) + GAP
    whole: Picture = np.full((height, width), BACKGROUND, np.uint8)
    top = GAP
    for row in rows:
        left = GAP
        for one in row:
            whole[top : top + one.shape[0], left : left + one.shape[1]] = one
            left += one.shape[1] + GAP
        top += max(one.shape[0] for one in row) + GAP
    return whole
