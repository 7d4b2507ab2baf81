"""Worker processes: the same outcomes as in one process, and one that dies takes nothing but its own case with it."""

import asyncio
import gc
import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from distributed import Security
from distributed.comm import CommClosedError, connect

from tests.culprits import deadly, doubled, pid_of, task
from umd_curate.errors import CurateError, GateRefused
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_run import RunConfig
from umd_curate.model.receipts import State
from umd_curate.pipeline.cluster import ClusterExecutor
from umd_curate.pipeline.executor import InProcessExecutor
from umd_curate.store.workspace import create_workspace

# An interrupted case leaves its pipes to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONFIG = UmdConfig()
MEMORY_GIB = 1.2  # for two workers: 614 MiB each, of which Python with Dask takes a good hundred
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _collected():
    """Collect what is left while warnings of it are heard here, not in a test of another file."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return create_workspace(tmp_path_factory.mktemp("workers") / "workspace")


@pytest.fixture(scope="module")
def cluster(workspace):
    settings = RunConfig(workers=2, memory_gib=MEMORY_GIB)
    with ClusterExecutor(2, settings, workspace.private, lambda _: None) as executor:
        list(executor.run([task("first")], workspace, CONFIG))  # the processes are there from now on
        yield executor


def test_short_work_is_mapped_without_starting_a_worker(tmp_path, monkeypatch):
    with ClusterExecutor(2, RunConfig(), tmp_path, lambda _: None) as executor:
        assert list(executor.map(doubled, range(10))) == [2 * number for number in range(10)]
        assert executor._crew is None
        monkeypatch.setattr("umd_curate.pipeline.cluster.PATIENCE_S", 0)
        assert list(executor.map(pid_of, range(4))) != [os.getpid()] * 4
        assert executor._crew is not None


def is_loaded(name):
    return name in sys.modules


def parent_of(_):
    return os.getppid()


def by_unit(outcomes):
    return {outcome.receipt.unit: outcome.receipt for outcome in outcomes}


def tries(workspace):
    return Counter((workspace.private / "trial" / "tries").read_text().split())


def test_receipts_are_those_of_one_process(cluster, workspace, tmp_path):
    tasks = [
        task(f"same-{number}", does) for number, does in enumerate(["write", "refuse", "write", "stumble", "write"])
    ]
    here = create_workspace(tmp_path / "workspace")
    spread = by_unit(cluster.run(tasks, workspace, CONFIG))
    assert spread == by_unit(InProcessExecutor().run(tasks, here, CONFIG))
    assert [spread[f"same-{number}"].state for number in range(5)] == ["done", "quarantined", "done", "failed", "done"]
    assert "nobody foresaw this" in (workspace.private / "logs" / "trial-same-3.log").read_text()


def test_only_the_culprits_fail_and_each_was_tried_twice(cluster, workspace):
    culprits = [task("killed", "be killed"), task("crashed", "crash"), task("greedy", "take memory", mib=2000)]
    innocents = [task(f"innocent-{number}", "wait", seconds=0.02) for number in range(24)]
    mixed = [*innocents[:8], culprits[0], *innocents[8:16], culprits[1], *innocents[16:], culprits[2]]
    receipts = by_unit(cluster.run(mixed, workspace, CONFIG))
    failed = {name: receipt.findings[0].code for name, receipt in receipts.items() if receipt.state is State.FAILED}
    assert failed == {"killed": "RUN-902", "crashed": "RUN-902", "greedy": "RUN-903"}
    assert len(receipts) == len(mixed)
    assert {tries(workspace)[name] for name in failed} == {2}
    assert receipts["killed"].key == "key-killed"


def test_a_crash_leaves_its_place_in_the_private_log_and_nothing_else_does(cluster, workspace):
    receipts = by_unit(
        cluster.run([task("crashed-alone", "crash"), task("killed-alone", "be killed")], workspace, CONFIG)
    )
    logs = sorted(path.name for path in (workspace.private / "logs").glob("*-alone*"))
    assert logs == ["trial-crashed-alone.crash.log"]
    assert "in perform" in (workspace.private / "logs" / logs[0]).read_text()
    assert receipts["crashed-alone"].findings[0].detail.endswith("it crashed")
    assert receipts["killed-alone"].findings[0].detail.endswith("it was killed from outside")


def test_a_case_that_needs_more_than_its_share_is_done_alone(cluster, workspace):
    (outcome,) = cluster.run([task("large", "take memory", mib=700)], workspace, CONFIG)
    assert outcome.receipt.state is State.DONE
    assert outcome.receipt.measured["held_mib"] == 700
    assert tries(workspace)["large"] == 2


def test_a_case_whose_process_died_by_chance_is_done_at_the_second_try(cluster, workspace):
    (outcome,) = cluster.run([task("unlucky", "die once")], workspace, CONFIG)
    assert outcome.receipt.state is State.DONE


def test_each_case_is_measured_by_itself_in_its_worker(cluster, workspace):
    def tasks():
        yield task("heavy", "take memory", mib=300, size=2)
        yield from (task(f"light-{number}", "wait", seconds=0.6) for number in range(3))

    usage = {outcome.receipt.unit: outcome.usage for outcome in cluster.run(tasks(), workspace, CONFIG)}
    assert usage["heavy"].peak_rss_mib > 300
    assert max(usage[f"light-{number}"].peak_rss_mib for number in range(3)) < 300
    assert usage["heavy"].seconds > 1
    assert usage["heavy"].cpu_seconds < usage["heavy"].seconds


def test_the_largest_case_begins_first(cluster, workspace):
    tasks = [task(f"sized-{size}", size=size) for size in (1, 5, 3, 4, 2)]
    assert {outcome.receipt.state for outcome in cluster.run(tasks, workspace, CONFIG)} == {State.DONE}
    begun = [name for name in (workspace.private / "trial" / "tries").read_text().split() if name.startswith("sized")]
    assert begun.index("sized-1") >= 3  # it waits until all but one of the larger have ended
    assert begun.index("sized-2") >= 2


def test_a_run_that_cannot_go_on_ends_with_the_error_of_the_worker(cluster, workspace):
    with pytest.raises(GateRefused, match="The gate is closed") as refused:
        list(cluster.run([task("gate", "close the gate")], workspace, CONFIG))
    assert refused.value.hint == "Open it."
    assert {outcome.receipt.state for outcome in cluster.run([task("after")], workspace, CONFIG)} == {State.DONE}


def test_workers_see_the_environment_of_the_command_and_share_the_cores(cluster, workspace, monkeypatch):
    names = ["PATH", "OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"]
    (outcome,) = cluster.run([task("told", "tell", names=names)], workspace, CONFIG)
    threads = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert [outcome.receipt.measured[name] for name in names] == [os.environ["PATH"], threads, threads]
    assert outcome.receipt.measured["pid"] != os.getpid()


def test_workers_are_forked_from_one_process_that_has_imported_what_they_need(cluster):
    names = ["umd_curate.pipeline.preload", "SimpleITK", "nibabel", "umd_curate.pipeline.pixel_path"]
    assert all(cluster.map(is_loaded, names))
    assert len(set(cluster.map(parent_of, range(8))) - {os.getpid()}) == 1


def test_results_come_in_the_order_of_the_items_which_are_taken_as_needed(cluster):
    taken = []

    def numbers():
        for number in range(1000):
            taken.append(number)
            yield number

    results = cluster.map(str, numbers())
    assert [next(results) for _ in range(20)] == [str(number) for number in range(20)]
    results.close()
    assert len(taken) < 40
    assert list(cluster.map(str, [])) == []
    assert list(InProcessExecutor().map(str, [1, 2])) == ["1", "2"]


def test_an_exception_of_a_mapped_function_comes_at_its_place(cluster):
    results = cluster.map(doubled, range(20))
    assert [next(results) for _ in range(13)] == [2 * number for number in range(13)]
    with pytest.raises(ValueError, match="thirteen"):
        next(results)


def test_a_mapped_function_that_kills_its_process_ends_the_run_with_a_word(cluster):
    with pytest.raises(CurateError, match="died twice"):
        list(cluster.map(deadly, range(8)))
    assert list(cluster.map(doubled, [1, 2])) == [2, 4]


def test_nothing_listens_beyond_loopback_and_a_stranger_is_refused(cluster, workspace):
    list(cluster.run([task("listening")], workspace, CONFIG))
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    addresses = {entry.laddr for one in processes for entry in one.net_connections("inet") if entry.status == "LISTEN"}
    assert all(ipaddress.ip_address(address.ip).is_loopback for address in addresses)
    places = {f"{address.ip}:{address.port}" for address in addresses}
    scheduler = cluster._crew._cluster.scheduler_address.removeprefix("tls://")
    assert scheduler in places
    assert asyncio.run(heard({scheduler}, "tls", cluster._crew._cluster.security)) == [True]
    for protocol, security in (("tcp", Security()), ("tls", Security.temporary())):
        assert set(asyncio.run(heard(places, protocol, security))) == {False}


async def heard(places, protocol, security):
    """Say hello as Dask's programs do: whether each place answers. Whoever is answered may send code."""

    async def hello(place):
        comm = await connect(f"{protocol}://{place}", timeout=5, **security.get_connection_args("client"))
        await comm.write({"op": "identity", "reply": True})
        await comm.read()
        await comm.close()

    async def is_heard(place):
        try:
            await asyncio.wait_for(hello(place), 5)  # Dask's web server hears only HTTP
        except (OSError, CommClosedError):
            return False
        return True

    return await asyncio.gather(*(is_heard(place) for place in sorted(places)))


