"""Working images: an isotropic grid, the body, and the body without the arms. SimpleITK and numpy.

The arms are up in PET/CT and down in PET/MR: they can be matched in no way, so they are cut off here, and the fit sees the
trunk, head and thighs only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64, Grid, Volume
from umd_curate.model.resampled import background
from umd_curate.register.protocol import Side
from umd_curate.store.lazy import Lazy

sitk = Lazy("SimpleITK")

WORKING_MM = 4.0
COARSE = 2  # working voxels per voxel of the grid on which masks of the trunk are made and deformations are solved
MAX_WORKING_VOXELS = 16_000_000
BODY_HU = -300.0  # between lung or foam (-500 and less) and fat (-100)
MR_BODY_PART = 0.4  # of Otsu's threshold: fat and muscle in, noise out
PET_BODY_PART = 0.15  # of the mean of the voxels above zero: skin and lungs in, scatter in air out
CORE_MM = (
    50.0  # what lies deeper in the body than this belongs to no arm; upper arms are 40 to 56 mm thick to their middle
)
GROW_MM = 58.0  # the trunk reaches so far from its core

Bools = NDArray[np.bool_]


def working_grid(grid: Grid, spacing_mm: float = WORKING_MM) -> Grid:
    """Isotropic grid over the field of view of another one, its axes along the other's nearest world axes."""
    corners = grid.corners_ras_mm()[:8]
    half = np.array(grid.spacing_mm).max() / 2
    low, high = corners.min(axis=0) - half, corners.max(axis=0) + half
    shape = np.maximum(1, np.rint((high - low) / spacing_mm)).astype(int)
    if int(np.prod(shape)) > MAX_WORKING_VOXELS:
        return working_grid(grid, spacing_mm * 1.25)
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = (low + high) / 2 - spacing_mm * (shape - 1) / 2
    return Grid((int(shape[2]), int(shape[1]), int(shape[0])), affine)


