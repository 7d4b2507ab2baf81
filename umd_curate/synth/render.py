"""Renders the images of one study from the anatomy: CT or Dixon MR, and PET, each with its exact labels.

Decides which body state each image shows: CT and MR one breath-hold, PET the average over breathing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.header_images import bed_of_slice
from umd_curate.synth.imaging import (
    BREATH_STATES,
    MEAN_BREATH,
    Stored,
    bias_field,
    ct_stored,
    dixon,
    mr_stored,
    mu_map,
    pet_image,
    projection,
    shadow,
    table_top,
    uncorrected,
)
from umd_curate.synth.paint import Labels, painted_slabs
from umd_curate.synth.physics import stored_slice
from umd_curate.synth.placing import Placed
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Keep, Load, plane_bytes
from umd_curate.synth.shapes import Floats
from umd_curate.synth.tissues import LOOKS

_LOW_DOSE_NOISE_HU, _CONTRAST_NOISE_HU = 22.0, 11.0
_MR_NOISE = 11.0
_PET_FWHM_MM, _SHARP_FWHM_MM = 6.0, 4.0
_PET_NOISE, _SHARP_NOISE = 0.10, 0.17
_STATION_OVERLAP = 0.10  # of the composed stack, between two stations

_HU = {tissue: look.hu for tissue, look in LOOKS.items()}
_HU_CONTRAST = {tissue: look.hu_contrast for tissue, look in LOOKS.items()}
_WATER = {tissue: look.water for tissue, look in LOOKS.items()}
_FAT = {tissue: look.fat for tissue, look in LOOKS.items()}
_SUV = {tissue: look.suv for tissue, look in LOOKS.items()}


@dataclass(frozen=True, slots=True)
class CtImages:
    """Planes of the CT volumes by ascending slice, the topogram [j, i], and the labels of their common grid [k, j, i]."""

    placed: Placed
    low_dose: tuple[Load, ...]
    contrast: tuple[Load, ...]
    topogram: Stored
    labels: Labels


@dataclass(frozen=True, slots=True)
class MrImages:
    """Planes of the Dixon channels, of the stations (each with its first slice), a localizer [j, i], and labels [k, j, i]."""

    placed: Placed
    channels: Mapping[str, tuple[Load, ...]]
    stations: tuple[tuple[int, tuple[Load, ...]], ...]
    localizer: Stored
    labels: Labels


@dataclass(frozen=True, slots=True)
class PetVolume:
    """One reconstruction: planes by ascending slice, each with its RescaleSlope, and the SUVbw that they stand for."""

    planes: tuple[tuple[str, Load], ...]
    suv_kji: Floats


@dataclass(frozen=True, slots=True)
class PetImages:
    """The three reconstructions, a mu-map [1/cm x 1e4] by planes, and labels [k, j, i]."""

    placed: Placed
    plain: PetVolume
    sharp: PetVolume
    uncorrected: PetVolume
    mu_map: tuple[Load, ...]
    labels: Labels


def render_ct(study: Study, ids: Mapping[str, int], keep: Keep) -> CtImages:
    """Low-dose and contrast CT in one breath-hold, and the topogram; slab by slab."""
    placed = study.grid_of("ct")
    grid = placed.grid
    layers = layers_of(study.build, study.posture)
    labels: Labels = np.zeros(grid.shape_kji, np.uint8)
    low_dose, contrast, shadows = [], [], []
    for first, painted in painted_slabs(grid, study.anatomy, layers, (_HU, _HU_CONTRAST), ids):
        labels[first : first + len(painted.labels)] = painted.labels
        for volume in painted.channels:
            table_top(volume, grid, first, (study.anatomy.offset_mm[0], study.anatomy.offset_mm[1]))
        plain, enhanced = painted.channels
        shadows.append(shadow(plain, is_upright=study.form.is_upright))
        for n in range(len(plain)):
            k = first + n
            low_dose.append(keep(plane_bytes(ct_stored(plain[n], study.draw("ct-noise", k), _LOW_DOSE_NOISE_HU))))
            draw = study.draw("ct-contrast-noise", k)
            contrast.append(keep(plane_bytes(ct_stored(enhanced[n], draw, _CONTRAST_NOISE_HU))))
    topogram = projection(shadows, is_upright=study.form.is_upright)
    return CtImages(placed, tuple(low_dose), tuple(contrast), topogram, labels)


def render_mr(study: Study, ids: Mapping[str, int], keep: Keep) -> MrImages:
    """Four composed Dixon channels and the stations of the in-phase channel, each with its own gain; slab by slab."""
    placed = study.grid_of("mr")
    grid = placed.grid
    count, rows, _ = grid.shape_kji
    layers = layers_of(study.build, study.posture)
    labels: Labels = np.zeros(grid.shape_kji, np.uint8)
    channels: dict[str, list[Load]] = {}
    ranges = list(zip(station_ranges(count, study.stations), study.station_gains(), strict=True))
    stations: list[list[Load]] = [[] for _ in ranges]
    middle = []
    for first, painted in painted_slabs(grid, study.anatomy, layers, (_WATER, _FAT), ids):
        last = first + len(painted.labels)
        labels[first:last] = painted.labels
        field = bias_field(grid, study.draw("bias"), first, last)
        clean = dixon(painted.channels[0] * field, painted.channels[1] * field)
        for k in range(first, last):
            for name, image in clean.items():
                stored = mr_stored(image[k - first], study.draw("mr-noise", name, k), _MR_NOISE)
                channels.setdefault(name, []).append(keep(plane_bytes(stored)))
                if name == "in" and (k == count // 2 if study.form.is_upright else True):
                    middle.append(stored if study.form.is_upright else stored[rows // 2])
            for number, ((start, end), gain) in enumerate(ranges):
                if start <= k < end:
                    stored = mr_stored(clean["in"][k - first], study.draw("station", number, k), _MR_NOISE, gain)
                    stations[number].append(keep(plane_bytes(stored)))
    localizer = middle[0] if study.form.is_upright else np.stack(middle)[::-1]
    found = tuple((start, tuple(loads)) for ((start, _), _), loads in zip(ranges, stations, strict=True))
    return MrImages(placed, {name: tuple(loads) for name, loads in channels.items()}, found, localizer, labels)


def station_ranges(slices: int, stations: int) -> list[tuple[int, int]]:
    """First slice of each station and the one after its last, in a composed stack of that many slices."""
    step = (1.0 - _STATION_OVERLAP) / stations
    spans = [(number * step, number * step + step + _STATION_OVERLAP) for number in range(stations)]
    return [(int(low * slices + 1e-9), min(round(high * slices), slices)) for low, high in spans]


def render_pet(study: Study, ids: Mapping[str, int], keep: Keep) -> PetImages:
    """Free-breathing PET: uptake averaged over the states of breathing; labels at the mean breath."""
    placed = study.grid_of("pet")
    grid = placed.grid
    layers = layers_of(study.build, study.posture)
    uptake = np.zeros(grid.shape_kji, np.float32)
    density: Floats = np.empty(grid.shape_kji, np.float32)
    labels: Labels = np.empty(grid.shape_kji, np.uint8)
    for part, share in BREATH_STATES:
        motion = replace(study.pet, breath_mm=study.breath_mm * part)
        is_mean = part == MEAN_BREATH
        for first, painted in painted_slabs(grid, motion, layers, (_SUV, _HU) if is_mean else (_SUV,), ids):
            here = slice(first, first + len(painted.labels))
            uptake[here] += np.float32(share) * painted.channels[0]
            if is_mean:
                density[here], labels[here] = painted.channels[1], painted.labels
    maps = tuple(keep(plane_bytes(mu_map(plane))) for plane in density)
    noise = study.draw("pet-sharp-noise")
    sharp = pet_volume(study, placed, pet_image(uptake, grid, noise, _SHARP_FWHM_MM, _SHARP_NOISE), keep)
    suv = pet_image(uptake, grid, study.draw("pet-noise"), _PET_FWHM_MM, _PET_NOISE)
    del uptake
    nac = pet_volume(study, placed, uncorrected(suv, density, grid), keep)
    del density
    return PetImages(placed, pet_volume(study, placed, suv, keep), sharp, nac, maps, labels)


def pet_volume(study: Study, placed: Placed, suv_kji: Floats, keep: Keep) -> PetVolume:
    """Store a reconstruction; its SUV becomes, in place, what the stored values stand for."""
    greatest = float(suv_kji.max()) if study.writing.one_slope else None
    planes = []
    for k, plane in enumerate(suv_kji):
        per_suv = study.per_suv(bed_of_slice(study, placed, k))
        reach = None if greatest is None else greatest * study.per_suv(0) / per_suv  # one range in the header's units
        stored, slope = stored_slice(plane, per_suv, reach)
        planes.append((slope, keep(plane_bytes(stored))))
        suv_kji[k] = stored * (float(slope) / per_suv)
    return PetVolume(tuple(planes), suv_kji)
