"""Parts into files: a stack as it is, stations as one image, time frames and gates as their mean, and as 4D when asked.

Each way goes once over the planes, checks that every slice is where its stack says, and leaves one staged ``.nii.gz``. What the
values are is asked of `values_io.py`; how parts are put together is decided in `stations.py` and `averaging.py`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.averaging import BY_COUNT, BY_DURATION, FrameTimes, Mean, check_same_grid
from umd_curate.convert.facts_io import is_lossy
from umd_curate.convert.geometry import StackGeometry, check_slice
from umd_curate.convert.io import Plane, PlaneWriter
from umd_curate.convert.parts_io import Part, Parts
from umd_curate.convert.rescale import Rescale, as_float32
from umd_curate.convert.stations import compose
from umd_curate.convert.values_io import Values
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.study import Layout, Role, VolumeOrder
from umd_curate.store.nifti import NiftiWriter
from umd_curate.store.nifti import Written as File

AS_IT_IS: Final = Rescale(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Written:
    """A written image.

    Parameters
    ----------
    writer
        Closed; tells type, range and digest.
    first
        First plane: stands for the volume where all slices agree.
    fields
        Of the sidecar, by name.
    frames
        The 4D image; None where none was asked for.
    """

    writer: PlaneWriter
    geometry: StackGeometry
    jitter_mm: float
    first: Plane
    findings: tuple[Finding, ...] = ()
    fields: dict[str, object] = field(default_factory=dict)
    frames: File | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Image n of a part: its plane, stored values [j, i] and rescale."""

    n: int
    plane: Plane
    image_ji: NDArray[np.generic]
    rescale: Rescale

    def shows(self, other: Self) -> bool:
        """Say whether it has the values of another one."""
        return np.array_equal(as_float32(self.image_ji, self.rescale), as_float32(other.image_ji, other.rescale))


class Passage:
    """One pass over the planes of a volume: values asked for in order, places checked."""

    def __init__(self, values: Values, place: str) -> None:
        self.values = values
        self.place = place
        self.jitter_mm = 0.0
        self.is_lossy = False
        self._first: Plane | None = None

    def over(self, part: Part) -> Iterator[Slice]:
        """Each slice of a part; an image at a place that is taken must have the pixels of the one before, and is left out.

        Raises
        ------
        Refused
            A slice is elsewhere, has no values, differs from the one at its place, or slices are missing or too many.
        """
        geometry, count = part.geometry, 0
        before: Slice | None = None
        for n, plane in enumerate(part.planes):
            if n >= geometry.n_images:
                raise Refused(codes.SLICE_COUNT.at(self.place, "slices", measured=n + 1, limit=geometry.n_images))
            self.jitter_mm = max(self.jitter_mm, check_slice(geometry, n, plane.slice_place, self.place))
            rescale = self.values.rescale(plane.attributes, plane.private)
            image_ji = self.values.image_ji(plane.stored_ji(), plane.attributes, rescale)
            self.is_lossy = self.is_lossy or is_lossy(plane.attributes)
            self._first = self._first or plane
            count += 1
            found = Slice(n, plane, image_ji, rescale)
            if before is None or not geometry.is_copy(n):
                yield found
            elif not found.shows(before):
                raise Refused(codes.COPIES_DIFFER.at(self.place, "(7FE0,0010) PixelData of two images at one position"))
            before = found
        if count != geometry.n_images:
            raise Refused(codes.SLICE_COUNT.at(self.place, "slices", measured=count, limit=geometry.n_images))

    @property
    def first(self) -> Plane:
        """First plane of the volume."""
        assert self._first is not None  # noqa: S101  (a part has slices)
        return self._first


def write_parts(parts: Parts, order: VolumeOrder, values: Values, path: Path, frames_path: Path | None) -> Written:
    """Write the image of all parts to `path`, and time frames or gates of a PET to `frames_path` where that is given.

    Raises
    ------
    Refused
        The parts make no image; no file is left.
    """
    passage = Passage(values, order.series)
    if parts.layout is Layout.STATIONS:
        return _write_composed(parts, passage, path, equalise=order.role is Role.MR)
    if parts.layout in {Layout.DYNAMIC, Layout.GATED}:
        return _write_mean(parts, passage, path, frames_path, order.role)
    return _write_stack(parts.parts, passage, path)


