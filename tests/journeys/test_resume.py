"""Stopped at any point and run again, the same bytes; run twice, no change; another input, only what it touches."""

import csv
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.hospital import Finished, make_hospital

PUBLIC = ("data", "qa", "releases")


def digests(workspace: Path) -> dict[str, str]:
    return {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in PUBLIC
        for path in sorted((workspace / folder).rglob("*"))
        if path.is_file()
    }


def done_tasks(workspace: Path) -> int:
    ledger = workspace / "private" / "ledger.sqlite"
    if not ledger.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as db:
            (count,) = db.execute("SELECT count(*) FROM tasks").fetchone()
    except sqlite3.Error:
        return 0
    finally:
        if "db" in locals():
            db.close()
    return count


def prepare(finished: Finished, workspace: Path) -> None:
    """A workspace with the vault of the finished one: the same patients have the same published ids."""
    finished.hospital.call("init", workspace)
    shutil.copy(finished.workspace / "private" / "vault.sqlite", workspace / "private" / "vault.sqlite")


def kill_after(finished: Finished, workspace: Path, tasks: int) -> bool:
    """Start a run and kill -9 its whole process group once so many tasks are done; False where it ended first."""
    process = subprocess.Popen(
        finished.hospital.command("run", finished.hospital.raw, "-w", workspace),
        env=finished.hospital.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and done_tasks(workspace) < tasks:
        time.sleep(0.02)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def test_a_run_killed_again_and_again_ends_with_the_same_bytes(finished: Finished, tmp_path: Path):
    workspace = tmp_path / "killed"
    prepare(finished, workspace)
    kills = [kill_after(finished, workspace, tasks) for tasks in (1, 5, 8, 12, 18)]
    assert sum(kills) >= 3
    result = finished.hospital.call("run", finished.hospital.raw, "-w", workspace)
    assert result.returncode == 0, result.stderr
    assert digests(workspace) == digests(finished.workspace)
    assert not list(workspace.rglob("*.umd-tmp-*"))


def test_a_second_run_does_nothing_and_changes_nothing(finished: Finished):
    before = {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for folder in PUBLIC
        for path in (finished.workspace / folder).rglob("*")
        if path.is_file()
    }
    result = finished.hospital.call("run", "-w", finished.workspace)
    assert result.returncode == 0
    assert "done" not in result.stderr
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in before} == before


def test_a_lost_output_is_made_again(finished: Finished, tmp_path: Path):
    workspace = tmp_path / "copy"
    shutil.copytree(finished.workspace, workspace)
    before = digests(workspace)
    lost = next((workspace / "data").rglob("*_pet.nii.gz"))
    lost.unlink()
    result = finished.hospital.call("run", "-w", workspace)
    assert result.returncode == 0, result.stderr
    assert digests(workspace) == before


@pytest.mark.parametrize("role", ["desc-organs_dseg.nii.gz", "pet.json"])
def test_a_file_that_was_changed_by_hand_is_refused_until_a_run_makes_it_anew(
    finished: Finished, tmp_path: Path, role: str
):
    workspace = tmp_path / "copy"
    shutil.copytree(finished.workspace, workspace)
    before = digests(workspace)
    changed = next((workspace / "data").rglob(f"*1_{role}"))
    changed.write_bytes(changed.read_bytes().replace(b"SUVbw", b"Bq/mL") if role == "pet.json" else b"no label map")
    settings = workspace / "umd.toml"
    settings.write_text(settings.read_text("utf-8").replace('version = "0.1.0"', 'version = "0.2.0"'), encoding="utf-8")

    for command in (("qa",), ("release", "build")):
        result = finished.hospital.call(*command, "-w", workspace)
        assert result.returncode == 5
        assert "1 file(s)" in result.stderr
    assert not (workspace / "releases" / "0.2.0").exists()

    assert finished.hospital.call("run", "-w", workspace).returncode == 0
    after = digests(workspace)
    assert {name: after[name] for name in before if name.startswith(("data/", "releases/0.1.0"))} == {
        name: digest for name, digest in before.items() if name.startswith(("data/", "releases/0.1.0"))
    }
    for name, digest in before.items():
        if name.startswith("releases/0.1.0") and "/pet" in name:
            assert after[name.replace("0.1.0", "0.2.0")] == digest


def test_a_patient_who_leaves_takes_nothing_but_his_own(tmp_path: Path):
    hospital = make_hospital(tmp_path / "hospital")
    workspace = tmp_path / "workspace"
    assert hospital.call("ingest", hospital.raw, "-w", workspace).returncode == 0
    assert len(list((workspace / "data").iterdir())) == 2
    kept = {path: path.stat().st_mtime_ns for path in (workspace / "data").rglob("*.nii.gz")}

    with (workspace / "private" / "accounting.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    gone = hospital.truth["patients"][1]["patient_id"]
    for row in rows:
        if row["patient_id"] == gone:
            Path(row["path"]).unlink()
    assert hospital.call("ingest", "-w", workspace).returncode == 0
    left = {path: path.stat().st_mtime_ns for path in (workspace / "data").rglob("*.nii.gz")}
    assert len(list((workspace / "data").iterdir())) == 1
    assert left.items() < kept.items()


def test_a_second_process_is_told_who_holds_the_workspace(finished: Finished, tmp_path: Path):
    workspace = tmp_path / "held"
    prepare(finished, workspace)
    process = subprocess.Popen(
        finished.hospital.command("run", finished.hospital.raw, "-w", workspace),
        env=finished.hospital.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None and done_tasks(workspace) < 1:
            time.sleep(0.02)
        second = finished.hospital.call("run", finished.hospital.raw, "-w", workspace)
    finally:
        process.kill()
        process.wait()
    assert second.returncode == 5
    assert str(process.pid) in second.stderr
    assert "`run`" in second.stderr


def test_another_key_is_refused(finished: Finished, tmp_path: Path):
    workspace = tmp_path / "copy"
    shutil.copytree(finished.workspace, workspace)
    other = tmp_path / "other.key"
    other.write_text("ab" * 32)
    environment = {**finished.hospital.environment, "UMD_KEY_FILE": str(other)}
    result = subprocess.run(
        finished.hospital.command("run", "-w", workspace), env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 5, result.stderr


pytestmark = pytest.mark.timeout(280)
