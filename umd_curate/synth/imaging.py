"""From painted tissue channels to what a scanner stores: noise, blur, bias field, breathing average.

Pure: the random numbers come in as a seeded generator.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Grid
from umd_curate.synth.shapes import Floats

Stored = NDArray[np.uint16]

CT_OFFSET_HU = 1024  # stored value = HU + 1024
_CT_MAX = 4095
# Breathing of the PET: state as part of the amplitude, and the share of time spent in it. The middle is the mean.
BREATH_STATES: tuple[tuple[float, float], ...] = ((0.0, 0.36), (0.4, 0.40), (1.0, 0.24))
MEAN_BREATH = 0.4
_FWHM_PER_SIGMA = 2.3548


def blur(volume: Floats, sigma_voxels: Sequence[float]) -> Floats:
    """Gaussian blur along k, j, i; beyond the edge the last value holds. float32."""
    found = np.asarray(volume, np.float32)
    for axis, sigma in enumerate(sigma_voxels):
        if sigma <= 0.05:
            continue
        reach = max(1, int(np.ceil(3.0 * sigma)))
        offsets = np.arange(-reach, reach + 1)
        weights = np.exp(-0.5 * (offsets / sigma) ** 2)
        weights /= weights.sum()
        padding = [(0, 0)] * 3
        padding[axis] = (reach, reach)
        padded = np.pad(found, padding, mode="edge")
        length = found.shape[axis]
        found = np.zeros_like(found)
        for offset, weight in zip(offsets + reach, weights, strict=True):
            window = [slice(None)] * 3
            window[axis] = slice(int(offset), int(offset) + length)
            found += np.float32(weight) * padded[tuple(window)]
    return found


def sigma_voxels(grid: Grid, fwhm_mm: float) -> tuple[float, float, float]:
    """Standard deviation along k, j, i [voxels] of a resolution given as full width at half maximum [mm]."""
    i, j, k = (fwhm_mm / _FWHM_PER_SIGMA / spacing for spacing in grid.spacing_mm)
    return k, j, i


def ct_stored(hu_kji: Floats, draw: np.random.Generator, noise_hu: float) -> Stored:
    """Stored CT values with quantum noise that is stronger in the body than in air."""
    noise = draw.standard_normal(hu_kji.shape, np.float32)
    noise[:, :, 1:] = 0.8 * noise[:, :, 1:] + 0.6 * noise[:, :, :-1]
    strength = np.where(hu_kji > -900, np.float32(noise_hu), np.float32(0.45 * noise_hu))
    found = np.rint(hu_kji + noise * strength) + CT_OFFSET_HU
    result: Stored = np.clip(found, 0, _CT_MAX).astype(np.uint16)
    return result


def table_top(hu_kji: Floats, grid: Grid, centre_xy_mm: tuple[float, float]) -> None:
    """Lay the scanner's carbon table under the patient, in place."""
    _, rows, columns = grid.shape_kji
    affine = grid.affine
    x = affine[0, 0] * np.arange(columns) + affine[0, 3] - centre_xy_mm[0]
    y = affine[1, 1] * np.arange(rows)[:, None] + affine[1, 3] - centre_xy_mm[1]
    depth = y + 152.0 - 0.0011 * x[None, :] ** 2
    shell = (np.abs(depth) < 0.6 * max(grid.spacing_mm[:2])) & (np.abs(x) < 205)[None, :]
    hu_kji[:, shell] = np.maximum(hu_kji[:, shell], -320.0)


def bias_field(grid: Grid, draw: np.random.Generator) -> Floats:
    """Smooth receive sensitivity around 1, shape [k, j, i]."""
    shape = grid.shape_kji
    field = np.ones(shape, np.float32)
    for _ in range(3):
        waves = draw.uniform(0.4, 1.6, 3)
        phase = draw.uniform(0, 2 * np.pi)
        k, j, i = (
            (np.arange(n, dtype=np.float32) / n).reshape([-1 if axis == place else 1 for axis in range(3)])
            for place, n in enumerate(shape)
        )
        angle = np.pi * (waves[0] * k + waves[1] * j + waves[2] * i).astype(np.float32) + np.float32(phase)
        field += np.float32(0.09) * np.sin(angle)
    return field


def dixon(water_kji: Floats, fat_kji: Floats) -> dict[str, Floats]:
    """The four images of a two-point Dixon sequence, noise free."""
    return {
        "in": water_kji + fat_kji,
        "opp": np.abs(water_kji - fat_kji),
        "fat": fat_kji,
        "water": water_kji,
    }


def mr_stored(signal_kji: Floats, draw: np.random.Generator, noise: float, gain: float = 1.0) -> Stored:
    """Magnitude image with Rician noise, scaled by the receiver gain of its station."""
    real = signal_kji + np.float32(noise) * draw.standard_normal(signal_kji.shape, np.float32)
    imaginary = np.float32(noise) * draw.standard_normal(signal_kji.shape, np.float32)
    found = np.rint(np.sqrt(real * real + imaginary * imaginary) * np.float32(gain))
    result: Stored = np.clip(found, 0, _CT_MAX).astype(np.uint16)
    return result


def pet_image(suv_kji: Floats, grid: Grid, draw: np.random.Generator, fwhm_mm: float, noise: float) -> Floats:
    """Reconstructed PET [SUVbw]: blurred uptake and noise that grows with the root of the uptake; never negative."""
    sharp = blur(suv_kji, sigma_voxels(grid, fwhm_mm))
    grain = blur(draw.standard_normal(suv_kji.shape, np.float32), (0.5, 0.6, 0.6))
    grain /= np.float32(grain.std())
    found = sharp + np.float32(noise) * np.sqrt(sharp + np.float32(0.02)) * grain
    result: Floats = np.maximum(found, 0.0).astype(np.float32)
    return result


def uncorrected(suv_kji: Floats, hu_kji: Floats, grid: Grid) -> Floats:
    """The same PET without attenuation correction: deep tissue fades, the skin and the lungs stand out."""
    density = np.clip(1.0 + hu_kji / 1000.0, 0.0, 2.0)
    depth = blur(density.astype(np.float32), sigma_voxels(grid, 90.0))
    found: Floats = suv_kji * np.exp(np.float32(-3.0) * depth)
    return found


def projection(hu_kji: Floats, axis: int = 1) -> Stored:
    """A topogram: sum of attenuation along a grid axis, stored like CT."""
    density = np.clip(1.0 + hu_kji / 1000.0, 0.0, 3.0).mean(axis=axis)
    found = np.rint(density / max(float(density.max()), 1e-6) * 2200.0)
    result: Stored = np.clip(found, 0, _CT_MAX).astype(np.uint16)
    return result
