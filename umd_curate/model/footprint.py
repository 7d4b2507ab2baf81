"""Means over footprints: what a moving image has, on average, inside each voxel of a coarser fixed grid.

Decides how voxels of two grids in one space overlap. Where the axes of both grids run along each other, in any order and
direction, the mean is exact: each moving voxel counts by the part of the fixed voxel that it fills. Along an axis on
which the moving voxels are the larger ones the mean would be a staircase, so there it is linear between their centres.
Oblique grids are sampled: the moving image is averaged along its own axes to about half the fixed spacing and read
linearly at a few points of each fixed voxel. Nothing aliases, because no voxel is read at a point only.

Leaves to the rooms what an average means: an image on another grid (register) or a part of an organ (label).
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.axes import AxisPairing, axis_weights, pair_axes
from umd_curate.model.geometry import Float64, Grid, Volume

SAMPLES_PER_VOXEL = 2  # of an oblique fixed voxel along each moving axis, about


class FootprintMean:
    """Means of a moving image over the voxels of a fixed grid, plane by plane.

    Parameters
    ----------
    moving
        Image of any number type.
    fixed
        Grid of the result.

    Attributes
    ----------
    interpolation
        What is done, in the words of a sidecar.
    """

    def __init__(self, moving: Volume, fixed: Grid) -> None:
        self.fixed = fixed
        self._work: _Aligned | _Oblique
        pairing = pair_axes(moving.grid, fixed)
        self._work = _Aligned(moving, fixed, pairing) if pairing else _Oblique(moving, fixed)
        self.interpolation = self._work.interpolation

    def plane(self, k: int) -> tuple[Float64, Float64]:
        """Mean over the covered part, and the covered part (0 to 1), of each voxel of plane `k`; shape [j, i]."""
        return self._work.plane(k)


class Coverage:
    """Part of each voxel of a fixed grid that lies inside a moving grid, plane by plane."""

    def __init__(self, moving: Grid, fixed: Grid) -> None:
        self.fixed = fixed
        self._work: _AlignedCoverage | _ObliqueCoverage
        pairing = pair_axes(moving, fixed)
        self._work = _AlignedCoverage(moving, fixed, pairing) if pairing else _ObliqueCoverage(moving, fixed)

    def plane(self, k: int) -> Float64:
        """Covered part (0 to 1) of each voxel of plane `k`; shape [j, i]."""
        return self._work.plane(k)

    def part(self) -> float:
        """Part of the whole fixed grid that is covered, 0 to 1."""
        total = sum(float(self.plane(k).sum()) for k in range(self.fixed.shape_kji[0]))
        return total / float(np.prod(self.fixed.shape_kji))


class _AlignedCoverage:
    """Axes run along each other: the covered part is a product of three."""

    def __init__(self, moving: Grid, fixed: Grid, pairing: AxisPairing) -> None:
        self.axes = tuple(
            axis_weights(moving.shape_kji[pairing.order[axis]], n_fixed, pairing.step[axis], pairing.offset[axis])
            for axis, n_fixed in enumerate(fixed.shape_kji)
        )
        self._plane = np.outer(self.axes[1].covered, self.axes[2].covered)

    def plane(self, k: int) -> Float64:
        return np.asarray(self._plane * self.axes[0].covered[k], np.float64)


class _Aligned:
    """Axes run along each other: three small sums, one after the other, over a view of the moving array."""

    def __init__(self, moving: Volume, fixed: Grid, pairing: AxisPairing) -> None:
        self._coverage = _AlignedCoverage(moving.grid, fixed, pairing)
        self._view = pairing.arrange(moving.array_kji)
        area = all(axis.is_area for axis in self._coverage.axes)
        self.interpolation = "area average" if area else "area average; linear along axes with larger moving voxels"

    def plane(self, k: int) -> tuple[Float64, Float64]:
        along_k, along_j, along_i = self._coverage.axes
        covered = self._coverage.plane(k)
        if not covered.any():
            return np.zeros_like(covered), covered
        whole = weighted(self._view, along_k.index[k : k + 1], along_k.weight[k : k + 1], axis=0)[0]
        rows = weighted(whole, along_j.index, along_j.weight, axis=0)
        return weighted(rows, along_i.index, along_i.weight, axis=1), covered


class _ObliqueCoverage:
    """Axes cross: the covered part is counted over a few points of each fixed voxel."""

    def __init__(self, moving: Grid, fixed: Grid, points: tuple[int, int, int] | None = None) -> None:
        self._moving, self._fixed = moving, fixed
        self._to_moving = np.linalg.inv(moving.affine) @ fixed.affine
        n_i, n_j, n_k = points or (SAMPLES_PER_VOXEL,) * 3
        self.offsets = tuple(product(_centred(n_k), _centred(n_j), _centred(n_i)))

    def coordinates(self, k: int, offset: tuple[float, float, float]) -> tuple[Float64, Float64, Float64]:
        """Moving coordinates (k, j, i) of one point per voxel of plane `k` [moving voxels]."""
        _, n_j, n_i = self._fixed.shape_kji
        i, j = np.arange(n_i)[None, :] + offset[2], np.arange(n_j)[:, None] + offset[1]
        at = [row[0] * i + row[1] * j + (row[2] * (k + offset[0]) + row[3]) for row in self._to_moving[:3]]
        return at[2], at[1], at[0]

    def inside(self, at: tuple[Float64, Float64, Float64]) -> NDArray[np.bool_]:
        """Say which points lie in a moving voxel."""
        held = [(x >= -0.5) & (x <= n - 0.5) for x, n in zip(at, self._moving.shape_kji, strict=True)]
        return np.asarray(held[0] & held[1] & held[2], np.bool_)

    def plane(self, k: int) -> Float64:
        count = sum(self.inside(self.coordinates(k, offset)).astype(np.float64) for offset in self.offsets)
        return np.asarray(count, np.float64) / len(self.offsets)


class _Oblique:
    """Axes cross: average along the moving axes first, then read linearly at a few points of each fixed voxel."""

    interpolation = "area average, sampled (oblique grids)"

    def __init__(self, moving: Volume, fixed: Grid) -> None:
        reach = np.abs((np.linalg.inv(moving.affine) @ fixed.affine)[:3, :3])  # rows: moving i, j, k
        factor = np.maximum(1, np.rint(reach.max(axis=1) / SAMPLES_PER_VOXEL)).astype(int)
        points = np.maximum(1, np.rint((reach / factor[:, None]).max(axis=0))).astype(int)
        self._coverage = _ObliqueCoverage(moving.grid, fixed, (int(points[0]), int(points[1]), int(points[2])))
        self._blocks = _block_means(moving, (int(factor[0]), int(factor[1]), int(factor[2])))
        self._factor_kji = factor[::-1]

    def plane(self, k: int) -> tuple[Float64, Float64]:
        shape = self._coverage._fixed.shape_kji[1:]  # noqa: SLF001  (one of a pair)
        total, count = np.zeros(shape), np.zeros(shape)
        for offset in self._coverage.offsets:
            at = self._coverage.coordinates(k, offset)
            inside = self._coverage.inside(at)
            if inside.any():
                block = [(x - (f - 1) / 2) / f for x, f in zip(at, self._factor_kji, strict=True)]
                total[inside] += _trilinear(self._blocks, [x[inside] for x in block])
            count += inside
        mean = np.divide(total, count, out=np.zeros(shape), where=count > 0)
        return mean, count / len(self._coverage.offsets)


def weighted(array: NDArray[np.generic], index: NDArray[np.intp], weight: Float64, axis: int) -> Float64:
    """Sum of weighted terms along one axis, float64.

    Parameters
    ----------
    array
        Any number type and shape.
    index, weight
        As `AxisWeights` has them: shape (n, terms).
    axis
        Axis of `array` that becomes n long. The order of the sum is fixed, so the result is the same on any machine.
    """
    shape = [1] * array.ndim
    shape[axis] = len(index)
    total: Float64 | None = None
    for term in range(index.shape[1]):
        if not weight[:, term].any():
            continue
        part = np.take(array, index[:, term], axis=axis).astype(np.float64, copy=False)
        part = part * weight[:, term].reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    if total is None:
        total = np.zeros([len(index) if n == axis else size for n, size in enumerate(array.shape)])
    return total


def _block_means(moving: Volume, factor_ijk: tuple[int, int, int]) -> NDArray[np.float32]:
    """Means over blocks of moving voxels, float32 [k, j, i]; the last block may be a smaller one."""
    if factor_ijk == (1, 1, 1):
        return moving.array_kji.astype(np.float32, copy=False)
    scale = np.diag([*(float(f) for f in factor_ijk), 1.0])
    scale[:3, 3] = [(f - 1) / 2 for f in factor_ijk]
    shape = [-(-n // f) for n, f in zip(moving.grid.shape_kji, factor_ijk[::-1], strict=True)]
    blocks = FootprintMean(moving, Grid((shape[0], shape[1], shape[2]), moving.affine @ scale))
    return np.stack([blocks.plane(k)[0].astype(np.float32) for k in range(shape[0])])


def _trilinear(array_kji: NDArray[np.float32], at: list[Float64]) -> Float64:
    """Values of an image at points given by array coordinates (k, j, i); the border is held outside."""
    low, part = [], []
    for x, n in zip(at, array_kji.shape, strict=True):
        held = np.clip(x, 0.0, n - 1.0)
        first = np.minimum(held.astype(np.intp), max(n - 2, 0))
        low.append(first)
        part.append(held - first)
    total = np.zeros(len(at[0]))
    for corner in product((0, 1), repeat=3):
        index = [np.minimum(a + c, n - 1) for a, c, n in zip(low, corner, array_kji.shape, strict=True)]
        weight = np.ones(len(at[0]))
        for p, c in zip(part, corner, strict=True):
            weight *= p if c else 1 - p
        total += weight * array_kji[index[0], index[1], index[2]]
    return total


def _centred(n: int) -> tuple[float, ...]:
    """`n` even offsets from a voxel's centre [fixed voxels]."""
    return tuple((m + 0.5) / n - 0.5 for m in range(n))
