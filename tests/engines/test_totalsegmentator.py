"""Unpatched TotalSegmentator in its own environment, with small networks of our own, on synthetic bodies it has never seen.

Run by `make test-engines`, which sets up the environment and takes in the weights of tests/weights.
"""

import json
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.contracts import LabelEngineContract, good
from umd_curate.label import totalsegmentator_child_io
from umd_curate.label.engine import LabelCase, Outcome, run_engine
from umd_curate.label.engines.totalsegmentator import labels, tables
from umd_curate.label.jobs_io import Job
from umd_curate.label.registry import engine_folder, load_engines
from umd_curate.label.subprocess_io import end_staying
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.geometry import Volume
from umd_curate.store.files import sha256_of
from umd_curate.store.nifti import write_volume
from umd_curate.store.resources import organ_table
from umd_curate.synth import Size, SynthOptions
from umd_curate.synth.render import render_ct, render_mr
from umd_curate.synth.scanners import Kind
from umd_curate.synth.schedule import studies_of

pytestmark = [pytest.mark.weights, pytest.mark.timeout(900)]

UNSEEN_SEED = 20_261  # the networks were trained on the cohort of another seed
MIN_MEAN_DICE = 0.85
ORGANS = organ_table("umd")
IDS = {organ.name: organ.id for organ in ORGANS}
FOLDER = engine_folder(LabelConfig()) / "totalsegmentator"


def planes(loads, grid, offset):
    stored = [np.frombuffer(load(), "<u2").reshape(grid.shape_kji[1:]) for load in loads]
    return np.stack(stored).astype(np.int16) - np.int16(offset)


def body(kind, number):
    """Image and true labels of an unseen body on the grid of the demo: (volume, labels)."""
    studies = studies_of(SynthOptions(subjects=6, seed=UNSEEN_SEED, size=Size.DEMO))
    study = [one for one in studies if one.kind is kind][number]
    if kind is Kind.PETCT:
        found = render_ct(study, IDS, lambda data: lambda: data)
        image = planes(found.low_dose, found.placed.grid, 1024)
    else:
        found = render_mr(study, IDS, lambda data: lambda: data)
        image = planes(found.channels["in"], found.placed.grid, 0)
    return Volume(image, found.placed.grid.affine), found.labels


def case_of(folder, volume, target="ct"):
    image = folder / "image.nii.gz"
    write_volume(image, volume)
    return LabelCase("sub-7K3QF2_ses-petct1", target, image, sha256_of(image), volume.grid, ORGANS, (), folder / "work")


@pytest.fixture(scope="module")
def engine():
    yield load_engines(("totalsegmentator",), LabelConfig())["totalsegmentator"]
    end_staying()


def part_of(volume, low, high):
    """The slices of a part of the body, by height [0 feet, 1 head]."""
    n = volume.grid.shape_kji[0]
    first, last = int(low * n), int(high * n)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * first
    return Volume(np.ascontiguousarray(volume.array_kji[first:last]), affine)


@pytest.fixture(scope="module")
def chest():
    return part_of(body(Kind.PETCT, 0)[0], 0.45, 0.65)


class TestTotalSegmentator(LabelEngineContract):
    @pytest.fixture
    def engine(self, engine):
        return engine

    @pytest.fixture
    def case(self, tmp_path, chest):
        return case_of(tmp_path, chest)

    @pytest.fixture
    def empty_case(self, tmp_path):
        return case_of(tmp_path, Volume(np.full((104, 64, 72), -1000, np.int16), np.diag([6.0, 6.0, 6.0, 1.0])))


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("kind", "target"), [(Kind.PETCT, "ct"), (Kind.PETMRI, "mr")])
def test_all_organs_of_an_unseen_body_are_found(engine, tmp_path, kind, target, number, record_property):
    volume, truth = body(kind, number)
    judged = good(engine, case_of(tmp_path, volume, target)).judged
    found = judged.volume.array_kji
    dice = {
        name: 2 * int(((found == n) & (truth == n)).sum()) / int((found == n).sum() + (truth == n).sum())
        for name, n in IDS.items()
    }
    record = json.loads((tmp_path / "work" / "run.json").read_text(encoding="utf-8"))
    mean = float(np.mean(list(dice.values())))
    print(
        f"\n{target} {number}: mean Dice {mean:.3f}, {record['seconds']} s, {record['peak_memory_bytes'] >> 20} MiB, "
        + ", ".join(f"{name} {score:.2f}" for name, score in dice.items())
    )
    assert set(judged.ids) == set(IDS)
    assert mean >= MIN_MEAN_DICE, dice
    assert set(judged.drawing.run.versions) == {"nnunetv2", "torch", "totalsegmentator"}
    assert len(judged.drawing.run.weights) == 3


