"""`scan`: what it says, what it keeps, and files that standard input names."""

import json

import pytest
from click.testing import CliRunner

from tests.builders import a_ct_series, a_page, a_pet_series
from umd_curate.cli.scan import scan
from umd_curate.cli.workspace import init


@pytest.fixture
def runner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return CliRunner()


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    a_pet_series().write(folder / "pet")
    a_ct_series().write(folder / "ct")
    a_page().write(folder / "page")
    return folder


def _said(runner, *arguments, **options):
    result = runner.invoke(scan, [*map(str, arguments), "--json"], standalone_mode=False, **options)
    assert result.exception is None
    return json.loads(result.stdout)


def test_a_scan_sums_up_files_patients_series_and_what_would_be_made(runner, raw):
    said = _said(runner, raw)
    summary = said["summary"]
    assert {
        name: summary[name] for name in ("files", "patients", "studies", "series", "kinds", "sessions", "opened")
    } == {
        "files": 11,
        "patients": 1,
        "studies": 1,
        "series": {"CT": 1, "PT": 1, "SC": 1},
        "kinds": {"dicom": 11},
        "sessions": {"petct": 1},
        "opened": 11,
    }
    assert summary["bytes"] == sum(path.stat().st_size for path in raw.rglob("*") if path.is_file())
    assert [volume["files"] for volume in said["sessions"][0]["volumes"]] == [5, 5]
    assert said["files"] == [
        {"disposition": "excluded", "code": "ING-105", "files": 1},
        {"disposition": "used", "code": "", "files": 10},
    ]


def test_without_a_workspace_it_says_that_nothing_was_kept(runner, raw, tmp_path):
    assert "not kept" in runner.invoke(scan, [str(raw)], standalone_mode=False).stderr
    runner.invoke(init, [str(tmp_path / "workspace")], standalone_mode=False)
    kept = runner.invoke(scan, [str(raw), "-w", str(tmp_path / "workspace")], standalone_mode=False)
    assert kept.exception is None
    assert "not kept" not in kept.stderr


def test_a_scan_is_readable(runner, raw):
    text = runner.invoke(scan, [str(raw)], standalone_mode=False).stdout
    for words in (
        "1 CT, 1 PT, 1 SC",
        "sessions to make",
        "1 petct",
        "11 files opened",
        "The image is a screen capture",
    ):
        assert words in text


def test_a_workspace_keeps_the_index_and_a_dry_run_does_not(runner, raw, tmp_path):
    runner.invoke(init, ["study"])
    index = tmp_path / "study" / "private" / "index" / "instances.parquet"
    assert _said(runner, raw, "-w", "study", "--dry-run")["summary"]["opened"] == 11
    assert not index.exists()
    assert _said(runner, raw, "-w", "study")["summary"]["opened"] == 11
    assert index.exists()
    assert _said(runner, raw, "-w", "study")["summary"]["opened"] == 0
    assert _said(runner, raw, "-w", "study", "--dry-run")["summary"]["opened"] == 0


def test_without_a_workspace_nothing_is_left(runner, raw, tmp_path):
    _said(runner, raw)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
def test_standard_input_names_files_and_folders(runner, raw, end):
    names = [*sorted((raw / "ct").iterdir()), raw / "pet"]
    said = _said(runner, "-", input=end.join(map(str, names)) + end)
    assert said["summary"]["files"] == 10


def test_an_empty_list_is_a_usage_error(runner):
    result = runner.invoke(scan, ["-"], input="\n\n")
    assert result.exit_code == 2
