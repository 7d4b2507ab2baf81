"""Several workers from the command line: the same bytes and ledger as in one process, stopped however you like."""

import os
import signal
import sqlite3
import subprocess
import time

import psutil
import pytest

from tests.hospital import Finished
from tests.journeys.test_resume import digests, done_tasks, prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def ledger_rows(workspace):
    """What the ledger says of every task, costs and times left out."""
    with sqlite3.connect(workspace / "private" / "ledger.sqlite") as db:
        rows = db.execute("SELECT key, step, unit, state, receipt FROM tasks ORDER BY key").fetchall()
    db.close()
    return rows


def stop_after(finished: Finished, workspace, tasks, number):
    """Start a run with two workers and send it a signal once so many tasks are done; its exit code and what it said."""
    process = subprocess.Popen(
        finished.hospital.command("run", finished.hospital.raw, "-w", workspace, "--workers", "2"),
        env=finished.hospital.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and done_tasks(workspace) < tasks:
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert len(workers) >= 2
    assert alive == []
    return process.returncode, said


def test_two_workers_stopped_again_and_again_end_with_the_bytes_and_ledger_of_one_process(finished, tmp_path):
    workspace = tmp_path / "two"
    prepare(finished, workspace)
    code, said = stop_after(finished, workspace, 2, signal.SIGINT)
    assert code == 130
    assert "Interrupted." in said
    assert "Traceback" not in said
    assert stop_after(finished, workspace, 5, signal.SIGKILL)[0] == -signal.SIGKILL
    assert stop_after(finished, workspace, 10, signal.SIGTERM)[0] == -signal.SIGTERM
    result = finished.hospital.call("run", finished.hospital.raw, "-w", workspace, "--workers", "2")
    assert result.returncode == 0, result.stderr
    assert digests(workspace) == digests(finished.workspace)
    assert ledger_rows(workspace) == ledger_rows(finished.workspace)
    assert not (workspace / "private" / "workers").exists()
    said += result.stderr
    for patient in finished.hospital.truth["patients"]:
        assert patient["patient_id"] not in said

    again = finished.hospital.call("run", "-w", workspace, "--workers", "2")
    assert again.returncode == 0
    assert "done" not in again.stderr


def test_no_worker_is_started_where_there_is_nothing_to_do(finished):
    tracer = "import sys, runpy; sys.argv = sys.argv[1:]; runpy.run_module('umd_curate', run_name='__main__', alter_sys=True)"
    check = f"import atexit, sys; atexit.register(lambda: print('distributed' in sys.modules)); {tracer}"
    command = finished.hospital.command("run", "-w", finished.workspace, "--workers", "2")
    result = subprocess.run(
        [command[0], "-c", check, *command[2:]],
        env=finished.hospital.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "False"
