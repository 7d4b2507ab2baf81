"""A work order's files as parts: one stack of planes, or one per station, time frame or gate.

Decides nothing about values: it reads where slices are, takes multi-frame objects and mosaics apart, and says which of the
ways of `write_io.py` makes one volume of the parts. The parts are to be used one after the other, since the files of a stack
are read as its planes are asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pydicom.dataset import Dataset

from umd_curate.convert.geometry import SlicePlace, StackGeometry, stack_of_places
from umd_curate.convert.header_io import Attributes, is_multi_frame, slice_place
from umd_curate.convert.io import Plane
from umd_curate.convert.mosaic import tiles_of
from umd_curate.convert.multiframe_io import Source, frame_volumes
from umd_curate.convert.private_io import PrivateFacts, is_mosaic
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.sidecars import FrameChoice
from umd_curate.model.stacks import STRICT, StackRules
from umd_curate.model.study import Layout, Role, VolumeOrder


@dataclass(frozen=True, slots=True)
class Part:
    """One stack: its geometry, and its planes in ascending k."""

    geometry: StackGeometry
    planes: Iterator[Plane]


@dataclass(frozen=True, slots=True)
class Parts:
    """All stacks of a volume.

    Parameters
    ----------
    layout
        ``STACK`` (one part), ``STATIONS``, ``DYNAMIC`` or ``GATED``.
    count
        Number of parts.
    parts
        To be used up in order.
    choice, findings
        Of a multi-frame source.
    """

    layout: Layout
    count: int
    parts: Iterator[Part]
    choice: FrameChoice | None = None
    findings: tuple[Finding, ...] = ()


def parts_of(
    datasets: Iterable[Dataset],
    order: VolumeOrder,
    geometry: StackGeometry | None,
    private: Callable[[], PrivateFacts],
    rules: StackRules = STRICT,
) -> Parts:
    """Parts of the volume that an order names.

    Parameters
    ----------
    datasets
        In the order's order; read as the planes are asked for.
    order
        Its layout and groups count.
    geometry
        Geometry of a single stack from the index; None where the index does not tell it.
    private
        Private facts of the dataset that was read last.
    rules
        What may be done with a stack that is not even; time frames, gates and stations must be.

    Raises
    ------
    Refused
        The objects are no even stacks, or not one image.
    """
    stream = ((dataset, private()) for dataset in datasets)
    if order.layout is Layout.MOSAIC:
        found = _mosaics(stream, order)
    elif order.layout in {Layout.STATIONS, Layout.DYNAMIC, Layout.GATED}:
        sizes = order.groups or (len(order.files),)
        found = Parts(order.layout, len(sizes), _grouped(stream, order, sizes))
    elif geometry is not None:
        return Parts(Layout.STACK, 1, iter([Part(geometry, (_single(source, order.series) for source in stream))]))
    else:
        found = _multi_frame(list(stream), order, rules)
    if found.layout in {Layout.DYNAMIC, Layout.GATED} and order.role is Role.MR and found.count > 1:
        raise Refused(codes.TIME_SERIES.at(order.series, "frames of one place", measured=found.count, limit=1))
    layout = found.layout if found.count > 1 else Layout.STACK
    return Parts(layout, found.count, found.parts, found.choice, found.findings)


def _multi_frame(sources: Sequence[Source], order: VolumeOrder, rules: StackRules = STRICT) -> Parts:
    if not sources:
        raise Refused(codes.SLICE_COUNT.at(order.series, "slices", measured=0))
    found = frame_volumes(sources, order.role, order.label, order.series)
    parts = [
        Part(stack_of_places([plane.slice_place for plane in planes], order.series, rules), iter(planes))
        for planes in found.volumes
    ]
    return Parts(found.layout, len(parts), iter(parts), found.choice, found.findings)


def _grouped(stream: Iterator[Source], order: VolumeOrder, sizes: Sequence[int]) -> Iterator[Part]:
    """One part per group of files: as the index saw it, or as the files themselves tell."""
    start = 0
    for size in sizes:
        places = order.places[start : start + size]
        start += size
        group = islice(stream, size)
        if places:
            geometry = stack_of_places([SlicePlace(*entry) for entry in places], order.series)
            yield Part(geometry, (_single(source, order.series) for source in group))
        else:
            yield _one_volume(list(group), order)
    if next(stream, None) is not None:
        raise Refused(codes.SLICE_COUNT.at(order.series, "files, more than planned", measured=start + 1, limit=start))


def _one_volume(sources: Sequence[Source], order: VolumeOrder) -> Part:
    inner = _multi_frame(sources, order)
    if inner.count != 1:
        detail = "; ".join(inner.choice.told_apart_by) if inner.choice else ""
        raise Refused(codes.SEVERAL_VOLUMES.at(order.series, detail, measured=inner.count, limit=1))
    return next(inner.parts)


def _mosaics(stream: Iterator[Source], order: VolumeOrder) -> Parts:
    count = len(order.groups) or len(order.files) or 1
    return Parts(Layout.DYNAMIC, count, (_mosaic(source, order.series) for source in stream))


def _mosaic(source: Source, place: str) -> Part:
    dataset, facts = source
    attributes = Attributes(dataset)
    if facts.tiles is None:
        raise Refused(codes.MOSAIC_UNKNOWN.at(place, "(0008,0008) ImageType has neither MOSAIC nor VFRAME"))
    tiles = tiles_of(slice_place(attributes), facts.tiles, place)
    geometry = stack_of_places([tile.slice_place for tile in tiles], place)
    return Part(geometry, (Plane(attributes, tile.slice_place, place, facts, tile.window) for tile in tiles))


def _single(source: Source, place: str) -> Plane:
    dataset, facts = source
    attributes = Attributes(dataset)
    if (attributes.integer("NumberOfFrames") or 1) != 1:
        raise Refused(codes.FRAMES_NOT_ONE_VOLUME.at(place, "(0028,0008) NumberOfFrames in a stack of single frames"))
    if is_mosaic(attributes):
        raise Refused(codes.MOSAIC.at(place, "(0008,0008) ImageType"))
    if is_multi_frame(dataset):  # an enhanced object of one frame
        attributes = Attributes(dataset, 0)
    return Plane(attributes, slice_place(attributes), place, facts)
