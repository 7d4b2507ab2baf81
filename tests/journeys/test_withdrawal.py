"""A subject is withdrawn by the command line: the next release lives without it, says so, and no reason may name a person."""

import json
import shutil
from pathlib import Path

import pytest

from tests.hospital import Finished
from umd_curate import load_dataset
from umd_curate.errors import ExitCode
from umd_curate.model.release import FileRow, SubjectRow, WithdrawalRow
from umd_curate.release import verify_release
from umd_curate.store.parquet import read_rows

REASON = "consent was withdrawn"
TELLING = "asked for by anna.kowalska@klinik-nord.de"


@pytest.fixture
def workspace(finished: Finished, tmp_path) -> Path:
    """A copy of the finished run's workspace, which goes on to its next version."""
    assert finished.release.is_dir(), finished.result.stderr
    return shutil.copytree(finished.workspace, tmp_path / "workspace")


def subjects_of(release: Path) -> set[str]:
    return {row.subject_id for row in read_rows(release / "manifests/subjects.parquet", SubjectRow)}


def least_needed(release: Path) -> str:
    """A subject without which every config still has rows; with a config's last subject its columns go, a major change."""
    configs = load_dataset(path=release).release.configs
    rows = {config: {place.subject for place in load_dataset(config, path=release).places} for config in configs}
    return min(subject for subject in subjects_of(release) if not any(found == {subject} for found in rows.values()))


def shards_of(release: Path, subject: str) -> set[str]:
    """Shards with rows of a subject, as our reader's manifest tells of them."""
    return {
        place.shard
        for config in load_dataset(path=release).release.configs
        for place in load_dataset(config, path=release).places
        if place.subject == subject
    }


def test_a_withdrawn_subject_is_in_no_later_release(finished: Finished, workspace):
    call = finished.hospital.call
    first = workspace / "releases/0.1.0/umd"
    subject = least_needed(first)
    left = subjects_of(first) - {subject}
    words = ("withdraw", f"sub-{subject.lower()}", "--reason", REASON, "-w", workspace, "--json")
    asked = json.loads(call(*words, "-n").stdout)
    assert asked.pop("withdrawn") is False
    assert not (workspace / "withdrawals.jsonl").exists()
    done = call(*words)
    assert done.returncode == ExitCode.DONE, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("withdrawn") is True
    assert told == asked
    assert told["folders"] == [f"data/sub-{subject}", f"qa/sub-{subject}"]
    (held,) = told["versions"]
    files = {row.path: row for row in read_rows(first / "manifests/files.parquet", FileRow)}
    named = {file["path"] for file in held["files"]}
    assert {path for path in named if files[path].kind == "shard" and not path.startswith("slices/")} == shards_of(
        first, subject
    )
    assert all(
        (file["sha256"], file["size"]) == (files[file["path"]].sha256, files[file["path"]].size)
        for file in held["files"]
    )
    build = ("release", "build", "-w", workspace, "--version")
    refused = call(*build, "0.1.1")
    assert refused.returncode == ExitCode.RELEASE_GATE, refused.stderr
    made = call(*build, "0.2.0")
    assert made.returncode in {ExitCode.DONE, ExitCode.QUARANTINED}, made.stderr
    second = workspace / "releases/0.2.0/umd"
    assert subjects_of(second) == left
    assert read_rows(second / "manifests/withdrawals.parquet", WithdrawalRow) == [
        WithdrawalRow(subject_id=subject, since_version="0.2.0", last_version="0.1.0", reason=REASON)
    ]
    assert f"sub-{subject}" in (second / "CHANGELOG.md").read_text("utf-8")
    assert verify_release(second).is_whole
    holding = [
        path.relative_to(second).as_posix()
        for path in second.rglob("*")
        if path.is_file() and subject.encode() in path.read_bytes()
    ]
    assert not [path for path in holding if path.endswith((".png", ".nii.gz")) or "/train" in path or "/test" in path]
    changes = json.loads(call("release", "diff", first, second, "--json").stdout)
    assert changes["SubjectsWithdrawn"] == [subject]


def test_a_reason_that_names_a_person_stops_the_release(finished: Finished, workspace):
    call = finished.hospital.call
    subject = least_needed(workspace / "releases/0.1.0/umd")
    assert call("withdraw", subject, "--reason", TELLING, "-w", workspace).returncode == ExitCode.DONE
    result = call("release", "build", "--version", "0.2.0", "-w", workspace)
    assert result.returncode == ExitCode.PHI_GATE, result.stderr
    assert "withdrawals.jsonl: e-mail as pattern" in result.stderr
    assert "kowalska" not in (result.stdout + result.stderr).lower()
    assert not (workspace / "releases/0.2.0").exists()
