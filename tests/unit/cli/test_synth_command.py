"""`umd-curate synth`: its lists, and what it says to an order that cannot be met."""

import json
import sys

import pytest

from umd_curate.cli import main
from umd_curate.synth.defects import DEFECT_TABLE
from umd_curate.synth.scanners import Vendor


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


def test_the_lists_name_every_defect_with_its_verdict_and_every_scanner(umd_curate, capsys, tmp_path):
    assert umd_curate("synth", "defects", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {name: entry["expect"] for name, entry in listed.items()} == {
        name: defect.expect for name, defect in DEFECT_TABLE.items()
    }
    assert umd_curate("synth", "scanners", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == set(Vendor)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("--defect", "gremlins"), "gremlins"),
        (("--defect", "missing-slice@first"), "numbers of subjects"),
        (("--scanner", "x-ray"), "x-ray"),
        (("--subjects", "1", "--defect", "uid-collision"), "uid-collision"),
    ],
)
def test_an_order_that_cannot_be_met_is_a_usage_error_before_anything_is_written(
    umd_curate, capsys, tmp_path, order, said
):
    assert umd_curate("synth", "cohort", "--size", "tiny", *order) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_tells_the_order_and_writes_nothing(umd_curate, capsys, tmp_path):
    assert umd_curate("synth", "cohort", "--size", "tiny", "--shape", "zip", "--mixed", "--dry-run") == 0
    assert "zip" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
