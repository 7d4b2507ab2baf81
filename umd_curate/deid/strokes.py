"""Finds rows of glyphs in a slice: text that somebody burned into an image, whatever it says. Pure arrays.

Text is drawn with one value in thin strokes, glyph beside glyph on a line. So: structures narrower than a stroke stand out of a
morphological opening (white on dark) or closing (black on bright); among the values of such pixels that of the text is a
spike; connected parts that hold the spike's value are glyphs if they stand in a row of one height. Smoothed small print has no
pure value: there the brightest points of all glyphs must be alike instead, in a longer row, the neighbouring slice must not show
the same structure fainter, as anatomy does, and not much else in the slice may look like glyphs, as in noise. Vessels, ribs and
trabeculae have neither. Air that a scanner clips at zero is black and pure too: black parts that the border cuts are none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

Plane = NDArray[np.generic]
Float32 = NDArray[np.float32]
Ints = NDArray[np.intp]

# Half widths of the opening [pixels]: strokes of small print, and of letters of 40 pixels in bold.
REACHES = (3, 7)
LEAST_CONTRAST = 0.10  # of the slice's range; fainter text is not readable in a window that shows the slice
RANGE_PERCENTILES = (0.5, 99.5)
RANGE_STRIDE = 4  # every fourth pixel tells the range
VALUE_STEPS = 512  # of the range: how exactly a value that is no integer is known
MIN_INTEGER_RANGE = 64
LEAST_PIXELS = 20
MOST_PARTS, MOST_GLYPHS = 4000, 500  # more is a texture
MAX_SPIKES = 4
SPIKE_SIGMAS = 4.0
SPIKE_OVER = 3.0  # times the neighbouring values
NEIGHBOURS = 12  # values on each side
HEIGHTS = (4, 56)  # of a glyph [pixels]; fonts of 8 to 40 pixels
MAX_WIDTH_PART = 5.0  # letters that touch, of their height
ALIGNED_PART = 0.1  # of the height: feet or heads of two glyphs of a row
GAP_PART = 1.1
LIKE_HEIGHT = 0.45
_ALL_NEIGHBOURS = np.ones((3, 3), np.intp)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of glyphs.

    Parameters
    ----------
    box
        First row, one after the last, first column, one after the last.
    n_glyphs
        Connected parts that stand in it.
    """

    box: tuple[int, int, int, int]
    n_glyphs: int


@dataclass(frozen=True, eq=False)
class _Glyphs:
    """Candidates: boxes (top, bottom, left, right), filled pixels, part of them that has the text's value, brightest value."""

    boxes: Ints
    areas: NDArray[np.float64]
    purity: NDArray[np.float64]
    levels: NDArray[np.float64]
    contrast: float


def text_rows(plane_ji: Plane, neighbour_ji: Plane | None = None) -> list[Row]:
    """Rows of glyphs in one slice.

    Parameters
    ----------
    plane_ji
        The slice, any unit.
    neighbour_ji
        A slice beside it. With it, smoothed small print is looked for, too.
    """
    plane = np.ascontiguousarray(plane_ji, np.float32)
    extent = _range(plane)
    if extent <= 0:
        return []
    is_whole = plane_ji.dtype.kind in "iu" and extent > MIN_INTEGER_RANGE
    step = 1.0 if is_whole else extent / VALUE_STEPS
    found: list[Row] = []
    for bright in (plane, -plane):
        sign = 1 if bright is plane else -1
        for reach in REACHES:
            stands_out = bright - _opened(bright, reach)
            strong = stands_out > LEAST_CONTRAST * extent
            if int(strong.sum()) < LEAST_PIXELS:
                continue
            for spike in _spikes(bright[strong], step):
                at = strong & (np.abs(bright - spike) <= 1.1 * step)
                contrast = float(np.median(stands_out[at]))
                pure = at if sign > 0 else _off_border(at)
                half = stands_out > max(contrast / 2, LEAST_CONTRAST * extent)
                for mask, is_text in ((pure, _is_pure_text), (half, _is_text)):
                    rows = [one for one in _rows(mask, at, bright, contrast) if is_text(one[1], one[2], sign)]
                    if sign > 0 or _is_more_than_chance(rows):
                        found += [row for row, _, _ in rows]
            if neighbour_ji is not None and reach == REACHES[0]:
                found += _small_print(stands_out, bright, sign * np.asarray(neighbour_ji, np.float32), extent)
    return found


