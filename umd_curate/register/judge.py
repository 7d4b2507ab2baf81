"""Decides what becomes of what was measured: the motion gate, whether a deformation is kept, the verdict on a pair. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MOVED_MM = 5.0  # a PET voxel or more: attenuation and labels are then wrong by a voxel
MOVED_DEG = 2.0  # 5 mm at 15 cm from the axis
VOXEL_PART = 0.5  # of the coarsest voxel of both images: a smaller motion is not seen
ONE_BODY_MM = 4.0  # regions that a common rigid motion leaves further off moved on their own

MAX_INCONSISTENCY_MM = 1.0
MIN_JACOBIAN = 0.0
MIN_HELD_OUT = 2  # organs that must be there for the test to say anything
MAX_HELD_OUT_CHANGE = 0.0  # of the surface distance, relative: it must not grow

CAPTURED_MM = 2.0  # half a working voxel; a repeated fit further off means that the optimum is no clear one
CAPTURED_PART = 0.25  # the same of the coarsest voxel, where that is more
MIN_GAIN = 0.0  # of the agreement by a rigid fit


@dataclass(frozen=True, slots=True)
class RegionMotion:
    """Motion of one region of a body: mean distance [mm], angle [degrees] or None, mean shift along x, y, z [mm]."""

    region: str
    shift_mm: float
    angle_deg: float | None
    along_mm: tuple[float, float, float]


def motion_limit_mm(coarsest_voxel_mm: float) -> float:
    """Shift [mm] from which a region counts as moved, in images of a given voxel."""
    return max(MOVED_MM, VOXEL_PART * coarsest_voxel_mm)


def motion_verdict(regions: Mapping[str, RegionMotion], left_over_mm: Sequence[float], limit_mm: float) -> str:
    """``still``, ``moved``, ``moved in parts`` or ``not measured``.

    Parameters
    ----------
    regions
        Measured regions by name; the diaphragm is looked at by no one, since it breathes.
    left_over_mm
        Mean distance of each bony region from its own fit after the common one [mm]; empty: there is none.
    limit_mm
        Shift from which a region counts as moved.
    """
    bony = [regions[name] for name in ("head", "pelvis") if name in regions]
    if not bony:
        return "not measured"
    if not any(has_moved(region, limit_mm) for region in bony):
        return "still"
    if len(bony) == 1 or any(left > ONE_BODY_MM for left in left_over_mm):
        return "moved in parts"
    return "moved"


def has_moved(region: RegionMotion, limit_mm: float) -> bool:
    """Say whether a region lies elsewhere by more than measuring can be wrong."""
    return region.shift_mm > limit_mm or (region.angle_deg or 0.0) > MOVED_DEG


@dataclass(frozen=True, slots=True)
class DeformationMeasure:
    """What was measured of a deformation; distances in mm."""

    jacobian_min: float
    inconsistency_mm: float
    agreement_rigid: float
    agreement_deformed: float
    held_out_change: tuple[float, ...]  # relative, per organ that did not drive


def keep_deformation(measure: DeformationMeasure) -> str:
    """Reason why the rigid transform is kept instead; empty: the deformation is kept."""
    if measure.jacobian_min <= MIN_JACOBIAN:
        return "it folds: the least Jacobian determinant is not above 0"
    if measure.inconsistency_mm > MAX_INCONSISTENCY_MM:
        return "going there and back does not lead to the start"
    if measure.agreement_deformed <= measure.agreement_rigid:
        return "the images do not agree better than after the rigid transform"
    tested = len(measure.held_out_change) >= MIN_HELD_OUT
    if tested and float(np.median(measure.held_out_change)) > MAX_HELD_OUT_CHANGE:
        return "organs that did not drive it lie no better than after the rigid transform"
    return ""


def capture_limit_mm(coarsest_voxel_mm: float) -> float:
    """How far apart repeated fits may end [mm], in images of a given voxel."""
    return max(CAPTURED_MM, CAPTURED_PART * coarsest_voxel_mm)


def verdict(
    gain: float, recovered_mm: float, limit_mm: float, overlap: float, min_overlap: float
) -> tuple[str, tuple[str, ...]]:
    """Verdict on a rigid fit and what led to it.

    Parameters
    ----------
    gain
        Agreement after the fit minus that before it.
    recovered_mm, limit_mm
        Of the self-check.
    overlap, min_overlap
        Part of the fixed grid that the moved image covers, and what is needed.
    """
    if overlap <= 0 or overlap < min_overlap:
        return "refused", ("the images hardly overlap after the fit",)
    reasons = []
    if gain <= MIN_GAIN:
        reasons.append("the images agree no better than before the fit")
    if recovered_mm > limit_mm:
        reasons.append("repeated from other starts, the fit ends elsewhere")
    return ("for a human" if reasons else "accepted"), tuple(reasons)
