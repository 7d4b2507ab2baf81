"""The motion gate on synthetic scans with and without motion: ``python -m bench.registration_motion``.

The truth is that of `umd_curate.synth`: points of 13 organs, led from the PET to the CT or MR through the standard body.
"""

import time
from dataclasses import replace

import numpy as np

from bench.bodies import CT_NOISE_HU, GRID, MR_NOISE, looks, organ_points
from umd_curate.model.geometry import Volume
from umd_curate.register.engines.builtin import SimpleItkEngine
from umd_curate.register.engines.masks import side_of
from umd_curate.register.motion import measure_motion
from umd_curate.store.resources import organ_table
from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.imaging import BREATH_STATES, dixon, pet_image
from umd_curate.synth.motion import Rigid
from umd_curate.synth.options import Matrices, Matrix, SynthOptions
from umd_curate.synth.paint import paint
from umd_curate.synth.schedule import studies_of

PET = Matrix(96, 200, 560, 1050)
STILL, MOVED = Rigid(), Rigid((1.0, -0.8, 0.5), (4.0, -5.0, 5.0))
SCANS = ((1, 0, STILL), (2, 0, STILL), (2, 0, MOVED), (3, 1, STILL), (3, 1, MOVED))  # seed, CT or MR, motion


def main() -> None:
    """Print what the gate says of each scan, and the errors before and after its correction."""
    brain = next(organ.id for organ in organ_table() if organ.name == "brain")
    for seed, which, drift in SCANS:
        modality, anatomy, pet, there, here, owner = scan(seed, which, drift)
        started = time.process_time()
        found = measure_motion(side_of("pet", pet), side_of(modality, anatomy), SimpleItkEngine())
        cpu = time.process_time() - started
        before = np.linalg.norm(here - there, axis=1)
        after = np.linalg.norm(found.common.points(here) - there, axis=1)
        regions = ", ".join(f"{name} {region.shift_mm:.1f}" for name, region in found.regions.items())
        print(
            f"{modality} seed {seed}: {found.verdict}; mm: {regions}; error {before.mean():.2f} -> {after.mean():.2f}, "
            f"brain {before[owner == brain].mean():.2f} -> {after[owner == brain].mean():.2f}; CPU {cpu:.1f} s"
        )


def scan(seed: int, which: int, drift: Rigid) -> tuple[str, Volume, Volume, np.ndarray, np.ndarray, np.ndarray]:
    """Modality, CT or MR, PET, points in the CT or MR and in the PET, and the organ of each."""
    study = studies_of(SynthOptions(subjects=1, seed=seed))[which]
    study = replace(study, matrices=Matrices(GRID, PET, GRID, PET))
    modality = ("ct", "mr")[which]
    draw = np.random.default_rng(seed)
    ids = {organ.name: organ.id for organ in organ_table()}
    grid, pet_grid = study.grid_of(modality).grid, study.grid_of("pet").grid
    layers = layers_of(study.build, study.posture)
    colours = (looks("hu"),) if modality == "ct" else (looks("water"), looks("fat"))
    painted = paint(grid, study.anatomy, layers, colours, ids)
    if modality == "ct":
        values = painted.channels[0] + draw.normal(0, CT_NOISE_HU, grid.shape_kji)
    else:
        values = np.abs(dixon(*painted.channels)["in"] + draw.normal(0, MR_NOISE, grid.shape_kji))
    uptake = np.zeros(pet_grid.shape_kji, np.float32)
    for part, share in BREATH_STATES:
        body = replace(study.pet, breath_mm=study.breath_mm * part, drift=drift)
        uptake += np.float32(share) * paint(pet_grid, body, layers, (looks("suv"),), ids).channels[0]
    suv = pet_image(uptake, pet_grid, np.random.default_rng(seed + 5), 6.0, 0.10)
    points, owner = organ_points(painted.labels, grid.affine, draw)
    at_body = np.stack(study.anatomy.to_body((points[:, 0], points[:, 1], points[:, 2])), axis=1)
    in_pet = replace(study.pet, drift=drift).to_scanner(at_body)
    return modality, Volume(values.astype(np.float32), grid.affine), Volume(suv, pet_grid.affine), points, in_pet, owner


if __name__ == "__main__":
    main()
