"""What the command line tells its caller: exit codes, data on stdout, words on stderr, no traceback but for a bug."""

import errno
import json
import os
import subprocess
import sys

import click
import pytest

from umd_curate.cli import main
from umd_curate.errors import CurateError, GateRefused, PhiGateRefused


@pytest.fixture
def umd_curate(monkeypatch, tmp_path):
    """Call the command line in this process, in an empty folder; gives its exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["umd-curate", *arguments])
        with pytest.raises(SystemExit) as left:
            main.main()
        return left.value.code

    return call


def raising(error):
    @click.command
    def broken():
        """Break."""
        raise error

    return broken


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("status", "--no-such-option"),
        ("reveal",),
        ("scan", "no-such-folder"),
        ("synth",),
        ("scan",),
    ],
)
def test_a_wrong_call_is_exit_2(umd_curate, capsys, arguments):
    assert umd_curate(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "quarantine", "register", "label", "qa", "release build"])
def test_a_command_that_needs_a_workspace_says_so_with_exit_5(umd_curate, capsys, command):
    assert umd_curate(*command.split()) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error UMD-005: ")
    assert len(err.splitlines()) == 2  # one line of what is wrong, one of what to do


def test_a_fault_in_the_settings_is_exit_4_and_named(umd_curate, capsys, tmp_path):
    (tmp_path / "umd.toml").write_text("[release]\nverson = '1.0.0'\n", encoding="utf-8")
    assert umd_curate("config", "show", "--resolved") == 4
    assert "release.verson" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(GateRefused("x"), 8), (PhiGateRefused("x"), 10), (CurateError("x"), 1)])
def test_an_error_is_one_line_and_its_own_exit_code(umd_curate, capsys, monkeypatch, error, code):
    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: raising(error))
    assert umd_curate("broken") == code
    assert capsys.readouterr().err.splitlines() == [f"error {error.code}: x", f"  {error.hint}"]


def test_a_bug_is_exit_70_with_its_traceback(umd_curate, capsys, monkeypatch):
    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: raising(ZeroDivisionError()))
    assert umd_curate("broken") == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "This is a bug" in err


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupted_command_is_exit_130_and_says_how_to_go_on(umd_curate, capsys, monkeypatch, stop):
    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: raising(stop))
    assert umd_curate("broken") == 130
    assert "same command again" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(umd_curate, capsys):
    from umd_curate import __version__

    assert umd_curate("--version") == 0
    assert capsys.readouterr().out == f"umd-curate, version {__version__}\n"


def test_identifiers_go_to_a_terminal_only(umd_curate, capsys):
    umd_curate("init", "study")
    assert umd_curate("reveal", "s-ABCDEFGH", "--workspace", "study") == 2
    assert "terminal" in capsys.readouterr().err


def test_python_m_is_the_same_command_line():
    run = subprocess.run(
        [sys.executable, "-m", "umd_curate", "status", "-w", "absent"], capture_output=True, check=False
    )
    assert run.returncode == 5


def test_doctor_names_versions_engines_and_faults_as_json(umd_curate, capsys):
    assert umd_curate("doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {"python", "pydicom", "manifests", "engine import", "engine propagate"} <= set(found["checks"])
    assert found["faults"] == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES])
def test_a_disk_that_is_full_or_closed_is_exit_5_and_no_bug(umd_curate, capsys, monkeypatch, number):
    error = OSError(number, os.strerror(number), "CANARY")
    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: raising(error))
    assert umd_curate("broken") == 5
    err = capsys.readouterr().err
    assert err.startswith("error UMD-005: ")
    assert "CANARY" not in err
    assert len(err.splitlines()) == 2


def test_a_workspace_that_cannot_be_made_is_exit_5(umd_curate, capsys, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert umd_curate("init", "file/study") == 5
    assert capsys.readouterr().err.startswith("error UMD-005: ")


def raw_notes(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "notes.txt").write_text("not an image", encoding="utf-8")
    return raw


@pytest.mark.parametrize("command", ["run", "ingest"])
def test_a_raw_folder_around_the_workspace_is_refused_before_one_is_made(umd_curate, capsys, tmp_path, command):
    raw = raw_notes(tmp_path)
    assert umd_curate(command, "raw", "-w", "raw/study") == 2
    assert umd_curate(command, ".") == 2  # ./umd-workspace would lie in it
    assert "apart" in capsys.readouterr().err
    assert [path.name for path in raw.iterdir()] == ["notes.txt"]
    assert not (tmp_path / "umd-workspace").exists()


def test_a_raw_folder_inside_the_workspace_or_around_private_is_refused(umd_curate, capsys, tmp_path):
    raw = raw_notes(tmp_path)
    assert umd_curate("init", "study", "--private", "raw/private") == 0
    assert umd_curate("run", "raw", "-w", "study") == 2
    (tmp_path / "study" / "raw").symlink_to(raw)
    assert umd_curate("scan", "study/umd.toml", "-w", "study") == 2
    assert capsys.readouterr().err.count("apart") == 2


@pytest.mark.parametrize("command", ["run", "ingest", "scan"])
def test_an_empty_raw_folder_is_an_error_for_its_disk_may_not_be_mounted(umd_curate, capsys, tmp_path, command):
    (tmp_path / "raw").mkdir()
    assert umd_curate(command, "raw", "-w", "study") == 2
    assert "mounted" in capsys.readouterr().err


def test_a_raw_folder_without_images_ends_without_a_release_and_says_so(umd_curate, capsys, tmp_path):
    raw_notes(tmp_path)
    assert umd_curate("run", "raw", "-w", "study", "--json") == 0
    assert json.loads(capsys.readouterr().out)["release"] is None
    assert umd_curate("run", "-w", "study") == 0
    assert "release: none" in capsys.readouterr().err
    assert umd_curate("release", "build", "-w", "study") == 8


def test_a_damaged_index_is_made_anew(umd_curate, tmp_path):
    raw_notes(tmp_path)
    assert umd_curate("run", "raw", "-w", "study") == 0
    index = tmp_path / "study" / "private" / "index" / "instances.parquet"
    sound = index.read_bytes()
    for damage in (b"garbage", sound[: len(sound) // 2], b""):
        index.write_bytes(damage)
        assert umd_curate("run", "-w", "study") == 0
        assert index.read_bytes() == sound


def test_status_says_that_there_is_more_to_do_until_the_release_is_made(umd_curate, capsys):
    assert umd_curate("init", "study") == 0
    assert umd_curate("status", "-w", "study") == 0
    out, err = capsys.readouterr()
    assert "more to do" in err
    assert "all files" not in out


def test_a_dry_run_of_the_demo_writes_nothing(umd_curate, tmp_path):
    assert umd_curate("demo", "out", "--size", "tiny", "--dry-run") == 0
    assert list(tmp_path.iterdir()) == []


def test_the_defects_are_data_on_request(umd_curate, capsys):
    assert umd_curate("synth", "defects", "--json") == 0
    assert "missing-weight" in json.loads(capsys.readouterr().out)
