"""`init` and `config show` in an empty folder."""

import json
import stat
import tomllib

import pytest
from click.testing import CliRunner

from umd_curate.cli.workspace import config, init
from umd_curate.model.config import UmdConfig


@pytest.fixture
def runner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_init_makes_a_private_folder_and_says_what_comes_next(runner, tmp_path):
    result = runner.invoke(init, ["study"])
    assert result.exit_code == 0
    assert "umd-curate run" in result.stderr
    assert stat.S_IMODE((tmp_path / "study" / "private").stat().st_mode) == 0o700
    assert (tmp_path / "study" / "README.txt").is_file()


def test_init_puts_private_where_it_is_told(runner, tmp_path):
    result = runner.invoke(init, ["study", "--private", "encrypted", "--json"])
    assert json.loads(result.stdout)["private"] == str(tmp_path / "encrypted")
    shown = runner.invoke(config, ["show", "-w", "study", "--json"])
    assert json.loads(shown.stdout)["workspace"]["private"] == str(tmp_path / "encrypted")


def test_a_dry_run_makes_nothing(runner, tmp_path):
    assert runner.invoke(init, ["study", "--dry-run"]).exit_code == 0
    assert list(tmp_path.glob("study")) == []


def test_config_show_prints_the_file_as_it_is(runner, tmp_path):
    runner.invoke(init, ["study"])
    text = (tmp_path / "study" / "umd.toml").read_text(encoding="utf-8")
    assert runner.invoke(config, ["show", "-w", "study"]).stdout.strip() == text.strip()


def test_config_show_resolved_holds_every_setting_and_the_environment(runner):
    result = runner.invoke(config, ["show", "--resolved"], env={"UMD_RELEASE__VERSION": "4.5.6"})
    shown = tomllib.loads(result.stdout)
    assert set(shown) == set(UmdConfig().model_dump(by_alias=True))
    assert shown["release"]["version"] == "4.5.6"


def test_the_variable_of_the_workspace_is_heard(runner, tmp_path):
    runner.invoke(init, ["study"])
    result = runner.invoke(config, ["show"], env={"UMD_WORKSPACE": str(tmp_path / "study")})
    assert "[dataset]" in result.stdout
