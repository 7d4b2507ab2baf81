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
_MU_PER_CM = 0.096  # water at 511 keV


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


def ct_stored(hu: Floats, draw: np.random.Generator, noise_hu: float) -> Stored:
    """Stored CT values with quantum noise that is stronger in the body than in air; neighbours in a row share noise."""
    noise = draw.standard_normal(hu.shape, np.float32)
    noise[..., 1:] = 0.8 * noise[..., 1:] + 0.6 * noise[..., :-1]
    strength = np.where(hu > -900, np.float32(noise_hu), np.float32(0.45 * noise_hu))
    found = np.rint(hu + noise * strength) + CT_OFFSET_HU
    result: Stored = np.clip(found, 0, _CT_MAX).astype(np.uint16)
    return result


def table_top(hu_kji: Floats, grid: Grid, first: int, centre_xy_mm: tuple[float, float]) -> None:
    """Lay the scanner's carbon table under the patient, in place.

    Parameters
    ----------
    hu_kji
        Slices of the grid from `first` on.
    centre_xy_mm
        Where the body's axis lies, RAS+ mm.
    """
    shape = (len(hu_kji), *grid.shape_kji[1:])
    x = _along(grid, 0, shape, first) - centre_xy_mm[0]
    depth = _along(grid, 1, shape, first) - centre_xy_mm[1] + 152.0 - 0.0011 * x * x
    shell = (np.abs(depth) < 0.6 * max(grid.spacing_mm[:2])) & (np.abs(x) < 205)
    shell = np.broadcast_to(shell, shape)
    hu_kji[shell] = np.maximum(hu_kji[shell], -320.0)


def _along(grid: Grid, axis: int, shape_kji: tuple[int, int, int], first: int) -> Floats:
    """One coordinate of the voxel centres of some slices [mm], as small as it broadcasts to [k, j, i]."""
    found: Floats = np.full((1, 1, 1), grid.affine[axis, 3])
    for place, column in enumerate((2, 1, 0)):
        step = grid.affine[axis, column]
        if abs(step) > 1e-9:
            index = np.arange(shape_kji[place]) + (first if column == 2 else 0)
            found = found + (step * index).reshape([-1 if place == one else 1 for one in range(3)])
    return found


def bias_field(grid: Grid, draw: np.random.Generator, first: int, last: int) -> Floats:
    """Smooth receive sensitivity around 1 of the slices `first` to `last`, shape [k, j, i]."""
    shape = grid.shape_kji
    field = np.ones((last - first, *shape[1:]), np.float32)
    for _ in range(3):
        waves = draw.uniform(0.4, 1.6, 3)
        phase = draw.uniform(0, 2 * np.pi)
        k, j, i = (
            (np.arange(n, dtype=np.float32) / n).reshape([-1 if axis == place else 1 for axis in range(3)])
            for place, n in enumerate(shape)
        )
        k = k[first:last]
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


def mr_stored(signal: Floats, draw: np.random.Generator, noise: float, gain: float = 1.0) -> Stored:
    """Magnitude image with Rician noise, scaled by the receiver gain of its station."""
    real = signal + np.float32(noise) * draw.standard_normal(signal.shape, np.float32)
    imaginary = np.float32(noise) * draw.standard_normal(signal.shape, np.float32)
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


def mu_map(hu: Floats) -> Stored:
    """Attenuation at 511 keV [1/cm x 1e4]."""
    result: Stored = np.clip(np.rint((1.0 + hu / 1000.0) * _MU_PER_CM * 1e4), 0, 4095).astype(np.uint16)
    return result


def shadow(hu_kji: Floats, *, is_upright: bool) -> Floats:
    """Attenuation of some slices from front to back: a row per slice, or where planes are upright, one plane of sums."""
    density = np.clip(1.0 + hu_kji / 1000.0, 0.0, 3.0)
    result: Floats = density.sum(axis=0) if is_upright else density.sum(axis=1)
    return result


def projection(shadows: Sequence[Floats], *, is_upright: bool) -> Stored:
    """A topogram out of the shadows of all slabs, from the head down, stored like CT."""
    whole = np.sum(shadows, axis=0) if is_upright else np.concatenate(shadows)[::-1]
    found = np.rint(whole / max(float(whole.max()), 1e-6) * 2200.0)
    result: Stored = np.clip(found, 0, _CT_MAX).astype(np.uint16)
    return result
