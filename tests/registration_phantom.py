"""A trunk with organs drawn from formulas, in two modalities and any place: truth for registrations without our own synth."""

from dataclasses import dataclass

import numpy as np

from umd_curate.model.geometry import Grid, Volume, apply_affine
from umd_curate.model.transforms import Rigid, euler
from umd_curate.register.engines.masks import side_of

SHAPE_KJI, SPACING_MM = (70, 56, 72), 4.0
# centre and half axes [mm], CT number, MR signal, organ id
ORGANS = (
    ((38, 6, 36), (46, 42, 34), 60, 420, 1),
    ((-46, -10, 30), (24, 26, 30), 55, 250, 6),
    ((34, -32, -28), (16, 14, 30), 35, 330, 3),
    ((-36, -34, -20), (15, 15, 28), 35, 330, 2),
    ((2, 24, -84), (26, 22, 20), 8, 180, 10),
    ((0, -44, 0), (14, 14, 112), 500, 120, 0),
    ((-4, 30, 72), (30, 26, 24), 45, 300, 5),
)
BODY_MM = (118, 88, 150)


@dataclass(frozen=True, eq=False)
class Placed:
    """A fixed CT and a moving MR; `points_*` are the same anatomy in both."""

    fixed: object
    moving: object
    fixed_points: np.ndarray
    moving_points: np.ndarray


def body_grid():
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = [-(n - 1) * SPACING_MM / 2 for n in SHAPE_KJI[::-1]]
    return Grid(SHAPE_KJI, affine)


def bend(points, size_mm):
    """Smooth deformation of the resting body."""
    x, y, z = points.T
    shift = np.stack([np.sin(z / 60 + 0.4), np.sin(z / 75 + x / 90 + 1.1), np.sin(y / 55 + x / 110)], axis=1)
    return points + size_mm * shift


def drawn(modality, to_rest, seed=1, grid=None):
    """Image and labels of a body; `to_rest` leads scanner points to the resting body."""
    grid = grid or body_grid()
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape_kji), indexing="ij")
    rest = to_rest(apply_affine(grid.affine, np.stack([i, j, k], -1).reshape(-1, 3)))
    inside = np.square(rest / np.array(BODY_MM)).sum(axis=1) < 1
    skin = inside & (np.square(rest / (np.array(BODY_MM) - 12)).sum(axis=1) >= 1)
    values = np.where(inside, 0.0 if modality == "ct" else 160.0, -1000.0 if modality == "ct" else 0.0)
    values[skin] = -100.0 if modality == "ct" else 520.0
    labels = np.zeros(len(rest), np.uint8)
    for centre, axes, hu, signal, organ in ORGANS:
        mask = np.square((rest - np.array(centre)) / np.array(axes)).sum(axis=1) < 1
        values[mask] = hu if modality == "ct" else signal
        labels[mask] = organ
    noise = np.random.default_rng(seed).normal(0, 15 if modality == "ct" else 10, len(rest))
    values = values + noise if modality == "ct" else np.abs(values + noise)
    image = Volume(values.reshape(grid.shape_kji).astype(np.float32), grid.affine)
    return image, Volume(labels.reshape(grid.shape_kji), grid.affine)


def placed(angles_deg=(0.0, 0.0, 0.0), shift_mm=(0.0, 0.0, 0.0), bend_mm=0.0, seed=1):
    """A CT at rest and an MR of the body turned, shifted and bent."""
    motion = Rigid.about(np.zeros(3), euler(*np.radians(angles_deg)), np.array(shift_mm, float))
    ct, ct_labels = drawn("ct", lambda p: p, seed)
    grid = body_grid()
    moved = Grid(grid.shape_kji, grid.affine.copy())
    moved.affine[:3, 3] += shift_mm
    mr, mr_labels = drawn("mr", lambda p: bend(motion.inverse().points(p), bend_mm), seed + 1, moved)
    points = np.concatenate([np.array(centre) + np.array(axes) * t for centre, axes, *_ in ORGANS for t in corners()])
    points = points.reshape(-1, 3).astype(float)
    return Placed(
        side_of("ct", ct, ct_labels), side_of("mr", mr, mr_labels), points, motion.points(unbent(points, bend_mm))
    )


def corners():
    return [np.array(c) * 0.5 for c in ((0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))]


def unbent(points, size_mm):
    """Points that `bend` leads to the given ones."""
    guess = points.copy()
    for _ in range(60):
        guess += points - bend(guess, size_mm)
    return guess


def error_mm(found_points, truth):
    return np.linalg.norm(found_points - truth, axis=1)
