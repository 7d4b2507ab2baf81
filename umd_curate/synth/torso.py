"""The hull of the standard body along z: skin, cavity behind the ribs, spine curve, diaphragm.

Decides the walls that organs and bones fit themselves to. z is 0 at the vertex and falls towards the feet [mm].
"""

from dataclasses import dataclass

import numpy as np

from umd_curate.synth.shapes import Floats, Level, Part, Points

_TABLE_TOP_MM, _TABLE_END_MM = 60, -1160
_SMOOTH_MM = 41

# z, half width, half depth, centre y [mm]
_SKIN = (
    (-262, 56, 60, -12), (-285, 60, 62, -12), (-305, 96, 68, -10), (-325, 146, 80, -6), (-350, 172, 96, -2),
    (-420, 174, 112, 0), (-480, 166, 116, 0), (-540, 158, 116, 0), (-600, 150, 112, 0), (-660, 145, 108, 0),
    (-720, 144, 107, 0), (-790, 158, 110, -2), (-860, 174, 113, -6), (-915, 178, 108, -8), (-955, 175, 94, -8),
    (-985, 170, 84, -8),
)  # fmt: skip
# z, half width, half depth, centre y [mm]: inner face of the ribs, below them of the abdominal wall and pelvis
_CAVITY = (
    (-292, 34, 20, -22), (-310, 60, 38, -18), (-340, 88, 58, -10), (-380, 108, 74, -4), (-430, 124, 86, 0),
    (-490, 133, 92, 2), (-550, 135, 92, 2), (-610, 131, 88, 2), (-670, 125, 84, 2), (-740, 118, 82, 4),
    (-800, 112, 82, 4), (-850, 96, 80, 4), (-900, 72, 74, 2), (-950, 56, 58, -4), (-975, 40, 42, -8),
)  # fmt: skip
# z, vertebral centre y, radius, pitch of the vertebrae [mm]
_SPINE = (
    (-140, -24, 9, 18), (-190, -16, 9.5, 18), (-240, -18, 10, 18), (-290, -34, 11, 20), (-350, -50, 13, 23),
    (-430, -57, 14.5, 24), (-520, -55, 16, 26), (-600, -46, 18, 29), (-680, -38, 20.5, 33), (-740, -38, 21.5, 35),
    (-790, -46, 22, 35), (-820, -58, 22, 35),
)  # fmt: skip
SPINE_TOP_MM, SPINE_END_MM = -142.0, -802.0


@dataclass(frozen=True, slots=True)
class Column:
    """Values that change smoothly along z, looked up by linear interpolation in steps of 1 mm."""

    table: Floats

    def at(self, z: Floats) -> Floats:
        """Value at each z; the end values hold beyond the ends."""
        place = np.clip(_TABLE_TOP_MM - z, 0, len(self.table) - 1.001)
        index = place.astype(np.int32)
        low = self.table[index]
        result: Floats = low + (self.table[index + 1] - low) * (place - index)
        return result


@dataclass(frozen=True, slots=True)
class Hull:
    """Rounded-rectangle cross-sections along z."""

    half_width: Column
    half_depth: Column
    centre_y: Column
    squareness: float

    def level(self, points: Points) -> Floats:
        """About the distance [mm] to the wall, negative inside."""
        x, y, z = points
        width, depth = self.half_width.at(z), self.half_depth.at(z)
        u, v = x / width, (y - self.centre_y.at(z)) / depth
        u, v = u * u, v * v
        radius = np.sqrt(u + v - self.squareness * np.minimum(u, 1.0) * np.minimum(v, 1.0))
        result: Floats = (radius - 1.0) * np.minimum(width, depth)
        return result


@dataclass(frozen=True, slots=True)
class Spine:
    """Course of the vertebrae: centre y, radius, and a phase that grows by one per vertebra."""

    centre_y: Column
    radius: Column
    phase: Column


@dataclass(frozen=True, slots=True)
class Dome:
    """One cupola of the diaphragm: apex (x, y, z) and radii along x and y over which it falls by `depth`."""

    x: float
    y: float
    apex: float
    rx: float
    ry: float
    depth: float


_DOMES = (
    Dome(66, 4, -520, 76, 98, 112),
    Dome(-68, 2, -536, 72, 96, 108),
    Dome(-8, 30, -548, 84, 66, 104),
)


def column(rows: tuple[tuple[float, ...], ...], place: int, factor: float = 1.0) -> Column:
    """Smooth column through the knots of a table."""
    z = np.arange(_TABLE_TOP_MM, _TABLE_END_MM - 1, -1, dtype=np.float64)
    knots = np.array([row[0] for row in rows][::-1], np.float64)
    values = np.array([row[place] for row in rows][::-1], np.float64) * factor
    raw = np.interp(z, knots, values)
    window = np.hanning(_SMOOTH_MM + 2)[1:-1]
    padded = np.concatenate([np.repeat(raw[:1], _SMOOTH_MM // 2), raw, np.repeat(raw[-1:], _SMOOTH_MM // 2)])
    return Column(np.convolve(padded, window / window.sum(), mode="valid").astype(np.float32))


def skin(hips: float = 1.0, shoulders: float = 1.0) -> Hull:
    """Skin of the trunk; factors widen the hips and the shoulders."""
    rows = tuple(
        (z, width * _between(z, -940, -720, hips) * _between(z, -420, -300, shoulders), depth, centre)
        for z, width, depth, centre in _SKIN
    )
    return Hull(column(rows, 1), column(rows, 2), column(rows, 3), squareness=0.5)


def cavity() -> Hull:
    """Inner face of ribs, abdominal wall and pelvis."""
    return Hull(column(_CAVITY, 1), column(_CAVITY, 2), column(_CAVITY, 3), squareness=0.35)


def spine() -> Spine:
    """Course of the vertebral column."""
    pitch = column(_SPINE, 3)
    phase = Column(np.cumsum(1.0 / pitch.table.astype(np.float64)).astype(np.float32))
    return Spine(column(_SPINE, 1), column(_SPINE, 2), phase)


def diaphragm_height(points: Points) -> Floats:
    """Height z [mm] of the diaphragm above each (x, y)."""
    x, y = points[0], points[1]
    height: Floats | None = None
    for dome in _DOMES:
        u, v = (x - dome.x) * (1 / dome.rx), (y - dome.y) * (1 / dome.ry)
        own = dome.apex - dome.depth * (u * u + v * v)
        if height is None:
            height = own
        else:
            weight = np.clip(0.5 + (own - height) * (0.5 / 14.0), 0.0, 1.0)
            height = height + (own - height) * weight + 14.0 * weight * (1.0 - weight)
    assert height is not None  # noqa: S101  (there are domes)
    return np.maximum(height, -668.0)


def below_diaphragm(gap_mm: float) -> Level:
    """Trim that keeps what lies at least `gap_mm` below the diaphragm."""
    return lambda points: points[2] - diaphragm_height(points) + gap_mm


def above_diaphragm(points: Points) -> Floats:
    """Trim that keeps what lies above the diaphragm."""
    return diaphragm_height(points) - points[2]


def hull_part(level: Level, half_width: float, half_depth: float, top: float, end: float) -> Part:
    """Part of a hull between two heights, with flat ends."""

    def capped(points: Points) -> Floats:
        z = points[2]
        result: Floats = np.maximum(level(points), np.maximum(z - top, end - z))
        return result

    return Part((-half_width, -half_depth, end), (half_width, half_depth, top), capped)


def _between(z: float, low: float, high: float, factor: float) -> float:
    return factor if low <= z <= high else 1.0
