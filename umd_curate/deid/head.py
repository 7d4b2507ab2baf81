"""Decides whether a head is in view, and where its chin, brow and midline are, from the body's outline alone.

Arrays are coarse [k, j, i] masks on a grid whose i, j, k run to the right, to the front and up (RAS+), with cubic voxels of
`COARSE_MM`. The outline of a body between shoulders and vertex is unlike any other: wide, then narrow, then wider again,
then closed. Limbs, trunks and phantoms lack one of these. Tissue thresholds are left to `deface`, morphology to `engine`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.deid.morphology import Mask

Profile = NDArray[np.float64]

COARSE_MM = 3.0

# Outline of heads, necks and shoulders; adult ranges after DIN 33402-2 (head breadth 135-170, length 170-210 mm), widened
# down to a child of two years and up for hair, cushions and blurred PET surfaces.
HALF_COLUMN_MM = 120.0  # no head is wider; arms beside it are left out
MIN_NECK_CM2, MAX_NECK_CM2 = 20.0, 230.0
HEAD_OVER_NECK = 1.2
SHOULDERS_OVER_NECK = 1.8
MIN_SHOULDER_MM = 200.0
SHOULDER_REACH_MM = 250.0
MAX_HEAD_MM = 340.0  # neck's narrowest place to vertex
MIN_HEAD_MM = 40.0
COLUMN_MAX_MM, COLUMN_MAX_CM2 = 230.0, 380.0  # neck and head as a column, blur and a chin in one slice included
COLUMN_MIN_DEPTH_MM = 90.0
SHOULDERS_OVER_COLUMN = 1.4  # width of the shoulders against the column's
BASE_MM = 60.0  # the shoulders begin within this distance below
LONE_HEAD_CM2 = (110.0, 340.0)
LONE_HEAD_WIDTH_MM = (105.0, 200.0)
LONE_HEAD_DEPTH_MM = (125.0, 260.0)
LONE_HEAD_MIN_MM = 80.0
DOME_MM, DOME_PART = 9.0, 0.65  # a vertex is round: this far below it, the section is still smaller than this part
CRANIUM_ML = (500.0, 2200.0)  # cavity closed by bone; MONRO-KELLIE volumes of 900-1800 mL, less where the view ends
BROW_PART = 0.40  # of the way from vertex to chin; glabella 0.44 (DIN 33402-2), eyes 0.5
CHIN_STEP = 0.3  # of the way from the neck's front to the face's front
CHIN_MARGIN_MM = 12.0
SMOOTH_MM = 15.0


@dataclass(frozen=True, slots=True)
class Outline:
    """Sections of the body part on the midline, per slice k, from below to above.

    Parameters
    ----------
    area_cm2
        Area of the section within `HALF_COLUMN_MM` of the midline, holes filled from back to front.
    width_mm
        Width of the whole section.
    depth_mm, front_j
        Extent from back to front, and the index of its front.
    midline_i
        Index of the midline.
    """

    area_cm2: Profile
    width_mm: Profile
    depth_mm: Profile
    front_j: Profile
    midline_i: float


@dataclass(frozen=True, slots=True)
class Head:
    """A head in view; indices on the coarse grid.

    `why` is the rule that found it: ``neck``, ``column``, ``cranium`` or ``dome``; `is_cut` says that the view ends below the vertex.
    """

    chin_k: int
    brow_k: int
    top_k: int
    midline_i: float
    why: str
    is_cut: bool


def outline(body_kji: Mask) -> Outline | None:
    """Outline of the body, or None for an empty mask."""
    occupied_ki = np.asarray(body_kji.any(axis=1), np.bool_)
    weights = occupied_ki.sum(axis=1)
    if not weights.any():
        return None
    index = np.arange(body_kji.shape[2])
    centres = (occupied_ki * index).sum(axis=1) / np.maximum(weights, 1)
    midline = float(np.median(centres[weights >= np.percentile(weights[weights > 0], 50)]))
    nj = body_kji.shape[1]
    front = np.where(occupied_ki, nj - 1 - body_kji[:, ::-1].argmax(axis=1), -1)
    back = np.where(occupied_ki, body_kji.argmax(axis=1), nj)
    thickness = np.maximum(front - back + 1, 0)
    rows = [_section(occupied_ki[k], thickness[k], front[k], back[k], midline) for k in range(len(body_kji))]
    area, width, depth, front_j = (np.array(column) for column in zip(*rows, strict=True))
    return Outline(area, width, depth, front_j, midline)


def _section(
    occupied: Mask, thickness: NDArray[np.integer], front: NDArray[np.integer], back: NDArray[np.integer], middle: float
) -> tuple[float, float, float, float]:
    """Area [cm2], width, depth [mm] and front [index] of the run of columns that holds the midline, or is within 2 cm."""
    columns = np.flatnonzero(occupied)
    if not len(columns):
        return 0.0, 0.0, 0.0, -1.0
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    run = min(runs, key=lambda one: max(one[0] - middle, middle - one[-1], 0.0))
    if max(run[0] - middle, middle - run[-1], 0.0) * COARSE_MM > 20.0:
        return 0.0, 0.0, 0.0, -1.0
    column = run[np.abs(run - middle) * COARSE_MM <= HALF_COLUMN_MM]
    near = column[np.abs(column - middle) * COARSE_MM <= 40.0]
    near = near if len(near) else column
    area = float(thickness[column].sum()) * COARSE_MM**2 / 100.0
    depth = float(front[column].max() - back[column].min() + 1) * COARSE_MM
    return area, len(run) * COARSE_MM, depth, float(np.percentile(front[near], 80))


def find_head(body_kji: Mask, cranium_kji: Mask | None = None) -> Head | None:
    """Find the head in a body's outline, or by a cavity that bone closes; None where none is in view.

    Parameters
    ----------
    body_kji
        Body without table.
    cranium_kji
        On CT, the largest cavity within bone.
    """
    seen = outline(body_kji)
    if seen is None:
        return None
    area = _smooth(seen.area_cm2)
    present = np.flatnonzero(seen.area_cm2 > 0)
    if not len(present):
        return None
    top = int(present[-1])
    is_cut = top >= len(area) - 2
    for why, neck in (("neck", _neck(area, seen.width_mm, top)), ("column", _column(seen, area, top))):
        if neck is not None:
            return _head(seen, neck, min(top, neck + int(MAX_HEAD_MM / COARSE_MM)), why, is_cut=is_cut)
    cranium = None if cranium_kji is None else _cranium_range(cranium_kji)
    if cranium is not None:
        low, high = cranium
        bottom = max(low - int(110.0 / COARSE_MM), int(present[0]))
        return _head(seen, bottom, max(high, min(top, high + 6)), "cranium", is_cut=is_cut)
    if _is_lone_head(seen, area, top, is_cut=is_cut):
        bottom = max(int(present[0]), top - int(240.0 / COARSE_MM))
        return _head(seen, bottom, top, "dome", is_cut=False)
    return None


def _neck(area: Profile, width_mm: Profile, top: int) -> int | None:
    """Lowest slice that is a neck: narrow, with shoulders below and a wider head above."""
    reach = int(SHOULDER_REACH_MM / COARSE_MM)
    tall = int(MAX_HEAD_MM / COARSE_MM)
    wide = float(np.percentile(area[area > 0], 90)) * 0.6
    for k in range(1, top - int(MIN_HEAD_MM / COARSE_MM)):
        if not MIN_NECK_CM2 <= area[k] <= MAX_NECK_CM2:
            continue
        below = slice(max(k - reach, 0), k)
        above = area[k + 1 : min(k + tall, top) + 1]
        shoulder = int(np.argmax(area[below])) + below.start
        if area[shoulder] < max(SHOULDERS_OVER_NECK * area[k], wide) or width_mm[below].max() < MIN_SHOULDER_MM:
            continue
        if above.max() < HEAD_OVER_NECK * area[k] or above.max() > area[shoulder]:
            continue
        window = area[max(k - 8, 0) : k + 9]
        if area[k] <= window.min() + 1e-9:
            return k
    return None


def _column(seen: Outline, area: Profile, top: int) -> int | None:
    """Lowest slice of a narrow column that stands on shoulders: neck and chin in one slice, or a view that ends at the nose.

    Going down, a limb or a trunk never widens so suddenly.
    """
    narrow = (seen.width_mm <= COLUMN_MAX_MM) & (area <= COLUMN_MAX_CM2) & (seen.width_mm > 0)
    wide = np.flatnonzero(~narrow[: top + 1])
    if not len(wide):
        return None
    bottom = int(wide[-1]) + 1
    column = slice(bottom, top + 1)
    base = slice(max(bottom - int(BASE_MM / COARSE_MM), 0), bottom)
    if top - bottom < int(MIN_HEAD_MM / COARSE_MM) or np.median(seen.depth_mm[column]) < COLUMN_MIN_DEPTH_MM:
        return None
    is_wider = seen.width_mm[base].max() >= max(
        SHOULDERS_OVER_COLUMN * float(np.median(seen.width_mm[column])), MIN_SHOULDER_MM
    )
    is_larger = area[base].max() >= HEAD_OVER_NECK * float(np.median(area[column]))
    return bottom if is_wider and is_larger else None


def _is_lone_head(seen: Outline, area: Profile, top: int, *, is_cut: bool) -> bool:
    """Say whether the view holds a head alone: closed above like a dome, with a head's section, and nothing wider."""
    height = int(LONE_HEAD_MIN_MM / COARSE_MM)
    if is_cut or top < height:
        return False
    crown = slice(max(top - int(120.0 / COARSE_MM), 0), top - int(50.0 / COARSE_MM))
    section = float(np.median(area[crown]))
    return bool(
        LONE_HEAD_CM2[0] <= section <= LONE_HEAD_CM2[1]
        and LONE_HEAD_WIDTH_MM[0] <= np.median(seen.width_mm[crown]) <= LONE_HEAD_WIDTH_MM[1]
        and LONE_HEAD_DEPTH_MM[0] <= np.median(seen.depth_mm[crown]) <= LONE_HEAD_DEPTH_MM[1]
        and seen.area_cm2[top - int(DOME_MM / COARSE_MM)] <= DOME_PART * section
        and area.max() <= LONE_HEAD_CM2[1]
    )


