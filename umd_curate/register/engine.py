"""Writes a CT or MR on the PET grid, plane by plane: one plane of the result is in memory beside the moving image.

Decides the stored number type (CT: int16 HU, MR: float32). How voxels overlap is decided in `model/footprint.py`, the
background outside the field of view in `model/resampled.py`, what the measured numbers mean in `overlap.py`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from umd_curate.model.footprint import Coverage, FootprintMean
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.receipts import What
from umd_curate.model.resampled import background, stored_as
from umd_curate.register.overlap import MeanKept, Overlap
from umd_curate.store.nifti import NiftiWriter

MIN_COVERED = 0.5  # part of a PET voxel's footprint that must be known for it to have a value


@dataclass(frozen=True, slots=True)
class Stored:
    """How an image of one role is stored on the PET grid."""

    units: str
    fill: float
    dtype: str


STORED: dict[What, Stored] = {
    What.CT: Stored("HU", background(What.CT), "int16"),
    What.MR: Stored("arbitrary", background(What.MR), "float32"),
}


@dataclass(frozen=True, slots=True)
class Resampled:
    """What was written and measured."""

    voxel_sha256: str
    interpolation: str
    mean: MeanKept


def measure_overlap(moving: Grid, fixed: Grid) -> Overlap:
    """How much of the fixed grid lies inside the moving one, voxels counted with their halves at the border."""
    part = Coverage(moving, fixed).part()
    return Overlap(part, part * int(np.prod(fixed.shape_kji)) * fixed.voxel_volume_ml)


def write_resampled(path: Path, moving: Volume, fixed: Grid, stored: Stored) -> Resampled:
    """Write the mean of `moving` over each voxel of `fixed`; the background where less than half of a voxel is known.

    Parameters
    ----------
    path
        Where the ``.nii.gz`` goes; it appears whole or not at all.
    moving
        Image in the frame of reference of `fixed`.
    fixed
        Grid of the result.
    stored
        Number type and background of the result.
    """
    means = FootprintMean(moving, fixed)
    total = weight = 0.0
    with NiftiWriter(path, fixed, stored.dtype) as writer:
        for k in range(fixed.shape_kji[0]):
            mean_ji, covered_ji = means.plane(k)
            known = covered_ji >= MIN_COVERED
            plane = stored_as(np.where(known, mean_ji, stored.fill), stored.dtype)
            total += float((np.where(known, plane, mean_ji).astype(np.float64) * covered_ji).sum())
            weight += float(covered_ji.sum())
            writer.write(plane)
    resampled = total / weight if weight else stored.fill
    kept = MeanKept(_mean_inside(moving, fixed, stored.fill), resampled, stored.fill)
    return Resampled(writer.voxel_sha256, means.interpolation, kept)


def _mean_inside(moving: Volume, fixed: Grid, empty: float) -> float:
    """Mean of the moving voxels, each weighted by its part inside the fixed grid."""
    inside = Coverage(fixed, moving.grid)
    total = weight = 0.0
    for k, plane in enumerate(moving.array_kji):
        part = inside.plane(k)
        total += float((plane.astype(np.float64) * part).sum())
        weight += float(part.sum())
    return total / weight if weight else empty
