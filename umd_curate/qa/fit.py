"""Asks the image itself where the labels belong: every shift is tried, and the one that explains the image best is named.

The measure is the correlation ratio (Roche et al., MICCAI 1998): the part of the image's variance that lies between the
labels rather than within them. Grey values are replaced by their ranks, so that CT, MR of any gain and PET are treated
alike, and a soft edge counts beside the lung's. Pure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.components import widened
from umd_curate.model.geometry import Float64, Volume

SPACING_MM = 5.0  # of the thinned grid; the best shift is refined between its points
REACH_MM = 35.0  # longest shift tried along an axis
AROUND_MM = 15.0  # the image is looked at this far around the labels
LEVELS = 64  # ranks of grey values
LEAST_VOXELS = 500  # of labels on the thinned grid
MAX_ROUNDS = 4  # of the search along the axes

Ranks = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the labels would fit best; see `model.checks.FitEntry`."""

    offset_ras_mm: tuple[float, float, float]
    explained: float
    explained_best: float
    contrast: float

    @property
    def distance_mm(self) -> float:
        """Length of the best shift [mm]."""
        return float(np.linalg.norm(self.offset_ras_mm))


def best_fit(image: Volume, labels_kji: NDArray[np.integer]) -> Fit | None:
    """Find the shift of a label map at which it explains its image best.

    Parameters
    ----------
    image
        CT, MR or PET.
    labels_kji
        Label map on the image's grid.

    Returns
    -------
    Fit or None
        None where there are too few labelled voxels to tell.
    """
    steps_ijk = [max(1, round(SPACING_MM / spacing)) for spacing in image.grid.spacing_mm]
    thin = tuple(slice(None, None, step) for step in steps_ijk[::-1])
    labels = labels_kji[thin].astype(np.intp)
    spacing_kji = np.array([s * t for s, t in zip(image.grid.spacing_mm, steps_ijk, strict=True)])[::-1]
    if np.count_nonzero(labels) < LEAST_VOXELS:
        return None
    search = _Search(np.asarray(image.array_kji[thin], np.float64), labels, spacing_kji)
    best, explained_best, contrast = search.climb()
    i, j, k = (best * np.array(steps_ijk[::-1]))[::-1]
    x, y, z = image.affine[:3, :3] @ np.array([i, j, k])
    offset = (round(float(x), 1), round(float(y), 1), round(float(z), 1))
    return Fit(offset, search.explained((0, 0, 0)), explained_best, contrast)


class _Search:
    """Explained variance over the voxels around the labels, for any shift of the labels in whole thinned voxels."""

    def __init__(self, image: Ranks, labels: NDArray[np.intp], spacing_kji: Float64) -> None:
        self.reach = [int(REACH_MM // step) for step in spacing_kji]
        pad = [(reach + 1, reach + 1) for reach in self.reach]
        near = labels > 0
        for _ in range(max(1, round(AROUND_MM / float(spacing_kji.min())))):
            near = widened(near)
        near &= np.isfinite(image)
        self._values = _ranks(image[near])
        padded = np.pad(labels, pad)
        self._labels = padded.ravel()
        self._strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
        at = np.argwhere(near) + np.array([before for before, _ in pad])
        self._at = at @ self._strides
        self._count = int(labels.max()) + 1
        self._total = float(((self._values - self._values.mean()) ** 2).sum()) or 1.0
        self._known: dict[tuple[int, int, int], float] = {}

    def explained(self, shift: tuple[int, int, int]) -> float:
        """Part of the variance between the labels when they are moved by `shift` [k, j, i]."""
        if shift not in self._known:
            moved = self._labels[self._at - int(np.dot(shift, self._strides))]
            voxels = np.bincount(moved, minlength=self._count)
            sums = np.bincount(moved, weights=self._values, minlength=self._count)
            there = voxels > 0
            between = (sums[there] ** 2 / voxels[there]).sum() - self._values.sum() ** 2 / len(self._values)
            self._known[shift] = float(between / self._total)
        return self._known[shift]

    def climb(self) -> tuple[Float64, float, float]:
        """Best shift in thinned voxels, refined between them; what it explains; and by how much the shifts differ."""
        best = (0, 0, 0)
        for _ in range(MAX_ROUNDS):
            before = best
            for axis in range(3):
                tried = [_moved(best, axis, step) for step in range(-self.reach[axis], self.reach[axis] + 1)]
                best = max(tried, key=lambda shift: (self.explained(shift), -sum(map(abs, shift))))
            if best == before:
                break
        refined = np.array([best[axis] + self._between(best, axis) for axis in range(3)])
        lowest = min(self._known.values())
        return refined, self.explained(best), self.explained(best) - lowest

    def _between(self, best: tuple[int, int, int], axis: int) -> float:
        """Vertex of the parabola through the best shift and its neighbours along an axis, in thinned voxels."""
        if abs(best[axis]) >= self.reach[axis]:
            return 0.0
        lower = self.explained((*best[:axis], best[axis] - 1, *best[axis + 1 :]))  # type: ignore[arg-type]
        upper = self.explained((*best[:axis], best[axis] + 1, *best[axis + 1 :]))  # type: ignore[arg-type]
        bend = lower - 2 * self.explained(best) + upper
        return 0.0 if bend >= 0 else float(np.clip((lower - upper) / (2 * bend), -0.5, 0.5))


def _moved(shift: tuple[int, int, int], axis: int, to: int) -> tuple[int, int, int]:
    k, j, i = (to if a == axis else value for a, value in enumerate(shift))
    return k, j, i


def _ranks(values: NDArray[np.float64]) -> Ranks:
    """Grey values replaced by their rank among all, 0 to 1, in levels."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, LEVELS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right") / max(1, len(edges))
