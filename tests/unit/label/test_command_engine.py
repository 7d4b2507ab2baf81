"""Programs of the site as engines: the contract without a line of Python, each way of failing, and nothing left running."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.contracts import LabelEngineContract, good
from tests.unit.label.phantom import drawn, grid, label_case
from umd_curate.label.engine import Outcome, run_engine
from umd_curate.label.registry import load_engines
from umd_curate.label.subprocess_io import log_tail
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.geometry import Volume
from umd_curate.store.files import sha256_of

CT = grid((12, 16, 18), (14.0, 14.0, 18.0))
COPY = 'cp "$(dirname "$0")/labels.nii.gz" "$1/organs.nii.gz"'  # a model that finds what lies beside the image
END_S = 5.0  # within which a broken limit has ended everything


def engine_of(script, *, minutes=1.0, memory_gib=4.0, **settings):
    command = {
        "name": "site-model",
        "version": "1",
        "argv": ("/bin/sh", "-c", script, "{image}", "{out}"),
        "targets": ("ct", "mr"),
    } | settings
    config = LabelConfig(command=(command,), minutes=minutes, memory_gib=memory_gib)
    return load_engines(("site-model",), config)["site-model"]


class TestSiteCommand(LabelEngineContract):
    @pytest.fixture
    def engine(self):
        return engine_of(COPY)

    @pytest.fixture
    def case(self, tmp_path):
        return label_case(tmp_path, drawn(CT), CT)

    @pytest.fixture
    def empty_case(self, tmp_path):
        return label_case(tmp_path, Volume(np.zeros(CT.shape_kji, np.uint8), CT.affine), CT)


@pytest.fixture
def case(tmp_path):
    found = label_case(tmp_path, drawn(CT), CT)
    return type(found)(*(getattr(found, name) for name in found.__slots__[:-1]), tmp_path / "work")


def codes_of(engine, case):
    labelled = run_engine(engine, case)
    return labelled.outcome, [finding.code for finding in labelled.findings]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 3", "LAB-113"),
        ("kill -9 $$", "LAB-113"),
        ("true", "LAB-114"),
        (f'{COPY}; cp "$1/organs.nii.gz" "$1/again.nii.gz"', "LAB-114"),
        ('echo no image > "$1/organs.nii.gz"', "LAB-101"),
        ("/nowhere/at-all", "LAB-113"),
    ],
)
def test_each_way_of_failing_has_a_name_of_its_own(case, script, code):
    assert codes_of(engine_of(script), case) == (Outcome.FAILED, [code])


def test_another_grid_and_an_id_beyond_the_map_file_are_failures(case, tmp_path):
    names = tmp_path / "names.toml"
    names.write_text('1 = "liver"\n2 = "femur"\n', encoding="utf-8")
    assert codes_of(engine_of(COPY, map=str(names)), case) == (Outcome.FAILED, ["LAB-115"])
    other = label_case(tmp_path, drawn(grid((12, 16, 17), (14.0, 14.0, 18.0))), CT)
    assert codes_of(engine_of(COPY), other) == (Outcome.FAILED, ["LAB-110"])


def test_structures_beyond_the_organs_are_left_out_without_a_word(case, tmp_path):
    names = tmp_path / "names.toml"
    names.write_text("".join(f'{n} = "rib_{n}"\n' for n in range(2, 14)) + '1 = "liver"\n', encoding="utf-8")
    labelled = run_engine(engine_of(COPY, map=str(names)), case)
    assert (labelled.outcome, list(labelled.judged.ids), labelled.findings) == (Outcome.OK, ["liver"], ())


def sleepers(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes().decode(errors="replace").split("\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "way", ["sleep {mark}", "sleep {mark} & sleep {mark}", "setsid sleep {mark} & wait; sleep {mark}"]
)
def test_a_hung_engine_is_ended_with_its_children(case, way):
    mark = f"{3000 + os.getpid() % 1000}.5"
    began = time.monotonic()
    outcome = codes_of(engine_of(way.format(mark=mark), minutes=1 / 60), case)
    assert outcome == (Outcome.FAILED, ["LAB-111"])
    assert time.monotonic() - began < 1 + END_S
    assert sleepers(mark) == []


def test_children_that_an_engine_leaves_behind_are_ended_too(case):
    mark = f"{4000 + os.getpid() % 1000}.5"
    assert codes_of(engine_of(f"sleep {mark} & {COPY}"), case)[0] is Outcome.OK
    assert sleepers(mark) == []


def test_an_engine_that_takes_too_much_memory_is_ended(case):
    hungry = f"{sys.executable} -c 'import time; b = bytearray(300 << 20); time.sleep(60)'"
    assert codes_of(engine_of(hungry, memory_gib=0.2), case) == (Outcome.FAILED, ["LAB-112"])


def test_an_engine_does_not_outlive_the_program_that_asked_it(tmp_path):
    mark = f"{5000 + os.getpid() % 1000}.5"
    asker = f"""
