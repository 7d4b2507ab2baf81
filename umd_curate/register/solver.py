"""Finds the smooth velocity that carries two images with common channels into one another.

A windowed least-squares fit (Lucas and Kanade 1981) over channels of organs and intensities together: around each voxel,
within a Gaussian window of centimetres, the one shift is found that removes most of the differences. Both images are moved
half of the way, so neither is the reference and exchanging them gives the inverse; the velocity's exponential keeps the map
free of folds. What is robust about it:

- differences far beyond the expected count less (Geman and McClure), so a wrong boundary is outvoted by its surroundings;
- an organ that is larger all around in one image than in the other is no shift: most of its mean difference near the
  surface is taken away first;
- outside both bodies' trunks nothing pulls; arms follow what their surroundings do.

Pure; numbers in voxels of the working grid except where a name says mm.
"""

from dataclasses import dataclass

import numpy as np

from umd_curate.register.field import Floats, block_mean, exponential, moved, refined, sample, smoothed

CONTROL = 2  # voxels per step of the grid on which the windows are laid


@dataclass(frozen=True, slots=True)
class Settings:
    """How the fit is done on one level.

    Parameters
    ----------
    windows_mm
        Standard deviation of the window in each round, coarse to fine [mm].
    smooth_mm
        Standard deviation of the smoothing of the velocity after each round [mm].
    damping
        Part of the mean information that is added everywhere, so that a place without any stays with its surroundings.
    organ_sigma_mm, organ_reach_mm, organ_band_mm
        Expected error of a boundary, difference at which a voxel counts a quarter, distance from the surface that counts.
    image_sigma, image_reach
        The same for the channels of intensities, 0 to 1.
    organ_offset, image_offset
        Part of the mean difference that is taken away: of an organ as a whole, of an image channel in each window.
    """

    windows_mm: tuple[float, ...]
    smooth_mm: float = 10.0
    damping: float = 0.02
    organ_sigma_mm: float = 6.0
    organ_reach_mm: float = 10.0
    organ_band_mm: float = 16.0
    organ_offset: float = 0.8
    image_sigma: float = 0.2
    image_reach: float = 0.3
    image_offset: float = 0.9


@dataclass(frozen=True, eq=False)
class Channels:
    """One image as the fit sees it.

    Parameters
    ----------
    organs
        Clipped signed distances [mm], [k, j, i, organ].
    image
        Self-similarity, [k, j, i, 6].
    trunk
        Weight 0 to 1, [k, j, i]: 0 in air, arms and beyond the field of view.
    """

    organs: Floats
    image: Floats
    trunk: Floats

    def stacked(self) -> Floats:
        """All of it as one image."""
        return np.concatenate([self.organs, self.image, self.trunk[..., None]], axis=-1, dtype=np.float32)


def solve(fixed: Channels, moving: Channels, spacing_mm: float, how: Settings, start: Floats | None = None) -> Floats:
    """Velocity [3, k, j, i] in voxels; its exponential leads fixed points to moving points.

    Parameters
    ----------
    fixed, moving
        Both on one isotropic grid, the moving one already placed by the rigid transform.
    spacing_mm
        Of the grid.
    how
        Settings of this level.
    start
        Velocity of a coarser level on this grid; none: 0.
    """
    shape = fixed.trunk.shape
    n_organs = fixed.organs.shape[3]
    a, b = fixed.stacked(), moving.stacked()
    velocity = np.zeros((3, *shape), np.float32) if start is None else start
    for window_mm in how.windows_mm:
        there = sample(a, moved(exponential(velocity * np.float32(-0.5))))
        here = sample(b, moved(exponential(velocity * np.float32(0.5))))
        weight = there[..., -1] * here[..., -1]
        sigma = window_mm / spacing_mm / CONTROL
        equations = _equations(there, here, weight, n_organs, sigma, how)
        step = _solved(equations, block_mean(weight, CONTROL), how.damping)
        velocity = smoothed(velocity + refined(step, CONTROL, shape), how.smooth_mm / spacing_mm)
    return velocity


