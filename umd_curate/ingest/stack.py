"""Decides whether images of one orientation form a stack of which a volume can be made, and in which order.

Slices ascend along the normal (row direction x column direction, PS3.3 C.7.6.2.1.1). How even a stack must be stands in
`model/stacks.py`; a stack with holes, uneven steps or many images at one place is refused by code. A few images at a place
that is taken may be copies, which only their pixels tell: convert compares them. So may a tilted gantry be mended there.
Which images belong together is for `group`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import FindingCode
from umd_curate.model.geometry import Float64, affine_from_dicom, apply_affine, slice_normal
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.stacks import SAME_PLACE_MM, STRICT, Evenness, StackRules, shape_of_stack

MAX_LENGTH_MM = 1e5  # of a position or spacing; no table moves a hundred metres, such a number is damaged
UNIT_TOLERANCE = 1e-3  # of direction cosines, written with four decimals or more
ORIENTATION_TOLERANCE = 1e-4  # of a direction cosine: 0.006 degrees
SPACING_TOLERANCE_MM = 1e-4
PLANE_TOLERANCES = (*[ORIENTATION_TOLERANCE] * 6, *[SPACING_TOLERANCE_MM] * 2)  # of `plane_of_slice`


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


def plane_of_slice(header: InstanceHeader) -> tuple[float, ...]:
    """Six direction cosines and two spacings [mm]; slices of one volume share them."""
    return (*header.orientation, *header.pixel_spacing_mm)


def _is_one_plane(instances: Sequence[InstanceHeader]) -> bool:
    """Say whether all slices share frame of reference, matrix, orientation and spacing, neighbour by neighbour."""
    if len({(one.frame_of_reference_uid or "", one.rows, one.columns) for one in instances}) > 1:
        return False
    values = sorted({plane_of_slice(one) for one in instances})
    if len(values) == 1:
        return True
    steps = np.diff(np.sort(np.array(values), axis=0), axis=0)
    return bool((steps <= PLANE_TOLERANCES).all())


def _dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def heights_mm(headers: Sequence[InstanceHeader]) -> Float64:
    """Place of each image along the normal of the first one [mm]; all must tell their place."""
    normal = slice_normal(headers[0].orientation)
    return np.array([header.position_mm for header in headers], np.float64) @ normal


def has_repeats(headers: Sequence[InstanceHeader]) -> bool:
    """Say whether two images are at one place along the normal."""
    return len(headers) > 1 and bool(np.diff(np.sort(heights_mm(headers))).min() <= SAME_PLACE_MM)


def stacked(headers: Sequence[InstanceHeader], rules: StackRules = STRICT) -> Stack:
    """Sort single-frame images and judge the stack; all should share orientation and matrix.

    Parameters
    ----------
    headers
        At least one image; those of one place are ordered by instance number and path.
    rules
        What may be done with a stack that is not even.
    """
    ordered = sorted(headers, key=_order)
    if not all(has_geometry(header) for header in ordered):
        return Stack(tuple(ordered), fault=Fault(codes.NO_GEOMETRY))
    ascending = np.argsort(heights_mm(ordered), kind="stable")
    instances = tuple(ordered[place] for place in ascending)
    return Stack(instances, _box(instances), _fault(instances, rules))


def _order(header: InstanceHeader) -> tuple[int, str]:
    return header.instance_number or 0, header.path


def _fault(instances: tuple[InstanceHeader, ...], rules: StackRules) -> Fault | None:
    """Fault of a sorted stack, None where a volume can be made of its slices."""
    if len(instances) < 2:
        return None
    if not _is_one_plane(instances):
        return Fault(codes.CHANGES, "images", float(len(instances)))
    positions = np.array([header.position_mm for header in instances], np.float64)
    shape = shape_of_stack(positions, instances[0].orientation)
    if shape.may_be_made(rules):
        return None
    if shape.evenness is Evenness.CROWDED:
        return Fault(codes.SAME_PLACE, "images at a place that is taken", float(shape.copies), 0.0)
    if shape.evenness is Evenness.HOLES:
        return Fault(codes.GAP, "slices missing", float(len(shape.missing)), 0.0)
    return Fault(codes.UNEVEN, "distance of a slice from the even grid [mm]", shape.jitter_mm, shape.limit_mm)


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
