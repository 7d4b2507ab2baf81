"""Work orders: published names from the vault, runs, what ingest found, and files that two runs share."""

import pytest

from tests.ingest_cohort import at
from tests.unit.ingest.rows import series, short_id
from umd_curate.deid.vault import Vault
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import Decision, IngestConfig
from umd_curate.model.receipts import Receipt, State
from umd_curate.model.series import DecidedFile
from umd_curate.model.steps import SessionFiles
from umd_curate.model.study import Disposition, Layout
from umd_curate.pipeline.accounting import account_for, adds_up, settle, total
from umd_curate.pipeline.ordered import series_units
from umd_curate.pipeline.orders import make_orders, read_order, write_orders
from umd_curate.store.keys import DeidKey

KEY = DeidKey(b"k" * 32)


@pytest.fixture
def vault(tmp_path):
    with Vault(tmp_path / "vault.sqlite", KEY) as opened:
        yield opened


def _visit(name, date):
    own = {"study": name, "frame": name, "study_date": date}
    return [*series("PT", f"pet-{name}", **own), *series("CT", f"ct-{name}", **own)]


def _phases():
    early = at(series("PT", "early", acquisition_date="20200101"), "100000")
    late = at(series("PT", "late", acquisition_date="20200101"), "120000")
    return [*early, *late, *at(series("CT", "ct", acquisition_date="20200101"), "095500")]


def _planned(rows, **settings):
    return plan_ingest(rows, IngestConfig(**settings), short_id)


def _names(orders):
    return {order.series: order.unit.partition("_")[2] for order in orders}


def test_sessions_are_numbered_by_date_at_first_sight_and_never_again(vault):
    first = make_orders(_planned([*_visit("b", "20220101"), *_visit("a", "20210101")]), vault)
    assert _names(first)["s-pet-a"] == "ses-petct1_pet"
    assert _names(first)["s-pet-b"] == "ses-petct2_pet"
    later = make_orders(
        _planned([*_visit("b", "20220101"), *_visit("old", "20190101"), *_visit("a", "20210101")]), vault
    )
    assert {name: later_name for name, later_name in _names(later).items() if "pet" in name} == {
        "s-pet-a": "ses-petct1_pet", "s-pet-b": "ses-petct2_pet", "s-pet-old": "ses-petct3_pet",
    }  # fmt: skip


def test_a_late_phase_is_a_run_of_its_session_with_a_copy_of_the_shared_ct(vault):
    orders = make_orders(_planned(_phases()), vault)
    assert sorted(order.unit.partition("_")[2] for order in orders) == [
        "ses-petct1_ct", "ses-petct1_pet", "ses-petct1_run-2_ct", "ses-petct1_run-2_pet",
    ]  # fmt: skip
    (late,) = [order for order in orders if order.series == "s-late"]
    assert {finding.code for finding in late.findings} >= {codes.LATE_PHASE.code, codes.SHARED_PARTNER.code}
    files = SessionFiles(late.subject, late.session, late.kind, {})
    assert files.stem.endswith("_ses-petct1_run-2")
    assert files.folder == f"data/sub-{late.subject}/ses-petct1"


def test_an_earlier_phase_that_arrives_later_does_not_rename_the_late_one(vault):
    phases = _phases()
    make_orders(_planned([row for row in phases if "/early/" not in row.path]), vault)
    names = _names(make_orders(_planned(phases), vault))
    assert (names["s-late"], names["s-early"]) == ("ses-petct1_pet", "ses-petct1_run-2_pet")


def test_an_order_is_read_back_as_it_was_written(vault, tmp_path):
    frames = [
        series("PT", f"f{k}", series_uid="dyn", frame_reference_time_ms=1000.0 * k, series_type=("DYNAMIC", "IMAGE"))
        for k in range(3)
    ]
    decide = (Decision(series="s-ct", choose="first", reason="the only one that is right"),)
    rows = [row for part in frames for row in part] + series("CT", "ct") + series("CT", "other", series_number=0)
    orders = make_orders(_planned(rows, decide=decide), vault)
    write_orders(orders, tmp_path / "orders")
    assert [read_order(tmp_path / "orders" / f"{order.unit}.json") for order in orders] == orders
    (pet,) = [order for order in orders if order.role == "pet"]
    assert (pet.layout, pet.groups, len(pet.places)) == (Layout.DYNAMIC, (20, 20, 20), 60)
    (ct,) = [order for order in orders if order.role == "ct"]
    assert [finding.detail for finding in ct.findings] == ["s-ct first: the only one that is right"]


def test_a_file_that_two_runs_share_is_used_as_long_as_one_of_them_can_use_it(vault, tmp_path):
    rows = _phases()
    plan = _planned(rows)
    orders = make_orders(plan, vault)
    decided = [
        DecidedFile(entry.disposition, entry.code, entry.series, "id", "uid", entry.path) for entry in plan.decisions
    ]
    units = series_units(plan, orders)

    def accounts(*failed):
        receipts = {
            order.unit: Receipt(
                "ingest",
                order.unit,
                "",
                State.QUARANTINED if order.unit.endswith(failed or ("none",)) else State.DONE,
                findings=(codes.GAP.at(order.series),),
            )
            for order in orders
        }
        return settle(decided, units, receipts)

    for failed, used in (((), 60), (("petct1_ct",), 60), (("petct1_ct", "run-2_ct"), 40), (("run-2_pet",), 40)):
        sums = account_for(tmp_path / "accounting.csv", accounts(*failed), short_id, len(rows))
        assert total(sums, Disposition.USED) == used
        assert adds_up(sums)


def test_sums_that_do_not_add_up_are_noticed():
    assert not adds_up({"files": 3, "used": 1, "excluded": {"ING-101": 1}})
