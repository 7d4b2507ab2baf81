"""The geometry receipt: what was read back from disk, against what the DICOM says.

Decides how far a corner or the centre may be off. That not one byte differs from what was written is seen to by the
writer, which reads every file back (`store/nifti.py`).
"""

from collections.abc import Sequence

import numpy as np

from umd_curate.convert.geometry import StackGeometry
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import AFFINE_TOLERANCE_MM, Float64, Grid, float32_error_mm
from umd_curate.model.sidecars import GeometryReceipt


def verify_grid(written: Grid, geometry: StackGeometry, jitter_mm: float, place: str) -> GeometryReceipt:
    """Compare the grid of a file, read from disk, with the DICOM's corners and centre.

    Parameters
    ----------
    written
        Grid as it stands on disk.
    geometry
        Of the DICOM.
    jitter_mm
        Largest distance of an image from its level, as it was read [mm].
    place
        Short id of the series.

    Raises
    ------
    Refused
        A corner or the centre is off by more than `AFFINE_TOLERANCE_MM`, or what float32 can hold where that is more.
    """
    error, tolerance = corner_error_mm(written, geometry.grid(), geometry.corners_ras_mm())
    if error > tolerance:
        raise Refused(codes.AFFINE_WRONG.at(place, "corners, mm", measured=error, limit=tolerance))
    return GeometryReceipt(
        max_corner_error_mm=error,
        tolerance_mm=tolerance,
        n_slices=geometry.n_slices,
        max_slice_jitter_mm=jitter_mm,
        tilt_deg=geometry.tilt_deg if geometry.is_sheared else 0.0,
        interpolated_slices=geometry.interpolated,
        copies_dropped=geometry.copies,
    )


def corner_error_mm(
    written: Grid, wanted: Grid, corners_ras_mm: Float64 | Sequence[Sequence[float]]
) -> tuple[float, float]:
    """Largest distance [mm] of the written corners and centre from the wanted ones, and how large it may be.

    Infinite where the shapes differ. `corners_ras_mm` has shape (9, 3), in the order of `Grid.corners_ras_mm`.
    """
    tolerance = max(AFFINE_TOLERANCE_MM, float32_error_mm(wanted))
    if written.shape_kji != wanted.shape_kji:
        return float("inf"), tolerance
    error = np.linalg.norm(written.corners_ras_mm() - np.asarray(corners_ras_mm), axis=1).max()
    return float(error), tolerance
