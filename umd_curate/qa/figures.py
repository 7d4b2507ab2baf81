"""Draws a session: anatomy, label contours, fusion and MIP as PNG bytes, coronal and sagittal, thin stacks axial.

All figures of a session have one scale and one height, so that a line across them is one level of the body. Equal input
gives equal bytes: no date, no software, no system font.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from umd_curate.model.geometry import Float64, Volume
from umd_curate.model.labels import OrganTable
from umd_curate.qa import planes
from umd_curate.qa.planes import Bytes, Canvas
from umd_curate.qa.words import interval, number

CT_WINDOW_HU = (-160.0, 240.0)  # soft tissue: width 400, level 40
SUV_WINDOW = (0.0, 7.0)  # g/mL, the reading habit for FDG
FUSION_ALPHA = 0.75  # reached at half of the window, so that low uptake leaves the anatomy visible
PERCENTILE = 99.5  # upper end of windows without an absolute unit
SCALE_BAR_MM = 100.0
GAP_PIXELS = 8
SQUARE_PIXELS = 40  # of the checkerboard
FONT_PIXELS = 13
AIR_HU = -1000.0

BLACK, WHITE, GREY = 0, 255, 128

Tint = int | tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure."""

    name: str
    caption: str
    png: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class View:
    """A direction of view: where its plane lies, the axis across it (0 x, 1 y, 2 z), the letters at its sides."""

    points: Callable[[Canvas], Float64]
    across: int
    letters: str


_UPRIGHT = (View(planes.coronal_points, 1, "RL"), View(planes.sagittal_points, 0, "AP"))
_AXIAL = (View(planes.axial_points, 2, "RL"),)


@dataclass(frozen=True, eq=False)
class Sitter:
    """What is drawn; any image may be missing. `is_suv` says whether the PET is in SUVbw."""

    anatomy_role: str
    anatomy: Volume | None
    organs: Volume | None
    pet: Volume | None
    is_suv: bool
    body_points_ras_mm: Float64  # (n, 3), what must be seen
    anatomy_on_pet: Volume | None = None  # as registration placed it


def draw(sitter: Sitter, table: OrganTable) -> tuple[Figure, ...]:
    """Draw all figures that the session's images allow."""
    canvas = planes.canvas_around(sitter.body_points_ras_mm, centre_of(sitter.organs, sitter.body_points_ras_mm))
    return tuple(_figures(sitter, canvas, table))


def centre_of(organs: Volume | None, body_points_ras_mm: Float64) -> tuple[float, float, float]:
    """Where the planes of a session's figures meet, RAS+ mm: in most organs, else in the middle of the body."""
    if organs is not None and np.any(organs.array_kji):
        return planes.best_centre(organs)
    x, y, z = (body_points_ras_mm.min(axis=0) + body_points_ras_mm.max(axis=0)) / 2
    return float(x), float(y), float(z)


def views_of(canvas: Canvas) -> tuple[View, ...]:
    """Coronal and sagittal; of a thin stack axial."""
    return _AXIAL if canvas.is_thin else _UPRIGHT


def windowed(image: Volume, role: str, points: Sequence[Float64]) -> list[Bytes]:
    """Grey planes of a CT in its soft-tissue window, or of another image up to its upper percentile."""
    is_ct = role == "ct"
    low, high = CT_WINDOW_HU if is_ct else (0.0, _upper_end(image))
    air = AIR_HU if is_ct else 0.0
    return [planes.window(planes.sample(image, plane, air), low, high) for plane in points]


def contour_colours(table: OrganTable) -> dict[int, tuple[int, int, int]]:
    """Colour of each organ's contour by id: the dataset's own, which are chosen to differ on grey."""
    return {organ.id: organ.colour for organ in table}


def _figures(sitter: Sitter, canvas: Canvas, table: OrganTable) -> Iterator[Figure]:
    name = sitter.anatomy_role.upper()
    views = views_of(canvas)
    points = [view.points(canvas) for view in views]
    greys: list[Bytes] = []
    if sitter.anatomy is not None:
        greys = windowed(sitter.anatomy, sitter.anatomy_role, points)
        span = interval(*CT_WINDOW_HU, "HU") if sitter.anatomy_role == "ct" else f"0 to percentile {PERCENTILE:g}"
        yield compose("anatomy", f"{name}, {span}", greys, canvas, views, WHITE)
    if greys and sitter.organs is not None:
        colours = contour_colours(table)
        labels = [planes.sample_labels(sitter.organs, plane) for plane in points]
        panels = [contoured(grey, label, colours) for grey, label in zip(greys, labels, strict=True)]
        yield compose("labels", f"Organ contours on {name}", panels, canvas, views, WHITE)
    if sitter.pet is not None:
        high = SUV_WINDOW[1] if sitter.is_suv else _upper_end(sitter.pet)
        span = f"SUVbw 0 to {high:g} g/mL" if sitter.is_suv else f"0 to {number(high)} Bq/mL, percentile {PERCENTILE:g}"
        if greys:
            hot = [planes.window(planes.sample(sitter.pet, plane, 0.0), 0.0, high) for plane in points]
            panels = [_fused(grey, uptake) for grey, uptake in zip(greys, hot, strict=True)]
            yield compose("fusion", f"PET on {name}, {span}", panels, canvas, views, WHITE)
        if greys and sitter.anatomy_on_pet is not None:
            yield compose("checkerboard", *_checkered(sitter, points, high, name), canvas, views, WHITE)
        mips = [planes.projection(sitter.pet, view.across) for view in views]
        inverted = [
            255 - planes.window(planes.sample(mip, plane, 0.0), 0.0, high)
            for mip, plane in zip(mips, points, strict=True)
        ]
        yield compose("mip", f"PET MIP, {span}", inverted, canvas, views, BLACK)


