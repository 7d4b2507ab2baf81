"""Displacement fields on a regular grid, in voxels: sampling, smoothing, the exponential of a velocity, folding.

Arrays are float32. A field is [3, k, j, i], its components along k, j, i [voxels]; an image of several channels is
[k, j, i, channel]. Points are three arrays of coordinates along k, j, i. All sums run in a fixed order.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_GAUSSIAN_REACH = 2.5  # standard deviations after which a Gaussian is cut
_SQUARINGS = 4  # of the exponential: velocities of up to 4 voxels are cut to a quarter voxel


def lattice(shape_kji: tuple[int, ...]) -> list[Floats]:
    """Coordinates of all voxels along k, j, i, each broadcast to the full shape's dimensions."""
    return [
        np.arange(n, dtype=np.float32).reshape([-1 if axis == m else 1 for m in range(3)])
        for axis, n in enumerate(shape_kji)
    ]


def sample(image: Floats, at: list[Floats]) -> Floats:
    """Values [..., channel] of an image [k, j, i, channel] at points, linear; the border is held outside."""
    shape, channels = image.shape[:3], image.shape[3]
    flat = np.ascontiguousarray(image).reshape(-1, channels)
    low: list[NDArray[np.intp]] = []
    part: list[Floats] = []
    for x, n in zip(at, shape, strict=True):
        held = np.clip(x, 0.0, n - 1.0)
        first = np.minimum(held.astype(np.intp), max(n - 2, 0))
        low.append(first)
        part.append((held - first).astype(np.float32))
    base = (low[0] * shape[1] + low[1]) * shape[2] + low[2]
    steps = [shape[1] * shape[2] * (shape[0] > 1), shape[2] * (shape[1] > 1), int(shape[2] > 1)]
    total: Floats | None = None
    for corner in product((0, 1), repeat=3):
        weight = np.ones((), np.float32)
        for p, c in zip(part, corner, strict=True):
            weight = weight * (p if c else 1 - p)
        values = flat[base + sum(c * step for c, step in zip(corner, steps, strict=True))]
        values *= np.broadcast_to(weight, base.shape)[..., None]
        total = values if total is None else np.add(total, values, out=total)
    assert total is not None  # noqa: S101  (there are eight corners)
    return total


def moved(field: Floats) -> list[Floats]:
    """Points to which a displacement field leads the voxels of its grid."""
    return [start + shift for start, shift in zip(lattice(field.shape[1:]), field, strict=True)]


def channels_last(field: Floats) -> Floats:
    """Field as an image of three channels."""
    return np.ascontiguousarray(np.moveaxis(field, 0, -1))


def compose(first: Floats, second: Floats) -> Floats:
    """Displacement of going along `first`, then along `second`."""
    there = sample(channels_last(second), moved(first))
    return np.asarray(first + np.moveaxis(there, -1, 0), np.float32)


def exponential(velocity: Floats) -> Floats:
    """Displacement after one unit of time along a stationary velocity; that of ``-velocity`` is its inverse."""
    field = np.asarray(velocity / 2**_SQUARINGS, np.float32)
    for _ in range(_SQUARINGS):
        field = compose(field, field)
    return field


def smoothed(arrays: Floats, sigma: float, *, axes: tuple[int, ...] = (-3, -2, -1)) -> Floats:
    """Arrays smoothed by a Gaussian of `sigma` voxels along some axes; the border is held outside.

    A sum of shifted copies: no library's threads decide the order of the additions.
    """
    reach = max(1, int(np.ceil(_GAUSSIAN_REACH * sigma)))
    taps = np.exp(-0.5 * np.square(np.arange(reach + 1) / max(sigma, 1e-3)))
    taps = (taps / (taps[0] + 2 * taps[1:].sum())).astype(np.float32)
    for axis in axes:
        n = arrays.shape[axis]
        widths = [(reach, reach) if m == axis % arrays.ndim else (0, 0) for m in range(arrays.ndim)]
        padded = np.pad(arrays, widths, mode="edge")
        found = taps[0] * _part(padded, axis, reach, n)
        for step in range(1, reach + 1):
            found += taps[step] * (_part(padded, axis, reach - step, n) + _part(padded, axis, reach + step, n))
        arrays = found
    return np.asarray(arrays, np.float32)


def _part(array: Floats, axis: int, first: int, n: int) -> Floats:
    index: list[slice] = [slice(None)] * array.ndim
    index[axis] = slice(first, first + n)
    return array[tuple(index)]


def block_mean(image: NDArray[np.generic], factor: int, first_axis: int = 0) -> Floats:
    """Means over blocks of `factor` voxels along three axes; an incomplete last block repeats its last voxel."""
    found = np.asarray(image, np.float32)
    for axis in range(first_axis, first_axis + 3):
        rest = -found.shape[axis] % factor
        if rest:
            found = np.pad(found, [(0, rest) if m == axis else (0, 0) for m in range(found.ndim)], mode="edge")
        parts = []
        for start in range(factor):
            index: list[slice] = [slice(None)] * found.ndim
            index[axis] = slice(start, None, factor)
            parts.append(found[tuple(index)])
        found = sum(parts[1:], start=parts[0]) / np.float32(factor)
    return found


def refined(field: Floats, factor: int, shape_kji: tuple[int, ...]) -> Floats:
    """Values of arrays [n, k, j, i] on the grid of which they are block means, linear between block centres."""
    at = [(x - (factor - 1) / 2) / np.float32(factor) for x in lattice(shape_kji)]
    return np.ascontiguousarray(np.moveaxis(sample(channels_last(field), at), -1, 0))


def jacobian(field: Floats) -> Floats:
    """Determinant of the map of a displacement field at each voxel [k, j, i]; above 0 where nothing folds."""
    a = [[np.gradient(field[c], axis=axis) + np.float32(c == axis) for axis in range(3)] for c in range(3)]
    return np.asarray(
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
        - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
        + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]),
        np.float32,
    )


def inconsistency(forward: Floats, backward: Floats) -> Floats:
    """How far a voxel lands from itself after going there and back [voxels], [k, j, i]."""
    return np.asarray(np.linalg.norm(compose(forward, backward), axis=0), np.float32)
