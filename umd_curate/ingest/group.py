"""Decides which images of a series form a volume: a Series Instance UID is not one (PS3.3 A.1.2.3 says only "acquired together").

A series is split by frame of reference, matrix, orientation and pixel spacing; a mosaic is a volume of its own, and
multi-frame images are put together by `concatenation`. Parts that only together are one even stack stay together: a stack that changes on the way is refused, not
shortened. Where several images stand at one place, the first property of `DISCRIMINATORS` that tells them apart splits
them; of a PET, whose frames must all show the same places, else their order in time. MR acquisitions that run into each
other, as the stations of a whole body under one UID do, are split by acquisition. Whether a group is an even stack is for
`stack` to judge, and which groups are frames of one volume for `frames`.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from umd_curate.ingest.classify import is_mosaic, role_of
from umd_curate.ingest.concatenation import is_multiframe, sources_of
from umd_curate.ingest.frames import frames_by_rank, show_same_places
from umd_curate.ingest.stack import PLANE_TOLERANCES, has_geometry, has_repeats, heights_mm, plane_of_slice, stacked
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.geometry import slice_normal
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.stacks import Evenness, shape_of_stack
from umd_curate.model.study import Role

MAX_TURN = 0.7  # cosine, 45 degrees: slices turned further are another view, such as a scout
MIN_REJOINED = 5  # images; two or three of any views may stand on an even line by chance

_Image = InstanceHeader


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A property that tells volumes at one place apart."""

    name: str
    value: Callable[[_Image], Hashable]


DISCRIMINATORS: tuple[Discriminator, ...] = (  # first one that leaves one image per place wins
    Discriminator("acquisition number (0020,0012)", lambda image: image.acquisition_number),
    Discriminator("echo (0018,0086), (0018,0081)", lambda image: (image.echo_number, image.echo_time_ms)),
    Discriminator("Dixon channel, from (0008,0008)", lambda image: image.dixon_channel),
    Discriminator("image type (0008,0008)", lambda image: image.image_type),
    Discriminator("corrections (0028,0051)", lambda image: image.corrected_image),
    Discriminator("frame reference time (0054,1300)", lambda image: image.frame_reference_time_ms),
    Discriminator("trigger time (0018,1060)", lambda image: image.trigger_time_ms),
    Discriminator(
        "series date and time (0008,0021), (0008,0031)", lambda image: (image.series_date, image.series_time)
    ),
)


def volumes_of_series(images: Sequence[_Image]) -> list[list[_Image]]:
    """Split the images of one series into groups that may be volumes, the largest first; independent of input order."""
    ordered = sorted(images, key=lambda image: (image.sop_instance_uid or "", image.path))
    groups = [[image] for image in ordered if is_mosaic(image)]
    groups += sources_of([image for image in ordered if is_multiframe(image) and not is_mosaic(image)])
    matrices: dict[Hashable, list[_Image]] = defaultdict(list)
    for image in ordered:
        if not (is_multiframe(image) or is_mosaic(image)):
            matrices[
                has_geometry(image), image.frame_of_reference_uid or "", image.rows or 0, image.columns or 0
            ].append(image)
    clusters = []
    for members in matrices.values():
        if has_geometry(members[0]):
            clusters += _same_plane(members)
        else:
            groups.append(members)
    groups += [part for cluster in _rejoined(clusters) for part in _one_per_place(cluster)]
    return sorted(groups, key=_largest_first)


def _largest_first(group: Sequence[_Image]) -> tuple[int, int, str, str]:
    first = group[0]
    return -len(group), min(image.instance_number or 0 for image in group), first.sop_instance_uid or "", first.path


def _same_plane(images: Sequence[_Image]) -> list[list[_Image]]:
    """Cluster by orientation and pixel spacing: neighbours in sorted order within tolerance share a cluster."""
    clusters: list[list[_Image]] = [list(images)]
    if len({(image.orientation, image.pixel_spacing_mm) for image in images}) == 1:
        return clusters
    for axis in range(8):
        clusters = [part for cluster in clusters for part in _split_along(cluster, axis)]
    return clusters