COORDINATOR = """
import sys
from pathlib import Path
from tests.culprits import task
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_run import RunConfig
from umd_curate.pipeline.cluster import ClusterExecutor
from umd_curate.store.workspace import open_workspace

if __name__ == "__main__":
    workspace = open_workspace(Path(sys.argv[1]))
    with ClusterExecutor(2, RunConfig(workers=2), workspace.private, print) as executor:
        tasks = [task(f"stuck-{number}", "hold everything") for number in range(2)]
        list(executor.run(tasks, workspace, UmdConfig()))
"""


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT],
    ids=lambda number: number.name,
)
def test_workers_end_with_their_coordinator_even_in_native_code(tmp_path, number):
    workspace = create_workspace(tmp_path / "workspace")
    script = tmp_path / "coordinator.py"
    script.write_text(COORDINATOR)
    process = subprocess.Popen(
        [sys.executable, str(script), str(workspace.root)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(marks := [m for m in (workspace.private / "trial").glob("*.pid") if m.read_text()]) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = [psutil.Process(int(mark.read_text())) for mark in marks]
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, alive = psutil.wait_procs([*workers, psutil.Process(process.pid)], timeout=60)
    said = "\n".join(
        line for line in process.communicate()[1].splitlines() if "semaphore" not in line and "warn(" not in line
    )
    assert alive == []
    if number is signal.SIGINT:
        assert "KeyboardInterrupt" in said
    else:
        assert said == ""
