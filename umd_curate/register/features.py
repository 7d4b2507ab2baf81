"""What two images of different kinds have in common: clipped signed distances of organs, and local self-similarity.

Decides how labels and intensities become channels that can be subtracted. An organ's channel is the distance to its
surface [mm], held beyond `CLIP_MM`, so that a wrong voxel counts as its own distance and not as a whole organ. An image's
channels say how unlike each of six neighbourhoods is (MIND; Heinrich et al., doi 10.1016/j.media.2012.05.008), with a
floor at the noise, so that flat tissue says nothing instead of repeating its noise. Pure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.register.field import Floats, smoothed

CLIP_MM = 24.0  # an organ pulls as far as about its own neighbours
PATCH_VOXELS = 1.0  # standard deviation of a neighbourhood
NOISE_QUANTILE = 0.3  # of the local variance in the body: what most tissue shows of noise alone
NOISE_PARTS = 2.0  # floor of the local variance, in parts of that

MAX_DISPLACED_MM = 25.0  # centres of one organ further apart after the rigid fit: a wrong label, or no rigid fit
MAX_VOLUME_RATIO = 2.5  # volumes of one organ that differ more: a part of it, or another one
MIN_ORGAN_ML = 3.0  # below, an organ is a few voxels of the working grid


@dataclass(frozen=True, slots=True)
class OrganSeen:
    """One organ in one image: volume [mL] and centre [mm] in the space of the fixed image."""

    volume_ml: float
    centre_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which organs drive a deformation, and which are left out and why: ``missing``, ``displaced`` or ``volume``."""

    driving: tuple[int, ...]
    left_out: dict[int, str]


def choose_organs(fixed: dict[int, OrganSeen], moving: dict[int, OrganSeen]) -> Chosen:
    """Organs that both images have, in about one place and size; ids in ascending order."""
    driving: list[int] = []
    left_out: dict[int, str] = {}
    for organ in sorted(fixed.keys() | moving.keys()):
        a, b = fixed.get(organ), moving.get(organ)
        if a is None or b is None or min(a.volume_ml, b.volume_ml) < MIN_ORGAN_ML:
            left_out[organ] = "missing"
        elif float(np.linalg.norm(np.subtract(a.centre_mm, b.centre_mm))) > MAX_DISPLACED_MM:
            left_out[organ] = "displaced"
        elif not 1 / MAX_VOLUME_RATIO < a.volume_ml / b.volume_ml < MAX_VOLUME_RATIO:
            left_out[organ] = "volume"
        else:
            driving.append(organ)
    return Chosen(tuple(driving), left_out)


def self_similarity(image_kji: Floats, body_kji: NDArray[np.bool_]) -> Floats:
    """Six channels [k, j, i, 6], 0 to 1: how alike each voxel's neighbourhood is to that of each neighbour.

    Parameters
    ----------
    image_kji
        Intensities, any unit.
    body_kji
        Where the noise is measured.
    """
    unlike = np.stack([_shifted(image_kji, axis, step) for axis in range(3) for step in (-1, 1)])
    unlike = smoothed(np.square(unlike - image_kji), PATCH_VOXELS)
    variance = unlike.mean(axis=0)
    inside = variance[body_kji]
    noise = np.float32(max(float(np.quantile(inside, NOISE_QUANTILE)) if inside.size else 1.0, 1e-6))
    alike = np.exp(-unlike / (variance + NOISE_PARTS * noise))
    return np.ascontiguousarray(np.moveaxis(alike, 0, -1), np.float32)


def _shifted(image: Floats, axis: int, step: int) -> Floats:
    """Neighbour's value along an axis; the border voxel is its own neighbour."""
    index = np.clip(np.arange(image.shape[axis]) + step, 0, image.shape[axis] - 1)
    return np.take(image, index, axis=axis)
