"""The unit of the de-identification report: made anew whenever a unit that it reports on was."""

from dataclasses import replace

from tests.release_builders import Ledger, Study, receipt_of
from umd_curate.model.config import UmdConfig
from umd_curate.model.steps import unit_key
from umd_curate.pipeline.deid_report import STEP


def key_of(*receipts):
    (unit,) = STEP.plan(Ledger([], receipts), UmdConfig())
    return unit_key(unit, STEP, UmdConfig())


def test_the_report_is_made_anew_after_another_key_though_all_counts_are_the_same(tmp_path):
    one, other = (receipt_of("ingest", Study(session=name).write(tmp_path)) for name in ("petct1", "petct2"))
    before = key_of(one, other)
    assert key_of(other, one) == before
    assert key_of(one, replace(other, key="1" * 64)) != before  # the key of a unit follows from that of the patients