def test_the_labels_are_those_of_the_program_s_own_interface(engine, tmp_path, chest):
    case = case_of(tmp_path, chest)
    judged = good(engine, case).judged
    call = (
        "import sys; from totalsegmentator.python_api import totalsegmentator\n"
        "if __name__ == '__main__': totalsegmentator(sys.argv[1], sys.argv[2], ml=True, fast=True, task='total', device='cpu', quiet=True)\n"
    )
    (tmp_path / "call.py").write_text(call, encoding="utf-8")
    variables = {"TOTALSEG_HOME_DIR": str(FOLDER / "home"), "TOTALSEG_WEIGHTS_PATH": str(FOLDER / "weights")}
    python = FOLDER / "env" / "bin" / "python"
    subprocess.run([python, tmp_path / "call.py", case.image, tmp_path / "direct.nii.gz"], env=variables, check=True)
    direct = np.asarray(nib.load(tmp_path / "direct.nii.gz").dataobj).T
    wanted = np.zeros_like(judged.volume.array_kji)
    for number, name in labels("total").items():
        organ = ORGANS.named(name)
        if organ:
            wanted[direct == number] = organ.id
    assert np.array_equal(judged.volume.array_kji, wanted)


def test_usage_statistics_are_off_and_the_process_reaches_no_network(engine, tmp_path):
    (FOLDER / "home" / "config.json").unlink(missing_ok=True)
    engine.engine.command(Job("ct", tmp_path / "image.nii.gz", tmp_path, ORGANS))
    assert json.loads((FOLDER / "home" / "config.json").read_text(encoding="utf-8"))["send_usage_stats"] is False
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(2)
        call = (
            f"import runpy; runpy.run_path({totalsegmentator_child_io.__file__!r}, run_name='__mp_main__')\n"
            f"import requests\n"
            f"try: requests.get('http://127.0.0.1:{server.getsockname()[1]}', timeout=2)\n"
            "except requests.ConnectionError as error: print('refused', 'offline' in str(error))\n"
        )
        python = FOLDER / "env" / "bin" / "python"
        done = subprocess.run([python, "-I", "-c", call], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["refused", "True"]
        with pytest.raises(TimeoutError):
            server.accept()


def test_pet_is_refused_before_the_program_starts(engine, tmp_path, chest):
    labelled = run_engine(engine, replace(case_of(tmp_path, chest), target="pet"))
    assert (labelled.outcome, labelled.findings[0].code) == (Outcome.FAILED, "LAB-108")
    assert not (tmp_path / "work").exists()


def test_our_table_of_names_is_the_installed_one():
    call = "import json; from totalsegmentator.map_to_binary import class_map as m; print(json.dumps([m['total'], m['total_mr']]))"
    done = subprocess.run([FOLDER / "env/bin/python", "-I", "-c", call], capture_output=True, text=True, check=True)
    for task, theirs in zip(("total", "total_mr"), json.loads(done.stdout), strict=True):
        assert labels(task) == {int(number): name for number, name in theirs.items()}


def test_our_table_of_weights_is_the_installed_one():
    call = (
        "import json; from totalsegmentator.map_tasks_config import TASK_CONFIGS as t, TASK_ID_WEIGHTS_CONFIGS as w\n"
        "ids = lambda v: v if isinstance(v, list) else [v]\n"
        "print(json.dumps({n: {m: [w[i]['foldername'] for i in ids(c['task_id'])] for m, c in t[n]['sub_modes'].items()}"
        " for n in ('total', 'total_mr')}))"
    )
    done = subprocess.run([FOLDER / "env/bin/python", "-I", "-c", call], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    for task in tables()["tasks"].values():
        modes = theirs[task["task"]]
        assert task["fast"] == modes["fast"]
        assert set(task["full"]) == {*modes["default"], *modes["fast"]}


def test_the_tiny_weights_are_the_committed_ones():
    committed = json.loads((Path(__file__).parents[1] / "weights/weights.json").read_text(encoding="utf-8"))
    taken_in = json.loads((FOLDER / "weights/weights.json").read_text(encoding="utf-8"))
    assert taken_in == committed
