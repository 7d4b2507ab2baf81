"""Where voxels are. The two conventions of the product stand here and nowhere else.

`Volume.array_kji` is indexed ``[k, j, i]`` (slice, row, column); `Grid.affine` maps ``(i, j, k, 1)`` to RAS+ mm.

DICOM's LPS+ is turned into RAS+ at this border. Files keep DICOM's column and row order, slices ascend along the normal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

AFFINE_TOLERANCE_MM = 1e-4  # a stored affine against the DICOM's own (NIfTI srow is float32: 1e-4 mm at 1 m)
SAME_GRID_TOLERANCE_MM = 1e-3  # two grids are one when no corner differs by more


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid in space.

    Parameters
    ----------
    shape_kji
        Number of slices, rows, columns.
    affine
        4 x 4 float64, maps voxel centres (i, j, k, 1) to RAS+ mm.
    """

    shape_kji: tuple[int, int, int]
    affine: Float64

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxel centres along i, j, k [mm]."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel [mL]."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def corners_ras_mm(self) -> Float64:
        """Centres of the eight corner voxels and of the grid, RAS+ mm, shape (9, 3)."""
        nk, nj, ni = (n - 1 for n in self.shape_kji)
        ijk = np.array([[i, j, k] for i in (0, ni) for j in (0, nj) for k in (0, nk)] + [[ni / 2, nj / 2, nk / 2]])
        return apply_affine(self.affine, ijk)

    def is_same_as(self, other: "Grid", tolerance_mm: float = SAME_GRID_TOLERANCE_MM) -> bool:
        """Say whether both grids have one shape and no corner further apart than `tolerance_mm`."""
        return self.shape_kji == other.shape_kji and max_corner_error_mm(self, other) <= tolerance_mm


@dataclass(frozen=True, eq=False)
class Volume:
    """An image on a grid; `array_kji` is indexed [k, j, i]."""

    array_kji: NDArray[np.generic]
    affine: Float64

    @property
    def grid(self) -> Grid:
        """The grid on which the image stands."""
        k, j, i = self.array_kji.shape
        return Grid((k, j, i), self.affine)


def apply_affine(affine: Float64, points: NDArray[np.floating] | NDArray[np.integer]) -> Float64:
    """Map points of shape (n, 3) through a 4 x 4 affine; float64, shape (n, 3)."""
    return np.asarray(points, np.float64) @ affine[:3, :3].T + affine[:3, 3]


def max_corner_error_mm(a: Grid, b: Grid) -> float:
    """Largest distance [mm] between corresponding corners (and centres) of two grids of one shape."""
    return float(np.linalg.norm(a.corners_ras_mm() - b.corners_ras_mm(), axis=1).max())


def float32_error_mm(grid: Grid) -> float:
    """Largest corner error [mm] that rounding an affine to NIfTI's float32 can cause; 2e-4 two metres from the origin."""
    extent = np.abs(grid.affine[:3, :3]) @ np.array(grid.shape_kji[::-1], np.float64) + np.abs(grid.affine[:3, 3])
    return float(np.linalg.norm(extent)) * float(np.finfo(np.float32).eps) / 2.0


def affine_from_dicom(
    position_first_mm: tuple[float, ...],
    position_last_mm: tuple[float, ...],
    orientation: tuple[float, ...],
    pixel_spacing_mm: tuple[float, ...],
    n_slices: int,
    thickness_mm: float | None = None,
) -> Float64:
    """Affine (i, j, k, 1) to RAS+ mm of a stack of slices sorted along its normal.

    PS3.3 C.7.6.2.1.1: the column index runs along the first orientation vector with the second spacing value. The slice
    step is (last - first) / (n - 1), so that jitter of single positions does not add up; a single slice steps by its
    thickness along the normal.

    Parameters
    ----------
    position_first_mm, position_last_mm
        ImagePositionPatient (0020,0032) of the first and last slice, LPS+ mm.
    orientation
        ImageOrientationPatient (0020,0037), six direction cosines, LPS+.
    pixel_spacing_mm
        PixelSpacing (0028,0030): between rows, between columns [mm].
    n_slices
        Number of slices, at least one.
    thickness_mm
        Slice step for a single slice [mm].
    """
    row_cosines = np.array(orientation[:3], np.float64)
    column_cosines = np.array(orientation[3:6], np.float64)
    first, last = np.array(position_first_mm, np.float64), np.array(position_last_mm, np.float64)
    if n_slices > 1:
        step = (last - first) / (n_slices - 1)
    else:
        step = np.cross(row_cosines, column_cosines) * (thickness_mm or 1.0)
    affine = np.eye(4)
    affine[:3, 0] = row_cosines * pixel_spacing_mm[1]
    affine[:3, 1] = column_cosines * pixel_spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = first
    return LPS_TO_RAS @ affine


def slice_normal(orientation: tuple[float, ...]) -> Float64:
    """Unit normal of a slice in LPS+, the cross product of row and column direction."""
    return np.cross(np.array(orientation[:3], np.float64), np.array(orientation[3:6], np.float64))