def _off_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Connected parts that end inside the slice: the border gives all that it cuts one foot line."""
    labels, n = ndimage.label(mask, _ALL_NEIGHBOURS)
    inside = np.ones(n + 1, np.bool_)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        inside[edge] = False
    inside[0] = False
    found: NDArray[np.bool_] = inside[labels]
    return found


def _range(plane: Float32) -> float:
    some = plane[::RANGE_STRIDE, ::RANGE_STRIDE]
    low, high = np.percentile(some, RANGE_PERCENTILES)
    return float(high - low) or float(plane.max() - plane.min())


def _opened(plane: Float32, reach: int) -> Float32:
    """Grey opening by a square of `2 * reach + 1` pixels: bright structures that are narrower go."""
    found = plane
    for axis in (0, 1):
        found = _running(found, reach, axis, np.minimum)
    for axis in (0, 1):
        found = _running(found, reach, axis, np.maximum)
    return found


def _running(plane: Float32, reach: int, axis: int, least_or_most: np.ufunc) -> Float32:
    """Least or greatest value of `2 * reach + 1` neighbours along an axis, by doubling."""
    width = 2 * reach + 1
    padding = [(reach, reach) if one == axis else (0, 0) for one in (0, 1)]
    found = np.pad(plane, padding, mode="edge")
    have = 1
    while have < width:
        by = min(have, width - have)
        length = found.shape[axis] - by
        first = found[:length] if axis == 0 else found[:, :length]
        second = found[by:] if axis == 0 else found[:, by:]
        found = least_or_most(first, second)
        have += by
    return found


def _spikes(values: Float32, step: float) -> list[float]:
    """Values that far more pixels have than have those beside them."""
    lowest = float(values.min())
    bins = np.rint((values - lowest) / step).astype(np.intp)
    pad = 2 * NEIGHBOURS
    counts = np.pad(np.bincount(bins), pad).astype(np.float64)
    here = np.convolve(counts, np.ones(3), "same")
    n_around = 2 * NEIGHBOURS + 1
    around = (np.convolve(counts, np.ones(n_around), "same") - here) * 3 / (n_around - 3)
    score = here - SPIKE_OVER * around - SPIKE_SIGMAS * np.sqrt(around + 1)
    found: list[int] = []
    for one in np.argsort(-score)[: 3 * MAX_SPIKES].tolist():
        if score[one] > 0 and here[one] >= LEAST_PIXELS and all(abs(one - other) > 2 for other in found):
            found.append(one)
    guesses = [lowest + (one - pad) * step for one in found[:MAX_SPIKES]]
    return [float(np.median(values[np.abs(values - guess) <= 1.6 * step])) for guess in guesses]


def _rows(
    mask: NDArray[np.bool_], at: NDArray[np.bool_], bright: Float32, contrast: float
) -> Iterator[tuple[Row, _Glyphs, Ints]]:
    """Rows of connected parts of a mask; each with all candidates and the indices of its own."""
    glyphs = _glyphs(mask, at, bright, contrast)
    if glyphs is None:
        return
    top, bottom, left, right = glyphs.boxes.T
    height = bottom - top
    tall = np.maximum(height[:, None], height)
    near = np.maximum(1.0, ALIGNED_PART * tall)
    aligned = (np.abs(bottom[:, None] - bottom) <= near) | (np.abs(top[:, None] - top) <= near)
    gap = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)
    beside = (
        aligned & (gap <= GAP_PART * tall) & (gap >= -2) & (np.minimum(height[:, None], height) >= LIKE_HEIGHT * tall)
    )
    n, labels = connected_components(beside, directed=False)
    sizes = np.bincount(labels, minlength=n)
    for number in np.flatnonzero(sizes >= MIN_GLYPHS):
        of = np.flatnonzero(labels == number)
        box = (int(top[of].min()), int(bottom[of].max()), int(left[of].min()), int(right[of].max()))
        yield Row(box, len(of)), glyphs, of


def _glyphs(mask: NDArray[np.bool_], at: NDArray[np.bool_], bright: Float32, contrast: float) -> _Glyphs | None:
    labels, n = ndimage.label(mask, _ALL_NEIGHBOURS)
    if not MIN_GLYPHS <= n <= MOST_PARTS:
        return None
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    hits = np.bincount(labels[at], minlength=n + 1)[1:]
    spans = ndimage.find_objects(labels)
    boxes = np.array([(j.start, j.stop, i.start, i.stop) for j, i in spans])
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    fits = (height >= HEIGHTS[0]) & (height <= HEIGHTS[1]) & (width <= MAX_WIDTH_PART * height + 4) & (hits >= MIN_HITS)
    chosen = np.flatnonzero(fits)
    if not MIN_GLYPHS <= len(chosen) <= MOST_GLYPHS:
        return None
    levels = np.asarray(ndimage.maximum(bright, labels, chosen + 1), np.float64)
    return _Glyphs(boxes[chosen], areas[chosen].astype(np.float64), hits[chosen] / areas[chosen], levels, contrast)


MIN_GLYPHS = 3
MIN_HITS = 2
MIN_LENGTH = 2.2  # of a row, in heights
MAX_HEIGHT = 1.7  # of a row, in glyph heights: ascenders and descenders
FILL = (0.08, 0.92)  # part of a glyph's box that is stroke
FEET = 0.55  # of the glyphs stand on one line
FOOT_PART = 0.06
LEAST_SHARE = (
    0.08  # of all parts of the size of glyphs stand in rows; of noise 0.03 to 0.06 do, of print on a body 0.25 and more
)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How much a row looks like print: glyphs, part on one foot line, part under one head line, glyph height."""

    n: int
    feet: float
    heads: float
    height: float
    is_print: bool


