"""Decides which multi-frame objects of a series are one source of frames, and whether all parts of a concatenation are there.

An object may be sent in parts, each an instance of its own (PS3.3 C.7.6.16.2.2.4), or its maker writes a body as several
objects, down to one frame per file. Where frames are stands in their functional groups, which the index does not read. So all
objects of a series that may be one image go to the room convert together: it joins what follows each other, and refuses by
name what shows the same places. Each by itself would be a cut body.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from umd_curate.ingest.classify import is_enhanced
from umd_curate.ingest.stack import Fault, has_geometry
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.headers import InstanceHeader

_Image = InstanceHeader


def is_multiframe(image: _Image) -> bool:
    """Say whether an instance holds its slices as frames: several, or one whose place is not told outside its groups."""
    return (image.number_of_frames or 1) > 1 or (is_enhanced(image) and not has_geometry(image))


def sources_of(images: Sequence[_Image]) -> list[list[_Image]]:
    """Multi-frame objects of one series by what frames of one image have in common, each group in the order of its parts."""
    kinds: dict[Hashable, list[_Image]] = defaultdict(list)
    for image in images:
        kinds[_kind(image)].append(image)
    return [sorted(members, key=_order) for members in kinds.values()]


def missing_part(images: Sequence[_Image]) -> Fault | None:
    """Fault of multi-frame objects of which some are parts of a concatenation that is not whole."""
    concatenations: dict[str, list[_Image]] = defaultdict(list)
    for image in images:
        if image.concatenation_uid:
            concatenations[image.concatenation_uid].append(image)
    return next((fault for parts in concatenations.values() if (fault := _missing(parts))), None)


def _kind(image: _Image) -> Hashable:
    return (
        image.sop_class_uid, image.frame_of_reference_uid, image.rows, image.columns, image.image_type,
        image.dixon_channel, image.echo_number, image.echo_time_ms, image.corrected_image, image.units,
    )  # fmt: skip


def _order(image: _Image) -> tuple[str, int, int, str, str]:
    number = image.concatenation_number or 0
    return image.concatenation_uid or "", number, image.instance_number or 0, image.sop_instance_uid or "", image.path


def _missing(parts: Sequence[_Image]) -> Fault | None:
    """What is missing of one concatenation: a number of 1 to the last one, or the frames that a part says come before it."""
    ordered = sorted(parts, key=_order)
    numbers = [part.concatenation_number or 0 for part in ordered]
    total = max(*numbers, *(part.concatenation_total or 0 for part in ordered), len(ordered))
    if numbers != list(range(1, total + 1)):
        return Fault(codes.PART_MISSING, "parts (0020,9162)", float(len(set(numbers))), float(total))
    before = 0
    for part in ordered:
        if part.concatenation_offset not in {None, before}:
            detail = "frames before a part, against (0020,9228)"
            return Fault(codes.PART_MISSING, detail, float(before), float(part.concatenation_offset or 0))
        before += part.number_of_frames or 1
    return None
