"""Decides which MR volumes are stations of a larger region, whether a series composed from them is there, and whether they join.

Whole-body MR is acquired in stations, one series or acquisition each, that follow each other along the body. Stations of
which a composed series (or one volume of the same Dixon channel) covers the region are not needed: the scanner's composing is
preferred. Without one they become one volume of several groups, which the room convert composes, where each lies on the next
by two slices or more in one frame of reference. Which MR is selected is for `select`.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.criteria import Range, covered_part, union
from umd_curate.ingest.stack import Fault, Stack
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.geometry import Float64, slice_normal
from umd_curate.model.stacks import JITTER_PART
from umd_curate.model.study import Layout, Role

UNION_FACTOR = 1.5  # stations reach 1.5 times as far as the largest of them; repeats of one region do not
COMPOSED_PART = 0.8  # of the stations' region; composing cuts the outermost slices
MIN_OVERLAP_SLICES = 2  # fewer show no gain between two stations
MAX_OVERLAP_PART = 0.5  # of a station; with more of it shared, it is a repeat
MAX_SHIFT_PIXELS = 0.5  # in plane, between two stations of one table


def mark_stations(volumes: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Part MR volumes of one frame of reference into those to choose from and stations that are not needed.

    Stations without a composed series become one volume; it has a fault where they do not join.
    """
    keep: list[Candidate] = []
    spare: list[Candidate] = []
    for members in _clusters(volumes):
        region = _region(members)
        if region is None:
            keep += members
        elif any(_covers(volume, members, region) for volume in volumes):
            spare += members
        else:
            keep.append(_joined(members))
    return keep, spare


def mark_foreign_stations(volumes: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Part the volumes of one study as `mark_stations` does, but only for stations in different frames of reference.

    Without a composed series each of them gets a fault: positions in two frames of reference cannot be compared. Only a
    study with a PET is looked at, and only stations of which no frame of reference holds the whole region.
    """
    images = [volume for volume in volumes if volume.role is Role.MR]
    if len(images) == len(volumes) or len({volume.frame_uid for volume in images}) < 2:
        return list(volumes), []
    keep = [volume for volume in volumes if volume.role is not Role.MR]
    spare: list[Candidate] = []
    for members in _clusters(images):
        region = _region(members)
        frames = {volume.frame_uid for volume in members}
        if region is None or any(_reaches(members, frame, region) for frame in frames):
            keep += members
        elif any(_covers(volume, members, region) for volume in images):
            spare += members
        else:
            fault = Fault(codes.STATION_FRAMES, "frames of reference", float(len(frames)), 1.0)
            keep += [replace(volume, fault=volume.fault or fault) for volume in members]
    return keep, spare


def _reaches(members: Sequence[Candidate], frame_uid: str, region: Range) -> bool:
    """Say whether the stations of one frame of reference reach over the whole region."""
    height = union([volume.height_mm for volume in members if volume.frame_uid == frame_uid])
    return covered_part(height, region) >= COMPOSED_PART


def _clusters(volumes: Sequence[Candidate]) -> list[list[Candidate]]:
    """Volumes with what the stations of one acquisition have in common; a volume without known place is alone."""
    found: dict[Hashable, list[Candidate]] = defaultdict(list)
    for volume in volumes:
        found[_signature(volume)].append(volume)
    return list(found.values())


def _signature(volume: Candidate) -> Hashable:
    if volume.stack.box_ras_mm is None:
        return volume.series
    image = volume.first
    plane = tuple(round(value, 2) for value in (*image.orientation, *image.pixel_spacing_mm))
    return image.dixon_channel, image.rows, image.columns, plane, image.echo_time_ms, volume.is_composed


def _region(members: Sequence[Candidate]) -> Range | None:
    """Height of all members together where they are stations, None where they are repeats of one region."""
    heights = [volume.height_mm for volume in members]
    known = [height for height in heights if height is not None]
    if len(known) < 2:
        return None
    low, high = min(height[0] for height in known), max(height[1] for height in known)
    return (low, high) if high - low >= UNION_FACTOR * max(b - a for a, b in known) else None


def _covers(volume: Candidate, members: Sequence[Candidate], region: Range) -> bool:
    if volume.fault or volume.height_mm is None or any(volume.series == member.series for member in members):
        return False
    related = volume.is_composed or volume.first.dixon_channel == members[0].first.dixon_channel
    return related and covered_part(volume.height_mm, region) >= COMPOSED_PART


def _joined(members: Sequence[Candidate]) -> Candidate:
    """Stations as one volume, in their order along the slice normal; the first one names it."""
    normal = slice_normal(members[0].first.orientation)
    ordered = sorted(members, key=lambda volume: (float(np.dot(volume.first.position_mm, normal)), volume.series))
    boxes = np.array([volume.stack.box_ras_mm for volume in ordered], np.float64)
    box = tuple(boxes[:, 0].min(axis=0).tolist()), tuple(boxes[:, 1].max(axis=0).tolist())
    fault = next((volume.fault for volume in ordered if volume.fault), None) or _misfit(ordered, normal)
    return replace(
        ordered[0],
        stack=Stack(tuple(image for volume in ordered for image in volume.stack.instances), box),
        fault=fault,
        layout=Layout.STATIONS,
        counts=tuple(len(volume.stack.instances) for volume in ordered),
    )


def _misfit(ordered: Sequence[Candidate], normal: Float64) -> Fault | None:
    """Why stations do not join: too little or too much overlap along the normal, another spacing, a shift in plane."""
    for below, above in pairwise(ordered):
        ends = [np.array([v.stack.instances[k].position_mm for k in (0, -1)], np.float64) for v in (below, above)]
        heights = [end @ normal for end in ends]
        lengths = [float(height[1] - height[0]) for height in heights]
        steps = [length / max(len(v.stack.instances) - 1, 1) for length, v in zip(lengths, (below, above), strict=True)]
        if min(steps) <= 0 or abs(steps[1] - steps[0]) > JITTER_PART * steps[0]:
            return Fault(codes.STATIONS, "ratio of the slice steps", steps[1] / steps[0] if steps[0] else 0.0, 1.0)
        shift = ends[1][0] - ends[0][0]
        pixel = min(below.first.pixel_spacing_mm)
        aside = float(np.linalg.norm(shift - normal * (shift @ normal))) / pixel
        if aside > MAX_SHIFT_PIXELS:
            return Fault(codes.STATIONS, "shift in plane [pixels]", aside, MAX_SHIFT_PIXELS)
        shared = float(heights[0][1] - heights[1][0]) / steps[0] + 1
        if shared < MIN_OVERLAP_SLICES - JITTER_PART:
            return Fault(codes.STATIONS, "slices of overlap", max(shared, 0.0), float(MIN_OVERLAP_SLICES))
        if shared > MAX_OVERLAP_PART * len(above.stack.instances):
            return Fault(
                codes.STATIONS, "part of a station that overlaps", shared / len(above.stack.instances), MAX_OVERLAP_PART
            )
    return None
