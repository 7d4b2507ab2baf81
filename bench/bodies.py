"""Pairs of synthetic sessions of one patient on 4 mm grids, with exact truth: images, labels, and where points lie in both.

Truth comes from `umd_curate.synth` alone: points of the organs in the CT are led to the standard body and from there to the
MR by the motions of both sessions. Nothing of the register room is used.
"""

from dataclasses import dataclass, replace

import numpy as np

from umd_curate.model.geometry import Volume
from umd_curate.store.resources import organ_table
from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.imaging import bias_field, dixon
from umd_curate.synth.motion import Rigid, waves_of
from umd_curate.synth.options import Matrices, Matrix, SynthOptions
from umd_curate.synth.paint import paint
from umd_curate.synth.schedule import Study, studies_of
from umd_curate.synth.tissues import LOOKS

GRID = Matrix(128, 256, 520, 1050)  # 4.06 x 4.06 x 4.10 mm
POINTS_PER_ORGAN = 25
CT_NOISE_HU, MR_NOISE = 22.0, 11.0
TURN_DEG, SHIFT_MM, WAVES_MM = 4.0, 15.0, 12.0  # between the sessions


@dataclass(frozen=True, eq=False)
class BodyPair:
    """CT and MR of two sessions, their labels, and points: where they lie in the CT and in the MR (RAS+ mm)."""

    ct: Volume
    mr: Volume
    ct_labels: Volume
    mr_labels: Volume
    ct_points: np.ndarray
    mr_points: np.ndarray
    organ_of_point: np.ndarray


def body_pair(seed: int) -> BodyPair:
    """One patient, scanned twice: arms up for the CT, arms down for the MR, another pose, breath and smooth deformation."""
    ct_study, mr_study = (replace(study, matrices=Matrices(GRID, GRID, GRID, GRID)) for study in _studies(seed))
    draw = np.random.default_rng(seed)
    pose = Rigid(_three(draw, TURN_DEG), _three(draw, SHIFT_MM))
    moved = replace(mr_study.anatomy, pose=pose, waves=waves_of(seed, 1, "bench", WAVES_MM))
    table = organ_table()
    ids = {organ.name: organ.id for organ in table}
    ct_grid, mr_grid = ct_study.grid_of("ct").grid, mr_study.grid_of("mr").grid
    ct = paint(ct_grid, ct_study.anatomy, layers_of(ct_study.build, ct_study.posture), (looks("hu"),), ids)
    both = (looks("water"), looks("fat"))
    mr = paint(mr_grid, moved, layers_of(mr_study.build, mr_study.posture), both, ids)
    field = bias_field(mr_grid, mr_study.draw("bias"), 0, mr_grid.shape_kji[0])
    in_phase = dixon(mr.channels[0] * field, mr.channels[1] * field)["in"]
    points, owner = organ_points(ct.labels, ct_grid.affine, draw)
    at_body = np.stack(ct_study.anatomy.to_body((points[:, 0], points[:, 1], points[:, 2])), axis=1)
    ct_image = np.clip(ct.channels[0] + draw.normal(0, CT_NOISE_HU, ct_grid.shape_kji), -1024, 3000)
    mr_image = np.abs(in_phase + draw.normal(0, MR_NOISE, mr_grid.shape_kji))
    return BodyPair(
        Volume(ct_image.astype(np.float32), ct_grid.affine),
        Volume(mr_image.astype(np.float32), mr_grid.affine),
        Volume(ct.labels, ct_grid.affine),
        Volume(mr.labels, mr_grid.affine),
        points,
        moved.to_scanner(at_body),
        owner,
    )


def _studies(seed: int) -> tuple[Study, Study]:
    ct, mr = studies_of(SynthOptions(subjects=1, seed=seed))[:2]
    return ct, mr


def looks(name: str) -> dict:
    """Value of each tissue in one of the images."""
    return {tissue: getattr(look, name) for tissue, look in LOOKS.items()}


def _three(draw: np.random.Generator, size: float) -> tuple[float, float, float]:
    x, y, z = draw.uniform(-size, size, 3)
    return float(x), float(y), float(z)


def organ_points(labels: np.ndarray, affine: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points inside every organ of a label map, RAS+ mm, and the organ of each."""
    points, owner = [], []
    for organ in organ_table():
        at = np.argwhere(labels == organ.id)
        if len(at):
            chosen = at[draw.choice(len(at), POINTS_PER_ORGAN, replace=len(at) < POINTS_PER_ORGAN)]
            points.append(chosen[:, ::-1] @ affine[:3, :3].T + affine[:3, 3])
            owner += [organ.id] * POINTS_PER_ORGAN
    return np.concatenate(points), np.array(owner)


def degraded(labels: Volume, draw: np.random.Generator, *, swap: bool) -> Volume:
    """Labels as a poor model gives them: each organ grown or shrunk by 2 voxels, 20 % missing, on one side two swapped."""
    array = np.zeros_like(labels.array_kji)
    ids = [int(n) for n in np.unique(labels.array_kji) if n]
    for organ in ids:
        mask = labels.array_kji == organ
        array[_grown(mask) if draw.random() < 0.5 else ~_grown(~mask)] = organ
    for organ in draw.choice(ids, round(0.2 * len(ids)), replace=False):
        array[array == organ] = 0
    if swap:
        a, b = draw.choice(ids, 2, replace=False)
        found = array.copy()
        found[array == a], found[array == b] = b, a
        array = found
    return Volume(array, labels.affine)


def _grown(mask: np.ndarray) -> np.ndarray:
    """Mask grown by 2 voxels along the axes."""
    for _ in range(2):
        wide = mask.copy()
        for axis in range(3):
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(None, -1), slice(1, None)
            wide[tuple(low)] |= mask[tuple(high)]
            wide[tuple(high)] |= mask[tuple(low)]
        mask = wide
    return mask
