"""What an observer draws: the truth with boundaries that stray smoothly, by two thirds of a voxel at most."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from umd_curate.synth.paint import Labels
from umd_curate.synth.shapes import Floats

_WAVELENGTHS = (5.0, 8.0, 13.0)  # voxels: how far along a boundary an observer stays on one side
_SLICES = 16  # looked at together
_STRAY_VOXELS = 0.27  # standard deviation along each axis; a boundary moves where it exceeds half a voxel


def drawn(labels_kji: Labels, draw: np.random.Generator) -> Labels:
    """Labels as drawn by an observer, [k, j, i]; an organ that would vanish stays as it is.

    Parameters
    ----------
    labels_kji
        The truth.
    draw
        Seeded generator of the observer.
    """
    where = np.nonzero(_near_boundaries(labels_kji))
    points = [axis.astype(np.float32) for axis in where]
    moved = []
    for axis, size in zip(range(3), labels_kji.shape, strict=True):
        shifted = np.rint(points[axis] + _stray(points, draw)).astype(np.intp)
        moved.append(np.clip(shifted, 0, size - 1))
    found = labels_kji.copy()
    found[where] = labels_kji[tuple(moved)]
    for organ in np.flatnonzero((counts(labels_kji) > 0) & (counts(found) == 0)):
        found[labels_kji == organ] = organ
    return found


def counts(labels_kji: Labels) -> NDArray[np.int64]:
    """Number of voxels of each label from 0 to 255; slice by slice, since counting widens what it counts."""
    found = np.zeros(256, np.int64)
    for plane in labels_kji:
        found += np.bincount(plane.ravel(), minlength=256)
    return found


def _near_boundaries(labels_kji: Labels) -> NDArray[np.bool_]:
    """Voxels with another label among their 26 neighbours; some slices at a time."""
    found = np.zeros(labels_kji.shape, np.bool_)
    for first in range(0, len(labels_kji), _SLICES):
        above = max(first - 1, 0)
        most = least = labels_kji[above : first + _SLICES + 1]
        for axis in range(3):
            most, least = _spread(most, axis, np.maximum), _spread(least, axis, np.minimum)
        here = slice(first - above, first - above + _SLICES)
        found[first : first + _SLICES] = (most != least)[here]
    return found


def _spread(labels: Labels, axis: int, pick: np.ufunc) -> Labels:
    found = labels.copy()
    low, high = [slice(None)] * 3, [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    found[tuple(low)] = pick(found[tuple(low)], labels[tuple(high)])
    found[tuple(high)] = pick(found[tuple(high)], labels[tuple(low)])
    return found


def _stray(points: Sequence[Floats], draw: np.random.Generator) -> Floats:
    """Smooth displacement [voxels] with the wanted spread at scattered points."""
    found = np.zeros_like(points[0])
    amplitude = _STRAY_VOXELS * np.sqrt(2.0 / len(_WAVELENGTHS))
    for length in _WAVELENGTHS:
        direction = draw.normal(size=3)
        k, j, i = (float(value) for value in direction / np.linalg.norm(direction) * (2 * np.pi / length))
        phase = float(draw.uniform(0, 2 * np.pi))
        found += np.float32(amplitude) * np.sin(k * points[0] + j * points[1] + i * points[2] + phase)
    return found
