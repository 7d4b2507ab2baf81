"""What the pipeline makes of the rooms' outcomes: keys that follow the packaged tables, refusals that name their cause."""

import pickle
from dataclasses import replace

import pytest

from umd_curate.errors import PhiGateRefused
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Artifact, Receipt, State
from umd_curate.model.steps import Step, unit_key
from umd_curate.model.study import Role, VolumeOrder
from umd_curate.pipeline.dicom_out import step_of
from umd_curate.pipeline.orders import bytes_read, units_of, write_orders
from umd_curate.pipeline.raw import contours_step, pixel_path_step
from umd_curate.pipeline.run import Session, release
from umd_curate.pipeline.table import ALL_STEPS, below_the_wall
from umd_curate.store.keys import DeidKey
from umd_curate.store.ledger import Ledger, Usage
from umd_curate.store.workspace import create_workspace

ORDER = VolumeOrder("sub-7K3QF2_ses-petct1_ct", "7K3QF2", "petct1", "petct", Role.CT, "", "s-TESTTEST", "", (), "")
ARTIFACT = {ORDER.unit: Artifact("order", "private/orders/x.json", "0" * 64, 1)}


def key_with(rules):
    (unit,) = units_of([ORDER], ARTIFACT, {"key": "f", "rules": rules})
    step = Step("ingest", 1, ("convert",), lambda _view, _config: [], lambda *_: None)
    return unit_key(unit, step, UmdConfig())


def test_another_keep_list_makes_the_headers_anew():
    assert key_with({"keep.csv": "a"}) != key_with({"keep.csv": "b"})
    assert key_with({"keep.csv": "a"}) == key_with({"keep.csv": "a"})


def test_a_unit_reads_the_source_files_of_its_order_and_its_other_inputs(tmp_path):
    workspace = create_workspace(tmp_path / "workspace")
    order = replace(ORDER, files=(("one", 1000, 1), ("two", 500, 1)))
    artifacts = write_orders([order], workspace.private / "orders")
    (unit,) = units_of([order], artifacts, {})
    image = Artifact("staged-ct", "private/staged/x.nii.gz", "0" * 64, 70)
    assert bytes_read(replace(unit, inputs=(*unit.inputs, image)), workspace) == 1570


@pytest.mark.parametrize(
    ("state", "said"), [(State.QUARANTINED, "Identifiers stand"), (State.FAILED, "broke off by a bug")]
)
def test_a_search_that_refuses_says_whether_it_found_or_broke_off(tmp_path, monkeypatch, state, said):
    workspace = create_workspace(tmp_path / "workspace")
    with Ledger(workspace.ledger_path) as ledger:
        ledger.plan("audit", {"unit": "key"})
        ledger.record(Receipt("audit", "unit", "key", state), Usage(0, 0, 0), workspace.resolve)
        monkeypatch.setattr("umd_curate.pipeline.run.run_steps", lambda _session, _names: None)
        with pytest.raises(PhiGateRefused, match=said):
            release(Session(workspace, UmdConfig(), ledger, DeidKey(b"k" * 32)))


@pytest.mark.parametrize("name", ALL_STEPS)
def test_the_work_of_every_step_can_be_sent_to_another_process(name):
    steps = {"ingest": pixel_path_step([]), "contours": contours_step([]), "dicom-out": step_of([]), **below_the_wall()}
    assert callable(pickle.loads(pickle.dumps(steps[name].perform)))  # noqa: S301  (our own bytes)