def _write_stack(parts: Iterator[Part], passage: Passage, path: Path) -> Written:
    part = next(parts)
    with PlaneWriter(path, part.geometry.grid(), try_int16=passage.values.try_int16) as writer:
        for entry in passage.over(part):
            writer.write(entry.image_ji, entry.rescale, part.geometry.parts(entry.n))
        if next(parts, None) is not None:
            raise Refused(codes.SLICE_COUNT.at(passage.place, "stacks, where one was planned", measured=2, limit=1))
    return Written(writer, part.geometry, passage.jitter_mm, passage.first, fields=_fields(passage))


def _write_composed(parts: Parts, passage: Passage, path: Path, *, equalise: bool) -> Written:
    arrays, geometries, frames_of_reference = [], [], set()
    for part in parts.parts:
        array = np.empty(part.geometry.grid().shape_kji, np.float32)
        for entry in passage.over(part):
            array[int(part.geometry.level(entry.n))] = as_float32(entry.image_ji, entry.rescale)
            frames_of_reference.add(entry.plane.attributes.text("FrameOfReferenceUID"))
        arrays.append(array)
        geometries.append(part.geometry)
    if len(frames_of_reference) != 1 or None in frames_of_reference:
        detail = "(0020,0052) FrameOfReferenceUID is missing or differs"
        raise Refused(codes.STATIONS_DIFFER.at(passage.place, detail))
    composed = compose(arrays, geometries, equalise=equalise, place=passage.place)
    with PlaneWriter(path, composed.geometry.grid(), try_int16=False) as writer:
        for plane_ji in composed.array_kji:
            writer.write(plane_ji, AS_IT_IS)
    fields = {**_fields(passage), "composed": composed.receipt}
    return Written(writer, composed.geometry, passage.jitter_mm, passage.first, composed.findings, fields)


def _write_mean(parts: Parts, passage: Passage, path: Path, frames_path: Path | None, role: Role) -> Written:
    mean, times, stack = _Frames(parts.count, frames_path, passage.place), FrameTimes(), ExitStack()
    with stack:
        for part in parts.parts:
            sums = mean.begin(part.geometry, stack)
            times.begin()
            for entry in passage.over(part):
                share = passage.values.share(entry.plane.attributes, parts.layout)
                times.note(share.start_us, share.duration_s, share.weight)
                values_ji = as_float32(entry.image_ji, entry.rescale)
                sums.add(int(part.geometry.level(entry.n)), values_ji, share.weight)
                if mean.writer is not None:
                    mean.writer.write(values_ji)
        geometry = mean.end()
        writer = stack.enter_context(PlaneWriter(path, geometry.grid(), try_int16=False))
        for plane_ji in sums.planes():
            writer.write(plane_ji, AS_IT_IS)
    is_pet = role is Role.PET
    table = times.table(
        passage.values.first_start_s(),
        "gated" if parts.layout is Layout.GATED else "dynamic",
        BY_DURATION if is_pet else BY_COUNT,
    )
    code = codes.AVERAGED if is_pet else codes.CT_AVERAGED
    return Written(
        writer,
        geometry,
        passage.jitter_mm,
        passage.first,
        (code.at(passage.place, table.rule, measured=parts.count),),
        {**_fields(passage), "averaged": table},
        mean.writer.written if mean.writer else None,
    )


class _Frames:
    """The frames of a mean under way: one grid for all of them, and the 4D file where one is asked for."""

    def __init__(self, count: int, path: Path | None, place: str) -> None:
        self.writer: NiftiWriter | None = None
        self._count, self._path, self._place = count, path, place
        self._seen = 0
        self._first: StackGeometry | None = None
        self._sums: Mean | None = None

    def begin(self, geometry: StackGeometry, stack: ExitStack) -> Mean:
        """Begin a frame; the first one opens the file."""
        self._seen += 1
        if self._first is None or self._sums is None:
            grid = geometry.grid()
            self._first, self._sums = geometry, Mean(grid.shape_kji)
            if self._path is not None:
                self.writer = stack.enter_context(NiftiWriter(self._path, grid, np.float32, n_frames=self._count))
        check_same_grid(self._first, geometry, self._place)
        return self._sums

    def end(self) -> StackGeometry:
        """Geometry of all frames, once they are there.

        Raises
        ------
        Refused
            A frame is missing.
        """
        if self._first is None or self._seen != self._count:
            raise Refused(codes.SLICE_COUNT.at(self._place, "frames", measured=self._seen, limit=self._count))
        return self._first


def _fields(passage: Passage) -> dict[str, object]:
    return {"lossy_image_compression": passage.is_lossy}