def compose(
    name: str, caption: str, panels: Sequence[NDArray[np.uint8]], canvas: Canvas, views: Sequence[View], ink: int
) -> Figure:
    """Set the panels side by side, with side letters and a scale bar in `ink` on its opposite."""
    gap = np.full((panels[0].shape[0], GAP_PIXELS, *panels[0].shape[2:]), WHITE - ink, np.uint8)
    sheet = np.concatenate([part for panel in panels for part in (gap, panel)][1:], axis=1)
    height, width = sheet.shape[:2]
    image = Pil.fromarray(sheet)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(FONT_PIXELS)
    tint: Tint = ink if sheet.ndim == 2 else (ink, ink, ink)
    left = 0
    for panel, view in zip(panels, views, strict=True):
        right = left + panel.shape[1]
        pen.text((left + 5, height // 2), view.letters[0], fill=tint, font=font, anchor="lm")
        pen.text((right - 5, height // 2), view.letters[1], fill=tint, font=font, anchor="rm")
        left = right + GAP_PIXELS
    _scale_bar(pen, height, canvas.mm_per_pixel, tint, font)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=7)
    return Figure(name, caption, buffer.getvalue(), width, height)


def _scale_bar(
    pen: ImageDraw.ImageDraw,
    height: int,
    mm_per_pixel: float,
    tint: Tint,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    length = round(SCALE_BAR_MM / mm_per_pixel)
    y = height - 8
    pen.line([(8, y), (8 + length, y)], fill=tint, width=2)
    for x in (8, 8 + length):
        pen.line([(x, y - 4), (x, y + 3)], fill=tint, width=1)
    pen.text((8 + length / 2, y - 4), f"{SCALE_BAR_MM / 10:.0f} cm", fill=tint, font=font, anchor="mb")


def contoured(grey: Bytes, labels: NDArray[np.int64], colours: dict[int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """A grey plane with the contours of the organs on it, in their colours."""
    palette = np.zeros((int(max(labels.max(), *colours)) + 1, 3), np.uint8)
    palette[:] = GREY
    for organ_id, colour in colours.items():
        palette[organ_id] = colour
    out = np.repeat(grey[..., None], 3, axis=2)
    line = planes.edges(labels)
    out[line] = palette[labels[line]]
    return out


def _checkered(
    sitter: Sitter, points: Sequence[Float64], high: float, name: str
) -> tuple[str, list[NDArray[np.uint8]]]:
    """Caption and panels: squares of the CT or MR as registration placed it, and of the PET, in turn."""
    assert sitter.anatomy_on_pet is not None  # noqa: S101  (asked before)
    assert sitter.pet is not None  # noqa: S101
    greys = windowed(sitter.anatomy_on_pet, sitter.anatomy_role, points)
    uptake = [255 - planes.window(planes.sample(sitter.pet, plane, 0.0), 0.0, high) for plane in points]
    return f"{name} and PET (dark is hot) in turn, as registered", in_turn(greys, uptake)


def in_turn(here: Sequence[Bytes], there: Sequence[Bytes]) -> list[NDArray[np.uint8]]:
    """Panels with squares of two images in turn."""
    panels: list[NDArray[np.uint8]] = []
    for one, other in zip(here, there, strict=True):
        rows, columns = np.indices(one.shape) // SQUARE_PIXELS
        panels.append(np.where((rows + columns) % 2 == 0, one, other))
    return panels


def _fused(grey: Bytes, uptake: Bytes) -> NDArray[np.uint8]:
    """Uptake from black over red and yellow to white, laid on grey; no uptake leaves the grey as it is."""
    level = uptake.astype(np.float64) / 255
    hot = np.stack([np.clip(level * 3 - shift, 0, 1) for shift in (0, 1, 2)], axis=-1) * 255
    alpha = (np.clip(level * 2, 0, 1) * FUSION_ALPHA)[..., None]
    mixed = np.repeat(grey[..., None], 3, axis=2) * (1 - alpha) + hot * alpha
    return np.rint(mixed).astype(np.uint8)


def _upper_end(volume: Volume) -> float:
    """Percentile of the voxels above zero; 1 where there are none."""
    values = volume.array_kji[::2, ::2, ::2].astype(np.float64)
    positive = values[np.isfinite(values) & (values > 0)]
    return float(np.percentile(positive, PERCENTILE)) if positive.size else 1.0
