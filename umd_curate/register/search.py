"""Robust start of a rigid registration: body outlines give the shift, a coarse search gives rotation and height.

Decides which starts are tried and which one is best by normalised mutual information (Studholme et al., doi
10.1016/S0031-3203(98)00091-0) at a few thousand points of the fixed body. Pure and cheap: a start costs about a millisecond,
so hundreds are tried where a local optimiser would see one hill only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from umd_curate.model.geometry import Float64, Volume, apply_affine
from umd_curate.model.transforms import Rigid, euler
from umd_curate.register.field import sample

BINS = 24
MIN_INSIDE = 0.35  # part of the points that must lie in the moving image, so that no start wins by seeing nothing
STEP_Z_MM = 30.0  # of the heights that are tried
SAME_EXTENT_MM = 150.0  # bodies whose heights differ less show about the same: few heights are tried
ANGLES_DEG = (-40.0, -20.0, 0.0, 20.0, 40.0)


@dataclass(frozen=True, eq=False)
class Outline:
    """Where a body lies in its image: centre and extent along z, RAS+ mm."""

    centre_ras_mm: Float64
    z_mm: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Points:
    """Points of the fixed body with their intensities, for scoring.

    Parameters
    ----------
    ras_mm
        Shape (n, 3).
    values
        Shape (n,), already cut into `BINS` bins.
    """

    ras_mm: Float64
    values: np.ndarray


def binned(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bin of each value between two limits, 0 to `BINS` - 1."""
    scaled = (np.asarray(values, np.float64) - low) * (BINS / max(high - low, 1e-9))
    return np.clip(scaled, 0, BINS - 1).astype(np.intp)


def score(points: Points, moving: Volume, limits: tuple[float, float], rigid: Rigid) -> float:
    """Normalised mutual information of the fixed points and what the moving image has there, 1 to 2; 0: hardly overlaps."""
    at = apply_affine(np.asarray(np.linalg.inv(moving.affine), np.float64), rigid.points(points.ras_mm))[:, ::-1].T
    shape = moving.array_kji.shape
    inside = np.logical_and.reduce([(x > -0.5) & (x < n - 0.5) for x, n in zip(at, shape, strict=True)])
    if inside.mean() < MIN_INSIDE:
        return 0.0
    seen = sample(np.asarray(moving.array_kji, np.float32)[..., None], [x[inside].astype(np.float32) for x in at])[:, 0]
    return mutual_information(points.values[inside], binned(seen, *limits))


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """(H(a) + H(b)) / H(a, b) of two lists of bins."""
    joint = np.bincount(a * BINS + b, minlength=BINS * BINS).reshape(BINS, BINS) / len(a)
    both = _entropy(joint.ravel())
    return float((_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / both) if both > 0 else 1.0


def starts(fixed: Outline, moving: Outline) -> Iterator[Rigid]:
    """Every start that is tried; the plain one, no rotation and centres on each other, comes first."""
    for rotation, height in product(_rotations(), _heights(fixed, moving)):
        shift = moving.centre_ras_mm - fixed.centre_ras_mm + np.array([0.0, 0.0, height])
        yield Rigid.about(fixed.centre_ras_mm, rotation, shift)


def best_starts(candidates: Sequence[tuple[float, Rigid]], count: int, apart_mm: float, at: Float64) -> list[Rigid]:
    """Best candidates by score that differ from each other at the points `at` by `apart_mm` in the mean."""
    chosen: list[Rigid] = []
    for _, rigid in sorted(candidates, key=lambda entry: -entry[0]):
        if all(rigid.distance_mm(other, at) > apart_mm for other in chosen):
            chosen.append(rigid)
        if len(chosen) == count:
            break
    return chosen


def _rotations() -> Iterator[Float64]:
    yield np.eye(3)
    for axis, angle in product(range(3), ANGLES_DEG):
        if angle:
            angles = [0.0, 0.0, 0.0]
            angles[axis] = float(np.radians(angle))
            yield euler(*angles)


def _heights(fixed: Outline, moving: Outline) -> list[float]:
    """Shifts along z beyond the centres' [mm]: ends on ends, and steps between where one image shows a part only."""
    (low_f, high_f), (low_m, high_m) = fixed.z_mm, moving.z_mm
    gap = float(moving.centre_ras_mm[2] - fixed.centre_ras_mm[2])
    top, bottom = high_m - high_f - gap, low_m - low_f - gap
    if abs((high_f - low_f) - (high_m - low_m)) <= SAME_EXTENT_MM:
        return [0.0, top, bottom]
    steps = np.arange(min(top, bottom), max(top, bottom) + STEP_Z_MM / 2, STEP_Z_MM)
    return [0.0, *(float(step) for step in steps)]


def _entropy(parts: np.ndarray) -> float:
    some = parts[parts > 0]
    return float(-(some * np.log(some)).sum())
