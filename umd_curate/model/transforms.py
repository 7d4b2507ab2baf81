"""Rigid transforms and displacement fields: how points of a fixed image lead to points of a moving one.

Inside the product both map fixed to moving points in RAS+ mm. On disk they are ITK's, LPS+ mm: a ``.tfm`` text for a rigid
transform, a NIfTI of three components for a displacement field. ITK too maps fixed to moving points when it resamples, so
only the axes change at this border.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import LPS_TO_RAS, Float64, Grid, apply_affine

RIGID_TOLERANCE = 1e-3  # departure of R R^T from the identity that a transform written with few digits may have
MAX_SHIFT_MM = 3000.0  # of the middle of an image; frames of reference begin at most a scanner's length apart

_HEADER = "#Insight Transform File V1.0"
_MATRIX_TYPES = re.compile(
    r"(AffineTransform|MatrixOffsetTransformBase|VersorRigid3DTransform|Euler3DTransform)_(double|float)_3_3$"
)


class TransformFault(ValueError):  # noqa: N818  (a fault of a text, told as a finding)
    """A text is no rigid transform; its message says what is wrong and holds nothing of the text."""


@dataclass(frozen=True, eq=False)
class Rigid:
    """A rotation and a shift.

    Parameters
    ----------
    matrix
        4 x 4 float64; maps fixed points to moving points, RAS+ mm.
    """

    matrix: Float64

    @classmethod
    def identity(cls) -> "Rigid":
        """The transform of images that share a frame of reference."""
        return cls(np.eye(4))

    @classmethod
    def about(cls, centre_ras_mm: Float64, rotation: Float64, shift_mm: Float64) -> "Rigid":
        """Rotation about a centre, then a shift."""
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = np.asarray(centre_ras_mm) - rotation @ np.asarray(centre_ras_mm) + np.asarray(shift_mm)
        return cls(matrix)

    def is_identity(self) -> bool:
        """Say whether it is exactly the identity."""
        return bool(np.array_equal(self.matrix, np.eye(4)))

    def inverse(self) -> "Rigid":
        """Moving points to fixed points."""
        rotation = self.matrix[:3, :3].T
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = -rotation @ self.matrix[:3, 3]
        return Rigid(matrix)

    def then(self, after: "Rigid") -> "Rigid":
        """Go through this transform, then through another one."""
        return Rigid(np.asarray(after.matrix @ self.matrix, np.float64))

    def points(self, fixed_ras_mm: Float64) -> Float64:
        """Moving points of fixed points, RAS+ mm, shape (n, 3)."""
        return apply_affine(self.matrix, fixed_ras_mm)

    def angle_deg(self) -> float:
        """Angle of the rotation [degrees], 0 to 180."""
        cosine = (float(np.trace(self.matrix[:3, :3])) - 1.0) / 2.0
        sine = float(np.linalg.norm(_axial(self.matrix[:3, :3]))) / 2.0
        return float(np.degrees(np.arctan2(sine, cosine)))

    def shift_mm(self, at_ras_mm: Float64) -> float:
        """How far one point moves [mm]."""
        point = np.asarray(at_ras_mm, np.float64)[None]
        return float(np.linalg.norm(self.points(point) - point))

    def distance_mm(self, other: "Rigid", points_ras_mm: Float64) -> float:
        """Mean distance [mm] of where two transforms put the points, shape (n, 3)."""
        return float(np.linalg.norm(self.points(points_ras_mm) - other.points(points_ras_mm), axis=1).mean())


@dataclass(frozen=True, eq=False)
class Deformation:
    """A rigid transform after a smooth displacement of the fixed points.

    Parameters
    ----------
    rigid
        Leads from displaced fixed points to moving points.
    grid
        Grid of the displacement, in the fixed image's space.
    displacement_kjic
        RAS+ mm, float32 [k, j, i, component]; linear between voxel centres, held at the border.
    inverse_kjic
        Leads displaced points back to fixed points, likewise.
    """

    rigid: Rigid
    grid: Grid
    displacement_kjic: NDArray[np.float32]
    inverse_kjic: NDArray[np.float32]


def rigid_of(matrix: Float64) -> Rigid:
    """Rigid transform of a 4 x 4 matrix in RAS+, its rotation made exactly orthonormal.

    Raises
    ------
    TransformFault
        It is no rotation with a shift.
    """
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        message = "not 4 x 4 finite numbers"
        raise TransformFault(message)
    if not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-9):
        message = "last row is not 0 0 0 1"
        raise TransformFault(message)
    part = matrix[:3, :3]
    if np.abs(part @ part.T - np.eye(3)).max() > RIGID_TOLERANCE:
        message = "scales or shears: not rigid"
        raise TransformFault(message)
    if np.linalg.det(part) < 0:
        message = "mirrors: left and right would be exchanged"
        raise TransformFault(message)
    u, _, v = np.linalg.svd(part)
    exact = np.eye(4)
    exact[:3, :3], exact[:3, 3] = u @ v, matrix[:3, 3]
    return Rigid(exact if not np.array_equal(part, np.eye(3)) else np.asarray(matrix, np.float64).copy())


def itk_text(rigid: Rigid) -> str:
    """Text of an ITK ``.tfm``: LPS+ mm, fixed points to moving points, centre 0."""
    lps = LPS_TO_RAS @ rigid.matrix @ LPS_TO_RAS
    numbers = [*lps[:3, :3].ravel(), *lps[:3, 3]]
    parameters = " ".join(repr(float(number) + 0.0) for number in numbers)
    lines = (_HEADER, "#Transform 0", "Transform: AffineTransform_double_3_3", f"Parameters: {parameters}")
    return "\n".join((*lines, "FixedParameters: 0 0 0", ""))


def parse_transform(text: str) -> Rigid:
    """Rigid transform of an ITK ``.tfm`` text (LPS+), or of 4 x 4 numbers (RAS+), fixed points to moving points.

    Raises
    ------
    TransformFault
        It is neither, or it is not rigid.
    """
    if text.lstrip().startswith("#Insight Transform File"):
        return rigid_of(LPS_TO_RAS @ _itk_matrix(text) @ LPS_TO_RAS)
    kept = " ".join(line.partition("#")[0] for line in text.splitlines()).replace(",", " ")
    try:
        numbers = [float(word) for word in kept.split()]
    except ValueError as error:
        message = "neither an ITK transform nor 4 x 4 numbers"
        raise TransformFault(message) from error
    if len(numbers) != 16:
        message = "neither an ITK transform nor 4 x 4 numbers"
        raise TransformFault(message)
    return rigid_of(np.array(numbers, np.float64).reshape(4, 4))


def _itk_matrix(text: str) -> Float64:
    fields = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines()) if value
    }
    if sum(line.startswith("Transform:") for line in text.splitlines()) != 1:
        message = "an ITK file of more or less than one transform"
        raise TransformFault(message)
    kind = _MATRIX_TYPES.fullmatch(fields.get("Transform", ""))
    try:
        parameters = [float(word) for word in fields["Parameters"].split()]
        centre = np.array([float(word) for word in fields.get("FixedParameters", "0 0 0").split()][:3])
    except (KeyError, ValueError) as error:
        message = "an ITK file without readable parameters"
        raise TransformFault(message) from error
    if kind is None:
        message = "an ITK transform of another type than affine, Euler or versor rigid"
        raise TransformFault(message)
    wanted = 12 if kind[1] in {"AffineTransform", "MatrixOffsetTransformBase"} else 6
    if len(parameters) != wanted or len(centre) != 3:
        message = "an ITK file with another number of parameters than its type has"
        raise TransformFault(message)
    rotation = _rotation(kind[1], parameters)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = centre - rotation @ centre + np.array(parameters[-3:])
    return matrix


def _rotation(kind: str, parameters: list[float]) -> Float64:
    if kind == "Euler3DTransform":
        return euler(*parameters[:3])
    if kind == "VersorRigid3DTransform":
        return _versor(np.array(parameters[:3]))
    return np.array(parameters[:9], np.float64).reshape(3, 3)


def euler(x: float, y: float, z: float) -> Float64:
    """Rotation of ITK's Euler3DTransform: Rz Rx Ry, angles in radians."""
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float64)


def _versor(v: Float64) -> Float64:
    w = np.sqrt(max(0.0, 1.0 - float(v @ v)))
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + 2 * w * cross + 2 * cross @ cross, np.float64)


def _axial(rotation: Float64) -> Float64:
    return np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]], np.float64
    )
