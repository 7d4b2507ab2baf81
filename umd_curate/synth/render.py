"""Renders the images of one study from the anatomy: CT or Dixon MR, and PET, each with its exact labels.

Decides which body state each image shows: CT and MR one breath-hold, PET the average over breathing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.imaging import (
    BREATH_STATES,
    MEAN_BREATH,
    Stored,
    bias_field,
    ct_stored,
    dixon,
    mr_stored,
    pet_image,
    projection,
    table_top,
    uncorrected,
)
from umd_curate.synth.paint import Labels, paint
from umd_curate.synth.schedule import Placed, Study
from umd_curate.synth.shapes import Floats
from umd_curate.synth.tissues import LOOKS

_LOW_DOSE_NOISE_HU, _CONTRAST_NOISE_HU = 22.0, 11.0
_MR_NOISE = 11.0
_PET_FWHM_MM, _SHARP_FWHM_MM = 6.0, 4.0
_PET_NOISE, _SHARP_NOISE = 0.10, 0.17
STATION_GAINS = (0.88, 1.0, 1.13)
STATION_SPANS = ((0.0, 0.40), (0.30, 0.70), (0.60, 1.0))  # parts of the composed stack, ascending z; a tenth overlaps

_HU = {tissue: look.hu for tissue, look in LOOKS.items()}
_HU_CONTRAST = {tissue: look.hu_contrast for tissue, look in LOOKS.items()}
_WATER = {tissue: look.water for tissue, look in LOOKS.items()}
_FAT = {tissue: look.fat for tissue, look in LOOKS.items()}
_SUV = {tissue: look.suv for tissue, look in LOOKS.items()}
_MU_PER_CM = 0.096  # water at 511 keV


@dataclass(frozen=True, slots=True)
class CtImages:
    """Stored CT volumes and the labels of their common grid, [k, j, i]."""

    placed: Placed
    low_dose: Stored
    contrast: Stored
    topogram: Stored
    labels: Labels


@dataclass(frozen=True, slots=True)
class MrImages:
    """Stored Dixon channels, stations (first slice and volume each), and labels, [k, j, i]."""

    placed: Placed
    channels: Mapping[str, Stored]
    stations: tuple[tuple[int, Stored], ...]
    localizer: Stored
    labels: Labels


@dataclass(frozen=True, slots=True)
class PetImages:
    """SUVbw volumes (float32) of the three reconstructions, a mu-map [1/cm x 1e4], and labels, [k, j, i]."""

    placed: Placed
    suv: Floats
    suv_sharp: Floats
    suv_nac: Floats
    mu_map: Stored
    labels: Labels


def render_ct(study: Study, ids: Mapping[str, int]) -> CtImages:
    """Low-dose and contrast CT in one breath-hold, and the topogram."""
    placed = study.grid_of("ct")
    layers = layers_of(study.build, study.posture)
    painted = paint(placed.grid, study.anatomy, layers, (_HU, _HU_CONTRAST), ids)
    plain, enhanced = painted.channels
    for volume in (plain, enhanced):
        table_top(volume, placed.grid, (study.anatomy.offset_mm[0], study.anatomy.offset_mm[1]))
    return CtImages(
        placed,
        ct_stored(plain, study.draw("ct-noise"), _LOW_DOSE_NOISE_HU),
        ct_stored(enhanced, study.draw("ct-contrast-noise"), _CONTRAST_NOISE_HU),
        projection(plain)[::-1],
        painted.labels,
    )


def render_mr(study: Study, ids: Mapping[str, int]) -> MrImages:
    """Four composed Dixon channels and the stations of the in-phase channel, with their own gain."""
    placed = study.grid_of("mr")
    painted = paint(placed.grid, study.anatomy, layers_of(study.build, study.posture), (_WATER, _FAT), ids)
    field = bias_field(placed.grid, study.draw("bias"))
    clean = dixon(painted.channels[0] * field, painted.channels[1] * field)
    channels = {name: mr_stored(image, study.draw("mr-noise", name), _MR_NOISE) for name, image in clean.items()}
    count = placed.grid.shape_kji[0]
    stations = []
    for number, ((first, last), gain) in enumerate(zip(station_ranges(count), STATION_GAINS, strict=True)):
        image = mr_stored(clean["in"][first:last], study.draw("station", number), _MR_NOISE, gain)
        stations.append((first, image))
    middle = placed.grid.shape_kji[1] // 2
    localizer = channels["in"][::-1, middle, :]
    return MrImages(placed, channels, tuple(stations), localizer, painted.labels)


def station_ranges(slices: int) -> list[tuple[int, int]]:
    """First slice of each station and the one after its last, in a composed stack of that many slices."""
    return [(int(low * slices), round(high * slices)) for low, high in STATION_SPANS]


def render_pet(study: Study, ids: Mapping[str, int]) -> PetImages:
    """Free-breathing PET: uptake averaged over the states of breathing; labels at the mean breath."""
    placed = study.grid_of("pet")
    grid = placed.grid
    layers = layers_of(study.build, study.posture)
    uptake = np.zeros(grid.shape_kji, np.float32)
    density: Floats = uptake
    labels: Labels = np.zeros(grid.shape_kji, np.uint8)
    for part, share in BREATH_STATES:
        motion = replace(study.pet, breath_mm=study.breath_mm * part)
        is_mean = part == MEAN_BREATH
        painted = paint(grid, motion, layers, (_SUV, _HU) if is_mean else (_SUV,), ids)
        uptake += np.float32(share) * painted.channels[0]
        if is_mean:
            density, labels = painted.channels[1], painted.labels
    suv = pet_image(uptake, grid, study.draw("pet-noise"), _PET_FWHM_MM, _PET_NOISE)
    sharp = pet_image(uptake, grid, study.draw("pet-sharp-noise"), _SHARP_FWHM_MM, _SHARP_NOISE)
    mu_map = np.clip(np.rint((1.0 + density / 1000.0) * _MU_PER_CM * 1e4), 0, 4095).astype(np.uint16)
    return PetImages(placed, suv, sharp, uncorrected(suv, density, grid), mu_map, labels)
