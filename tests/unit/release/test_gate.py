from dataclasses import replace

import pytest

from umd_curate.errors import ConfigError, GateRefused
from umd_curate.model.config import Relaxation
from umd_curate.model.receipts import Artifact
from umd_curate.model.sidecars import DefacingReceipt, ImageSidecar, PetSidecar, SuvReceipt
from umd_curate.release.cases import Case, CaseFinding, Subset, VolumeFacts
from umd_curate.release.gate import decide, refuse_empty

PETCT = Subset("petct", "petct", "ct", default=True)
NO_HEAD = DefacingReceipt(state="no-head")
SUV = SuvReceipt(rule="r", factor_min=1.0, factor_max=1.0, inputs={})
FAILED_CHECK = CaseFinding("qa", "QA-113", "fail", "kidney_left")
REASON = "agreed with the ethics board"


def volume(column: str, size: int = 1000) -> VolumeFacts:
    file = Artifact(column, f"data/{column}.nii.gz", "0" * 64, size)
    return VolumeFacts(column, file, "u", (1, 1, 1), (1.0, 1.0, 1.0), (), 1.0, "0" * 64)


def a_case(**changes) -> Case:
    case = Case(
        "7K3QF2",
        "petct1",
        "petct",
        subset=PETCT,
        volumes={column: volume(column) for column in PETCT.images},
        pet=PetSidecar(modality="PT", units="SUVbw", suv=SUV, defacing=NO_HEAD),
        anatomical=ImageSidecar(modality="CT", units="HU", defacing=NO_HEAD),
    )
    return replace(case, **changes)


def codes_of(case: Case, *relax: Relaxation) -> list[str]:
    decision = decide([case], relax)
    return [finding.code for held in decision.held for finding in held.findings]


def test_a_whole_session_passes():
    assert decide([a_case()], ()).released == (a_case(),)


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (a_case(subset=None, kind="ct", volumes={}, pet=None), "REL-001"),
        (a_case(pet=PetSidecar(modality="PT", units="Bq/mL", defacing=NO_HEAD)), "REL-002"),
        (a_case(findings=(FAILED_CHECK,)), "REL-003"),
        (a_case(volumes={"pet": volume("pet"), "ct_on_pet": volume("ct_on_pet")}), "REL-004"),
        (a_case(volumes={"pet": volume("pet"), "ct": volume("ct")}, unfit=("ct_on_pet",)), "REL-005"),
        (a_case(volumes={column: volume(column, 2**31) for column in PETCT.images}), "REL-006"),
        (a_case(anatomical=ImageSidecar(modality="CT", units="HU")), "REL-007"),
    ],
)
def test_each_rule_holds_its_case_back(case, code):
    assert set(codes_of(case)) == {code}


def test_a_ct_that_covers_too_little_of_the_pet_grid_does_not_hold_the_pair_back():
    assert codes_of(a_case(volumes={"pet": volume("pet"), "ct": volume("ct")})) == []


def test_a_warning_and_a_failure_of_another_step_do_not_hold_back():
    findings = (CaseFinding("qa", "QA-113", "warn"), CaseFinding("ingest", "ING-301", "fail"))
    assert codes_of(a_case(findings=findings)) == []


@pytest.mark.parametrize("rule", ["REL-003", "QA-113"])
def test_a_failed_check_is_relaxed_by_the_rule_or_by_its_own_code(rule):
    assert codes_of(a_case(findings=(FAILED_CHECK,)), Relaxation(rule=rule, reason=REASON)) == []


def test_relaxing_one_check_keeps_the_others():
    other = CaseFinding("qa", "QA-114", "fail")
    relax = Relaxation(rule="QA-113", reason=REASON)
    assert codes_of(a_case(findings=(FAILED_CHECK, other)), relax) == ["REL-003"]


@pytest.mark.parametrize("rule", ["REL-007", "REL-001", "REL-999", "ING-301"])
def test_a_rule_that_must_not_be_relaxed_is_refused(rule):
    with pytest.raises(ConfigError):
        decide([a_case()], [Relaxation(rule=rule, reason=REASON)])


def test_one_bad_session_does_not_stop_the_release():
    bad = a_case(subject="AAAAAA", pet=PetSidecar(modality="PT", units="Bq/mL", defacing=NO_HEAD))
    decision = decide([a_case(), bad], ())
    assert [case.subject for case in decision.released] == ["7K3QF2"]
    refuse_empty(decision)


def test_a_release_without_a_row_is_refused_and_names_the_cases():
    bad = a_case(findings=(FAILED_CHECK,))
    with pytest.raises(GateRefused, match=r"REL-003 1 times.*sub-7K3QF2_ses-petct1"):
        refuse_empty(decide([bad], ()))
