"""Frames and gates: told apart by time, whatever the bed; phases: told apart by when a PET begins and ends."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest_cohort import at
from tests.unit.ingest.rows import contours, series, short_id
from umd_curate.ingest.moments import seconds_of
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig
from umd_curate.model.study import Layout, SessionKind

DYNAMIC = {"series_uid": "dyn", "series_type": ("DYNAMIC", "IMAGE"), "acquisition_date": "20200101"}


def _plan(*parts):
    return plan_ingest([row for part in parts for row in part], IngestConfig(), short_id)


def _pet(plan):
    (session,) = plan.sessions
    return session.volumes[0]


@given(order=st.permutations(range(4)), slices=st.integers(3, 6))
def test_frames_stand_in_the_order_of_their_time_and_each_ascends(order, slices):
    frames = [series("PT", f"f{k}", n=slices, frame_reference_time_ms=500.0 * k, **DYNAMIC) for k in order]
    pet = _pet(_plan(*frames))
    assert (pet.layout, pet.groups) == (Layout.DYNAMIC, (slices,) * 4)
    assert [image.frame_reference_time_ms for image in pet.instances] == [
        500.0 * k for k in range(4) for _ in range(slices)
    ]
    heights = [image.position_mm[2] for image in pet.instances]
    assert all(heights[k * slices : (k + 1) * slices] == sorted(heights[:slices]) for k in range(4))


def test_passes_over_several_beds_are_frames_by_their_order_at_each_place():
    images = []
    for passing in range(3):
        for bed in range(4):
            part = series(
                "PT", f"p{passing}b{bed}", n=5, z0=25.0 * bed, acquisition_number=4 * passing + bed, **DYNAMIC
            )
            images += at(part, f"10{4 * passing + bed:02d}00")
    pet = _pet(_plan(images))
    assert (pet.layout, pet.groups) == (Layout.DYNAMIC, (20, 20, 20))
    assert [image.acquisition_number // 4 for image in pet.instances] == [k for k in range(3) for _ in range(20)]


def test_gates_are_told_from_frames_by_their_trigger_time():
    gates = [
        series("PT", f"g{k}", n=6, trigger_time_ms=100.0 * k, **{**DYNAMIC, "series_type": ("GATED",)})
        for k in (2, 0, 1)
    ]
    pet = _pet(_plan(*gates))
    assert (pet.layout, pet.groups) == (Layout.GATED, (6, 6, 6))
    assert [image.trigger_time_ms for image in pet.instances[::6]] == [0.0, 100.0, 200.0]


def test_frames_that_nothing_tells_apart_are_refused():
    frames = [series("PT", f"f{k}", n=6, **DYNAMIC) for k in range(2)]
    assert {d.code for d in _plan(*frames).decisions} == {codes.SAME_PLACE.code}


def test_a_dynamic_series_with_one_frame_is_refused_by_name():
    (finding,) = _plan(series("PT", "f0", n=6, **DYNAMIC)).findings
    assert (finding.code, finding.measured, finding.limit) == (codes.DYNAMIC.code, 1.0, 2.0)


def test_the_number_of_slices_in_the_header_is_that_of_one_frame():
    frames = [
        series("PT", f"f{k}", n=6, frame_reference_time_ms=float(k), number_of_slices=6, **DYNAMIC) for k in range(3)
    ]
    (session,) = _plan(*frames).sessions
    assert codes.FEWER_THAN_SAID.code not in {finding.code for finding in session.findings}


def _phase(name, clock, **fields):
    return at(series("PT", name, acquisition_date="20200101", **fields), clock)


def _runs(plan):
    return sorted([volume.series for volume in session.volumes] for session in plan.sessions)


def test_reconstructions_of_one_acquisition_are_no_phases():
    plan = _plan(_phase("a", "100000"), _phase("b", "100030", series_number=2))
    assert _runs(plan) == [["s-a"]]


def test_a_bed_elsewhere_is_no_phase():
    plan = _plan(_phase("body", "100000", n=40), _phase("legs", "103000", z0=500.0))
    assert _runs(plan) == [["s-body"]]


def test_each_phase_takes_the_ct_nearest_in_time_and_shares_only_where_it_has_none():
    cts = [
        at(series("CT", name, acquisition_date="20200101"), clock)
        for name, clock in (("one", "095500"), ("two", "125500"))
    ]
    phases = [_phase("early", "100000"), _phase("late", "130000"), _phase("latest", "150000")]
    assert _runs(_plan(*phases, *cts)) == [["s-early", "s-one"], ["s-late", "s-two"], ["s-latest", "s-two"]]
    assert _runs(_plan(*phases, cts[0])) == [["s-early", "s-one"], ["s-late", "s-one"], ["s-latest", "s-one"]]


def test_contours_on_a_shared_ct_go_to_every_run():
    ct = at(series("CT", "ct", acquisition_date="20200101"), "095500")
    plan = _plan(_phase("early", "100000"), _phase("late", "130000"), ct, [contours("seg", of="ct")])
    assert _runs(plan) == [["s-early", "s-ct", "s-seg"], ["s-late", "s-ct", "s-seg"]]


def test_a_late_phase_in_a_frame_of_its_own_is_a_run_of_the_same_study():
    own = {"frame": "moved"}
    plan = _plan(
        _phase("early", "100000"), _phase("late", "130000", **own), series("CT", "ct"), series("CT", "ct2", **own)
    )
    assert [session.kind for session in plan.sessions] == [SessionKind.PETCT] * 2
    assert len({session.anchor for session in plan.sessions}) == 2
    late = [session for session in plan.sessions if session.volumes[0].series == "s-late"]
    assert codes.LATE_PHASE.code in {finding.code for finding in late[0].findings}


def test_nac_and_copies_go_with_the_phase_of_their_time():
    nac = {"corrected_image": ("NORM",)}
    plan = _plan(
        _phase("early", "100000"), _phase("early nac", "100000", **nac), _phase("late", "130000"), _phase("late nac", "130000", **nac)
    )  # fmt: skip
    assert {volume.series: volume.preferred for volume in plan.passed_over} == {
        "s-early nac": "s-early", "s-late nac": "s-late",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("day", "time", "apart"),
    [
        ("20200101", "235959.5", 0.5),
        ("2020.01.01", "23:59:00", 60.0),
        ("20191231", "24", 86400.0),
        ("20200102", "00", 0.0),
    ],
)
def test_moments_are_on_one_line_over_midnight(day, time, apart):
    assert seconds_of("20200102", "000000") - seconds_of(day, time) == apart


@pytest.mark.parametrize(
    ("day", "time"), [(None, "10"), ("20200101", None), ("20201301", "10"), ("2020", "10"), ("20200101", "x")]
)
def test_a_malformed_moment_is_unknown(day, time):
    assert seconds_of(day, time) is None


def test_a_pet_with_a_malformed_time_is_no_phase():
    late = [replace(row, acquisition_time="CANARY") for row in series("PT", "late", series_number=2)]
    assert _runs(_plan(_phase("early", "100000"), late)) == [["s-early"]]
