"""`scan groups` and `scan explain` on real files, as a data manager calls them."""

import json
import sys

import pytest

from tests.builders import a_ct_series, a_pet_series
from umd_curate.cli import main


@pytest.fixture
def umd_curate(monkeypatch, tmp_path, capsys):
    """Call the command line in an empty folder; gives exit code and what stands on stdout."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["umd-curate", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main.main()
        return left.value.code, capsys.readouterr().out

    return call


@pytest.fixture
def raw(tmp_path, umd_curate):
    """Two reconstructions of one PET, with its CT, and a key that gives the same ids at each call."""
    folder = tmp_path / "raw"
    for name, number in (("PET AC", 3), ("PET AC PSF", 4)):
        a_pet_series().of(name=name).having(SeriesNumber=number).write(folder / name)
    a_ct_series().write(folder / "ct")
    assert umd_curate("init", "-w", tmp_path / "ws")[0] == 0
    main_key(tmp_path)
    return folder


def main_key(tmp_path):
    """Make the key of the workspace."""
    from umd_curate.store.keys import key_path, make_key

    make_key(key_path("unused"))


def test_a_tie_is_listed_once_decided_once_and_then_gone(raw, umd_curate, tmp_path):
    code, out = umd_curate("scan", "groups", raw, "-w", tmp_path / "ws", "--json")
    groups = {group["parameters"]["series"]: group for group in json.loads(out)["groups"]}
    assert code == 0
    plain, sharp = groups["PET AC"], groups["PET AC PSF"]
    assert plain["ties"] == {sharp["id"]: 1}
    assert (plain["volumes"], sharp["volumes"]) == ({"used": 1}, {"excluded": 1})
    settings = tmp_path / "ws" / "umd.toml"
    decision = (
        f'[[ingest.decide]]\ngroup = "{sharp["id"]}"\nchoose = "first"\nreason = "sharper, and of the same scan"\n'
    )
    settings.write_text(settings.read_text(encoding="utf-8") + decision, encoding="utf-8")
    _, out = umd_curate("scan", "groups", raw, "-w", tmp_path / "ws", "--json")
    decided = {group["id"]: group for group in json.loads(out)["groups"]}
    assert decided[sharp["id"]]["volumes"] == {"used": 1}
    assert decided[sharp["id"]]["decision"]["reason"] == "sharper, and of the same scan"
    assert not any(group["ties"] for group in decided.values())
    code, out = umd_curate("scan", "explain", sharp["exemplar"], raw, "-w", tmp_path / "ws")
    assert code == 0
    assert "sharper, and of the same scan" in out
    assert "decision for the protocol group" in out


def test_explain_says_what_decided_and_how_to_override(raw, umd_curate, tmp_path):
    _, out = umd_curate("scan", raw, "-w", tmp_path / "ws", "--json")
    (passed,) = json.loads(out)["passed_over"]
    code, out = umd_curate("scan", "explain", passed["series"], raw, "-w", tmp_path / "ws", "--json")
    answer = json.loads(out)
    assert code == 0
    assert f"{passed['preferred']} was used: lowest series number (3, not 4)." in answer["why"]
    assert [entry["disposition"] for entry in answer["ranking"]["entries"]] == ["used", "excluded"]
    assert answer["ranking"]["tied"] == 2
    assert passed["series"] in answer["override"][1]


def test_a_short_reason_is_no_decision(raw, umd_curate, tmp_path):
    settings = tmp_path / "ws" / "umd.toml"
    decision = '[[ingest.decide]]\nseries = "s-ABCDEFGH"\nchoose = "never"\nreason = "because"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + decision, encoding="utf-8")
    assert umd_curate("scan", "groups", raw, "-w", tmp_path / "ws")[0] == 4


def test_an_id_that_nothing_has_is_a_wrong_call(raw, umd_curate, tmp_path):
    assert umd_curate("scan", "explain", "s-AAAAAAAA", raw, "-w", tmp_path / "ws")[0] == 2


def test_scan_itself_still_takes_folders_and_options_in_any_order(raw, umd_curate, tmp_path):
    for arguments in ((raw, "--json"), ("--json", raw), ("-w", tmp_path / "ws", "--json", raw)):
        code, out = umd_curate("scan", *arguments)
        assert code == 0
        assert json.loads(out)["sessions"][0]["kind"] == "petct"
