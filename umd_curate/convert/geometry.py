"""Where the slices of a volume are, and whether they are one even stack.

Decides from positions, orientation and spacing alone; a stack that is no volume is refused by name, never mended here.
Which files form a stack, and in which order, is decided by ingest; the affine's convention stands in `model/geometry.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import AFFINE_TOLERANCE_MM, Float64, Grid, affine_from_dicom, slice_normal
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.sidecars import GeometryReceipt

COSINE_TOLERANCE: Final = 1e-3  # of unit length and right angle; direction cosines may be written with four digits
SAME_COSINE_TOLERANCE: Final = 1e-4  # between slices of one volume
SAME_SPACING_TOLERANCE_MM: Final = 1e-4  # between slices of one volume
MAX_JITTER_MM: Final = 0.1  # table positions of sound whole-body series drift by up to 0.04 mm
MAX_JITTER_STEPS: Final = 0.05  # the same for coarse stacks, as part of the step; a missing slice gives 0.5 or more
SAME_POSITION_MM: Final = 0.01  # slices closer than this show one place
MIN_TILT_DEG: Final = 0.1  # rounded positions of oblique stacks stay below


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
    """An even stack of slices in storage order: slice k lies at first + k (last - first) / (n - 1)."""

    first: SlicePlace
    last_position_mm: tuple[float, ...]
    n_slices: int
    max_jitter_mm: float
    findings: tuple[Finding, ...] = ()

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
        return float(np.linalg.norm(np.subtract(self.last_position_mm, self.first.position_mm))) / (self.n_slices - 1)

    def distance_mm(self, k: int, position_mm: tuple[float, ...]) -> float:
        """Distance [mm] of a position from the place of slice k."""
        first, last = np.array(self.first.position_mm), np.array(self.last_position_mm)
        part = k / (self.n_slices - 1) if self.n_slices > 1 else 0.0
        return float(np.linalg.norm(np.array(position_mm) - (first + part * (last - first))))

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


def stack_geometry(instances: Sequence[InstanceHeader], place: str = "") -> StackGeometry:
    """Geometry of single-frame instances in slice order; `place` is the short id of the series for findings.

    Raises
    ------
    Refused
        They are no even stack; see `stack_of_places`.
    """
    return stack_of_places([place_of(instance) for instance in instances], place)


def stack_of_places(places: Sequence[SlicePlace], place: str) -> StackGeometry:
    """Geometry of slices in storage order.

    Raises
    ------
    Refused
        An element is missing, the slices differ, share a position, or are not evenly spaced.
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
    positions = np.array([entry.position_mm for entry in places], np.float64)
    normal = slice_normal(places[0].orientation)
    gaps = np.diff(positions @ normal)
    if float(np.abs(gaps).min()) < SAME_POSITION_MM:
        count = int((np.abs(gaps) < SAME_POSITION_MM).sum())
        raise Refused(codes.SAME_POSITION.at(place, "(0020,0032) ImagePositionPatient", measured=count, limit=0))
    step = (positions[-1] - positions[0]) / (len(places) - 1)
    even = positions[0] + np.arange(len(places))[:, None] * step
    jitter = float(np.linalg.norm(positions - even, axis=1).max())
    limit = jitter_limit_mm(float(np.linalg.norm(step)))
    if jitter > limit:
        detail = "(0020,0032) ImagePositionPatient against the even grid, mm"
        raise Refused(codes.UNEVEN_SLICES.at(place, detail, measured=jitter, limit=limit))
    return StackGeometry(places[0], places[-1].position_mm, len(places), jitter, _tilt_findings(step, normal, place))


def jitter_limit_mm(step_mm: float) -> float:
    """Largest distance [mm] of a slice from its place on the even grid."""
    return max(MAX_JITTER_MM, MAX_JITTER_STEPS * step_mm)


def check_slice(geometry: StackGeometry, k: int, slice_place: SlicePlace, place: str) -> float:
    """Check that slice k is where the stack says; return its distance [mm] from the even grid.

    Raises
    ------
    Refused
        It differs from the first slice or lies elsewhere.
    """
    check_complete(slice_place, place)
    check_alike(geometry.first, slice_place, place)
    distance = geometry.distance_mm(k, slice_place.position_mm)
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


def verify_grid(written: Grid, geometry: StackGeometry, jitter_mm: float, place: str) -> GeometryReceipt:
    """Compare the grid that was read back with the DICOM's corners and centre.

    Raises
    ------
    Refused
        A corner or the centre is off by more than `AFFINE_TOLERANCE_MM`, or what float32 can hold where that is more.
    """
    tolerance = max(AFFINE_TOLERANCE_MM, _float32_error_mm(geometry.grid()))
    error = float(np.linalg.norm(written.corners_ras_mm() - geometry.corners_ras_mm(), axis=1).max())
    if written.shape_kji != geometry.grid().shape_kji or error > tolerance:
        raise Refused(codes.AFFINE_WRONG.at(place, "corners, mm", measured=error, limit=tolerance))
    return GeometryReceipt(
        max_corner_error_mm=error,
        tolerance_mm=tolerance,
        n_slices=geometry.n_slices,
        max_slice_jitter_mm=jitter_mm,
    )


def _float32_error_mm(grid: Grid) -> float:
    """Largest corner error [mm] that rounding an affine to NIfTI's float32 can cause; 2e-4 two metres from the origin."""
    extent = np.abs(grid.affine[:3, :3]) @ np.array(grid.shape_kji[::-1], np.float64) + np.abs(grid.affine[:3, 3])
    return float(np.linalg.norm(extent)) * float(np.finfo(np.float32).eps) / 2.0


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


def _tilt_findings(step: Float64, normal: Float64, place: str) -> tuple[Finding, ...]:
    along = abs(float(step @ normal)) / float(np.linalg.norm(step) * np.linalg.norm(normal))
    tilt = float(np.degrees(np.arccos(min(1.0, along))))
    if tilt <= MIN_TILT_DEG:
        return ()
    return (codes.SHEARED.at(place, "slice step against slice normal, degrees", measured=tilt, limit=MIN_TILT_DEG),)


def _close(a: tuple[float, ...], b: tuple[float, ...], tolerance: float) -> bool:
    return len(a) == len(b) and all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))
