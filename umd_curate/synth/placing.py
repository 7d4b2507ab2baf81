"""Where the slices of an image lie: axial, tilted, oblique, coronal, sagittal stacks around one body.

Every form covers the same body. Positions are rounded as a header writes them, and the grid is that of the rounded ones.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from umd_curate.model.geometry import Grid, affine_from_dicom
from umd_curate.synth.options import Matrix
from umd_curate.synth.shapes import Vec, turned

TILT_DEG = 12.0  # of the gantry
_OBLIQUE_DEG = (9.0, 7.0, -5.0)  # yaw, pitch, roll
_HEADROOM_MM = 32.0  # of air above the vertex
_COSINE_DIGITS = 12  # of a direction cosine, so that it fits into 16 characters
_POSITION_DIGITS = {True: 4, False: 6}  # of a position along the axes of the scanner, and of another one


class Form(StrEnum):
    """How the slices of CT and MR are stacked."""

    AXIAL = "axial"
    TILTED = "tilted"  # planes lean, the table runs straight: a sheared stack
    OBLIQUE = "oblique"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"
    ANISOTROPIC = "anisotropic"  # rows twice as far apart as columns

    @property
    def is_upright(self) -> bool:
        """Whether rows run from head to feet."""
        return self in {Form.CORONAL, Form.SAGITTAL}


@dataclass(frozen=True, slots=True)
class Placed:
    """A grid as a header writes it.

    Parameters
    ----------
    grid
        Where the voxels are.
    positions_lps
        First voxel of each slice, ascending along the normal [mm].
    spacing_mm
        PixelSpacing (0028,0030): between rows, between columns.
    step_mm
        Distance of neighbouring slices' positions.
    orientation
        ImageOrientationPatient (0020,0037).
    """

    grid: Grid
    positions_lps: tuple[Vec, ...]
    spacing_mm: tuple[float, float]
    step_mm: float
    orientation: tuple[float, ...]

    def part(self, first: int, count: int) -> "Placed":
        """Some consecutive slices; the grid stays that of the whole."""
        some = self.positions_lps[first : first + count]
        return Placed(self.grid, some, self.spacing_mm, self.step_mm, self.orientation)


def placed(matrix: Matrix, offset_mm: Vec, shift_mm: Vec, form: Form) -> Placed:
    """Place a matrix around a body.

    Parameters
    ----------
    matrix
        In-plane matrix and slices of the axial form.
    offset_mm
        Where the standard body's origin lies in the frame of reference, RAS+.
    shift_mm
        Of the grid against the body, LPS+.
    form
        How the slices are stacked.
    """
    row, column, step, (nk, nj, ni), (dj, di) = _axes(matrix, form)
    top = offset_mm[2] + _HEADROOM_MM + shift_mm[2]
    middle = np.array(
        [
            -offset_mm[0] + shift_mm[0],
            -offset_mm[1] + shift_mm[1],
            top - matrix.step_mm * (matrix.slices - 1) / 2,
        ]
    )
    first = middle - row * di * (ni - 1) / 2 - column * dj * (nj - 1) / 2 - step * (nk - 1) / 2
    digits = _POSITION_DIGITS[form is not Form.OBLIQUE and form is not Form.TILTED]
    x, y, z = (round(float(value), digits) for value in first)
    dx, dy, dz = (float(value) for value in step)
    positions = tuple(
        (round(x + dx * k, digits), round(y + dy * k, digits), round(z + dz * k, digits)) for k in range(nk)
    )
    orientation = tuple(round(float(value), _COSINE_DIGITS) for value in (*row, *column))
    affine = affine_from_dicom(positions[0], positions[-1], orientation, (dj, di), nk)
    return Placed(Grid((nk, nj, ni), affine), positions, (dj, di), float(np.linalg.norm(step)), orientation)


Axes = tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int, int], tuple[float, float]]


def _axes(matrix: Matrix, form: Form) -> Axes:
    """Row and column direction, step to the next slice [mm], shape (k, j, i), spacing (rows, columns) [mm]."""
    x, y, z = np.eye(3)
    columns, slices, pixel, step = matrix.columns, matrix.slices, matrix.pixel_mm, matrix.step_mm
    axial = (slices, columns, columns)
    if form is Form.CORONAL:
        return x, -z, y * pixel, (columns, slices, columns), (step, pixel)
    if form is Form.SAGITTAL:
        return y, -z, -x * pixel, (columns, slices, columns), (step, pixel)
    if form is Form.OBLIQUE:
        turn = turned(*_OBLIQUE_DEG)
        return turn[:, 0], turn[:, 1], turn[:, 2] * step, axial, (pixel, pixel)
    if form is Form.TILTED:
        lean = np.deg2rad(TILT_DEG)
        return x, y * np.cos(lean) + z * np.sin(lean), z * step, axial, (pixel, pixel)
    if form is Form.ANISOTROPIC:
        return x, y, z * step, (slices, columns // 2, columns), (2 * pixel, pixel)
    return x, y, z * step, axial, (pixel, pixel)