def _cranium_range(cranium_kji: Mask) -> tuple[int, int] | None:
    volume_ml = float(cranium_kji.sum()) * COARSE_MM**3 / 1000.0
    if not CRANIUM_ML[0] <= volume_ml <= CRANIUM_ML[1]:
        return None
    slices = np.flatnonzero(cranium_kji.any(axis=(1, 2)))
    return int(slices[0]), int(slices[-1])


def _head(seen: Outline, neck_k: int, top_k: int, why: str, *, is_cut: bool) -> Head:
    """Place chin and brow between the neck and the top of the view."""
    front = _smooth(np.where(seen.front_j < 0, np.nan, seen.front_j))
    start = max(neck_k - round(BASE_MM / COARSE_MM), 0)
    region = front[start : top_k + 1]
    throat = start + int(np.nanargmin(region[: neck_k - start + 1]))
    low, high = front[throat], np.nanpercentile(front[neck_k : top_k + 1], 90)
    ahead = np.flatnonzero(front[throat : top_k + 1] >= low + CHIN_STEP * (high - low))
    chin = throat + int(ahead[0]) if high - low > 2 else neck_k
    brow = top_k if is_cut else round(top_k - BROW_PART * (top_k - chin))
    margin = round(CHIN_MARGIN_MM / COARSE_MM)
    return Head(max(chin - margin, 0), max(brow, chin + 1), top_k, seen.midline_i, why, is_cut)


def _smooth(profile: Profile) -> Profile:
    """Running mean over `SMOOTH_MM`; gaps are bridged by what is there."""
    n = max(round(SMOOTH_MM / COARSE_MM) // 2, 1)
    padded = np.pad(profile, n, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * n + 1)
    known = ~np.isnan(windows)
    counted = np.maximum(known.sum(axis=1), 1)
    smooth: Profile = np.where(known.any(axis=1), np.where(known, windows, 0.0).sum(axis=1) / counted, np.nan)
    return smooth
