"""The engine `simpleitk`: rigid by mutual information in SimpleITK after our own search for a start; our own deformation.

One thread: cases run side by side, and the order of sums, hence the transform, stays the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import LPS_TO_RAS, Float64, Grid, Volume
from umd_curate.model.resampled import background
from umd_curate.model.transforms import Deformation, Rigid, rigid_of
from umd_curate.register.engines.masks import centre_of, clipped_distance, itk_image, nearest_labels
from umd_curate.register.features import CLIP_MM, self_similarity
from umd_curate.register.field import Floats, block_mean, exponential, refined
from umd_curate.register.protocol import RegistrationEngineDescription, Side
from umd_curate.register.search import Outline, Points, best_starts, binned, score, starts
from umd_curate.register.solver import Channels, Settings, solve
from umd_curate.store.lazy import Lazy

sitk = Lazy("SimpleITK")

DESCRIPTION = RegistrationEngineDescription(name="simpleitk", version="1", deforms=True, threads=1)

SEARCH_POINTS = 4000
SEARCH_BLOCK = 3  # working voxels per voxel of the images that a start is scored on
TRIED_STARTS = 2  # starts that are refined at the coarse level
APART_MM = 25.0  # starts closer to each other count as one
CLEAR_LEAD = (
    0.25  # the best start leads so far over the second, in parts of its lead over chance, that only it is tried
)
BLOCKS = (4, 2)  # working voxels per voxel of each level of the rigid fit
SAMPLED = (0.9, 0.7)  # part of the voxels of each level that is compared
MIN_REGION_VOXELS = 60  # of a level; fewer hold no histogram of 32 x 32
BINS = 32
SEED = 20
ITERATIONS = 150
FIRST_STEP, LAST_STEP = (3.0, 2.0), 0.01  # of the optimiser on each level [mm]
LEVELS = (  # working voxels per voxel of the level, and how it is solved
    (4, Settings(windows_mm=(70.0, 60.0, 50.0, 40.0))),
    (2, Settings(windows_mm=(36.0, 32.0, 28.0))),
)
CT_WINDOW_HU = (-300.0, 400.0)  # of the deformation: soft tissue and bone
QUANTILES = (0.02, 0.995)  # of MR and PET: ends of the range in which a start is scored


class SimpleItkEngine:
    """Rigid and deformable registration with what the product depends on anyway."""

    def describe(self) -> RegistrationEngineDescription:
        """What it is."""
        return DESCRIPTION

    def ready(self) -> tuple[str, ...]:
        """It needs nothing that could be absent."""
        return ()

    def rigid(self, fixed: Side, moving: Side, start: Rigid | None = None) -> Rigid:
        """Rigid transform by mutual information."""
        tried = [start] if start is not None else _search(fixed, moving)
        coarse = [_refined(fixed, moving, rigid, 0) for rigid in tried]
        best = min(coarse, key=lambda entry: entry[0])[1]
        return _refined(fixed, moving, best, 1)[1]

    def deform(self, fixed: Side, moving: Side, rigid: Rigid, organs: tuple[int, ...]) -> Deformation:
        """Deformation by windowed least squares over organs and self-similarity."""
        placed = placed_side(moving, rigid, fixed.image.grid)
        grid = fixed.image.grid
        box = _box_around(fixed.trunk_kji | placed.trunk_kji)
        a, b = _cropped(fixed, box), _cropped(placed, box)
        velocity: Floats | None = None
        for factor, settings in LEVELS:
            channels = [_channels(side, organs, factor) for side in (a, b)]
            shape = channels[0].trunk.shape
            if velocity is not None:
                velocity = refined(velocity, 2, shape) * np.float32(2)
            velocity = solve(channels[0], channels[1], grid.spacing_mm[0] * factor, settings, velocity)
        assert velocity is not None  # noqa: S101  (there are levels)
        corner = np.eye(4)
        corner[:3, 3] = [box[2].start, box[1].start, box[0].start]
        affine = np.asarray(grid.affine @ corner @ _block_matrix(LEVELS[-1][0]), np.float64)
        k, j, i = velocity.shape[1:]
        there, back = (_millimetres(exponential(sign * velocity), affine) for sign in (1, -1))
        return Deformation(rigid, Grid((k, j, i), affine), there, back)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let ITK use one thread: a metric summed by several threads differs in its last bits from run to run."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(DESCRIPTION.threads)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def placed_side(moving: Side, rigid: Rigid, grid: Grid) -> Side:
    """The moving image, its masks and labels on the fixed grid after a rigid transform."""
    affine = np.asarray(rigid.inverse().matrix @ moving.image.affine, np.float64)
    image = resampled(Volume(moving.image.array_kji, affine), grid, background(moving.modality))
    body, trunk = (
        nearest_labels(Volume(mask.astype(np.uint8), affine), grid) > 0 for mask in (moving.body_kji, moving.trunk_kji)
    )
    labels = nearest_labels(Volume(moving.labels, affine), grid) if moving.labels is not None else None
    return Side(moving.modality, image, body, trunk, labels=labels)


def resampled(volume: Volume, grid: Grid, fill: float) -> Volume:
    """Linear values of an image on a grid of about its own spacing."""
    reference = itk_image(Volume(np.zeros(grid.shape_kji, np.uint8), grid.affine))
    moved = sitk.Resample(itk_image(volume), reference, sitk.Transform(), sitk.sitkLinear, fill, sitk.sitkFloat32)
    return Volume(np.asarray(sitk.GetArrayFromImage(moved), np.float32), grid.affine)


def _search(fixed: Side, moving: Side) -> list[Rigid]:
    a, b = _blocks(fixed, SEARCH_BLOCK), _blocks(moving, SEARCH_BLOCK)
    region = block_mean(_region(fixed), SEARCH_BLOCK) > 0.5
    at = np.argwhere(region)
    chosen = at[np.linspace(0, len(at) - 1, min(SEARCH_POINTS, len(at))).astype(int)] if len(at) else at
    ras = chosen[:, ::-1] @ a.affine[:3, :3].T + a.affine[:3, 3]
    points = Points(ras, binned(a.array_kji[tuple(chosen.T)], *_limits(fixed.modality, a.array_kji[region])))
    limits = _limits(moving.modality, b.array_kji[block_mean(moving.body_kji, SEARCH_BLOCK) > 0.5])
    tried = [(score(points, b, limits, rigid), rigid) for rigid in starts(_outline(fixed), _outline(moving))]
    best = best_starts(tried, TRIED_STARTS, APART_MM, ras)
    scores = [score(points, b, limits, rigid) for rigid in best]
    if len(best) > 1 and scores[0] - scores[1] > CLEAR_LEAD * (scores[0] - 1):
        return best[:1]
    return best


def _refined(fixed: Side, moving: Side, start: Rigid, level: int) -> tuple[float, Rigid]:
    """Metric (lower is better) and transform of one level of the optimiser."""
    with one_thread():  # objects take the number when they are made
        return _optimised(fixed, moving, start, level)


def _optimised(fixed: Side, moving: Side, start: Rigid, level: int) -> tuple[float, Rigid]:
    factor = BLOCKS[level]
    region = block_mean(_region(fixed), factor) > 0.5
    if np.count_nonzero(region) < MIN_REGION_VOXELS:
        return 0.0, start
    a, b = _blocks(fixed, factor), _blocks(moving, factor)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(SAMPLED[level], SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricUseFixedImageGradientFilter(
        False
    )  # with a mask, ITK's filtered gradient leads away from the optimum
    method.SetMetricUseMovingImageGradientFilter(False)
    method.SetOptimizerAsRegularStepGradientDescent(FIRST_STEP[level], LAST_STEP, ITERATIONS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetMetricFixedMask(itk_image(Volume(region.astype(np.uint8), a.affine)))
    method.SetMetricMovingMask(itk_image(Volume(_widened(block_mean(moving.trunk_kji, factor) > 0), b.affine)))
    transform = sitk.Euler3DTransform()
    lps = LPS_TO_RAS @ start.matrix @ LPS_TO_RAS
    centre_lps = LPS_TO_RAS[:3, :3] @ centre_of(region, a.affine)
    transform.SetCenter(centre_lps.tolist())
    transform.SetMatrix(lps[:3, :3].ravel().tolist(), 1e-6)
    transform.SetTranslation((lps[:3, :3] @ centre_lps + lps[:3, 3] - centre_lps).tolist())
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(itk_image(a), itk_image(b))
    except RuntimeError:  # the images lost each other: ITK says so by an exception, and the start is worth nothing
        return 0.0, start
    found = np.eye(4)
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    found[:3, :3] = rotation
    found[:3, 3] = centre_lps - rotation @ centre_lps + np.array(transform.GetTranslation())
    return float(method.GetMetricValue()), rigid_of(LPS_TO_RAS @ found @ LPS_TO_RAS)


def _channels(side: Side, organs: tuple[int, ...], factor: int) -> Channels:
    """Channels on a grid of `factor` working voxels; neighbourhoods are compared on one half as coarse."""
    fine = factor // 2
    values = np.clip(side.image.array_kji, *CT_WINDOW_HU) if side.modality == "ct" else side.image.array_kji
    trunk = block_mean(side.trunk_kji, fine)
    image = block_mean(self_similarity(block_mean(values, fine), trunk > 0.5), 2)
    distances = [
        block_mean(clipped_distance(side.labels == organ, side.image.grid.spacing_mm[0], CLIP_MM), factor)
        for organ in organs
        if side.labels is not None
    ]
    stacked = np.stack(distances, axis=-1) if distances else np.empty((*image.shape[:3], 0), np.float32)
    return Channels(np.asarray(stacked, np.float32), image, block_mean(trunk, 2))


def _cropped(side: Side, box: tuple[slice, slice, slice]) -> Side:
    """Part of a side; its affine stays that of the whole grid."""
    labels = side.labels[box] if side.labels is not None else None
    image = Volume(side.image.array_kji[box], side.image.affine)
    return Side(side.modality, image, side.body_kji[box], side.trunk_kji[box], labels=labels)


def _blocks(side: Side, factor: int) -> Volume:
    return Volume(block_mean(side.image.array_kji, factor), side.image.affine @ _block_matrix(factor))


def _block_matrix(factor: int) -> Float64:
    matrix = np.diag([factor, factor, factor, 1.0])
    matrix[:3, 3] = (factor - 1) / 2
    return matrix


def _limits(modality: str, values: NDArray[np.generic]) -> tuple[float, float]:
    if modality == "ct":
        return -1000.0, 600.0
    if not values.size:
        return 0.0, 1.0
    low, high = np.quantile(np.asarray(values, np.float64), QUANTILES)
    return float(low), float(high)


def _region(side: Side) -> NDArray[np.bool_]:
    return side.trunk_kji if side.region_kji is None else side.region_kji


def _outline(side: Side) -> Outline:
    region = _region(side)
    rows = np.flatnonzero(region.any(axis=(1, 2)))
    ends = (rows[0], rows[-1]) if len(rows) else (0, region.shape[0] - 1)
    z = [float(side.image.affine[2, 2] * end + side.image.affine[2, 3]) for end in ends]
    return Outline(centre_of(region, side.image.affine), (min(z), max(z)))


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Mask with a margin of air, so that the skin counts."""
    image = sitk.BinaryDilate(sitk.GetImageFromArray(mask.astype(np.uint8)), [3, 3, 3])
    return np.asarray(sitk.GetArrayFromImage(image), np.uint8)


def _box_around(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    at = np.argwhere(mask)
    low, high = np.maximum(at.min(axis=0) - 2, 0), np.minimum(at.max(axis=0) + 3, mask.shape)
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return k, j, i


def _millimetres(field: Floats, affine: Float64) -> Floats:
    """Displacement in RAS+ mm [k, j, i, component] of one in voxels [3, k, j, i]."""
    ijk = np.moveaxis(field[::-1], 0, -1)
    return np.asarray(ijk @ affine[:3, :3].T.astype(np.float32), np.float32)
