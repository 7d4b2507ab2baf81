"""Which way of bringing labels to a PET grid agrees best with labels drawn on it: ``python -m bench.labels_on_pet_grid``.

Twelve pairs of CT and PET grids with random origins; the reference gives each PET voxel the organ that holds most of 7 x 7 x 7
points of it, drawn from the analytic phantom without any CT grid in between.
"""

import time
from collections import defaultdict

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the name that the field uses)

from tests.unit.label.phantom import dice, drawn, grid
from umd_curate.label.majority import largest_parts
from umd_curate.model.geometry import Grid, Volume

CT_SPACINGS_MM = [(0.98, 0.98, 1.5), (1.17, 1.17, 3.27), (1.52, 1.52, 2.0), (1.95, 1.95, 1.95)]
PET_SPACINGS_MM = [(4.07, 4.07, 4.07), (2.73, 2.73, 3.27), (4.07, 4.07, 2.03)]
EXTENT_MM = (230, 190, 250)
PAIRS = 12


def by_itk(labels: Volume, fixed: Grid, interpolator: int) -> np.ndarray:
    """Label map on `fixed` by an interpolator of SimpleITK; both grids are axis-aligned."""
    reference = _image(np.zeros(fixed.shape_kji, np.uint8), fixed)
    moved = sitk.Resample(_image(labels.array_kji, labels.grid), reference, sitk.Transform(), interpolator, 0)
    return sitk.GetArrayFromImage(moved)


def main() -> None:
    """Print mean and least Dice and CPU seconds of each way."""
    ways = {
        "largest part": lambda labels, fixed: largest_parts(labels, fixed).array_kji,
        "LabelGaussian": lambda labels, fixed: by_itk(labels, fixed, sitk.sitkLabelGaussian),
        "nearest": lambda labels, fixed: by_itk(labels, fixed, sitk.sitkNearestNeighbor),
    }
    random = np.random.default_rng(7)
    scores, seconds = defaultdict(list), defaultdict(float)
    for pair in range(PAIRS):
        ct = _random_grid(random, CT_SPACINGS_MM[pair % len(CT_SPACINGS_MM)])
        pet = _random_grid(random, PET_SPACINGS_MM[pair % len(PET_SPACINGS_MM)])
        labels, reference = drawn(ct), drawn(pet, samples=7).array_kji
        for name, way in ways.items():
            started = time.process_time()
            result = way(labels, pet)
            seconds[name] += time.process_time() - started
            scores[name].append(list(dice(result, reference).values()))
    for name in ways:
        print(f"{name:14s} mean {np.mean(scores[name]):.4f} least {np.min(scores[name]):.4f} CPU {seconds[name]:.2f} s")


def _random_grid(random: np.random.Generator, spacing_mm: tuple[float, float, float]) -> Grid:
    shape = [int(extent / step) for extent, step in zip(EXTENT_MM[::-1], spacing_mm[::-1], strict=True)]
    return grid(shape, spacing_mm, random.uniform(-2, 2, 3))


def _image(array_kji: np.ndarray, on: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(array_kji)
    image.SetSpacing(on.spacing_mm)
    image.SetOrigin(on.affine[:3, 3].tolist())
    return image


if __name__ == "__main__":
    main()
