"""A unit's key changes with everything that decides its outputs, and with nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies as some
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_labels import QaConfig
from umd_curate.model.config_register import RegisterConfig
from umd_curate.model.receipts import Artifact, State
from umd_curate.model.steps import SessionFiles, Step, Unit, unit_key

CONFIG = UmdConfig()
IMAGE = Artifact("pet", "data/pet.nii.gz", "a" * 64, 10)
UNIT = Unit("register", "sub-7K3QF2_ses-petct1", "7K3QF2", "petct1", (IMAGE,), {"grid": "pet", "n": 1})


def never(*_):
    raise NotImplementedError


STEP = Step("register", 1, ("register",), never, never)


@pytest.mark.parametrize(
    "changed",
    [
        replace(UNIT, name="sub-7K3QF2_ses-petct2"),
        replace(UNIT, inputs=(replace(IMAGE, sha256="b" * 64),)),
        replace(UNIT, inputs=(IMAGE, replace(IMAGE, what="ct"))),
        replace(UNIT, inputs=()),
        replace(UNIT, params={"grid": "ct", "n": 1}),
        replace(UNIT, params={}),
    ],
)
def test_another_unit_has_another_key(changed):
    assert unit_key(changed, STEP, CONFIG) != unit_key(UNIT, STEP, CONFIG)


def test_a_new_version_of_a_step_makes_its_units_stale():
    assert unit_key(UNIT, replace(STEP, version=2), CONFIG) != unit_key(UNIT, STEP, CONFIG)


def test_a_setting_of_the_steps_own_section_makes_its_units_stale():
    config = UmdConfig(register=RegisterConfig(min_overlap=0.5))
    assert unit_key(UNIT, STEP, config) != unit_key(UNIT, STEP, CONFIG)


def test_a_setting_of_another_section_leaves_the_key():
    config = UmdConfig(qa=QaConfig(max_outside_body=0.5))
    assert unit_key(UNIT, STEP, config) == unit_key(UNIT, STEP, CONFIG)


@given(st.dictionaries(some.names, some.json_values, max_size=5), st.randoms())
def test_the_order_of_parameters_does_not_matter(params, random):
    entries = list(params.items())
    random.shuffle(entries)
    first, second = replace(UNIT, params=params), replace(UNIT, params=dict(entries))
    assert unit_key(first, STEP, CONFIG) == unit_key(second, STEP, CONFIG)


def test_a_receipt_repeats_what_the_unit_took():
    receipt = UNIT.receipt(measured={"overlap": 1.0}, state=State.QUARANTINED)
    assert (receipt.step, receipt.unit, receipt.inputs) == (UNIT.step, UNIT.name, UNIT.inputs)
    assert (receipt.state, receipt.measured, receipt.findings) == (State.QUARANTINED, {"overlap": 1.0}, ())


def test_an_input_is_found_by_its_role():
    assert UNIT.input("pet") is IMAGE
    assert UNIT.input("ct") is None


def test_a_sessions_names_are_bids_like():
    files = SessionFiles("7K3QF2", "petct1", "petct", {})
    assert files.stem == "sub-7K3QF2_ses-petct1"
    assert files.folder == "data/sub-7K3QF2/ses-petct1"


def test_another_definition_of_the_dataset_counts_for_the_steps_that_use_it():
    uses = replace(STEP, sections=("dataset", *STEP.sections))
    assert unit_key(UNIT, uses, CONFIG, "a") != unit_key(UNIT, uses, CONFIG, "b")
    assert unit_key(UNIT, STEP, CONFIG, "a") == unit_key(UNIT, STEP, CONFIG, "b")
