import numpy as np
import pytest

from umd_curate.convert.contours import (
    Contours,
    FramePlace,
    SegmentName,
    frame_place,
    merge_contours,
    organ_of,
    paint,
    unmapped,
)
from umd_curate.convert.geometry import SlicePlace
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.store.resources import organ_table

ORGANS = organ_table("umd")
GRID = Grid((4, 6, 5), np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 5.0, -30], [0, 0, 0, 1]]))


def a_frame(k: float, j: float = 0, i: float = 0, rows: int = 6, columns: int = 5) -> SlicePlace:
    """A frame whose first voxel is the grid's (i, j, k); the grid is axial, so LPS is (-10 + 2i, -20 + 3j, -30 + 5k)."""
    return SlicePlace(rows, columns, (-10 + 2 * i, -20 + 3 * j, -30 + 5 * k), (1, 0, 0, 0, 1, 0), (3.0, 2.0), 5.0)


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        (SegmentName("10200004"), "liver"),
        (SegmentName("64033007", "left", "kidney"), "kidney_left"),
        (SegmentName("64033007", "right"), "kidney_right"),
        (SegmentName("18639004"), "kidney_left"),
        (SegmentName("39607008", "left"), "lung"),
        (SegmentName("", None, "Oesophagus"), "esophagus"),
        (SegmentName("", None, "Left Kidney"), "kidney_left"),
        (SegmentName("64033007", None, "kidney left"), "kidney_left"),
    ],
)
def test_a_segment_is_known_by_code_and_side_or_by_name(segment: SegmentName, name: str) -> None:
    organ = organ_of(segment, ORGANS)
    assert organ is not None
    assert organ.name == name


@pytest.mark.parametrize("segment", [SegmentName("64033007"), SegmentName("85756007", None, "GREEN"), SegmentName()])
def test_a_kidney_without_side_and_a_stranger_are_no_organ(segment: SegmentName) -> None:
    assert organ_of(segment, ORGANS) is None


def test_segments_that_are_no_organ_are_counted_and_never_named() -> None:
    (finding,) = unmapped([SegmentName(label="Smith tumour"), SegmentName("10200004")], ORGANS, "s-X")
    assert (finding.code, finding.measured) == ("CON-403", 1)
    assert "Smith" not in repr(finding)


def test_a_frame_finds_its_slice_and_its_window() -> None:
    assert frame_place(a_frame(2), GRID, "s-X") == FramePlace(2, 0, 0)
    assert frame_place(a_frame(3, j=1, i=2, rows=4, columns=3), GRID, "s-X") == FramePlace(3, 1, 2)


@pytest.mark.parametrize(
    "frame",
    [a_frame(1.5), a_frame(1, i=0.3), a_frame(4), a_frame(-1), a_frame(1, i=1), a_frame(1, j=1)],
    ids=["between slices", "between columns", "above", "below", "too wide", "too high"],
)
def test_a_frame_off_the_grid_is_refused_not_resampled(frame: SlicePlace) -> None:
    with pytest.raises(Refused, match="CON-402"):
        frame_place(frame, GRID, "s-X")


def test_a_frame_with_another_spacing_or_direction_is_refused() -> None:
    for frame in (
        SlicePlace(6, 5, (-10, -20, -30), (1, 0, 0, 0, 1, 0), (3.1, 2.0), 5.0),
        SlicePlace(6, 5, (-10, -20, -30), (0, 1, 0, 1, 0, 0), (3.0, 2.0), 5.0),
    ):
        with pytest.raises(Refused, match="CON-402"):
            frame_place(frame, GRID, "s-X")


def test_the_smaller_structure_keeps_the_shared_voxels() -> None:
    liver, bladder = ORGANS.named("liver"), ORGANS.named("bladder")
    assert liver is not None
    assert bladder is not None
    masks = {liver: np.ones((6, 5), bool), bladder: np.zeros((6, 5), bool)}
    masks[bladder][2, 1:3] = True
    painted = paint(
        (4, 6, 5),
        {bladder: [1], liver: [0]},
        {0: FramePlace(2, 0, 0), 1: FramePlace(2, 0, 0)},
        lambda _f, organ: masks[organ],
        "s-X",
    )
    assert int((painted.array_kji == bladder.id).sum()) == 2
    assert int((painted.array_kji == liver.id).sum()) == 28
    assert painted.labels == (liver, bladder)
    assert [(finding.code, finding.measured) for finding in painted.findings] == [("CON-404", 2)]


def test_two_segments_of_one_organ_are_joined_without_a_finding() -> None:
    lung = ORGANS.named("lung")
    assert lung is not None
    halves = [np.tri(6, 5, dtype=bool), ~np.tri(6, 5, -1, dtype=bool)]
    places = {frame: FramePlace(0, 0, 0) for frame in (0, 1)}
    painted = paint((4, 6, 5), {lung: [0, 1]}, places, lambda frame, _o: halves[frame], "s-X")
    assert int((painted.array_kji == lung.id).sum()) == 30
    assert painted.findings == ()


def test_contours_without_any_organ_say_so() -> None:
    painted = paint((4, 6, 5), {}, {}, lambda _f, _o: np.zeros((6, 5), bool), "s-X")
    assert not painted.array_kji.any()
    assert [finding.code for finding in painted.findings] == ["CON-405"]


def test_contours_of_several_objects_are_joined_by_the_same_rule() -> None:
    liver, bladder = ORGANS.named("liver"), ORGANS.named("bladder")
    assert liver is not None
    assert bladder is not None
    large, small, empty = (np.zeros((4, 6, 5), np.uint8) for _ in range(3))
    large[1:3] = liver.id
    small[2, 0:2] = bladder.id
    parts = [
        Contours(small, (bladder,), ()),
        paint((4, 6, 5), {}, {}, lambda _f, _o: empty[0] > 0, "s-X"),
        Contours(large, (liver,), ()),
    ]
    joined = merge_contours(parts, "s-X")
    assert np.array_equal(joined.array_kji, np.where(small > 0, small, large))
    assert joined.labels == (liver, bladder)
    assert [(finding.code, finding.measured) for finding in joined.findings] == [("CON-404", 10)]
