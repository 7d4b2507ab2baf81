"""Turns the head on its neck: everything above the neck's joint moves rigidly, the shoulders and the raised arms stay.

The standard body looks straight ahead. Patients do not: a cushion nods the head forward or back, a stiff neck turns it. The
trial heads of `heads` use it; the cohort's patients lie straight.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umd_curate.synth.layer import Layer
from umd_curate.synth.shapes import Floats, Level, Part, Points, Vec, turned

JOINT: Vec = (0.0, -14.0, -230.0)  # standard body, RAS+ mm: middle of the neck
_HEAD_ABOVE_MM = -235.0
_HEAD_HALF_WIDTH_MM = 105.0  # what reaches further to the side is an arm


@dataclass(frozen=True, slots=True)
class Nod:
    """Turn of the head against the shoulders: yaw (to the side), pitch (chin up or down), roll (ear to shoulder), degrees."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0

    @property
    def matrix(self) -> Floats:
        """Rotation matrix, from the straight head to the turned one."""
        return turned(self.yaw_deg, self.pitch_deg, self.roll_deg)

    def carried(self, points: Floats) -> Floats:
        """Where points of the straight head lie after the turn; standard body, shape (n, 3)."""
        joint = np.array(JOINT)
        moved: Floats = (np.asarray(points, np.float64) - joint) @ self.matrix.T + joint
        return moved

    def straightened(self, points: Floats) -> Floats:
        """Which points of the straight head lie at points after the turn: the inverse of `carried`."""
        joint = np.array(JOINT)
        straight: Floats = (np.asarray(points, np.float64) - joint) @ self.matrix + joint
        return straight


def nodding(layers: Sequence[Layer], nod: Nod) -> list[Layer]:
    """The layers of a body with its head turned; neck pieces above the joint go along."""
    return [_turned_layer(layer, nod) for layer in layers]


def _turned_layer(layer: Layer, nod: Nod) -> Layer:
    parts = layer.shape.parts
    of_head = [_is_head(part) for part in parts]
    if not any(of_head):
        return layer
    turned_parts = tuple(
        _turned_part(part, nod) if is_head else part for part, is_head in zip(parts, of_head, strict=True)
    )
    trims = layer.shape.trims
    if all(of_head):
        trims = tuple(_turned_level(trim, nod) for trim in trims)
    return replace(layer, shape=replace(layer.shape, parts=turned_parts, trims=trims))


def _is_head(part: Part) -> bool:
    is_high = (part.lo[2] + part.hi[2]) / 2.0 > _HEAD_ABOVE_MM
    return is_high and max(-part.lo[0], part.hi[0]) < _HEAD_HALF_WIDTH_MM


def _turned_part(part: Part, nod: Nod) -> Part:
    corners = np.array([[x, y, z] for x in (part.lo[0], part.hi[0]) for y in (part.lo[1], part.hi[1])
                        for z in (part.lo[2], part.hi[2])])  # fmt: skip
    moved = nod.carried(corners)
    low, high = moved.min(axis=0), moved.max(axis=0)
    lo = (float(low[0]), float(low[1]), float(low[2]))
    hi = (float(high[0]), float(high[1]), float(high[2]))
    return Part(lo, hi, _turned_level(part.level, nod))


def _turned_level(level: Level, nod: Nod) -> Level:
    rows = [[float(value) for value in row] for row in nod.matrix.T]
    cx, cy, cz = JOINT

    def turned_level(points: Points) -> Floats:
        x, y, z = points[0] - cx, points[1] - cy, points[2] - cz
        a, b, c = (row[0] * x + row[1] * y + row[2] * z for row in rows)
        return level((a + cx, b + cy, c + cz))

    return turned_level
