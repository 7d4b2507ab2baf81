import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umd_curate.synth.defects import DEFECT_TABLE, DEFECTS
from umd_curate.synth.draws import stream, uid
from umd_curate.synth.observer import drawn
from umd_curate.synth.options import MATRICES, Size, SynthOptions
from umd_curate.synth.people import person_of
from umd_curate.synth.planting import plant
from umd_curate.synth.scanners import Kind, Vendor
from umd_curate.synth.schedule import clock, studies_of
from umd_curate.synth.studies import series_names
from umd_curate.synth.truth import canaries


def studies(subjects=2, seed=1):
    return studies_of(SynthOptions(subjects=subjects, seed=seed, size=Size.TINY))


def test_two_patients_make_both_scans_of_one_and_a_petct_of_the_other_on_another_scanner():
    assert [(study.person.index, study.vendor) for study in studies()] == [
        (1, Vendor.SIEMENS_CT),
        (1, Vendor.SIEMENS_MR),
        (2, Vendor.GE_CT),
    ]


def test_the_pattern_goes_on_with_a_petmr_only():
    assert [study.kind for study in studies(4)][3:] == [Kind.PETMRI, Kind.PETCT, Kind.PETMRI]


def test_the_scans_of_one_patient_are_on_different_days_in_different_frames_of_reference():
    first, second, _ = studies()
    assert first.date < second.date
    assert first.uid("frame") != second.uid("frame")
    assert first.build == second.build
    assert first.anatomy.waves != second.anatomy.waves


def test_only_the_patient_who_moved_has_a_drift_between_ct_and_pet():
    still, _, moved = studies()
    assert np.allclose(still.pet.drift.matrix(), np.eye(4))
    assert 2 < np.linalg.norm(moved.pet.drift.shift_mm) < 12


@settings(max_examples=10)
@given(st.integers(-5, 10_000), st.integers(1, 30))
def test_the_same_seed_makes_the_same_patient_and_another_seed_another_one(seed, index):
    assert person_of(seed, index) == person_of(seed, index)
    assert person_of(seed, index)[0].patient_id != person_of(seed + 1, index)[0].patient_id


def test_no_identifier_belongs_to_two_patients():
    plan = studies(9)
    people = list({study.person.index: study.person for study in plan}.values())
    found = canaries(people, plan)
    owners = {}
    for canary in found:
        owners.setdefault(canary["value"], set()).add(canary["patient"])
    shared = {canary["kind"] for canary in found if len(owners[canary["value"]]) > 1}
    assert shared <= {"study_date"}
    assert all(len(canary["value"]) >= 6 for canary in found)


def test_positions_are_exact_decimals_of_an_even_stack():
    for size in MATRICES:
        for study in studies_of(SynthOptions(subjects=2, size=size)):
            placed = study.grid_of("pet")
            z = np.array([position[2] for position in placed.positions_lps])
            np.testing.assert_allclose(np.diff(z), placed.step_mm, atol=1e-4)
            assert np.allclose(placed.grid.affine[:3, 3] * (-1, -1, 1), placed.positions_lps[0])


def test_ct_and_pet_cover_the_body_from_the_vertex_to_the_thigh():
    for study in studies(3):
        for what in ("pet", "ct" if study.kind is Kind.PETCT else "mr"):
            z = study.grid_of(what).grid.corners_ras_mm()[:, 2]
            vertex, thigh = study.anatomy.to_scanner(np.array([[0, 0, 4.0], [90, 0, -960.0]]))[:, 2]
            assert z.max() > vertex
            assert z.min() < thigh


@pytest.mark.parametrize(("seconds", "text"), [(0, "000000"), (45296.25, "123456.25"), (3599.999, "010000")])
def test_clock_times_are_dicom_times(seconds, text):
    assert clock(seconds) == text


def test_uids_differ_by_name_and_fit_into_dicom():
    assert uid(1, "a", "b") != uid(1, "a\x1fb", "c")
    assert len(uid(1, "series")) <= 64


def presence(plan):
    return [(study, tuple(series_names(study))) for study in plan]


@pytest.mark.parametrize("name", DEFECTS)
def test_every_defect_finds_a_series_in_a_small_cohort(name):
    (planting,) = plant([name], presence(studies(3)), DEFECT_TABLE)
    assert planting.series == DEFECT_TABLE[name].series[0]


def test_two_defects_of_one_series_go_into_two_studies():
    plantings = plant(["missing-weight", "missing-dose"], presence(studies()), DEFECT_TABLE)
    assert [p.study for p in plantings] == ["1/petct", "1/petmri"]


def test_a_defect_goes_to_the_subjects_it_is_ordered_for():
    plantings = plant(["missing-slice@2,4", "missing-weight@3"], presence(studies(4)), DEFECT_TABLE)
    assert [(p.name, p.study) for p in plantings] == [
        ("missing-slice", "2/petct"),
        ("missing-slice", "4/petct"),
        ("missing-weight", "3/petmri"),
    ]


@pytest.mark.parametrize(
    ("order", "error"), [("gremlins", KeyError), ("missing-slice@one", ValueError), ("missing-slice@3", LookupError)]
)
def test_an_order_that_cannot_be_met_is_an_error(order, error):
    with pytest.raises(error):
        plant([order], presence(studies(3)), DEFECT_TABLE)


def test_a_patient_is_the_same_in_every_cohort():
    alone, among = studies(4)[3:5], studies(9)[3:5]
    assert [(study.label, study.vendor, study.scan_s, study.pet) for study in alone] == [
        (study.label, study.vendor, study.scan_s, study.pet) for study in among
    ]


def test_scanners_are_dealt_out_in_turn_and_drawn_where_they_are_mixed():
    wanted = ("philips-petct", "uih-petct", "ge-petmr")
    plan = studies_of(SynthOptions(subjects=4, size=Size.TINY, scanners=wanted))
    assert [study.vendor for study in plan] == [
        "philips-petct", "ge-petmr", "uih-petct", "ge-petmr", "philips-petct", "ge-petmr",
    ]  # fmt: skip
    mixed = studies_of(SynthOptions(subjects=60, size=Size.TINY, mixed=True))
    assert {study.vendor for study in mixed} == set(Vendor)
    assert len({study.writing for study in mixed}) > 15
    assert {study.stations for study in mixed} == {3, 4, 5}


def test_a_scanner_that_is_not_known_is_an_error():
    with pytest.raises(KeyError):
        studies_of(SynthOptions(scanners=("x-ray",)))


def test_an_observer_stays_near_the_truth_and_loses_no_organ():
    truth = np.zeros((30, 40, 40), np.uint8)
    truth[5:25, 8:30, 8:30] = 1
    truth[12, 33, 33] = 2
    found = drawn(truth, stream(1, "observer"))
    overlap = 2 * ((found == 1) & (truth == 1)).sum() / ((found == 1).sum() + (truth == 1).sum())
    assert 0.93 < overlap < 1
    assert set(np.unique(found)) == {0, 1, 2}
