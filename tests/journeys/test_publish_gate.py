"""What leaves a workspace has been read back and searched in the very call that sends it."""

import hashlib
import json
import shutil

import pytest

from tests.hospital import Finished
from umd_curate.errors import ExitCode
from umd_curate.store.signing import sign_file

STRANGER = "anna.kowalska@klinik-nord.de"


@pytest.fixture
def release(finished: Finished, tmp_path):
    """A copy of the finished run's release, which may be harmed."""
    (made,) = (finished.workspace / "releases").glob("*/umd")
    return shutil.copytree(made, tmp_path / "harmed" / "umd")


def planted_and_signed(release, text, key):
    """Write a text into the notes of a release, and set checksum and signature right."""
    notes, sums = release / "CHANGELOG.md", release / "manifests/SHA256SUMS"
    before = hashlib.sha256(notes.read_bytes()).hexdigest()
    notes.write_text(f"{notes.read_text('utf-8')}\n{text}\n", encoding="utf-8")
    sums.write_text(
        sums.read_text("ascii").replace(before, hashlib.sha256(notes.read_bytes()).hexdigest()), encoding="ascii"
    )
    sign_file(sums, key, key.with_name("nowhere"))


def pushed(finished, *words):
    return finished.hospital.call("publish", "push", *words, "-w", finished.workspace)


def test_the_workspace_s_own_release_goes_where_it_is_told(finished: Finished, release, tmp_path):
    result = pushed(finished, "--to", f"{tmp_path}/out", "--json")
    assert result.returncode == ExitCode.DONE, result.stderr
    told = json.loads(result.stdout)
    held = tmp_path / "out" / f"v{told['version']}" / "umd"
    wanted = {path.relative_to(release): path.read_bytes() for path in release.rglob("*") if path.is_file()}
    assert {path.relative_to(held): path.read_bytes() for path in held.rglob("*") if path.is_file()} == wanted
    planned = pushed(finished, "--to", f"{tmp_path}/out", "--dry-run", "--json")
    assert json.loads(planned.stdout)["bytes_to_send"] == 0


def test_an_identifier_in_the_folder_stops_it_before_a_byte_leaves(finished: Finished, release, tmp_path):
    canaries = json.loads((finished.hospital.cohort / "truth" / "canaries.json").read_text())
    value = next(entry["value"] for entry in canaries if entry["kind"] == "patient_id")
    planted_and_signed(release, value, tmp_path / "keys" / "signing.key")
    result = pushed(finished, release, "--to", f"{tmp_path}/out")
    assert result.returncode == ExitCode.PHI_GATE, result.stderr
    assert "CHANGELOG.md" in result.stderr
    assert value not in result.stderr + result.stdout
    assert not (tmp_path / "out").exists()


def test_what_looks_like_an_identifier_stops_it_with_and_without_the_workspace(finished: Finished, release, tmp_path):
    planted_and_signed(release, STRANGER, tmp_path / "keys" / "signing.key")
    for words in ((), ("--searched-elsewhere", "searched where it was built")):
        result = pushed(finished, release, "--to", f"{tmp_path}/out", *words)
        assert result.returncode == ExitCode.PHI_GATE, result.stderr
        assert "CHANGELOG.md: e-mail as pattern" in result.stderr
        assert STRANGER not in result.stderr + result.stdout
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_what_its_manifest_says_stays(finished: Finished, release, tmp_path):
    (release / "CHANGELOG.md").write_text("other", encoding="utf-8")
    result = pushed(finished, release, "--to", f"{tmp_path}/out")
    assert result.returncode == ExitCode.RELEASE_GATE, result.stderr
    assert not (tmp_path / "out").exists()


def test_a_workspace_that_knows_nobody_is_no_gate(finished: Finished, release, tmp_path):
    hospital, empty = finished.hospital, tmp_path / "empty"
    hospital.call("init", empty)
    result = hospital.call("publish", "push", release, "--to", f"{tmp_path}/out", "-w", empty)
    assert result.returncode == ExitCode.PHI_GATE, result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_without_its_workspace_needs_a_reason(finished: Finished, release, tmp_path):
    hospital = finished.hospital
    to = ("--to", f"{tmp_path}/out", "-w", tmp_path / "nowhere")
    assert hospital.call("publish", "push", release, *to).returncode == ExitCode.WORKSPACE
    assert hospital.call("publish", "push", release, *to, "--searched-elsewhere", "no").returncode == ExitCode.USAGE
    given = hospital.call("publish", "push", release, *to, "--searched-elsewhere", "searched where it was built")
    assert given.returncode == ExitCode.DONE, given.stderr
