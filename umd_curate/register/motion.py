"""The motion gate: do PET and CT/MR of one scan really lie on each other? Head, pelvis and diaphragm are looked at apart.

Decides where the regions lie and what is measured of each. Head and pelvis are bony and do not breathe: what moved there
moved as a whole, and a rigid motion can say how. The diaphragm moves between a breath-hold and free breathing in every
scan: its shift is reported, and never "corrected" by moving the head. Pure; the fits are the engine's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64
from umd_curate.model.transforms import Rigid
from umd_curate.register.judge import RegionMotion, has_moved, motion_limit_mm, motion_verdict
from umd_curate.register.measures import values_at
from umd_curate.register.protocol import RegistrationEngine, Side
from umd_curate.register.search import binned, mutual_information

HEAD_MM, PELVIS_MM = 200.0, 220.0  # height of the regions at the ends of a body from vertex to thigh
WHOLE_BODY_MM = 700.0  # a shorter image need not show both ends
NECK_PART = 0.6  # the head's end is that of the image if it is so narrow against the widest slice
ABOVE_MM, BELOW_MM = 50.0, 50.0  # of the lower surface of the lungs
LUNG_HU = -500.0
DARK_PART = 0.25  # of the mean of the body in MR: air and lung
MIN_LUNG_ML = 500.0
DIAPHRAGM_STEPS_MM = np.arange(-30.0, 31.0, 2.0)
POINTS = 8000


@dataclass(frozen=True, eq=False)
class Motion:
    """What the gate found: regions, verdict, its limit, and the common rigid motion (PET points to CT or MR points)."""

    regions: Mapping[str, RegionMotion]
    verdict: str
    limit_mm: float
    common: Rigid


def measure_motion(pet: Side, anatomy: Side, engine: RegistrationEngine) -> Motion:
    """Measure how PET and CT or MR of one frame of reference lie to each other.

    Parameters
    ----------
    pet, anatomy
        Working images; the regions are found on the anatomy and read on the PET's grid.
    engine
        Fits each bony region from the identity.
    """
    where = regions_of(anatomy)
    limit_mm = motion_limit_mm(max(pet.voxel_mm, anatomy.voxel_mm))
    found: dict[str, RegionMotion] = {}
    fits: dict[str, tuple[Rigid, Float64]] = {}
    for name in ("head", "pelvis"):
        if name in where:
            points = _points(where[name], anatomy)
            fits[name] = (_fit(pet, anatomy, where[name], engine), points)
            found[name] = region_motion(name, *fits[name])
    common, left_over = Rigid.identity(), []
    if len(fits) == 2 and any(has_moved(region, limit_mm) for region in found.values()):
        both = where["head"] | where["pelvis"]
        common = _fit(pet, anatomy, both, engine)
        found["head and pelvis"] = region_motion("head and pelvis", common, _points(both, anatomy))
        left_over = [rigid.distance_mm(common, points) for rigid, points in fits.values()]
    if "diaphragm" in where:
        found["diaphragm"] = _diaphragm(pet, anatomy, where["diaphragm"])
    said = motion_verdict(found, left_over, limit_mm)
    return Motion(found, said, limit_mm, common if said == "moved" else Rigid.identity())


def region_motion(name: str, rigid: Rigid, points_ras_mm: Float64) -> RegionMotion:
    """Motion of a region's points by a rigid fit."""
    moved = rigid.points(points_ras_mm) - points_ras_mm
    x, y, z = (round(float(value), 2) for value in moved.mean(axis=0))
    size = float(np.linalg.norm(moved, axis=1).mean())
    return RegionMotion(name, round(size, 2), round(rigid.angle_deg(), 2), (x, y, z))


