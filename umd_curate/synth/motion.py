"""How a patient lies in one session: a map from scanner points to points of the standard body, and its inverse.

A session is rendered by asking, for every voxel, which point of the standard body lies there (a pull-back). The map is,
in this order: frame of reference offset, a rigid shift of the PET against its CT, rigid pose, size of the patient, a
smooth visit-to-visit deformation, breathing. All frames RAS+ mm.
"""

from dataclasses import dataclass

import numpy as np

from umd_curate.synth.draws import stream
from umd_curate.synth.shapes import Floats, Points, Vec, turned
from umd_curate.synth.torso import Hull, cavity

INVERSE_TOLERANCE_MM = 1e-4
_MAX_ROUNDS = 80

_PIVOT: Vec = (0.0, 0.0, -500.0)  # rigid motions turn about the middle of the trunk
_WAVELENGTHS_MM = (310.0, 420.0, 560.0)
# Heights [mm] over which the breath grows and fades: lung apex, diaphragm, lower abdomen.
_BREATH_FROM, _BREATH_FULL, _BREATH_FADES, _BREATH_END = -380.0, -530.0, -680.0, -880.0
_SPINE_REACH_MM = 46.0


@dataclass(frozen=True, slots=True)
class Rigid:
    """Rotation about the pivot (yaw, pitch, roll in degrees), then a shift [mm]; maps a resting body to a moved one."""

    angles_deg: Vec = (0.0, 0.0, 0.0)
    shift_mm: Vec = (0.0, 0.0, 0.0)

    def matrix(self, offset_mm: Vec = (0.0, 0.0, 0.0)) -> Floats:
        """4 x 4 matrix; `offset_mm` moves the pivot."""
        rotation = turned(*self.angles_deg)
        pivot = np.array(_PIVOT) + np.array(offset_mm)
        found = np.eye(4)
        found[:3, :3] = rotation
        found[:3, 3] = pivot - rotation @ pivot + np.array(self.shift_mm)
        return found


@dataclass(frozen=True, slots=True)
class Wave:
    """One smooth mode of deformation: displacement [mm] times the sine of a wave along a direction."""

    wave: Vec  # rad/mm
    phase: float
    displacement: Vec


@dataclass(frozen=True, slots=True)
class Motion:
    """Place and state of the patient's body while one image was taken.

    Parameters
    ----------
    offset_mm
        Where the standard body's origin lies in the frame of reference.
    pose
        Rigid pose of the visit.
    drift
        Rigid motion of the patient between CT or MR and PET; the identity for CT and MR.
    scale
        Patient size against the standard body.
    waves
        Smooth deformation of the visit.
    breath_mm
        Descent of the diaphragm below its rest at end-expiration [mm].
    """

    offset_mm: Vec
    pose: Rigid
    scale: Vec
    waves: tuple[Wave, ...] = ()
    breath_mm: float = 0.0
    drift: Rigid = Rigid()

    def rigid(self) -> Floats:
        """Matrix from the unscaled standing body to scanner points."""
        shift = np.eye(4)
        shift[:3, 3] = self.offset_mm
        found: Floats = self.drift.matrix(self.offset_mm) @ shift @ self.pose.matrix()
        return found

    def to_body(self, points: Points) -> Points:
        """Points of the standard body that lie at scanner points, in the arrays' own precision."""
        inverse = np.linalg.inv(self.rigid())
        rows = [[float(value) for value in row] for row in inverse[:3] / np.array(self.scale)[:, None]]
        x, y, z = points
        a, b, c = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in rows)
        return self.yielding((a, b, c))

    def yielding(self, points: Points) -> Points:
        """Deformation and breath, within the standard body."""
        x, y, z = points
        dx = dy = dz = np.zeros_like(x)
        for wave in self.waves:
            height = np.sin(x * wave.wave[0] + y * wave.wave[1] + z * wave.wave[2] + wave.phase)
            dx = dx + wave.displacement[0] * height
            dy = dy + wave.displacement[1] * height
            dz = dz + wave.displacement[2] * height
        x, y, z = x + dx, y + dy, z + dz
        if self.breath_mm:
            z = z + self.breath_mm * breathing_share((x, y, z))
        return x, y, z

    def to_scanner(self, points: Floats) -> Floats:
        """Scanner points at which points of the standard body lie, to `INVERSE_TOLERANCE_MM`; shape (n, 3), float64.

        Raises
        ------
        ArithmeticError
            The deformation cannot be inverted.
        """
        wanted = np.asarray(points, np.float64)
        guess = wanted.copy()
        for _ in range(_MAX_ROUNDS):
            found = np.stack(self.yielding((guess[:, 0], guess[:, 1], guess[:, 2])), axis=1)
            error = wanted - found
            guess = guess + error
            if float(np.abs(error).max()) < INVERSE_TOLERANCE_MM:
                scaled = guess * np.array(self.scale)
                rigid = self.rigid()
                placed: Floats = scaled @ rigid[:3, :3].T + rigid[:3, 3]
                return placed
        message = "the deformation of the session cannot be inverted"
        raise ArithmeticError(message)


_WALL: Hull = cavity()


def breathing_share(points: Points) -> Floats:
    """Part of the diaphragm's descent that a point follows: 1 at the domes, 0 at the wall, the spine and the pelvis."""
    x, y, z = points
    rise = np.clip((_BREATH_FROM - z) * (1 / (_BREATH_FROM - _BREATH_FULL)), 0.0, 1.0)
    fall = np.clip((z - _BREATH_END) * (1 / (_BREATH_FADES - _BREATH_END)), 0.0, 1.0)
    along = rise * rise * (3.0 - 2.0 * rise) * (fall * fall * (3.0 - 2.0 * fall))
    depth = np.clip(_WALL.level((x, y, z)) * (-1 / 40.0), 0.0, 1.0)
    away = np.clip((np.sqrt(x * x + (y + 52.0) ** 2) - 20.0) * (1 / _SPINE_REACH_MM), 0.0, 1.0)
    across = depth * depth * (3.0 - 2.0 * depth) * (away * away * (3.0 - 2.0 * away))
    result: Floats = along * across
    return result


def waves_of(seed: int, patient: int, visit: str, size_mm: float) -> tuple[Wave, ...]:
    """Smooth modes of one visit, each of about `size_mm` / number of modes."""
    draw = stream(seed, "waves", patient, visit)
    found = []
    for length in _WAVELENGTHS_MM:
        direction = _unit(draw.normal(size=3))
        displacement = _unit(draw.normal(size=3)) * size_mm / len(_WAVELENGTHS_MM)
        wave = direction * (2 * np.pi / length)
        found.append(Wave(_vec(wave), float(draw.uniform(0, 2 * np.pi)), _vec(displacement)))
    return tuple(found)


def pose_of(seed: int, patient: int, visit: str) -> Rigid:
    """Rigid pose of one visit: up to about 2 degrees and 8 mm."""
    draw = stream(seed, "pose", patient, visit)
    angles = np.clip(draw.normal(0, 0.9, 3), -2.0, 2.0)
    shift = np.clip(draw.normal(0, 3.5, 3), -8.0, 8.0)
    return Rigid(_vec(angles), _vec(shift))


def _unit(vector: Floats) -> Floats:
    return vector / np.linalg.norm(vector)


def _vec(vector: Floats) -> Vec:
    return float(vector[0]), float(vector[1]), float(vector[2])
