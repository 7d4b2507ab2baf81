from dataclasses import replace

import pytest

from tests.unit.ingest.rows import contours, series, short_id
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig
from umd_curate.model.study import Disposition, Layout, Role, SessionKind

CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def _plan(*parts):
    return plan_ingest([row for part in parts for row in part], IngestConfig(), short_id)


def _sessions(plan):
    return [(session.kind, [volume.series for volume in session.volumes]) for session in plan.sessions]


def _codes(plan, name):
    return {(d.disposition, d.code) for d in plan.decisions if d.series == f"s-{name}"}


def _excluded(code):
    return {(Disposition.EXCLUDED, code.code)}


def _quarantined(code):
    return {(Disposition.QUARANTINED, code.code)}


def test_pet_and_ct_of_one_frame_are_a_session():
    plan = _plan(series("PT", "pet"), series("CT", "ct", n=50, step=2.0))
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-pet", "s-ct"])]
    assert [(volume.role, volume.label) for volume in plan.sessions[0].volumes] == [(Role.PET, "AC"), (Role.CT, "")]


def test_pet_and_mr_of_one_frame_are_a_session():
    plan = _plan(series("PT", "pet"), series("MR", "mr", dixon_channel="in"))
    assert _sessions(plan) == [(SessionKind.PETMRI, ["s-pet", "s-mr"])]


def test_partner_may_come_from_another_study_of_the_same_frame():
    plan = _plan(series("PT", "pet", study="a"), series("CT", "ct", study="b"))
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-pet", "s-ct"])]


def test_two_visits_in_one_frame_are_two_sessions():
    plan = _plan(*(series(m, m + visit, study=visit) for m in ("PT", "CT") for visit in ("a", "b")))
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-PTa", "s-CTa"]), (SessionKind.PETCT, ["s-PTb", "s-CTb"])]


def test_several_frames_of_one_study_are_several_sessions():
    plan = _plan(series("PT", "pet", frame="1"), series("CT", "ct", frame="2"))
    assert sorted(_sessions(plan)) == [(SessionKind.CT, ["s-ct"]), (SessionKind.PET, ["s-pet"])]
    (pet,) = [session for session in plan.sessions if session.kind is SessionKind.PET]
    assert [finding.code for finding in pet.findings] == [codes.NO_PARTNER.code]


def test_images_without_frame_of_reference_are_never_paired():
    plan = _plan(series("PT", "pet", frame=None), series("CT", "ct", frame=None))
    assert sorted(kind for kind, _ in _sessions(plan)) == [SessionKind.CT, SessionKind.PET]


def test_same_frame_of_another_patient_is_not_paired():
    plan = _plan(series("PT", "pet", patient="A", study="a"), series("CT", "ct", patient="B", study="b"))
    assert sorted(kind for kind, _ in _sessions(plan)) == [SessionKind.CT, SessionKind.PET]


def test_mr_beside_a_petct_is_its_own_session():
    plan = _plan(series("PT", "pet"), series("CT", "ct"), series("MR", "mr"))
    assert sorted(_sessions(plan)) == [(SessionKind.MR, ["s-mr"]), (SessionKind.PETCT, ["s-pet", "s-ct"])]


def test_ct_that_lies_elsewhere_is_no_partner():
    plan = _plan(series("PT", "pet"), series("CT", "ct", z0=5000.0))
    assert sorted(kind for kind, _ in _sessions(plan)) == [SessionKind.CT, SessionKind.PET]


def test_attenuation_corrected_pet_goes_before_a_larger_nac():
    plan = _plan(series("PT", "ac", n=20), series("PT", "nac", n=40, corrected_image=("NORM", "DECY")))
    assert _sessions(plan) == [(SessionKind.PET, ["s-ac"])]
    assert _codes(plan, "nac") == _excluded(codes.PET_NAC)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"n": 40}, {"n": 20}),
        ({"image_type": ("ORIGINAL", "PRIMARY")}, {"image_type": ("DERIVED", "SECONDARY")}),
        ({"units": "BQML", "series_number": 9}, {"units": "GML"}),
        ({"series_number": 3}, {"series_number": 4}),
    ],
)
def test_pet_ranking(better, worse):
    plan = _plan(series("PT", "z-better", **better), series("PT", "a-worse", **worse))
    assert _sessions(plan) == [(SessionKind.PET, ["s-z-better"])]
    assert _codes(plan, "a-worse") == _excluded(codes.PET_NOT_SELECTED)


def test_pets_that_nothing_tells_apart_are_refused_not_drawn_by_lot():
    plan = _plan(series("PT", "a"), series("PT", "b"), series("PT", "c", units="GML"))
    assert plan.sessions == ()
    assert all(_codes(plan, name) == _quarantined(codes.AMBIGUOUS) for name in "abc")