def _rejoined(clusters: list[list[_Image]]) -> list[list[_Image]]:
    """Put parts back together that stand on one even line: a stack that changes on the way, for `stack` to refuse.

    Each of them alone may be even too, and would be taken for the whole body.
    """
    if len(clusters) < 2:
        return clusters
    largest = max(clusters, key=len)
    normal = slice_normal(largest[0].orientation)
    turned = [cluster for cluster in clusters if slice_normal(cluster[0].orientation) @ normal < MAX_TURN]
    images = [image for cluster in clusters if cluster not in turned for image in cluster]
    if len(turned) > len(clusters) - 2 or len(images) < MIN_REJOINED:
        return clusters
    heights = np.array([image.position_mm for image in images], np.float64) @ normal
    images = [images[n] for n in np.argsort(heights, kind="stable")]
    shape = shape_of_stack(np.array([image.position_mm for image in images], np.float64), largest[0].orientation)
    if shape.copies or shape.evenness not in {Evenness.EVEN, Evenness.HOLES}:
        return clusters
    return [images, *turned]


def _split_along(images: Sequence[_Image], axis: int) -> list[list[_Image]]:
    tolerance = PLANE_TOLERANCES[axis]
    if len({plane_of_slice(image)[axis] for image in images}) == 1:
        return [list(images)]
    ordered = sorted(images, key=lambda image: (plane_of_slice(image)[axis], image.sop_instance_uid or "", image.path))
    parts = [[ordered[0]]]
    for before, image in pairwise(ordered):
        if plane_of_slice(image)[axis] - plane_of_slice(before)[axis] > tolerance:
            parts.append([])
        parts[-1].append(image)
    return parts


def _one_per_place(images: list[_Image]) -> list[list[_Image]]:
    """Split images that share places; where nothing tells them apart they stay together, for `stack` to refuse."""
    if not has_repeats(images):
        return _acquisitions(images) if role_of(images[0]) is Role.MR else [images]
    splits = [_split_by(images, discriminator.value) for discriminator in DISCRIMINATORS]
    if all(role_of(image) is Role.PET for image in images):
        splits.append(frames_by_rank(images))
        whole = [parts for parts in splits if _tells_apart(parts) and show_same_places(parts)]
        if whole:
            return whole[0]
    splits.append(_split_by(images, lambda image: tuple(each.value(image) for each in DISCRIMINATORS)))
    return next((parts for parts in splits if _tells_apart(parts)), [images])


def _acquisitions(images: list[_Image]) -> list[list[_Image]]:
    """Split MR images that form no even stack by acquisition number, where each acquisition is one and they overlap."""
    parts = _split_by(images, lambda image: image.acquisition_number)
    if len(parts) == 1 or not _tells_apart(parts):
        return [images]
    fault = stacked(images).fault
    if (
        fault is None
        or fault.code not in {codes.UNEVEN, codes.SAME_PLACE}
        or any(stacked(part).fault for part in parts)
    ):
        return [images]
    heights = sorted((float(h.min()), float(h.max())) for h in (heights_mm(part) for part in parts))
    return parts if all(above[0] < below[1] for below, above in pairwise(heights)) else [images]


def _split_by(images: Sequence[_Image], value: Callable[[_Image], Hashable]) -> list[list[_Image]]:
    parts: dict[Hashable, list[_Image]] = defaultdict(list)
    for image in images:
        parts[value(image)].append(image)
    return list(parts.values())


def _tells_apart(parts: Sequence[Sequence[_Image]]) -> bool:
    """A split counts when each part is a stack of two or more images at places of their own."""
    return len(parts) > 1 and all(len(part) > 1 and not has_repeats(part) for part in parts)
