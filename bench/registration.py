"""PET/MR to PET/CT of one body, ours against antspyx and greedy: ``python -m bench.registration --peers PEER_PYTHON``.

Five synthetic patients on a 4 mm grid (see `bench/bodies.py`). Every tool gets the same two images and one thread; its answer
is read as the moving coordinates that it puts at each fixed voxel. CPU seconds are those of the registration alone, without
reading and writing. PEER_PYTHON is the python of the venv that holds bench/requirements.txt.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import nibabel as nib
import numpy as np

from bench.bodies import BodyPair, body_pair, degraded
from umd_curate.model.geometry import Volume, apply_affine
from umd_curate.model.transforms import Deformation, Rigid
from umd_curate.register.engines.builtin import SimpleItkEngine
from umd_curate.register.engines.masks import side_of
from umd_curate.register.field import sample
from umd_curate.register.fit_io import Fitted, fit_pair
from umd_curate.register.measures import lead
from umd_curate.register.protocol import Side
from umd_curate.store.resources import organ_table

SEEDS = (1, 2, 3, 4, 5)
PEERS = ("greedy rigid", "greedy rigid + WNCC", "greedy rigid + NMI", "antspyx rigid + SyN")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "OMP_NUM_THREADS": "1"}


def main() -> None:
    """Print one row per tool and set of labels."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="python of the venv with antspyx and picsl-greedy")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    options = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in options.seeds:
        pair = body_pair(seed)
        for name, row in ours(pair, seed):
            rows[name].append(row)
            print(seed, name, {key: round(value, 3) for key, value in row.items()}, flush=True)
        for name, row in peers(pair, options.peers) if options.peers else ():
            rows[name].append(row)
            print(seed, name, {key: round(value, 3) for key, value in row.items()}, flush=True)
    print("| method | CPU s | TRE mean | TRE p95 | worst seed mean | Dice | min Jacobian | inconsistency mm |")
    for name, found in rows.items():
        mean = {key: float(np.mean([row[key] for row in found if key in row])) for key in found[0]}
        least = min((row["jacobian"] for row in found if "jacobian" in row), default=float("nan"))
        print(
            f"| {name} | {mean['cpu']:.1f} | {mean['tre']:.2f} | {mean['p95']:.2f} | {max(r['tre'] for r in found):.2f} "
            f"| {mean['dice']:.3f} | {least:.2f} | {mean.get('inconsistency', float('nan')):.3f} |"
        )


def ours(pair: BodyPair, seed: int) -> list[tuple[str, dict[str, float]]]:
    """Header, rigid, and deformable with exact and with degraded labels."""
    header = _scored(pair, Rigid.identity(), 0.0)
    found = [("header", header)]
    draw = np.random.default_rng(seed + 70)
    poor = degraded(pair.ct_labels, draw, swap=False), degraded(pair.mr_labels, draw, swap=True)
    labels = {
        "exact labels": (pair.ct_labels, pair.mr_labels),
        "degraded labels": poor,
        "no labels": (None, None),
    }
    for name, (ct_labels, mr_labels) in labels.items():
        started = time.process_time()
        fixed, moving = side_of("ct", pair.ct, ct_labels), side_of("mr", pair.mr, mr_labels)
        fitted = fit_pair(fixed, moving, _Timed(), deforms=True, names={}, min_overlap=0.05)
        row = _scored(pair, fitted.deformation or fitted.rigid, time.process_time() - started)
        if name == "exact labels":
            found.append(("umd-curate rigid", _scored(pair, fitted.rigid, _Timed.rigid_cpu)))
        found.append((f"umd-curate deformable, {name}", row | _of(fitted)))
    return found


def _of(fitted: Fitted) -> dict[str, float]:
    assert fitted.deformed is not None
    return {
        "jacobian": fitted.deformed.jacobian_min,
        "inconsistency": fitted.deformed.inconsistency_mean_mm,
        "kept": float(fitted.deformed.kept),
    }


class _Timed(SimpleItkEngine):
    """The engine, which notes what its first rigid fit cost."""

    rigid_cpu = 0.0

    def rigid(self, fixed: Side, moving: Side, start: Rigid | None = None) -> Rigid:
        """Time the fit from scratch."""
        started = time.process_time()
        found = super().rigid(fixed, moving, start)
        if start is None:
            _Timed.rigid_cpu = time.process_time() - started
        return found


def _scored(pair: BodyPair, found: Rigid | Deformation, cpu: float) -> dict[str, float]:
    error = np.linalg.norm(lead(pair.ct_points, found) - pair.mr_points, axis=1)
    grid = pair.ct.grid
    k, j, i = (np.arange(n) for n in grid.shape_kji)
    ijk = np.stack(np.meshgrid(k, j, i, indexing="ij"), -1).reshape(-1, 3)[:, ::-1]
    dice = _dice(pair, lead(apply_affine(grid.affine, ijk), found))
    return {"cpu": cpu, "tre": float(error.mean()), "p95": float(np.percentile(error, 95)), "dice": dice}


def _dice(pair: BodyPair, moving_points: np.ndarray) -> float:
    """Mean Dice of the organs, the exact labels of the MR read at the moving points of all fixed voxels."""
    at = np.rint(apply_affine(np.linalg.inv(pair.mr.affine), moving_points)).astype(int)[:, ::-1]
    shape = np.array(pair.mr_labels.array_kji.shape)
    inside = ((at >= 0) & (at < shape)).all(axis=1)
    carried = np.zeros(len(at), np.uint8)
    carried[inside] = pair.mr_labels.array_kji[tuple(at[inside].T)]
    fixed = pair.ct_labels.array_kji.ravel()
    scores = []
    for organ in organ_table():
        a, b = fixed == organ.id, carried == organ.id
        if a.any() and b.any():
            scores.append(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))
    return float(np.mean(scores))


def peers(pair: BodyPair, python: str) -> list[tuple[str, dict[str, float]]]:
    """The other tools, each in a process of its own."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _save(root / "fixed.nii.gz", pair.ct)
        _save(root / "moving.nii.gz", pair.mr)
        k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in pair.mr.grid.shape_kji), indexing="ij")
        ras = apply_affine(pair.mr.affine, np.stack([i, j, k], -1).reshape(-1, 3)).reshape(*i.shape, 3)
        for axis, name in enumerate("xyz"):
            _save(root / f"moving_{name}.nii.gz", Volume(ras[..., axis].astype(np.float32), pair.mr.affine))
        for name in PEERS:
            command = [python, str(Path(__file__).with_name("registration_peer.py")), name, folder]
            run = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
            cpu = json.loads(run.stdout.strip().splitlines()[-1])["cpu"]
            maps = [np.asanyarray(nib.load(root / f"out_{axis}.nii.gz").dataobj).T for axis in "xyz"]
            where = np.stack(maps, -1).astype(np.float32)
            at = apply_affine(np.linalg.inv(pair.ct.affine), pair.ct_points)[:, ::-1].T.astype(np.float32)
            error = np.linalg.norm(sample(where, list(at)) - pair.mr_points, axis=1)
            dice = _dice(pair, where.reshape(-1, 3))
            row = {"cpu": cpu, "tre": float(error.mean()), "p95": float(np.percentile(error, 95)), "dice": dice}
            found.append((name, row))
    return found


def _save(path: Path, volume: Volume) -> None:
    nib.save(nib.Nifti1Image(volume.array_kji.T, volume.affine), path)


if __name__ == "__main__":
    main()
