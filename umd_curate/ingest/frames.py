"""Decides which images of one PET series are the time frames or gates of one volume.

Frames show the same places at different times (Frame Reference Time (0054,1300), Acquisition Time (0008,0032)), gates at
different Trigger Times (0018,1060). An acquisition of several passes over several beds has a time of its own for each bed
and pass: there the n-th image of each place is frame n. How frames become an image is for the room convert.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from umd_curate.ingest.moments import acquired_s
from umd_curate.ingest.stack import heights_mm
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.stacks import SAME_PLACE_MM
from umd_curate.model.study import Layout

_Image = InstanceHeader
NOT_STATIC = {"DYNAMIC", "GATED"}  # Series Type (0054,1000) value 1, PS3.3 C.8.9.1.1.4


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Frames or gates of one PET in their order; `is_even` where all of them show the same places."""

    layout: Layout
    frames: tuple[tuple[_Image, ...], ...]
    is_even: bool


def says_not_static(images: Sequence[_Image]) -> bool:
    """Say whether the series calls itself dynamic or gated."""
    return any(set(image.series_type[:1]) & NOT_STATIC for image in images)


def places_of(images: Sequence[_Image]) -> tuple[int, ...]:
    """Places of images along the normal of the first, in steps of which two images at one place share one, ascending."""
    return tuple(sorted(round(float(height) / SAME_PLACE_MM / 2) for height in heights_mm(images)))


def show_same_places(parts: Sequence[Sequence[_Image]]) -> bool:
    """Say whether all parts have images at the same places; rounding at the border of a step counts as the same."""
    reference = places_of(parts[0])
    return all(
        len(places) == len(reference) and all(abs(a - b) <= 1 for a, b in zip(places, reference, strict=True))
        for places in map(places_of, parts[1:])
    )


def frames_by_rank(images: Sequence[_Image]) -> list[list[_Image]]:
    """Frames of several passes: the n-th image of each place, by time, is of frame n.

    Empty where places have different numbers of images, or a place has two images of one time.
    """
    clusters: list[list[_Image]] = []
    heights = heights_mm(images)
    latest = None
    for place in sorted(
        range(len(images)), key=lambda k: (heights[k], images[k].sop_instance_uid or "", images[k].path)
    ):
        if latest is None or heights[place] - latest > SAME_PLACE_MM:
            clusters.append([])
        clusters[-1].append(images[place])
        latest = heights[place]
    if len({len(cluster) for cluster in clusters}) != 1:
        return []
    ordered = []
    for cluster in clusters:
        times = {image.path: _time(image) for image in cluster}
        if None in times.values() or len(set(times.values())) != len(cluster):
            return []
        ordered.append(sorted(cluster, key=lambda image: times[image.path] or 0.0))
    return [list(frame) for frame in zip(*ordered, strict=True)]


def _time(image: _Image) -> float | None:
    if image.trigger_time_ms is not None:
        return image.trigger_time_ms
    moment = acquired_s(image)
    return image.frame_reference_time_ms if image.frame_reference_time_ms is not None else moment


def gather_frames(parts: Sequence[Sequence[_Image]]) -> tuple[list[FrameSet], list[list[_Image]]]:
    """Frame sets among the parts of one PET series, and the parts that are volumes of their own.

    Parameters
    ----------
    parts
        What `group.volumes_of_series` made of the series; single-frame images that tell their place.
    """
    alike: dict[Hashable, list[list[_Image]]] = defaultdict(list)
    for part in parts:
        alike[_kind(part[0])].append(list(part))
    sets: list[FrameSet] = []
    single: list[list[_Image]] = []
    for members in alike.values():
        layout = _layout(members)
        if layout is None:
            single += members
            continue
        frames = sorted(members, key=lambda frame: (_first_time(frame, layout), frame[0].path))
        sets.append(FrameSet(layout, tuple(tuple(frame) for frame in frames), show_same_places(frames)))
    return sets, single


def _kind(image: _Image) -> Hashable:
    """What frames of one acquisition have in common."""
    plane = tuple(round(value, 3) for value in (*image.orientation, *image.pixel_spacing_mm))
    return (
        image.frame_of_reference_uid, image.rows, image.columns, plane, image.image_type, image.corrected_image, image.units,
    )  # fmt: skip


def _layout(members: Sequence[Sequence[_Image]]) -> Layout | None:
    """Gates where each part has one trigger time of its own, frames where each begins at a time of its own; else None."""
    if len(members) < 2:
        return None
    triggers = [{image.trigger_time_ms for image in part} for part in members]
    if all(len(times) == 1 and None not in times for times in triggers) and _all_differ(triggers, min):
        return Layout.GATED
    for value in (lambda image: image.frame_reference_time_ms, acquired_s):
        times = [{value(image) for image in part} for part in members]
        if all(None not in found for found in times) and _all_differ(times, min):
            return Layout.DYNAMIC
    return None


def _all_differ(values: Sequence[set[float | None]], pick: Callable[[list[float]], float]) -> bool:
    found = [pick([value for value in one if value is not None]) for one in values]
    return len(set(found)) == len(found)


def _first_time(frame: Sequence[_Image], layout: Layout) -> tuple[float, float]:
    """Sort key of a frame: what tells it from the others, then its acquisition."""
    moments = [moment for image in frame if (moment := acquired_s(image)) is not None]
    triggers = [image.trigger_time_ms for image in frame if image.trigger_time_ms is not None]
    references = [image.frame_reference_time_ms for image in frame if image.frame_reference_time_ms is not None]
    own = triggers if layout is Layout.GATED else references
    return (min(own, default=0.0), min(moments, default=0.0))
