"""The ledger: what it says is done is done and still there; a killed run loses only the unit that ran."""

import os
import stat
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from tests import strategies as some
from umd_curate.errors import WorkspaceError
from umd_curate.model.receipts import Receipt, State
from umd_curate.store.files import artifact, write_bytes
from umd_curate.store.ledger import Ledger, Usage

USAGE = Usage(1.0, 0.5, 100.0)
RECORDS_AND_DIES = """
import os, signal, sys
from pathlib import Path
from umd_curate.model.receipts import Receipt, State
from umd_curate.store.ledger import Ledger, Usage
ledger = Ledger(Path(sys.argv[1]))
ledger.plan("label", {f"unit-{n}": f"key-{n}" for n in range(4)})
for n in range(2):
    ledger.record(Receipt("label", f"unit-{n}", f"key-{n}", State.DONE), Usage(1, 1, 1), Path)
ledger._db.execute("BEGIN")
ledger._db.execute("DELETE FROM tasks")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def resolve(tmp_path):
    return lambda relative: tmp_path / relative


def done(tmp_path, unit="unit", key="key", *paths, step="label", state=State.DONE):
    for path in paths:
        write_bytes(tmp_path / path, path.encode())
    outputs = tuple(artifact("what", path, tmp_path / path) for path in paths)
    return Receipt(step, unit, key, state, outputs=outputs)


def test_an_unknown_task_is_not_done(ledger, resolve):
    assert not ledger.is_done("key", resolve)


@pytest.mark.parametrize(("state", "is_done"), [(State.DONE, True), (State.QUARANTINED, True), (State.FAILED, False)])
def test_done_and_quarantined_are_not_tried_again_a_bug_is(ledger, resolve, tmp_path, state, is_done):
    ledger.record(done(tmp_path, state=state), USAGE, resolve)
    assert ledger.is_done("key", resolve) is is_done


def test_a_task_whose_output_is_gone_is_not_done(ledger, resolve, tmp_path):
    ledger.record(done(tmp_path, "unit", "key", "data/a", "data/b"), USAGE, resolve)
    assert ledger.is_done("key", resolve)
    (tmp_path / "data" / "b").unlink()
    assert not ledger.is_done("key", resolve)


@pytest.mark.parametrize(
    ("content", "is_done"), [(b"data/a", True), (b"data/A", False), (b"longer than it was", False)]
)
def test_a_touched_output_is_judged_by_its_bytes(ledger, resolve, tmp_path, content, is_done):
    ledger.record(done(tmp_path, "unit", "key", "data/a"), USAGE, resolve)
    (tmp_path / "data" / "a").unlink()
    write_bytes(tmp_path / "data" / "a", content)
    assert ledger.is_done("key", resolve) is is_done


def test_an_output_that_was_never_written_cannot_be_recorded(ledger, resolve, tmp_path):
    receipt = done(tmp_path, "unit", "key", "data/a")
    (tmp_path / "data" / "a").unlink()
    with pytest.raises(FileNotFoundError):
        ledger.record(receipt, USAGE, resolve)
    assert not ledger.is_done("key", resolve)


def test_a_new_plan_makes_old_tasks_stale_by_itself(ledger, resolve, tmp_path):
    ledger.plan("label", {"unit": "old"})
    ledger.record(done(tmp_path, "unit", "old"), USAGE, resolve)
    assert [row.receipt is not None for row in ledger.rows()] == [True]
    ledger.plan("label", {"unit": "new"})
    assert [row.receipt for row in ledger.rows()] == [None]
    ledger.plan("label", {"unit": "old"})
    assert ledger.is_done("old", resolve)
    assert [receipt.key for receipt in ledger.receipts("label")] == ["old"]


def test_plans_of_two_steps_do_not_meet(ledger):
    ledger.plan("label", {"unit": "one"})
    ledger.plan("qa", {"unit": "two"})
    ledger.plan("label", {})
    assert [(row.step, row.unit) for row in ledger.rows()] == [("qa", "unit")]


def test_rows_come_in_the_order_of_the_steps(ledger):
    for step in ("qa", "ingest", "label"):
        ledger.plan(step, {"b": f"{step}-b", "a": f"{step}-a"})
    rows = ledger.rows(["ingest", "label", "qa"])
    assert [(row.step, row.unit) for row in rows] == [
        ("ingest", "a"), ("ingest", "b"), ("label", "a"), ("label", "b"), ("qa", "a"), ("qa", "b"),
    ]  # fmt: skip
    assert {row.step for row in ledger.rows(["qa"])} == {"qa"}


def test_only_paths_of_older_plans_are_stale_and_can_be_forgotten(ledger, resolve, tmp_path):
    ledger.plan("label", {"unit": "old"})
    ledger.record(done(tmp_path, "unit", "old", "data/kept", "data/stale"), USAGE, resolve)
    ledger.plan("label", {"unit": "new"})
    ledger.record(done(tmp_path, "unit", "new", "data/kept"), USAGE, resolve)
    assert ledger.stale_outputs() == ["data/stale"]
    ledger.forget(["data/stale"])
    assert ledger.stale_outputs() == []
    assert not ledger.is_done("old", resolve)
    assert ledger.is_done("new", resolve)


@given(receipt=some.receipts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_receipt_is_read_back_as_it_was(ledger, receipt):
    receipt = replace(receipt, step="step")
    ledger.plan("step", {receipt.unit: receipt.key})
    ledger.record(receipt, USAGE, lambda _: None)
    (row,) = ledger.rows(["step"])
    assert row.receipt == receipt
    assert row.usage == USAGE


def test_facts_are_kept_and_replaced(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as first:
        assert first.fact("sums") is None
        first.set_fact("sums", {"used": 1})
        first.set_fact("sums", {"used": 2})
    with Ledger(tmp_path / "ledger.sqlite") as second:
        assert second.fact("sums") == {"used": 2}


def test_a_killed_coordinator_keeps_what_it_recorded_and_nothing_half(tmp_path):
    path = tmp_path / "ledger.sqlite"
    killed = subprocess.run([sys.executable, "-c", RECORDS_AND_DIES, str(path)], check=False)
    assert killed.returncode == -9
    with Ledger(path) as ledger:
        states = {row.unit: row.receipt is not None for row in ledger.rows()}
    assert states == {"unit-0": True, "unit-1": True, "unit-2": False, "unit-3": False}


def test_an_input_that_is_not_what_its_step_wrote_is_named(ledger, resolve, tmp_path):
    receipt = done(tmp_path, "unit", "key", "data/a", "data/b", "data/c")
    ledger.plan("label", {"unit": "key"})
    ledger.record(receipt, USAGE, resolve)
    inputs = {entry.path: entry.sha256 for entry in receipt.outputs if entry.path != "data/c"}
    assert ledger.changed(inputs | {"raw": "0"}, resolve) == []
    for name in "abc":
        write_bytes(tmp_path / "data" / name, b"data/X")
    assert ledger.changed(inputs, resolve) == ["data/a", "data/b"]
    assert ledger.changed({"data/a": "digest of an older task"}, resolve) == []


def test_a_damaged_ledger_is_an_error_that_says_what_to_do(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database" * 400)
    with pytest.raises(WorkspaceError) as refused:
        Ledger(path)
    assert "move it away" in refused.value.hint


def test_the_ledger_and_its_log_are_for_their_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            ledger.set_fact("roots", ["/export"])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert len(modes) > 1
    assert set(modes.values()) == {0o600}


def test_a_ledger_that_others_could_read_is_closed_again(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger(path).__exit__(None, None, None)
    path.chmod(0o644)
    Ledger(path).__exit__(None, None, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_task_is_asked_how_it_ended(ledger, tmp_path, resolve):
    assert ledger.state("key") is None
    ledger.record(done(tmp_path, state=State.QUARANTINED), USAGE, resolve)
    assert ledger.state("key") is State.QUARANTINED