def test_nac_does_not_stand_in_for_a_broken_ac():
    broken = series("PT", "ac", n=20)
    plan = _plan(broken[:9] + broken[10:], series("PT", "nac", corrected_image=("NORM",)))
    assert plan.sessions == ()
    assert _codes(plan, "ac") == _quarantined(codes.GAP)
    assert _codes(plan, "nac") == _excluded(codes.PET_NAC)


def test_next_pet_stands_in_for_a_broken_one_and_says_so():
    broken = series("PT", "best", n=20)
    plan = _plan(broken[:9] + broken[10:], series("PT", "next", n=20, series_number=2))
    assert _sessions(plan) == [(SessionKind.PET, ["s-next"])]
    assert codes.SECOND_BEST.code in {finding.code for finding in plan.sessions[0].findings}
    assert _codes(plan, "best") == _quarantined(codes.GAP)


def test_broken_series_that_was_not_wanted_is_excluded():
    broken = series("PT", "worse", series_number=7)
    plan = _plan(series("PT", "best"), broken[:9] + broken[10:])
    assert _codes(plan, "worse") == _excluded(codes.PET_NOT_SELECTED)


def test_dynamic_pet_is_refused_by_name():
    plan = _plan(series("PT", "dyn", series_type=("DYNAMIC", "IMAGE")))
    assert _codes(plan, "dyn") == _quarantined(codes.DYNAMIC)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"n": 20, "contrast_agent": "Iomeprol"}, {"n": 6}),
        ({"series_description": "CTAC"}, {"series_description": "CT venous", "contrast_agent": "Iomeprol", "n": 60}),
        ({"convolution_kernel": "B31s"}, {"convolution_kernel": "B80s"}),
        ({"convolution_kernel": "STANDARD"}, {"convolution_kernel": "LUNG"}),
        ({"n": 40}, {"n": 20}),
    ],
)
def test_ct_ranking(better, worse):
    plan = _plan(series("PT", "pet"), series("CT", "z-better", **better), series("CT", "a-worse", **worse))
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-pet", "s-z-better"])]
    assert _codes(plan, "a-worse") == _excluded(codes.CT_NOT_SELECTED)


def test_broken_ct_leaves_the_pet_alone_and_is_quarantined():
    broken = series("CT", "ct")
    plan = _plan(series("PT", "pet"), broken[:5] + broken[6:], series("MR", "mr"))
    assert sorted(_sessions(plan)) == [(SessionKind.MR, ["s-mr"]), (SessionKind.PET, ["s-pet"])]
    assert _codes(plan, "ct") == _quarantined(codes.GAP)


def test_dixon_in_phase_is_selected_and_the_other_channels_excluded():
    channels = [series("MR", name, dixon_channel=name) for name in ("fat", "in", "opp", "water")]
    plan = _plan(series("PT", "pet"), *channels)
    assert _sessions(plan) == [(SessionKind.PETMRI, ["s-pet", "s-in"])]
    assert plan.sessions[0].volumes[1].label == "in"
    assert all(_codes(plan, name) == _excluded(codes.DIXON_NOT_SELECTED) for name in ("fat", "opp", "water"))


def _stations(channel):
    return [series("MR", f"{channel}{k}", n=12, z0=50.0 * k, dixon_channel=channel, series_number=k) for k in range(4)]


def test_stations_of_a_composed_series_are_excluded():
    composed = series("MR", "whole", n=40, dixon_channel="in", image_type=("DERIVED", "PRIMARY", "COMPOSED"))
    plan = _plan(series("PT", "pet", n=40), composed, *_stations("in"), *_stations("fat"))
    assert _sessions(plan) == [(SessionKind.PETMRI, ["s-pet", "s-whole"])]
    assert all(_codes(plan, f"{name}{k}") == _excluded(codes.MR_STATION) for name in ("in", "fat") for k in range(4))


def test_stations_without_a_composed_series_are_one_volume_in_order_along_the_body():
    abdomen = series("MR", "t2", n=8, z0=60.0, rows=200)
    plan = _plan(series("PT", "pet", n=40), *reversed(_stations("in")), abdomen)
    (session,) = plan.sessions
    stations = session.volumes[1]
    assert (session.kind, stations.layout, stations.groups) == (SessionKind.PETMRI, Layout.STATIONS, (12, 12, 12, 12))
    assert [image.series_uid for image in stations.instances[::12]] == ["in0", "in1", "in2", "in3"]
    assert _codes(plan, "t2") == _excluded(codes.MR_NOT_SELECTED)


