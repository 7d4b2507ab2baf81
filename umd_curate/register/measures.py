"""Measures a fit: agreement of intensities, distance of organ surfaces, Jacobian, consistency. Pure, on working grids."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64, Grid, Volume, apply_affine
from umd_curate.model.transforms import Deformation, Rigid
from umd_curate.register.features import OrganSeen
from umd_curate.register.field import Floats, inconsistency, jacobian, sample
from umd_curate.register.protocol import Side
from umd_curate.register.search import binned, mutual_information

POINTS = 60_000  # of the fixed body at which intensities are compared
QUANTILES = (0.01, 0.99)
SURFACE_POINTS = 3000  # of one organ
BAND_MM = 2.0**0.5  # half a voxel's diagonal, in working voxels: what lies nearer to a surface is on it


@dataclass(frozen=True, slots=True)
class FieldMeasure:
    """Range of the Jacobian determinant, inconsistency and displacement [mm], in the trunk."""

    jacobian_min: float
    jacobian_max: float
    inconsistency_mm: float
    displacement_mean_mm: float
    displacement_max_mm: float


def body_points(side: Side, count: int) -> Float64:
    """Evenly chosen points of the trunk, RAS+ mm, shape (n, 3)."""
    at = np.argwhere(side.trunk_kji)
    chosen = at[np.linspace(0, len(at) - 1, min(count, len(at))).astype(int)] if len(at) else at
    return apply_affine(side.image.affine, chosen[:, ::-1])


def lead(points_ras_mm: Float64, found: Rigid | Deformation) -> Float64:
    """Moving points of fixed points, RAS+ mm, shape (n, 3)."""
    if isinstance(found, Rigid):
        return found.points(points_ras_mm)
    at = apply_affine(np.asarray(np.linalg.inv(found.grid.affine), np.float64), points_ras_mm)[:, ::-1].T.astype(
        np.float32
    )
    return found.rigid.points(points_ras_mm + sample(found.displacement_kjic, list(at)))


def agreement(fixed: Side, moving: Side, found: Rigid | Deformation) -> float:
    """Normalised mutual information in the fixed trunk where the moving trunk lies too, 1 to 2; 0 where nothing does."""
    points = body_points(fixed, POINTS)
    here, _ = values_at(fixed.image, points)
    there, inside = values_at(moving.image, lead(points, found))
    trunk, _ = values_at(Volume(moving.trunk_kji.astype(np.float32), moving.image.affine), lead(points, found))
    both = inside & (trunk > 0.5)
    if np.count_nonzero(both) < len(points) // 10 or not len(points):
        return 0.0
    a, b = here[both], there[both]
    return mutual_information(*(binned(v, *np.quantile(v, QUANTILES).tolist()) for v in (a, b)))


def covered(fixed: Side, moving: Side, found: Rigid) -> float:
    """Part of the fixed trunk that lies in the moving image's field of view, 0 to 1."""
    points = body_points(fixed, POINTS)
    return float(values_at(moving.image, lead(points, found))[1].mean()) if len(points) else 0.0


def values_at(image: Volume, points_ras_mm: Float64) -> tuple[Floats, NDArray[np.bool_]]:
    """Linear values of an image at points, and which points lie in its voxels."""
    at = apply_affine(np.asarray(np.linalg.inv(image.affine), np.float64), points_ras_mm)[:, ::-1].T
    shape = image.array_kji.shape
    inside = np.logical_and.reduce([(x >= -0.5) & (x <= n - 0.5) for x, n in zip(at, shape, strict=True)])
    values = sample(np.asarray(image.array_kji, np.float32)[..., None], [x.astype(np.float32) for x in at])[:, 0]
    return values, np.asarray(inside, np.bool_)


def organs_seen(labels_kji: NDArray[np.uint8], affine: Float64, carry: Rigid | None = None) -> dict[int, OrganSeen]:
    """Volume and centre of each organ of a label map, the centre led through `carry` where it is given."""
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000
    flat = labels_kji.ravel()
    counts = np.bincount(flat)
    k, j, i = (axis.astype(np.float64) for axis in np.unravel_index(np.flatnonzero(flat), labels_kji.shape))
    ids = flat[np.flatnonzero(flat)]
    sums = [np.bincount(ids, axis, minlength=len(counts)) for axis in (i, j, k)]
    found = {}
    for organ in np.flatnonzero(counts).tolist():
        if organ:
            centre = apply_affine(affine, np.array([[total[organ] / counts[organ] for total in sums]]))
            centre = carry.points(centre) if carry else centre
            x, y, z = centre[0].tolist()
            found[int(organ)] = OrganSeen(float(counts[organ]) * voxel_ml, (x, y, z))
    return found


def surface_distance(distance: Volume, surface_ras_mm: Float64, found: Rigid | Deformation) -> float:
    """Mean distance [mm] of the fixed organ's surface points, led over, to the moving organ's surface.

    `distance` is the moving organ's clipped signed distance [mm].
    """
    values, _ = values_at(distance, lead(surface_ras_mm, found))
    return float(np.abs(values).mean())


def surface_points(distance: Volume) -> Float64:
    """Points within a voxel of a surface, RAS+ mm, shape (n, 3), from a signed distance [mm]."""
    near = np.argwhere(np.abs(distance.array_kji) < distance.grid.spacing_mm[0] * BAND_MM / 2)
    chosen = near[np.linspace(0, len(near) - 1, min(SURFACE_POINTS, len(near))).astype(int)] if len(near) else near
    return apply_affine(distance.affine, chosen[:, ::-1])


def field_measure(forward: Deformation, fixed: Side) -> FieldMeasure:
    """Measure a deformation and its inverse in the fixed trunk."""
    spacing = forward.grid.spacing_mm[0]
    there, back = (_in_voxels(shift, forward.grid) for shift in (forward.displacement_kjic, forward.inverse_kjic))
    k, j, i = (np.arange(n) for n in forward.grid.shape_kji)
    ijk = np.stack(np.meshgrid(k, j, i, indexing="ij"), -1).reshape(-1, 3)[:, ::-1]
    trunk = Volume(fixed.trunk_kji.astype(np.float32), fixed.image.affine)
    inside = (values_at(trunk, apply_affine(forward.grid.affine, ijk))[0] > 0.5).reshape(forward.grid.shape_kji)
    if not inside.any():
        inside = np.ones(forward.grid.shape_kji, bool)
    determinant = jacobian(there)[inside]
    size = np.linalg.norm(there, axis=0)[inside] * spacing
    return FieldMeasure(
        float(determinant.min()),
        float(determinant.max()),
        float(inconsistency(there, back)[inside].mean()) * spacing,
        float(size.mean()),
        float(size.max()),
    )


def _in_voxels(shift_kjic: Floats, grid: Grid) -> Floats:
    """Displacement [3, k, j, i] in voxels along k, j, i."""
    inverse = np.linalg.inv(grid.affine[:3, :3]).astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(shift_kjic @ inverse.T, -1, 0)[::-1])