def _equations(there: Floats, here: Floats, weight: Floats, n_organs: int, sigma: float, how: Settings) -> Floats:
    """Normal equations of each window: six entries of the matrix, three of the right side; [9, k, j, i] of the control grid."""
    difference = (there - here)[..., :-1]
    middle = ((there + here) * np.float32(0.5))[..., :-1]
    slopes = [np.asarray(np.gradient(middle, axis=axis), np.float32) for axis in range(3)]
    organs, images = slice(0, n_organs), slice(n_organs, None)
    size = np.sqrt(np.square(difference[..., images]).mean(axis=-1))
    trust = weight * _robust(size, how.image_reach) / np.float32(how.image_sigma**2)
    found = _of_images(difference[..., images], [slope[..., images] for slope in slopes], trust, sigma, how)
    if n_organs:
        shifts = difference[..., organs]
        band = (np.abs(middle[..., organs]) < how.organ_band_mm) * weight[..., None]
        mean = (shifts * band).sum(axis=(0, 1, 2)) / (band.sum(axis=(0, 1, 2)) + np.float32(1e-6))
        shifts = shifts - how.organ_offset * mean
        trust = band * _robust(shifts, how.organ_reach_mm) / np.float32(how.organ_sigma_mm**2)
        sums = _sums([slope[..., organs] for slope in slopes], shifts, trust)
        found += smoothed(block_mean(sums, CONTROL, 1), sigma)
    return found


def _of_images(difference: Floats, slopes: list[Floats], trust: Floats, sigma: float, how: Settings) -> Floats:
    """Equations of the image channels, each with its mean difference in the window taken away.

    Two modalities show one tissue at two levels; without this the difference of levels would be read as a shift.
    """
    found = smoothed(block_mean(_sums(slopes, difference, trust[..., None]), CONTROL, 1), sigma)
    means = [np.moveaxis(values * trust[..., None], -1, 0) for values in (*slopes, difference)]
    x, y, z, r = (smoothed(block_mean(values, CONTROL, 1), sigma) for values in means)
    total = smoothed(block_mean(trust[None], CONTROL, 1), sigma)[0] + np.float32(1e-6)
    axes = (x, y, z)
    pairs = [(axes[p], axes[q]) for p in range(3) for q in range(p, 3)] + [(axis, r) for axis in axes]
    for row, (left, right) in enumerate(pairs):
        found[row] -= how.image_offset * np.einsum("ckji,ckji->kji", left, right) / total
    return found


def _sums(slopes: list[Floats], difference: Floats, trust: Floats) -> Floats:
    """Sums over channels of weighted products: slopes with slopes, slopes with the difference; [9, k, j, i]."""
    found = np.empty((9, *difference.shape[:3]), np.float32)
    row = 0
    for p in range(3):
        pulled = slopes[p] * trust
        found[6 + p] = np.einsum("kjic,kjic->kji", pulled, difference)
        for q in range(p, 3):
            found[row] = np.einsum("kjic,kjic->kji", pulled, slopes[q])
            row += 1
    return found


def _robust(difference: Floats, reach: float) -> Floats:
    return np.asarray(1 / np.square(1 + np.square(difference / np.float32(reach))), np.float32)


def _solved(equations: Floats, weight: Floats, damping: float) -> Floats:
    """Shift of each voxel by the inverse of its symmetric 3 x 3 matrix, [3, k, j, i]."""
    xx, xy, xz, yy, yz, zz, bx, by, bz = equations
    inside = weight > 0.5
    if not inside.any():
        return np.zeros((3, *weight.shape), np.float32)
    added = np.float32(damping * float(((xx + yy + zz) / 3)[inside].mean()) + 1e-12)
    xx, yy, zz = xx + added, yy + added, zz + added
    cxx, cxy, cxz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    cyy, cyz, czz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    determinant = xx * cxx + xy * cxy + xz * cxz
    return np.stack(
        [
            (cxx * bx + cxy * by + cxz * bz) / determinant,
            (cxy * bx + cyy * by + cyz * bz) / determinant,
            (cxz * bx + cyz * by + czz * bz) / determinant,
        ]
    )
