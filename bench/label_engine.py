"""Seconds a case of the engine `totalsegmentator` with the small networks: one process for a batch against one for each case.

    make test-engines    (sets up the environment and the networks)
    UMD_ENGINES=.venv/engines .venv/bin/python bench/label_engine.py --cases 3

The network is a sixtieth of the published one, so what is measured is all that stands around it: libraries, reading,
resampling, writing. Wall seconds; CPU seconds are those of the ended processes.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from umd_curate.label.engine import LabelCase, run_engine
from umd_curate.label.registry import load_engines
from umd_curate.label.subprocess_io import end_staying
from umd_curate.model.config import LabelConfig
from umd_curate.model.geometry import Volume
from umd_curate.store.files import sha256_of
from umd_curate.store.nifti import read_grid, write_volume
from umd_curate.store.resources import organ_table
from umd_curate.synth import Size, SynthOptions
from umd_curate.synth.render import render_ct
from umd_curate.synth.scanners import Kind
from umd_curate.synth.schedule import studies_of


def body(folder: Path) -> Path:
    """A CT of the demo's size (192 x 192 x 160)."""
    study = next(one for one in studies_of(SynthOptions(subjects=1, seed=77, size=Size.DEMO)) if one.kind is Kind.PETCT)
    found = render_ct(study, {organ.name: organ.id for organ in organ_table()}, lambda data: lambda: data)
    shape = found.placed.grid.shape_kji
    stored = np.stack([np.frombuffer(load(), "<u2").reshape(shape[1:]) for load in found.low_dose])
    path = folder / "ct.nii.gz"
    write_volume(path, Volume(stored.astype(np.int16) - np.int16(1024), found.placed.grid.affine))
    return path


def seconds(image: Path, folder: Path, cases: int, *, batch: bool) -> dict[str, float]:
    """Wall and CPU seconds a case, and the greatest memory."""
    engine = load_engines(("totalsegmentator",), LabelConfig())["totalsegmentator"]
    began, cpu, peak = time.monotonic(), _cpu(), 0
    for number in range(cases):
        case = LabelCase(
            f"case-{number}", "ct", image, sha256_of(image), read_grid(image), organ_table(), (), folder / "w"
        )
        labelled = run_engine(engine, case)
        assert labelled.judged is not None, labelled.findings
        peak = max(peak, json.loads((folder / "w" / "run.json").read_text(encoding="utf-8"))["peak_memory_bytes"])
        if not batch:
            end_staying()
    end_staying()
    wall = time.monotonic() - began
    return {"wall_s": wall / cases, "cpu_s": (_cpu() - cpu) / cases, "peak_gib": peak / 2**30}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print one line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        image = body(Path(name))
        for batch in (True, False):
            found = seconds(image, Path(name), chosen.cases, batch=batch)
            print("batch     " if batch else "one by one", {key: round(value, 2) for key, value in found.items()})


if __name__ == "__main__":
    main()
