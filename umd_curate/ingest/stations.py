"""Decides which MR volumes are stations of a larger region, and whether a series composed from them is there.

Whole-body MR is acquired in stations, one series each, that follow each other along the body. Stations of which a composed
series (or one volume of the same Dixon channel) covers the region are not needed. Without one they are refused as a whole:
the first version composes none. Which MR is selected is for `select`.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.select import Range, covered_part
from umd_curate.ingest.stack import Fault
from umd_curate.model.catalogue import ingest as codes

UNION_FACTOR = 1.5  # stations reach 1.5 times as far as the largest of them; repeats of one region do not
COMPOSED_PART = 0.8  # of the stations' region; composing cuts the outermost slices


def mark_stations(volumes: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Part MR volumes of one frame of reference into those to choose from and stations that are not needed.

    Stations without a composed series stay to choose from, with a fault and with the region of all of them as their place.
    """
    clusters: dict[Hashable, list[Candidate]] = defaultdict(list)
    for volume in volumes:
        clusters[_signature(volume)].append(volume)
    keep: list[Candidate] = []
    spare: list[Candidate] = []
    for members in clusters.values():
        region = _region(members)
        if region is None:
            keep += members
        elif any(_covers(volume, members, region) for volume in volumes):
            spare += members
        else:
            keep += [_unusable(volume, members, region) for volume in members]
    return keep, spare


def _signature(volume: Candidate) -> Hashable:
    """What the stations of one acquisition have in common; a volume without known place is alone."""
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


def _unusable(volume: Candidate, members: Sequence[Candidate], region: Range) -> Candidate:
    box = volume.stack.box_ras_mm
    if box is None:
        return volume
    whole = ((*box[0][:2], region[0]), (*box[1][:2], region[1]))
    fault = Fault(codes.STATIONS, "stations", float(len(members)), 1.0)
    return replace(volume, stack=replace(volume.stack, box_ras_mm=whole), fault=fault)