def regions_of(anatomy: Side) -> dict[str, NDArray[np.bool_]]:
    """Masks of the regions that an image shows, on its grid [k, j, i]; the grid's k runs upwards."""
    step = anatomy.image.grid.spacing_mm[0]
    area = anatomy.trunk_kji.sum(axis=(1, 2))
    rows = np.flatnonzero(area)
    found: dict[str, NDArray[np.bool_]] = {}
    if not len(rows):
        return found
    low, high = int(rows[0]), int(rows[-1]) + 1
    if (high - low) * step >= WHOLE_BODY_MM:
        head, pelvis = round(HEAD_MM / step), round(PELVIS_MM / step)
        if area[high - head : high].mean() < NECK_PART * float(np.quantile(area[low:high], 0.9)):
            found["head"] = _slab(anatomy.trunk_kji, high - head, high)
        found["pelvis"] = _slab(anatomy.trunk_kji, low, low + pelvis)
    lungs = _lungs(anatomy)
    if lungs.sum() * anatomy.image.grid.voxel_volume_ml >= MIN_LUNG_ML:
        found["diaphragm"] = _below_lungs(lungs, step)
    return found


def _lungs(anatomy: Side) -> NDArray[np.bool_]:
    values = np.asarray(anatomy.image.array_kji, np.float32)
    if anatomy.modality == "ct":
        dark = values < LUNG_HU
    else:
        inside = values[anatomy.body_kji]
        dark = values < DARK_PART * (float(inside.mean()) if inside.size else 1.0)
    return np.asarray(dark & anatomy.trunk_kji, np.bool_)


def _below_lungs(lungs_kji: NDArray[np.bool_], step_mm: float) -> NDArray[np.bool_]:
    """What lies around the lower surface of the lungs, column by column: ribs and spine say nothing of the diaphragm."""
    rows = np.arange(lungs_kji.shape[0])[:, None, None]
    bottom = np.argmax(lungs_kji, axis=0)[None]
    near = (rows >= bottom - round(BELOW_MM / step_mm)) & (rows < bottom + round(ABOVE_MM / step_mm))
    return np.asarray(near & lungs_kji.any(axis=0, keepdims=True), np.bool_)


def _slab(mask: NDArray[np.bool_], first: int, last: int) -> NDArray[np.bool_]:
    out = np.zeros_like(mask)
    part = slice(max(first, 0), max(last, 0))
    out[part] = mask[part]
    return out


def _points(mask: NDArray[np.bool_], side: Side) -> Float64:
    at = np.argwhere(mask)
    chosen = at[np.linspace(0, len(at) - 1, min(POINTS, len(at))).astype(int)]
    return np.asarray(chosen[:, ::-1] @ side.image.affine[:3, :3].T + side.image.affine[:3, 3], np.float64)


def _fit(pet: Side, anatomy: Side, region: NDArray[np.bool_], engine: RegistrationEngine) -> Rigid:
    """Rigid motion of a region, PET points to CT or MR points; fitted the other way, since the region lies on the CT or MR."""
    return engine.rigid(replace(anatomy, region_kji=region), pet, Rigid.identity()).inverse()


def _diaphragm(pet: Side, anatomy: Side, region: NDArray[np.bool_]) -> RegionMotion:
    """Shift along z at which the region agrees best."""
    points = _points(region, anatomy)
    here, _ = values_at(anatomy.image, points)
    scores = []
    for step in DIAPHRAGM_STEPS_MM:
        there, _ = values_at(pet.image, points + np.array([0.0, 0.0, step]))
        bins = [binned(v, *np.quantile(v, (0.01, 0.99)).tolist()) for v in (here, there)]
        scores.append(mutual_information(bins[0], bins[1]))
    best = int(np.argmax(scores))
    shift = float(DIAPHRAGM_STEPS_MM[best])
    if 0 < best < len(scores) - 1:
        left, middle, right = scores[best - 1 : best + 2]
        bend = left - 2 * middle + right
        shift += float(DIAPHRAGM_STEPS_MM[1] - DIAPHRAGM_STEPS_MM[0]) * (0.5 * (left - right) / bend if bend else 0.0)
    return RegionMotion("diaphragm", round(abs(shift), 2), None, (0.0, 0.0, round(-shift, 2)))
