"""A command that stays loads its model once: one process for all images, started anew when it fails or is killed."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts import LabelEngineContract, good
from tests.unit.label.phantom import drawn, grid, label_case
from tests.unit.label.test_command_engine import END_S, sleepers, wait_for
from umd_curate.label.engine import EngineDescription, Outcome, run_engine
from umd_curate.label.jobs_io import Collected, Command, Limits
from umd_curate.label.judge import Run
from umd_curate.label.subprocess_io import Subprocessed, end_staying
from umd_curate.model.geometry import Volume

CT = grid((12, 16, 18), (14.0, 14.0, 18.0))
SERVER = """
import json, os, shutil, sys, time
jobs = 0
for line in sys.stdin:
    order = json.loads(line)
    jobs += 1
    print("job", jobs, file=sys.stderr, flush=True)
    if order["mood"] == "hang": time.sleep(600)
    if order["mood"] == "die": os._exit(9)
    if order["mood"] == "fail": print("failed", flush=True); continue
    shutil.copy(order["from"], order["to"])
    open(order["pids"], "a").write(f"{os.getpid()}\\n")
    print("ok", flush=True)
"""


@dataclass
class Server:
    """A model engine whose process stays."""

    folder: Path
    mood: str = "work"

    def describe(self):
        return EngineDescription("server", "1", "model", frozenset({"ct"}))

    def ready(self):
        return ()

    def command(self, job):
        order = {
            "from": str(job.image.parent / "labels.nii.gz"),
            "to": str(job.folder / "out.nii.gz"),
            "pids": str(self.folder / "pids"),
            "mood": self.mood,
        }
        return Command((sys.executable, "-c", SERVER, str(self.folder)), {}, json.dumps(order))

    def collect(self, job):
        return Collected(job.folder / "out.nii.gz", None, Run({"server": "1"}))

    def pids(self):
        return (self.folder / "pids").read_text(encoding="ascii").split()


@pytest.fixture
def server(tmp_path):
    yield Server(tmp_path)
    end_staying()


@pytest.fixture
def case(tmp_path):
    return label_case(tmp_path, drawn(CT), CT)


def outcome(server, case, seconds=30.0):
    labelled = run_engine(Subprocessed(server, Limits(seconds, 4 << 30, start_seconds=seconds)), case)
    return labelled.outcome, [finding.code for finding in labelled.findings]


class TestStaying(LabelEngineContract):
    @pytest.fixture
    def engine(self, server):
        return Subprocessed(server, Limits(30.0, 4 << 30))

    @pytest.fixture
    def case(self, tmp_path):
        return label_case(tmp_path, drawn(CT), CT)

    @pytest.fixture
    def empty_case(self, tmp_path):
        return label_case(tmp_path, Volume(drawn(CT).array_kji * 0, CT.affine), CT)


def test_one_process_serves_all_images(server, case):
    for _ in range(3):
        assert outcome(server, case) == (Outcome.OK, [])
    assert len(server.pids()) == 3
    assert len(set(server.pids())) == 1


@pytest.mark.parametrize(("mood", "code"), [("fail", "LAB-113"), ("die", "LAB-113"), ("hang", "LAB-111")])
def test_after_a_failure_the_next_image_gets_a_fresh_process(server, case, mood, code):
    outcome(server, case)
    server.mood = mood
    assert outcome(server, case, seconds=1.0) == (Outcome.FAILED, [code])
    server.mood = "work"
    assert outcome(server, case) == (Outcome.OK, [])
    assert len(set(server.pids())) == 2
    assert sleepers(str(server.folder)) != [int(server.pids()[0])]


def test_it_is_ended_when_the_work_is_over(server, case):
    good(Subprocessed(server, Limits(30.0, 4 << 30)), case)
    assert sleepers(str(server.folder))
    end_staying()
    wait_for(lambda: not sleepers(str(server.folder)), END_S)