def working_like(grid: Grid, spacing_mm: float) -> Grid:
    """A grid along the same axes whose voxels are whole blocks of about `spacing_mm`, never finer than the given grid's."""
    factors = [max(1, int(spacing_mm / spacing + 0.5)) for spacing in grid.spacing_mm]
    scale = np.diag([*(float(factor) for factor in factors), 1.0])
    scale[:3, 3] = [(factor - 1) / 2 for factor in factors]
    k, j, i = (-(-n // factor) for n, factor in zip(grid.shape_kji, factors[::-1], strict=True))
    return Grid((k, j, i), np.asarray(grid.affine @ scale, np.float64))


def on_grid(volume: Volume, grid: Grid, fill: float) -> Volume:
    """Float32 values of an image on a grid: means over blocks of its voxels, linear between them; `fill` outside."""
    wanted = max(grid.spacing_mm)
    factors = [max(1, int(wanted / spacing + 0.5)) for spacing in volume.grid.spacing_mm]
    blocks = _block_means(volume, factors)
    reference = itk_image(Volume(np.zeros(grid.shape_kji, np.uint8), grid.affine))
    moved = sitk.Resample(itk_image(blocks), reference, sitk.Transform(), sitk.sitkLinear, fill, sitk.sitkFloat32)
    found = np.asarray(sitk.GetArrayFromImage(moved), np.float32)
    return Volume(np.nan_to_num(found, nan=fill, posinf=fill, neginf=fill), grid.affine)


def _block_means(volume: Volume, factors_ijk: list[int]) -> Volume:
    """Means over whole blocks of voxels, slab by slab; what is left over at the ends is dropped."""
    fi, fj, fk = factors_ijk
    if fi == fj == fk == 1:
        return volume
    k, j, i = (n // f for n, f in zip(volume.grid.shape_kji, (fk, fj, fi), strict=True))
    out = np.empty((k, j, i), np.float32)
    for n in range(k):
        slab = volume.array_kji[n * fk : (n + 1) * fk, : j * fj, : i * fi]
        out[n] = slab.mean(axis=0, dtype=np.float32).reshape(j, fj, i, fi).mean(axis=(1, 3))
    scale = np.diag([float(fi), float(fj), float(fk), 1.0])
    scale[:3, 3] = [(f - 1) / 2 for f in factors_ijk]
    return Volume(out, np.asarray(volume.affine @ scale, np.float64))


def side_of(modality: str, image: Volume, labels: Volume | None = None) -> Side:
    """Working copy of an image with its body and trunk, and its labels where it has some."""
    grid = working_grid(image.grid)
    working = on_grid(image, grid, background(modality))
    body = body_mask(working, modality)
    trunk = trunk_mask(body, grid.spacing_mm[0])
    found = nearest_labels(labels, grid) if labels is not None else None
    return Side(modality, working, body, trunk, labels=found, voxel_mm=max(image.grid.spacing_mm))


def nearest_labels(labels: Volume, grid: Grid) -> NDArray[np.uint8]:
    """Label map on another grid, nearest voxel, 0 outside; uint8 [k, j, i]."""
    moved = sitk.Resample(
        itk_image(Volume(labels.array_kji.astype(np.uint8), labels.affine)),
        itk_image(Volume(np.zeros(grid.shape_kji, np.uint8), grid.affine)),
        sitk.Transform(),
        sitk.sitkNearestNeighbor,
        0,
    )
    return np.asarray(sitk.GetArrayFromImage(moved), np.uint8)


def body_mask(image: Volume, modality: str) -> Bools:
    """Largest connected body with what it encloses within its slices, [k, j, i]."""
    values = itk_image(image)
    if modality == "ct":
        body = values > BODY_HU
    elif modality == "mr":
        smooth = sitk.SmoothingRecursiveGaussian(values, WORKING_MM) if min(image.array_kji.shape) > 3 else values
        otsu = sitk.OtsuThresholdImageFilter()
        otsu.Execute(smooth)
        body = smooth > MR_BODY_PART * otsu.GetThreshold()
    else:
        positive = np.asarray(image.array_kji, np.float32)
        positive = positive[positive > 0]
        body = values > PET_BODY_PART * (float(positive.mean()) if positive.size else 1.0)
    pieces = sitk.GetArrayFromImage(sitk.RelabelComponent(sitk.ConnectedComponent(body)))
    return _enclosed(pieces == 1)


def trunk_mask(body_kji: Bools, spacing_mm: float) -> Bools:
    """Body without arms: what lies near its thick core, [k, j, i]."""
    coarse = body_kji[::COARSE, ::COARSE, ::COARSE]
    step = spacing_mm * COARSE
    core = _depth(np.pad(coarse, ((0, 0), (1, 1), (1, 1)))) * step > CORE_MM
    near = core[:, 1:-1, 1:-1]
    if not near.any():
        return body_kji.copy()
    reached = (_depth(~near) * step < GROW_MM) | near
    whole = reached.repeat(COARSE, 0).repeat(COARSE, 1).repeat(COARSE, 2)
    return np.asarray(body_kji & whole[tuple(slice(0, n) for n in body_kji.shape)], np.bool_)


def clipped_distance(mask_kji: Bools, spacing_mm: float, clip_mm: float) -> NDArray[np.float32]:
    """Distance to the surface of a mask, negative inside, held at `clip_mm` on both sides [mm]."""
    out = np.full(mask_kji.shape, clip_mm, np.float32)
    at = np.argwhere(mask_kji)
    if not len(at):
        return out
    pad = int(np.ceil(clip_mm / spacing_mm)) + 1
    low, high = np.maximum(at.min(axis=0) - pad, 0), np.minimum(at.max(axis=0) + pad + 1, mask_kji.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    image = sitk.GetImageFromArray(mask_kji[box].astype(np.uint8))
    distance = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=False)
    out[box] = np.clip(sitk.GetArrayFromImage(distance) * spacing_mm, -clip_mm, clip_mm)
    return out


def itk_image(volume: Volume) -> Any:  # noqa: ANN401  (SimpleITK is untyped)
    """The volume as SimpleITK has it, LPS."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    spacing = np.linalg.norm(flip[:3, :3], axis=0)
    image = sitk.GetImageFromArray(volume.array_kji)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(flip[:3, 3].tolist())
    image.SetDirection((flip[:3, :3] / spacing).ravel().tolist())
    return image


def centre_of(mask_kji: Bools, affine: Float64) -> Float64:
    """Centre of a mask, RAS+ mm; the grid's where it is empty."""
    at = np.argwhere(mask_kji) if mask_kji.any() else (np.array(mask_kji.shape)[None] - 1) / 2
    return np.asarray(affine[:3, :3] @ at.mean(axis=0)[::-1] + affine[:3, 3], np.float64)


def _depth(mask: Bools) -> NDArray[np.float32]:
    """Distance to the nearest voxel outside a mask [voxels]; 0 outside."""
    if mask.all():
        return np.full(mask.shape, 1e6, np.float32)
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    found = sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False, useImageSpacing=False)
    return np.maximum(np.asarray(sitk.GetArrayFromImage(found), np.float32), 0)


def _enclosed(mask: Bools) -> Bools:
    """Voxels of a mask, and those that have some of it on all four sides within their slice."""
    sides = [
        np.logical_or.accumulate(mask[:, :, ::step] if axis == 2 else mask[:, ::step], axis=axis)
        for axis in (1, 2)
        for step in (1, -1)
    ]
    return np.asarray(sides[0] & sides[1][:, ::-1] & sides[2] & sides[3][:, :, ::-1])