@pytest.mark.parametrize("apart", [{"z0": 125.0}, {"z0": 120.0}, {"columns": 100, "z0": 115.0, "shift": 2.0}])
def test_stations_that_do_not_join_are_refused_and_no_region_stands_in(apart):
    shift = apart.pop("shift", 0.0)
    upper = [
        replace(image, position_mm=(image.position_mm[0] + shift, *image.position_mm[1:]))
        for image in series("MR", "b", n=24, dixon_channel="in", **apart)
    ]
    plan = _plan(
        series("PT", "pet", n=49), series("MR", "a", n=24, dixon_channel="in"), upper, series("MR", "t2", n=8, rows=200)
    )
    assert (SessionKind.PET, ["s-pet"]) in _sessions(plan)
    assert {d.code for d in plan.decisions if d.path.split("/")[-2] in "ab"} == {codes.STATIONS.code}
    assert _codes(plan, "t2") == _excluded(codes.MR_NOT_SELECTED)


def test_stations_in_frames_of_reference_of_their_own_are_refused():
    stations = [
        series("MR", f"in{k}", n=12, z0=50.0 * k, dixon_channel="in", frame="frame" if k == 0 else f"f{k}")
        for k in range(4)
    ]
    plan = _plan(series("PT", "pet", n=40), *stations)
    assert _sessions(plan) == [(SessionKind.PET, ["s-pet"])]
    assert all(_codes(plan, f"in{k}") == _quarantined(codes.STATION_FRAMES) for k in range(4))


def test_two_whole_sets_of_stations_in_two_frames_of_reference_are_two_volumes():
    pet = series("PT", "pet", n=40)
    again = [
        series("MR", f"again{k}", n=12, z0=50.0 * k, dixon_channel="in", frame="moved") for k in range(4)
    ]  # fmt: skip
    plan = _plan(pet, *_stations("in"), *again)
    assert sorted(_sessions(plan)) == [(SessionKind.MR, ["s-again0"]), (SessionKind.PETMRI, ["s-pet", "s-in0"])]


def test_spine_stations_of_a_study_without_pet_stay_what_they_are():
    plan = _plan(*(series("MR", f"spine{k}", n=12, z0=50.0 * k, frame=f"f{k}") for k in range(3)))
    assert [kind for kind, _ in _sessions(plan)] == [SessionKind.MR] * 3


def test_repeats_of_one_region_are_no_stations():
    plan = _plan(series("MR", "a", z0=0.0), series("MR", "b", z0=10.0, series_number=2))
    assert _sessions(plan) == [(SessionKind.MR, ["s-a"])]


def test_contours_go_to_the_session_of_the_ct_they_were_drawn_on():
    plan = _plan(series("PT", "pet"), series("CT", "ct"), [contours("seg", of="ct"), contours("other", of="gone")])
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-pet", "s-ct", "s-seg"])]
    assert plan.sessions[0].volumes[2].role is Role.CONTOURS
    assert _codes(plan, "other") == _excluded(codes.CONTOURS_NOT_SELECTED)


def test_contours_on_the_pet_are_excluded():
    plan = _plan(series("PT", "pet"), series("CT", "ct"), [contours("seg", of="pet")])
    assert _codes(plan, "seg") == _excluded(codes.CONTOURS_NOT_SELECTED)


def test_volume_shorter_than_its_header_says_is_noted():
    plan = _plan(series("PT", "pet", n=19, number_of_slices=20))
    (found,) = [finding for finding in plan.sessions[0].findings if finding.code == codes.FEWER_THAN_SAID.code]
    assert (found.measured, found.limit) == (19.0, 20.0)


def test_multiframe_image_of_unknown_place_is_paired_by_frame():
    enhanced = [replace(series("CT", "ct", n=1)[0], number_of_frames=80, position_mm=(), orientation=())]
    plan = _plan(series("PT", "pet"), enhanced)
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-pet", "s-ct"])]


def test_the_plan_names_the_criterion_that_decided_and_the_series_that_won():
    plan = _plan(
        series("PT", "early", series_number=4),
        series("PT", "late", series_number=9),
        series("PT", "brain", n=8, series_number=2),
        series("PT", "copy", units="GML", series_number=1),
        series("PT", "nac", corrected_image=("NORM", "DECY"), series_number=3),
        series("CT", "ct", n=50, step=2.0, convolution_kernel="B30f"),
        series("CT", "lung", n=50, step=2.0, convolution_kernel="B70f"),
    )
    assert _sessions(plan) == [(SessionKind.PETCT, ["s-early", "s-ct"])]
    assert {volume.series: (volume.decided_by, volume.preferred) for volume in plan.passed_over} == {
        "s-late": ("lowest series number", "s-early"),
        "s-brain": ("largest coverage", "s-early"),
        "s-copy": ("Bq/mL before other units", "s-early"),
        "s-nac": ("attenuation corrected", "s-early"),
        "s-lung": ("soft kernel", "s-ct"),
    }


def test_a_plan_passes_nothing_over_where_each_role_has_one_series():
    assert _plan(series("PT", "pet"), series("CT", "ct", n=50, step=2.0)).passed_over == ()
