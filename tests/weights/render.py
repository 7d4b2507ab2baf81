"""Renders bodies of the synthetic cohort on the grid on which the tiny models are trained.

    python tests/weights/render.py --out build/tiny-models --modality ct

Runs in the project's environment and writes one .npz per body: `image` (int16: HU, or MR signal) and `labels` (uint8: ids
of TotalSegmentator's task), both [k, j, i] with i to the right, j to the front, k up. `train.py` runs in the engine's
environment and needs nothing but these files.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from umd_curate.model.geometry import Grid
from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.imaging import CT_OFFSET_HU, bias_field, ct_stored, mr_stored, table_top
from umd_curate.synth.options import Matrices, Matrix, SynthOptions
from umd_curate.synth.paint import centres, paint
from umd_curate.synth.scanners import Kind
from umd_curate.synth.schedule import Study, studies_of
from umd_curate.synth.tissues import LOOKS

TRAINING_SEED = 710_000  # of the cohort of the training bodies; no test uses it
TRAINING = Matrices(  # 6.5 mm each way
    ct=Matrix(80, 162, 520.0, 1053.0),
    pet=Matrix(40, 56, 560.0, 1050.0),
    mr=Matrix(83, 162, 539.5, 1053.0),
    mr_pet=Matrix(40, 56, 560.0, 1050.0),
)
CT_NOISE_HU, MR_NOISE = 16.0, 9.0  # of a demo image after it was resampled to this grid

# Ids of TotalSegmentator's tasks `total` and `total_mr`; the lungs of the synthetic body are divided below.
_SHARED = {"spleen": 1, "kidney_right": 2, "kidney_left": 3, "liver": 5, "stomach": 6, "pancreas": 7}
CT_IDS = {**_SHARED, "lung": 10, "esophagus": 15, "colon": 20, "urinary_bladder": 21, "heart": 51, "aorta": 52,
          "brain": 90}  # fmt: skip
MR_IDS = {**_SHARED, "lung": 10, "esophagus": 12, "colon": 15, "urinary_bladder": 16, "heart": 22, "aorta": 23,
          "brain": 50}  # fmt: skip
_FISSURE_MM, _LEAN, _MINOR_FISSURE_MM = -440.0, 0.8, -436.0  # planes in the standard body that divide the lungs


def lung_parts(study: Study, grid: Grid, *, lobes: bool) -> np.ndarray:
    """Id of the part of a lung that each voxel would belong to, uint8 [k, j, i].

    The synthetic lungs are one organ; its parts are told by planes in the standard body, so that the model answers in
    TotalSegmentator's own words: five lobes on CT, two lungs on MR.
    """
    x, y, z = study.anatomy.to_body(centres(grid, 0, grid.shape_kji[0]))
    right = x > 0
    if not lobes:
        return np.where(right, 11, 10).astype(np.uint8)
    upper = z > _FISSURE_MM - _LEAN * y
    middle = upper & (z < _MINOR_FISSURE_MM)
    on_right = np.where(middle, 13, np.where(upper, 12, 14))
    return np.where(right, on_right, np.where(upper, 10, 11)).astype(np.uint8)


def rendered(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels of one study, [k, j, i] in RAS order."""
    is_ct = study.kind is Kind.PETCT
    grid = study.grid_of("ct" if is_ct else "mr").grid
    ids = CT_IDS if is_ct else MR_IDS
    layers = layers_of(study.build, study.posture)
    draw = study.draw("tiny-model")
    if is_ct:
        painted = paint(grid, study.anatomy, layers, ({t: look.hu for t, look in LOOKS.items()},), ids)
        hu = painted.channels[0]
        table_top(hu, grid, 0, study.anatomy.offset_mm[:2])
        image = ct_stored(hu, draw, CT_NOISE_HU).astype(np.int16) - CT_OFFSET_HU
    else:
        water = {t: look.water for t, look in LOOKS.items()}
        fat = {t: look.fat for t, look in LOOKS.items()}
        painted = paint(grid, study.anatomy, layers, (water, fat), ids)
        field = bias_field(grid, study.draw("bias"), 0, grid.shape_kji[0])
        image = mr_stored((painted.channels[0] + painted.channels[1]) * field, draw, MR_NOISE).astype(np.int16)
    labels = painted.labels.copy()
    lung = labels == ids["lung"]
    labels[lung] = lung_parts(study, grid, lobes=is_ct)[lung]
    order = tuple(slice(None, None, int(np.sign(grid.affine[axis, axis]))) for axis in (2, 1, 0))
    return np.ascontiguousarray(image[order]), np.ascontiguousarray(labels[order])


def main() -> None:
    """Write the training bodies of one modality."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--modality", choices=["ct", "mr"], required=True)
    parser.add_argument("--bodies", type=int, default=24)
    chosen = parser.parse_args()
    kind = Kind.PETCT if chosen.modality == "ct" else Kind.PETMRI
    planned = studies_of(SynthOptions(subjects=2 * chosen.bodies, seed=TRAINING_SEED))
    studies = [study for study in planned if study.kind is kind][: chosen.bodies]
    folder = chosen.out / chosen.modality
    folder.mkdir(parents=True, exist_ok=True)
    for number, study in enumerate(studies):
        image, labels = rendered(replace(study, matrices=TRAINING))
        np.savez_compressed(folder / f"body-{number:02d}.npz", image=image, labels=labels)
    print(f"{len(studies)} bodies in {folder}")


if __name__ == "__main__":
    main()
