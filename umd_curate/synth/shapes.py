"""Signed level functions of simple bodies: negative inside, positive outside, near the surface about a distance in mm.

Decides how a body is described and bounded; which bodies make a patient is for the anatomy files.
All points are RAS+ mm in the standard body (see `anatomy`), given as three arrays of one shape.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Points = tuple[Floats, Floats, Floats]
Level = Callable[[Points], Floats]
Vec = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """One body: its level function and the box outside which the level is positive."""

    lo: Vec
    hi: Vec
    level: Level


@dataclass(frozen=True, slots=True)
class Shape:
    """Union of parts, cut by trims: inside where any part and all trims are negative."""

    parts: tuple[Part, ...]
    trims: tuple[Level, ...] = ()


def turned(yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Floats:
    """Rotation matrix: about z (yaw), then x (pitch), then y (roll); right-handed, degrees."""
    yaw, pitch, roll = np.deg2rad((yaw_deg, pitch_deg, roll_deg))
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]])
    rotation: Floats = about_y @ about_x @ about_z
    return rotation


def ellipsoid(centre: Sequence[float], radii: Sequence[float], rotation: Floats | None = None) -> Part:
    """Ellipsoid; the columns of `rotation` are its axes in the standard body."""
    axes = np.eye(3) if rotation is None else rotation
    extent = np.sqrt(((axes * np.asarray(radii)) ** 2).sum(axis=1))
    cx, cy, cz = (float(value) for value in centre)
    inverse = [1.0 / float(radius) for radius in radii]
    matrix = [[float(axes[row, column]) for row in range(3)] for column in range(3)]

    def level(points: Points) -> Floats:
        x, y, z = points[0] - cx, points[1] - cy, points[2] - cz
        scaled = zero = None
        for row, inv in zip(matrix, inverse, strict=True):
            along = (
                (row[0] * x + row[1] * y + row[2] * z) if rotation is not None else (x, y, z)[matrix.index(row)]
            ) * inv
            square = along * along
            scaled = square if scaled is None else scaled + square
            zero = square * (inv * inv) if zero is None else zero + square * (inv * inv)
        assert scaled is not None  # noqa: S101  (three axes always)
        assert zero is not None  # noqa: S101
        radius = np.sqrt(scaled)
        result: Floats = radius * (radius - 1.0) / np.sqrt(zero + 1e-12)
        return result

    lo = (cx - float(extent[0]), cy - float(extent[1]), cz - float(extent[2]))
    hi = (cx + float(extent[0]), cy + float(extent[1]), cz + float(extent[2]))
    return Part(lo, hi, level)


def tube(points: Sequence[Sequence[float]], radii: Sequence[float], pieces: int = 4) -> tuple[Part, ...]:
    """Round tube along a smooth curve through `points`, one part per short straight piece."""
    curve = _smooth(np.asarray(points, np.float64), pieces)
    thickness = np.interp(
        np.linspace(0, len(radii) - 1, len(curve)), np.arange(len(radii)), np.asarray(radii, np.float64)
    )
    return tuple(
        _capsule(curve[n], curve[n + 1], float(thickness[n]), float(thickness[n + 1])) for n in range(len(curve) - 1)
    )


def mirrored(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts and their mirror images across the midplane x = 0."""
    return (*parts, *(_flip(part) for part in parts))


def inset(level: Level, by_mm: float) -> Level:
    """Level of the body shrunk by `by_mm` (grown where negative)."""
    return lambda points: level(points) + by_mm


def outside(level: Level, gap_mm: float = 0.0) -> Level:
    """Trim that keeps what lies at least `gap_mm` outside a body."""
    return lambda points: gap_mm - level(points)


def within(parts: Sequence[Part]) -> Level:
    """Level of a union of parts, evaluated everywhere."""

    def level(points: Points) -> Floats:
        found = parts[0].level(points)
        for part in parts[1:]:
            found = np.minimum(found, part.level(points))
        return found

    return level


def blend(first: Floats, second: Floats, width_mm: float) -> Floats:
    """Union of two levels with a rounded crease of that width."""
    weight = np.clip(0.5 + 0.5 * (second - first) / width_mm, 0.0, 1.0)
    result: Floats = second + (first - second) * weight - width_mm * weight * (1.0 - weight)
    return result


def box_of(parts: Sequence[Part]) -> tuple[Vec, Vec]:
    """Box around all parts."""
    lo = np.min([part.lo for part in parts], axis=0)
    hi = np.max([part.hi for part in parts], axis=0)
    return (float(lo[0]), float(lo[1]), float(lo[2])), (float(hi[0]), float(hi[1]), float(hi[2]))


def merged(parts: Sequence[Part], width_mm: float) -> Part:
    """Union of parts with rounded creases, as one part."""
    lo, hi = box_of(parts)

    def level(points: Points) -> Floats:
        found = parts[0].level(points)
        for part in parts[1:]:
            found = blend(found, part.level(points), width_mm)
        return found

    return Part(_moved(lo, -width_mm), _moved(hi, width_mm), level)


def _moved(corner: Vec, by: float) -> Vec:
    return corner[0] + by, corner[1] + by, corner[2] + by


def _flip(part: Part) -> Part:
    level = part.level
    return Part(
        (-part.hi[0], part.lo[1], part.lo[2]),
        (-part.lo[0], part.hi[1], part.hi[2]),
        lambda points: level((-points[0], points[1], points[2])),
    )


def _capsule(start: Floats, end: Floats, start_mm: float, end_mm: float) -> Part:
    """Straight piece with round ends and linearly changing radius."""
    sx, sy, sz = (float(value) for value in start)
    dx, dy, dz = (float(value) for value in end - start)
    length_2 = max(dx * dx + dy * dy + dz * dz, 1e-6)
    change = end_mm - start_mm

    def level(points: Points) -> Floats:
        x, y, z = points[0] - sx, points[1] - sy, points[2] - sz
        along = np.clip((x * dx + y * dy + z * dz) * (1.0 / length_2), 0.0, 1.0)
        x, y, z = x - along * dx, y - along * dy, z - along * dz
        result: Floats = np.sqrt(x * x + y * y + z * z) - (start_mm + change * along)
        return result

    widest = max(start_mm, end_mm)
    low, high = np.minimum(start, end) - widest, np.maximum(start, end) + widest
    return Part((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])), level)


def _smooth(points: Floats, pieces: int) -> Floats:
    """Catmull-Rom curve through points of shape (n, 3)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = (np.arange(pieces) / pieces)[:, None]
    found = []
    for n in range(len(points) - 1):
        a, b, c, d = padded[n : n + 4]
        found.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate([*found, points[-1:]])