import sys
from pathlib import Path
from umd_curate.label.processes_io import Process
process = Process(["/bin/sh", "-c", "sleep {mark} & sleep {mark}"], {{}}, Path({str(tmp_path / "log")!r}), stays=False)
print("started", flush=True)
process.wait(60, 1 << 40)
"""
    with subprocess.Popen([sys.executable, "-c", asker], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"started\n"
        wait_for(lambda: len(sleepers(mark)) == 2)
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not sleepers(mark))


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_record_of_a_run_lies_in_the_work_folder_and_names_no_path(case, tmp_path):
    good(engine_of(f'echo "reading $0"; {COPY}'), case)
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["run.json"]
    text = (tmp_path / "work" / "run.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert (record["engine"], record["exit_status"], record["limit_broken"]) == ("site-model", 0, None)
    assert record["log_tail"] == ["reading <path>"]
    assert record["seconds"] > 0
    assert str(tmp_path) not in text


def test_the_placeholders_are_filled_and_other_braces_stay(case, tmp_path):
    script = 'test "$2" = "ct cuda {other}" && test -f "$3/case_0000.nii.gz" && ' + COPY
    argv = ("/bin/sh", "-c", script, "{image}", "{out}", "{target} {device} {other}", "{folder}")
    assert codes_of(engine_of("", argv=argv, device="cuda"), case)[0] is Outcome.OK


def test_the_environment_is_bare(case, monkeypatch):
    monkeypatch.setenv("UMD_SECRET", "x")
    script = f'test -z "$UMD_SECRET$UMD_KEY_FILE" && test "$WANTED" = yes && {COPY}'
    assert codes_of(engine_of(script, environment={"WANTED": "yes"}), case)[0] is Outcome.OK


def test_weights_that_are_missing_or_changed_keep_it_from_starting(case, tmp_path):
    weights = tmp_path / "model.bin"
    weights.write_bytes(b"network")
    settings = {"weights": ({"path": str(weights), "sha256": sha256_of(weights)},)}
    assert engine_of(COPY, **settings).ready() == ()
    weights.write_bytes(b"changed")
    (said,) = engine_of(COPY, **settings).ready()
    assert "SHA-256" in said
    assert str(tmp_path) not in said
    weights.unlink()
    assert codes_of(engine_of(COPY, **settings), case) == (Outcome.NOT_READY, ["LAB-109"])


def test_a_program_that_is_not_there_is_told_before_it_is_started(case):
    engine = engine_of("", argv=("no-such-program-here", "{image}", "{out}"))
    assert engine.ready() == ("its program is not there",)


def test_the_tail_of_a_log_is_short_printable_and_without_paths(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(
        b"\x1b[31m" + b"x" * 1000 + b"\n" + b"".join(b"line %d in /data/SECRET/a.nii\n" % n for n in range(99))
    )
    tail = log_tail(log)
    assert len(tail) == 30
    assert all(len(line) <= 160 and line.isprintable() for line in tail)
    assert "SECRET" not in "".join(tail)
