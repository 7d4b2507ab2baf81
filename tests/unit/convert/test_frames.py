"""Which frames make up a volume: never a matter of the order in which they are stored."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.convert.frames import FrameFacts, choose
from umd_curate.convert.geometry import SlicePlace
from umd_curate.model.findings import Refused
from umd_curate.model.study import Layout, Role

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def a_frame(k: int, **facts: object) -> FrameFacts:
    place = SlicePlace(6, 5, (-100.0, -80.0, 5.0 * k), AXIAL, (2.0, 3.0), 5.0)
    return FrameFacts(place=place, **facts)


def heights(frames: list[FrameFacts], volume: tuple[int, ...]) -> list[float]:
    return [frames[index].place.position_mm[2] for index in volume]


def refusal(frames: list[FrameFacts], role: Role = Role.MR, label: str = "") -> str:
    with pytest.raises(Refused) as caught:
        choose(frames, role, label, "s-X")
    return f"{caught.value.finding.code} {caught.value.finding.detail}"


@given(st.permutations(range(12)))
def test_frames_of_one_stack_come_in_ascending_order_however_they_are_stored(order: list[int]) -> None:
    frames = [a_frame(k) for k in order]
    chosen = choose(frames, Role.CT, "", "s-X")
    assert chosen.layout is Layout.STACK
    assert heights(frames, chosen.volumes[0]) == [5.0 * k for k in range(12)]


@given(st.permutations([(t, k) for t in (3, 1, 2) for k in range(4)]))
def test_time_points_become_frames_in_their_order(order: list[tuple[int, int]]) -> None:
    frames = [a_frame(k, temporal=t) for t, k in order]
    chosen = choose(frames, Role.PET, "", "s-X")
    assert (chosen.layout, len(chosen.volumes)) == (Layout.DYNAMIC, 3)
    assert [[frames[index].temporal for index in volume] for volume in chosen.volumes] == [[1] * 4, [2] * 4, [3] * 4]
    assert all(heights(frames, volume) == [0, 5, 10, 15] for volume in chosen.volumes)


@given(st.permutations([(t, k) for t in range(3) for k in range(4)]))
def test_beds_taken_again_and_again_are_passes_by_the_time_of_each_place(order: list[tuple[int, int]]) -> None:
    frames = [a_frame(k, acquired=f"202501011{t}{k:02d}00") for t, k in order]
    chosen = choose(frames, Role.PET, "", "s-X")
    assert chosen.layout is Layout.DYNAMIC
    assert [[frames[index].acquired[9:10] for index in volume] for volume in chosen.volumes] == [
        [str(t)] * 4 for t in range(3)
    ]


def test_phases_become_gates() -> None:
    frames = [a_frame(k, trigger_ms=float(t)) for k in range(3) for t in (0, 400, 800)]
    chosen = choose(frames, Role.PET, "", "s-X")
    assert (chosen.layout, len(chosen.volumes)) == (Layout.GATED, 3)


def test_the_magnitude_is_chosen_among_the_parts_of_a_complex_image() -> None:
    frames = [a_frame(k, component=part) for part in ("PHASE", "MAGNITUDE", "REAL") for k in range(3)]
    chosen = choose(frames, Role.MR, "", "s-X")
    assert {frames[index].component for index in chosen.volumes[0]} == {"MAGNITUDE"}
    assert chosen.told_apart_by == ("(0008,9208) ComplexImageComponent",)
    assert chosen.rule == "magnitude image"


@pytest.mark.parametrize("label", ["in", "water"])
def test_the_wanted_dixon_channel_is_chosen(label: str) -> None:
    types = {"in": "IN_PHASE", "opp": "OUT_PHASE", "water": "WATER", "fat": "FAT"}
    frames = [
        a_frame(k, frame_type=("ORIGINAL", "PRIMARY", "DIXON", name)) for name in types.values() for k in range(3)
    ]
    chosen = choose(frames, Role.MR, label, "s-X")
    assert {frames[index].frame_type[3] for index in chosen.volumes[0]} == {types[label]}


@pytest.mark.parametrize(
    ("facts", "tag"),
    [
        ([{"echo_ms": 2.4}, {"echo_ms": 4.8}], "(0018,9082)"),
        ([{"b_value": 0.0}, {"b_value": 800.0}], "(0018,9087)"),
        ([{"stack": "1"}, {"stack": "2"}], "(0020,9056)"),
        ([{"frame_type": ("DERIVED", "PRIMARY", "A")}, {"frame_type": ("DERIVED", "PRIMARY", "B")}], "(0008,9007)"),
        ([{"temporal": t, "echo_ms": e} for t in (1, 2) for e in (2.4, 4.8)], "(0018,9082)"),
    ],
)
def test_several_images_of_one_place_are_refused_by_the_name_of_what_differs(facts: list[dict], tag: str) -> None:
    told = refusal([a_frame(k, **each) for each in facts for k in range(3)])
    assert told.startswith("CON-502")
    assert tag in told


def test_planes_of_two_orientations_are_refused_by_name() -> None:
    turned = a_frame(0)
    turned = replace(turned, place=replace(turned.place, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, 1.0)))
    assert refusal([a_frame(0), a_frame(1), turned]).startswith("CON-502 (0020,0037)")


def test_frames_that_nothing_tells_apart_are_refused() -> None:
    assert refusal([a_frame(k) for k in (0, 1, 0, 1)]).startswith("CON-107")


def test_time_points_that_show_other_places_are_no_frames() -> None:
    frames = [a_frame(k, temporal=t) for t, places in ((1, (0, 1, 2)), (2, (0, 1))) for k in places]
    assert refusal(frames, Role.PET).startswith("CON-107")


def test_a_property_that_varies_within_one_stack_splits_nothing() -> None:
    frames = [a_frame(k, temporal=k % 2, stack=str(k % 3), trigger_ms=float(k)) for k in range(6)]
    assert choose(frames, Role.MR, "", "s-X").volumes == (tuple(range(6)),)


@pytest.mark.parametrize("pattern", ["alternate", "halves"])
@pytest.mark.parametrize(
    ("facts", "tag"),
    [
        ([{"echo_ms": 2.4}, {"echo_ms": 4.8}], "(0018,9082)"),
        ([{"b_value": 0.0}, {"b_value": 800.0}], "(0018,9087)"),
        ([{"component": "MAGNITUDE"}, {"component": "PHASE"}], "(0008,9208)"),
        ([{"frame_type": ("ORIGINAL", "PRIMARY", kind, "NONE")} for kind in "MP"], "(0008,9208)"),
        ([{"frame_type": ("DERIVED", "PRIMARY", "DIXON", kind)} for kind in ("WATER", "FAT")], "Dixon channel"),
    ],
)
@pytest.mark.parametrize("label", ["", "water"])
def test_contrasts_at_places_of_their_own_are_refused_by_name(facts: list, tag: str, pattern: str, label: str) -> None:
    which = [k % 2 if pattern == "alternate" else k // 6 for k in range(12)]
    told = refusal([a_frame(k, **facts[n]) for k, n in enumerate(which)], label=label)
    assert told.startswith("CON-502")
    assert tag in told


def test_the_magnitude_of_two_echoes_that_alternate_is_refused() -> None:
    frames = [
        a_frame(k, component=part, echo_ms=(2.4, 4.8)[k % 2]) for part in ("MAGNITUDE", "PHASE") for k in range(6)
    ]
    assert "(0018,9082)" in refusal(frames)


@given(st.lists(st.sampled_from([4.6, 4.76, None, 0.0]), min_size=2, max_size=12), st.sampled_from([None, "MIXED"]))
def test_echoes_that_differ_by_rounding_or_are_not_told_are_one_volume(echoes: list, part: str | None) -> None:
    frames = [
        a_frame(k, echo_ms=echo, component=part if k % 2 else "MAGNITUDE", acquired=f"2025010110{k:02d}00")
        for k, echo in enumerate(echoes)
    ]
    chosen = choose(frames, Role.MR, "", "s-X")
    assert chosen.volumes == (tuple(range(len(echoes))),)
