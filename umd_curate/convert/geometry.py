"""Where the slices of a volume are, and on which grid they make one.

Decides from positions, orientation and spacing alone, by the tolerances of `model/stacks.py`. A stack that is no volume is
refused by name; what the settings allow (missing slices, two spacings) becomes a grid with levels between the slices, and
the pixels are interpolated where they stream. Which files form a stack, and in which order, is decided by ingest; the
affine's convention stands in `model/geometry.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import dist, floor
from typing import Final

import numpy as np

from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import Float64, Grid, affine_from_dicom
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.stacks import (
    MIN_TILT_DEG,
    STRICT,
    Evenness,
    StackRules,
    StackShape,
    jitter_limit_mm,
    shape_of_stack,
)

COSINE_TOLERANCE: Final = 1e-3  # of unit length and right angle; direction cosines may be written with four digits
SAME_COSINE_TOLERANCE: Final = 1e-4  # between slices of one volume
SAME_SPACING_TOLERANCE_MM: Final = 1e-4  # between slices of one volume


@dataclass(frozen=True, slots=True)
class SlicePlace:
    """Where one slice is.

    Parameters
    ----------
    rows, columns
        (0028,0010), (0028,0011).
    position_mm
        Centre of the first pixel, LPS+ mm; (0020,0032).
    orientation
        Direction cosines of rows and columns, LPS+; (0020,0037).
    pixel_spacing_mm
        Between rows, between columns [mm]; (0028,0030).
    thickness_mm
        (0018,0050) [mm]; the slice step of a single slice.
    """

    rows: int | None
    columns: int | None
    position_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, ...]
    thickness_mm: float | None = None


@dataclass(frozen=True, slots=True)
class StackGeometry:
    """Images in storage order and the even grid they make: slice k lies at first + k (last - first) / (n - 1).

    Parameters
    ----------
    first, last_position_mm
        Place of the first image, position of the last.
    n_slices
        Slices of the grid.
    max_jitter_mm
        Largest distance of an image from its level [mm].
    findings
        What was seen and what is mended.
    levels
        Level of each image on the grid; empty where image n is slice n. Between whole numbers where the grid is
        interpolated; equal to the level before where the image may be a copy.
    tilt_deg
        Slice step against slice normal [degrees].
    """

    first: SlicePlace
    last_position_mm: tuple[float, ...]
    n_slices: int
    max_jitter_mm: float
    findings: tuple[Finding, ...] = ()
    levels: tuple[float, ...] = ()
    tilt_deg: float = 0.0

    @property
    def n_images(self) -> int:
        """Images that make the volume, possible copies included."""
        return len(self.levels) or self.n_slices

    @property
    def is_sheared(self) -> bool:
        """Whether the slices are shifted against each other, as a tilted gantry does."""
        return self.tilt_deg > MIN_TILT_DEG

    @property
    def interpolated(self) -> tuple[int, ...]:
        """Slices k of the grid that no image shows, counted from 0."""
        return StackShape(Evenness.EVEN, self.n_slices, self.levels).missing if self.levels else ()

    @property
    def copies(self) -> int:
        """Images at a place that another one has taken."""
        return sum(self.is_copy(n) for n in range(1, len(self.levels)))

    def level(self, n: int) -> float:
        """Level of image n on the grid."""
        return self.levels[n] if self.levels else float(n)

    def is_copy(self, n: int) -> bool:
        """Say whether image n lies where the one before it lies."""
        return n > 0 and self.level(n) == self.level(n - 1)

    def parts(self, n: int) -> tuple[float, ...]:
        """Slices to make when image n has come: how far each lies from image n - 1 to image n; 1 is the image itself."""
        if n == 0:
            return (1.0,)
        low, high = self.level(n - 1), self.level(n)
        return tuple((k - low) / (high - low) for k in range(floor(low) + 1, floor(high) + 1))

    def grid(self) -> Grid:
        """Grid of the volume, RAS+ mm."""
        assert self.first.rows is not None  # noqa: S101  (checked when the stack was made)
        assert self.first.columns is not None  # noqa: S101
        affine = affine_from_dicom(
            self.first.position_mm,
            self.last_position_mm,
            self.first.orientation,
            self.first.pixel_spacing_mm,
            self.n_slices,
            self.first.thickness_mm,
        )
        return Grid((self.n_slices, self.first.rows, self.first.columns), affine)

    @property
    def step_mm(self) -> float:
        """Distance of neighbouring slices [mm]; the thickness of a single slice."""
        if self.n_slices == 1:
            return self.first.thickness_mm or 0.0
        return dist(self.last_position_mm, self.first.position_mm) / (self.n_slices - 1)

    def distance_mm(self, n: int, position_mm: tuple[float, ...]) -> float:
        """Distance [mm] of a position from the level of image n."""
        part = self.level(n) / (self.n_slices - 1) if self.n_slices > 1 else 0.0
        level = [
            low + part * (high - low) for low, high in zip(self.first.position_mm, self.last_position_mm, strict=True)
        ]
        return dist(position_mm, level)

    def corners_ras_mm(self) -> Float64:
        """Centres of the eight corner voxels and of the stack, RAS+ mm, in the order of `Grid.corners_ras_mm`.

        Computed pixel by pixel from PS3.3 C.7.6.2.1.1, not through the affine, so that the two can be compared.
        """
        place = self.first
        assert place.rows is not None  # noqa: S101  (checked when the stack was made)
        assert place.columns is not None  # noqa: S101
        along_row = np.array(place.orientation[:3]) * place.pixel_spacing_mm[1] * (place.columns - 1)
        along_column = np.array(place.orientation[3:]) * place.pixel_spacing_mm[0] * (place.rows - 1)
        first, last = np.array(place.position_mm), np.array(self.last_position_mm)
        corners = [
            start + i * along_row + j * along_column for i in (0.0, 1.0) for j in (0.0, 1.0) for start in (first, last)
        ]
        points_lps = np.array([*corners, np.mean(corners, axis=0)])
        return np.asarray(points_lps * np.array([-1.0, -1.0, 1.0]), np.float64)


def place_of(header: InstanceHeader) -> SlicePlace:
    """Place of a slice as the index saw it."""
    return SlicePlace(
        header.rows,
        header.columns,
        header.position_mm,
        header.orientation,
        header.pixel_spacing_mm,
        header.slice_thickness_mm,
    )


def stack_geometry(instances: Sequence[InstanceHeader], place: str = "", rules: StackRules = STRICT) -> StackGeometry:
    """Geometry of single-frame instances in slice order; `place` is the short id of the series for findings.

    Raises
    ------
    Refused
        They are no volume; see `stack_of_places`.
    """
    return stack_of_places([place_of(instance) for instance in instances], place, rules)


def stack_of_places(places: Sequence[SlicePlace], place: str, rules: StackRules = STRICT) -> StackGeometry:
    """Geometry of images in storage order.

    Parameters
    ----------
    places
        Where each image is.
    place
        Short id of the series, for findings.
    rules
        What may be done with a stack that is not even.

    Raises
    ------
    Refused
        An element is missing, the slices differ, many share a position, or they are not even and may not be made so.
    """
    if not places:
        raise Refused(codes.SLICE_COUNT.at(place, "no slices", measured=0))
    for entry in places:
        check_complete(entry, place)
        check_alike(places[0], entry, place)
    _check_orientation(places[0].orientation, place)
    if len(places) == 1:
        if not places[0].thickness_mm:
            raise Refused(codes.GEOMETRY_MISSING.at(place, "(0018,0050) SliceThickness of a single slice"))
        return StackGeometry(places[0], places[0].position_mm, 1, 0.0)
    shape = shape_of_stack(np.array([entry.position_mm for entry in places], np.float64), places[0].orientation)
    if not shape.may_be_made(rules):
        raise Refused(_refusal(shape, place))
    is_plain = shape.levels == tuple(range(shape.n_slices))
    return StackGeometry(
        places[0],
        places[-1].position_mm,
        shape.n_slices,
        shape.jitter_mm,
        tuple(_flags(shape, place)),
        () if is_plain else shape.levels,
        shape.tilt_deg,
    )


def _refusal(shape: StackShape, place: str) -> Finding:
    position = "(0020,0032) ImagePositionPatient"
    if shape.evenness is Evenness.CROWDED:
        return codes.SAME_POSITION.at(place, position, measured=shape.copies, limit=0)
    if shape.evenness is Evenness.HOLES:
        return codes.SLICES_MISSING.at(place, f"slices by {position}", measured=len(shape.missing), limit=0)
    detail = f"{position} against the even grid, mm"
    return codes.UNEVEN_SLICES.at(place, detail, measured=shape.jitter_mm, limit=shape.limit_mm)


def _flags(shape: StackShape, place: str) -> list[Finding]:
    """What is mended, each by its code."""
    found = []
    if shape.is_sheared:
        detail = "slice step against slice normal, degrees"
        found.append(codes.SHEARED.at(place, detail, measured=shape.tilt_deg, limit=MIN_TILT_DEG))
    if shape.evenness is Evenness.HOLES:
        listed = ", ".join(str(k) for k in shape.missing)
        detail = f"slices interpolated; counted from 0: {listed}"
        found.append(codes.SLICES_FILLED.at(place, detail, measured=len(shape.missing), limit=0))
    if shape.evenness is Evenness.TWO_SPACINGS:
        found.append(codes.SPACINGS_RESAMPLED.at(place, "slices interpolated", measured=len(shape.missing), limit=0))
    if shape.copies:
        found.append(codes.COPY_DROPPED.at(place, "images with equal pixels", measured=shape.copies, limit=0))
    return found


def check_slice(geometry: StackGeometry, n: int, slice_place: SlicePlace, place: str) -> float:
    """Check that image n is where the stack says; return its distance [mm] from its level.

    Raises
    ------
    Refused
        It differs from the first slice or lies elsewhere.
    """
    check_complete(slice_place, place)
    check_alike(geometry.first, slice_place, place)
    distance = geometry.distance_mm(n, slice_place.position_mm)
    limit = jitter_limit_mm(geometry.step_mm)
    if distance > limit:
        raise Refused(
            codes.NOT_AS_INDEXED.at(place, "(0020,0032) ImagePositionPatient, mm", measured=distance, limit=limit)
        )
    return distance


def check_alike(first: SlicePlace, other: SlicePlace, place: str) -> None:
    """Check that two slices share rows, columns, orientation and spacing.

    Raises
    ------
    Refused
        They differ; the detail names the element.
    """
    if (first.rows, first.columns) != (other.rows, other.columns):
        raise Refused(codes.SLICES_DIFFER.at(place, "(0028,0010) Rows or (0028,0011) Columns"))
    if not _close(first.orientation, other.orientation, SAME_COSINE_TOLERANCE):
        raise Refused(codes.SLICES_DIFFER.at(place, "(0020,0037) ImageOrientationPatient"))
    if not _close(first.pixel_spacing_mm, other.pixel_spacing_mm, SAME_SPACING_TOLERANCE_MM):
        raise Refused(codes.SLICES_DIFFER.at(place, "(0028,0030) PixelSpacing"))


def check_complete(entry: SlicePlace, place: str) -> None:
    """Check that a slice says where it is.

    Raises
    ------
    Refused
        An element is missing; the detail names it.
    """
    wanted = (
        ("(0028,0010) Rows", bool(entry.rows)),
        ("(0028,0011) Columns", bool(entry.columns)),
        ("(0020,0032) ImagePositionPatient", len(entry.position_mm) == 3),
        ("(0020,0037) ImageOrientationPatient", len(entry.orientation) == 6),
        ("(0028,0030) PixelSpacing", len(entry.pixel_spacing_mm) == 2 and min(entry.pixel_spacing_mm) > 0),
    )
    for name, is_there in wanted:
        if not is_there:
            raise Refused(codes.GEOMETRY_MISSING.at(place, name))


def _check_orientation(orientation: tuple[float, ...], place: str) -> None:
    rows, columns = np.array(orientation[:3]), np.array(orientation[3:])
    error = max(abs(float(rows @ rows) - 1), abs(float(columns @ columns) - 1), abs(float(rows @ columns)))
    if error > 2 * COSINE_TOLERANCE:
        raise Refused(codes.ORIENTATION_INVALID.at(place, "(0020,0037) ImageOrientationPatient", measured=error))


def _close(a: tuple[float, ...], b: tuple[float, ...], tolerance: float) -> bool:
    return a == b or (len(a) == len(b) and all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True)))