def _shape(glyphs: _Glyphs, of: Ints) -> _Shape:
    top, bottom, left, right = glyphs.boxes[of].T
    height = float(np.percentile(bottom - top, 75))
    near = max(1.0, FOOT_PART * height)
    feet = max(float((np.abs(bottom - one) <= near).mean()) for one in bottom)
    heads = max(float((np.abs(top - one) <= near).mean()) for one in top)
    fill = float(np.median(glyphs.areas[of] / ((right - left) * (bottom - top))))
    is_long = float(right.max() - left.min()) >= MIN_LENGTH * height
    is_flat = float(bottom.max() - top.min()) <= MAX_HEIGHT * height
    return _Shape(len(of), feet, heads, height, is_long and is_flat and feet >= FEET and FILL[0] <= fill <= FILL[1])


def _is_pure_text(glyphs: _Glyphs, of: Ints, sign: int) -> bool:
    """Glyphs all of whose pixels have one value; black ones need more, since clipped air has one value too."""
    shape = _shape(glyphs, of)
    if sign > 0:
        return shape.is_print and shape.n >= 4
    return shape.is_print and shape.n >= 5 and shape.feet >= 0.75 and shape.heads >= 0.4


def _is_text(glyphs: _Glyphs, of: Ints, sign: int) -> bool:
    """Glyphs of smooth outline that hold the text's value; the fewer, the purer."""
    shape = _shape(glyphs, of)
    purity = float(np.median(glyphs.purity[of]))
    if sign < 0:
        return shape.is_print and shape.n >= 5 and shape.feet >= 0.75 and shape.heads >= 0.4 and purity >= 0.25
    least = 0.45 if shape.n == 3 else 0.25 if shape.n == 4 else 0.15
    return shape.is_print and purity >= least and (shape.n > 3 or (shape.feet > 0.9 and shape.heads > 0.6))


SMALL_HEIGHT = 13.0  # of glyphs [pixels] that smoothing leaves without a pure value
SMALL_GLYPHS = 5
SMALL_FEET = 0.75
BRIGHTEST = 40  # pixels that tell the contrast of small print
SPREAD = 0.12  # of the brightest values of its glyphs, in contrasts
GONE, STAYS = 0.3, 0.9  # of its contrast that the neighbouring slice shows: none, or all of it


def _small_print(stands_out: Float32, bright: Float32, neighbour: Float32, extent: float) -> list[Row]:
    """Smoothed small print: glyphs of like brightness in a long row, which the neighbouring slice shows not at all or as it is."""
    brightest = np.partition(stands_out.ravel(), -BRIGHTEST)[-BRIGHTEST]
    found = []
    for part in (0.5, 0.7):
        mask = stands_out > max(part * float(brightest), LEAST_CONTRAST * extent)
        rows = []
        for row, glyphs, of in _rows(mask, mask, bright, float(brightest)):
            shape = _shape(glyphs, of)
            is_small = (
                shape.is_print and shape.height <= SMALL_HEIGHT and shape.n >= SMALL_GLYPHS and shape.feet >= SMALL_FEET
            )
            if is_small and float(glyphs.levels[of].std()) <= SPREAD * glyphs.contrast:
                top, bottom, left, right = row.box
                box = (slice(top, bottom), slice(left, right))
                if not GONE < _shown_part(bright[box], neighbour[box], mask[box]) < STAYS:
                    rows.append((row, glyphs, of))
        if _is_more_than_chance(rows):
            found += [row for row, _, _ in rows]
    return found


def _is_more_than_chance(rows: list[tuple[Row, _Glyphs, Ints]]) -> bool:
    """Say whether the rows hold more of the parts that might be glyphs than stand in rows of noise."""
    return bool(rows) and sum(len(of) for _, _, of in rows) >= LEAST_SHARE * len(rows[0][1].boxes)


def _shown_part(here: Float32, there: Float32, strokes: NDArray[np.bool_]) -> float:
    """Contrast of strokes against what lies between them in another slice, as part of that in this one."""
    between = ~strokes
    if not between.any():
        return 0.5
    contrast = float(here[strokes].mean() - here[between].mean())
    other = float(there[strokes].mean() - there[between].mean())
    return other / contrast if contrast > 0 else 0.5
