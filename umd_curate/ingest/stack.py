"""Decides whether images of one orientation form an even stack, and in which order.

Slices ascend along the normal (row direction x column direction, PS3.3 C.7.6.2.1.1). A stack with a hole, an uneven
step, two images at one place or a shear is refused by code, never repaired. Which images belong together is for `group`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import FindingCode
from umd_curate.model.geometry import Float64, affine_from_dicom, apply_affine, slice_normal
from umd_curate.model.headers import InstanceHeader

JITTER_MM = 0.05  # a tenth of the finest slice step that we meet; the conversion allows the same
JITTER_PART = 0.02  # of the slice step; steps at the bed borders of a sound GE PET put slices off by 1.2 %
SAME_PLACE_MM = 0.01  # two slices closer than this are at one place; the thinnest CT slices are 0.3 mm
MAX_HOLES_PART = 0.25  # of the steps; with more of them wide, the stack has two spacings rather than holes
MAX_SHEAR = 0.01  # in-plane shift per step: half a degree, less than any gantry tilt that is set by hand
MAX_LENGTH_MM = 1e5  # of a position or spacing; no table moves a hundred metres, such a number is damaged
UNIT_TOLERANCE = 1e-3  # of direction cosines, written with four decimals or more


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a stack cannot be a volume, with what was measured."""

    code: FindingCode
    detail: str = ""
    measured: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """Images sorted along their normal, the box they fill, and a fault where they are no volume.

    `box_ras_mm` is (lowest corner, highest corner) in RAS+ mm, None where the place is unknown.
    """

    instances: tuple[InstanceHeader, ...]
    box_ras_mm: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    fault: Fault | None = None


def has_geometry(header: InstanceHeader) -> bool:
    """Say whether a single-frame image tells its place: position, orthogonal unit directions, spacing, matrix."""
    numbers = (*header.orientation, *header.position_mm, *header.pixel_spacing_mm)
    if (len(header.orientation), len(header.position_mm), len(header.pixel_spacing_mm)) != (6, 3, 2):
        return False
    if not all(abs(number) <= MAX_LENGTH_MM for number in numbers) or min(header.pixel_spacing_mm) <= 0:
        return False  # NaN is not below any limit
    row, column = header.orientation[:3], header.orientation[3:]
    off = max(abs(_dot(row, row) - 1), abs(_dot(column, column) - 1), abs(_dot(row, column)))
    return off <= UNIT_TOLERANCE and bool(header.rows) and bool(header.columns)


def _dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def heights_mm(headers: Sequence[InstanceHeader]) -> Float64:
    """Place of each image along the normal of the first one [mm]; all must tell their place."""
    normal = slice_normal(headers[0].orientation)
    return np.array([header.position_mm for header in headers], np.float64) @ normal


def has_repeats(headers: Sequence[InstanceHeader]) -> bool:
    """Say whether two images are at one place along the normal."""
    return len(headers) > 1 and bool(np.diff(np.sort(heights_mm(headers))).min() <= SAME_PLACE_MM)


def stacked(headers: Sequence[InstanceHeader]) -> Stack:
    """Sort single-frame images of one orientation and matrix, and judge the stack.

    Parameters
    ----------
    headers
        At least one image; those of one place are ordered by instance number and path.
    """
    ordered = sorted(headers, key=_order)
    if not all(has_geometry(header) for header in ordered):
        return Stack(tuple(ordered), fault=Fault(codes.NO_GEOMETRY))
    ascending = np.argsort(heights_mm(ordered), kind="stable")
    instances = tuple(ordered[place] for place in ascending)
    return Stack(instances, _box(instances), _fault(instances))


def _order(header: InstanceHeader) -> tuple[int, str]:
    return header.instance_number or 0, header.path


def _fault(instances: tuple[InstanceHeader, ...]) -> Fault | None:
    """Fault of a sorted stack, None where its slices stand on an even grid."""
    n = len(instances)
    if n < 2:
        return None
    positions = np.array([header.position_mm for header in instances], np.float64)
    normal = slice_normal(instances[0].orientation)
    heights = positions @ normal
    steps = np.diff(heights)
    if steps.min() <= SAME_PLACE_MM:
        repeats = int((steps <= SAME_PLACE_MM).sum())
        return Fault(codes.SAME_PLACE, "images at a place that is taken", float(repeats), 0.0)
    drift = positions[-1] - positions[0]
    height = float(heights[-1] - heights[0])
    shear = float(np.linalg.norm(drift - normal * height)) / height
    if shear > MAX_SHEAR:
        return Fault(codes.SHEARED, "in-plane shift per mm along the normal [mm]", shear, MAX_SHEAR)
    spacing = float(np.median(steps))
    limit = max(JITTER_MM, JITTER_PART * spacing)
    even = positions[0] + np.outer(np.arange(n) / (n - 1), drift)
    jitter = float(np.linalg.norm(positions - even, axis=1).max())
    return None if jitter <= limit else _uneven(steps, jitter, limit)


def _uneven(steps: Float64, jitter_mm: float, limit_mm: float) -> Fault:
    """Tell holes (all steps are whole multiples of the smallest) from an uneven stack."""
    unit = float(np.min(steps))
    multiples = np.rint(steps / unit)
    tolerance = np.maximum(JITTER_MM, 2 * JITTER_PART * unit) * multiples
    missing = int((multiples - 1).sum())
    holes = float((multiples > 1).mean())
    if 0 < holes <= max(MAX_HOLES_PART, 1 / len(steps)) and bool((np.abs(steps - multiples * unit) <= tolerance).all()):
        return Fault(codes.GAP, "slices missing", float(missing), 0.0)
    return Fault(codes.UNEVEN, "distance of a slice from the even grid [mm]", jitter_mm, limit_mm)


def _box(instances: tuple[InstanceHeader, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Box around the outer faces of a sorted stack, RAS+ mm."""
    first, last = instances[0], instances[-1]
    shape = (len(instances), first.rows or 1, first.columns or 1)
    affine = affine_from_dicom(
        first.position_mm,
        last.position_mm,
        first.orientation,
        first.pixel_spacing_mm,
        len(instances),
        first.slice_thickness_mm,
    )
    half = np.abs(affine[:3, :3]).sum(axis=1) / 2
    corners = apply_affine(affine, _corner_indices(shape))
    low, high = corners.min(axis=0) - half, corners.max(axis=0) + half
    return tuple(low.tolist()), tuple(high.tolist())


def _corner_indices(shape_kji: tuple[int, int, int]) -> Float64:
    nk, nj, ni = (n - 1 for n in shape_kji)
    return np.array([[i, j, k] for i in (0, ni) for j in (0, nj) for k in (0, nk)], np.float64)
