"""From layers to voxels: for every voxel of a grid, the label at its centre and the mixture of tissues around it.

Decides how a level function becomes a soft edge and how work is kept to the boxes of the bodies. Volumes are painted in
slabs of slices, so memory stays bounded at any matrix.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Grid
from umd_curate.synth.layer import Layer
from umd_curate.synth.motion import Motion
from umd_curate.synth.shapes import Floats, Part, Points, Shape
from umd_curate.synth.tissues import Tissue

Labels = NDArray[np.uint8]
Box = tuple[slice, slice, slice]

_SLAB_VOXELS = 600_000
_FAR_MM = np.float32(1e4)


@dataclass(frozen=True, slots=True)
class Painted:
    """Channels (float32) and labels (uint8) of one grid, all [k, j, i]."""

    channels: tuple[Floats, ...]
    labels: Labels


def paint(
    grid: Grid,
    motion: Motion,
    layers: Sequence[Layer],
    colours: Sequence[Mapping[Tissue, float]],
    ids: Mapping[str, int],
) -> Painted:
    """Paint a body onto a grid.

    Parameters
    ----------
    grid
        Where the voxels are.
    motion
        How the body lies.
    layers
        Bodies in painting order.
    colours
        One table per channel: the value of each tissue.
    ids
        Label of each organ by name; other organs are not labelled.
    """
    channels = tuple(np.empty(grid.shape_kji, np.float32) for _ in colours)
    labels = np.empty(grid.shape_kji, np.uint8)
    for first, part in painted_slabs(grid, motion, layers, colours, ids):
        last = first + len(part.labels)
        labels[first:last] = part.labels
        for whole, values in zip(channels, part.channels, strict=True):
            whole[first:last] = values
    return Painted(channels, labels)


def painted_slabs(
    grid: Grid,
    motion: Motion,
    layers: Sequence[Layer],
    colours: Sequence[Mapping[Tissue, float]],
    ids: Mapping[str, int],
) -> Iterator[tuple[int, Painted]]:
    """Paint a body slab by slab: first slice and voxels of each; parameters as of `paint`."""
    softness = float(min(grid.spacing_mm)) * 0.6
    for first, last in slabs(grid):
        shape = (last - first, *grid.shape_kji[1:])
        channels = tuple(np.full(shape, colour[Tissue.AIR], np.float32) for colour in colours)
        labels = np.zeros(shape, np.uint8)
        slab = _Slab(motion.to_body(centres(grid, first, last)), softness)
        for layer in layers:
            slab.lay(layer, channels, labels, colours, ids)
        yield first, Painted(channels, labels)


def slabs(grid: Grid) -> Iterator[tuple[int, int]]:
    """Ranges of slices that are painted together."""
    slices, rows, columns = grid.shape_kji
    step = max(1, _SLAB_VOXELS // (rows * columns))
    for first in range(0, slices, step):
        yield first, min(first + step, slices)


def centres(grid: Grid, first: int, last: int) -> Points:
    """Voxel centres of some slices in scanner coordinates, float32 arrays [k, j, i]."""
    _, rows, columns = grid.shape_kji
    k = np.arange(first, last, dtype=np.float64)[:, None, None]
    j = np.arange(rows, dtype=np.float64)[None, :, None]
    i = np.arange(columns, dtype=np.float64)[None, None, :]
    x, y, z = (
        (row[0] * i + row[1] * j + row[2] * k + row[3]).astype(np.float32) for row in np.asarray(grid.affine[:3])
    )
    return x, y, z


class _Slab:
    """Some slices of a grid, their points in the standard body, and the ranges of those along each grid axis."""

    def __init__(self, points: Points, softness_mm: float) -> None:
        self.points = points
        self.softness_mm = np.float32(softness_mm)
        # For each grid axis: least and greatest body coordinates in every plane of that axis, shape (3, planes).
        self.ranges = [
            (
                np.stack([values.min(axis=others) for values in points]),
                np.stack([values.max(axis=others) for values in points]),
            )
            for others in ((1, 2), (0, 2), (0, 1))
        ]

    def lay(
        self,
        layer: Layer,
        channels: Sequence[Floats],
        labels: Labels,
        colours: Sequence[Mapping[Tissue, float]],
        ids: Mapping[str, int],
    ) -> None:
        """Lay one layer over what is there."""
        found = self.level(layer.shape, -min(0.0, *(depth for depth, _ in layer.coats)))
        if found is None:
            return
        box, level = found
        if layer.organ is not None:
            inside = level < 0
            labels[box][inside] = ids.get(layer.organ, 0)
        for depth, tissue in layer.coats:
            cover = np.clip(0.5 - (level + np.float32(depth)) / self.softness_mm, 0.0, 1.0)
            for channel, colour in zip(channels, colours, strict=True):
                view = channel[box]
                view += cover * (np.float32(colour[tissue]) - view)

    def level(self, shape: Shape, outward_mm: float) -> tuple[Box, Floats] | None:
        """Box of a shape in this slab, and the level in it; None where the shape lies elsewhere."""
        margin = float(self.softness_mm) * 0.5 + outward_mm
        boxes = self._boxes(shape, margin)
        if not boxes:
            return None
        whole = _hull([box for _, box in boxes])
        level: Floats = np.full(tuple(span.stop - span.start for span in whole), _FAR_MM, np.float32)
        for part, box in boxes:
            inner = tuple(
                slice(span.start - outer.start, span.stop - outer.start) for span, outer in zip(box, whole, strict=True)
            )
            view = level[inner]
            np.minimum(view, part.level(self._at(box)), out=view)
        if shape.trims:
            points = self._at(whole)
            for trim in shape.trims:
                np.maximum(level, trim(points), out=level)
        return whole, level

    def _at(self, box: Box) -> Points:
        x, y, z = self.points
        return x[box], y[box], z[box]

    def _boxes(self, shape: Shape, margin_mm: float) -> list[tuple[Part, Box]]:
        """Parts of a shape that lie in this slab, each with its box."""
        lo = np.array([part.lo for part in shape.parts])[:, :, None] - margin_mm
        hi = np.array([part.hi for part in shape.parts])[:, :, None] + margin_mm
        here = np.ones(len(shape.parts), bool)
        starts, stops = [], []
        for least, most in self.ranges:
            wanted = np.logical_and.reduce((most >= lo) & (least <= hi), axis=1)
            here &= wanted.any(axis=1)
            starts.append(wanted.argmax(axis=1))
            stops.append(wanted.shape[1] - wanted[:, ::-1].argmax(axis=1))
        return [
            (
                part,
                (_span(starts[0][n], stops[0][n]), _span(starts[1][n], stops[1][n]), _span(starts[2][n], stops[2][n])),
            )
            for n, part in enumerate(shape.parts)
            if here[n]
        ]


def _span(start: int, stop: int) -> slice:
    return slice(int(start), int(stop))


def _hull(boxes: Sequence[Box]) -> Box:
    found = [slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes)) for axis in range(3)]
    return found[0], found[1], found[2]
