"""Whether slices stand on one even grid, and what may be done where they do not. The one table of tolerances of a stack.

Ingest asks it of the index, convert of the order and of the frames of a multi-frame object, so that the two never
contradict. Decides from positions and orientation alone; which files belong together, and what a verdict means for a
series, is left to the rooms.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from umd_curate.model.geometry import Float64, slice_normal

if TYPE_CHECKING:
    from umd_curate.model.config import ConvertConfig

JITTER_MM: Final = 0.05  # a tenth of the finest slice step that we meet
JITTER_PART: Final = 0.02  # of the slice step; steps at the bed borders of a sound GE PET put slices off by 1.2 %
SAME_PLACE_MM: Final = 0.01  # two slices closer than this are at one place; the thinnest CT slices are 0.3 mm
MAX_COPIES_PART: Final = 0.25  # of the places; with more of them taken twice these are phases or echoes, not copies
MAX_HOLES_PART: Final = 0.25  # of the steps; with more of them wide, the stack has two spacings rather than holes
MIN_TILT_DEG: Final = 0.1  # positions and cosines rounded to four digits stay below; a tilt set by hand is far above
MAX_FILLED_RUN: Final = 2  # slices next to each other that may be interpolated; more would invent anatomy
MAX_FILLED_PART: Final = 0.05  # of all slices that may be interpolated, at least one
MAX_SPACING_RATIO: Final = 4.0  # between the two spacings of a stack that is brought to the finer one


class Evenness(StrEnum):
    """What a stack is."""

    EVEN = "even"  # every slice stands on one even grid
    HOLES = "holes"  # slices of one even grid are missing
    TWO_SPACINGS = "two spacings"  # on one line, with steps of two lengths
    UNEVEN = "uneven"  # no grid describes it
    CROWDED = "crowded"  # many places hold several images: phases, echoes, time frames


@dataclass(frozen=True, slots=True)
class StackRules:
    """What may be done with a stack that is not even; nothing by default."""

    fill: bool = False  # missing slices are interpolated between their neighbours
    to_finer: bool = False  # a stack of two spacings is interpolated to the finer one

    @classmethod
    def of(cls, settings: "ConvertConfig") -> Self:
        """Rules of umd.toml."""
        return cls(fill=settings.fill, to_finer=settings.resample_uneven)


STRICT: Final = StackRules()


@dataclass(frozen=True, slots=True)
class StackShape:
    """How the images of a stack stand on a grid.

    Parameters
    ----------
    evenness
        What the stack is.
    n_slices
        Slices of the even grid from the first image to the last; holes count, copies do not.
    levels
        Level of each image on that grid, first 0 and last ``n_slices - 1``: whole where the image is a slice of the
        grid, between where the grid must be interpolated. Empty where there is no grid.
    jitter_mm, limit_mm
        Largest distance of an image from its level, and the largest that is allowed [mm].
    tilt_deg
        Slice step against slice normal [degrees].
    copies
        Images at a place that another one has taken before.
    """

    evenness: Evenness
    n_slices: int = 0
    levels: tuple[float, ...] = ()
    jitter_mm: float = 0.0
    limit_mm: float = 0.0
    tilt_deg: float = 0.0
    copies: int = 0

    @property
    def missing(self) -> tuple[int, ...]:
        """Slices k of the grid that no image shows, counted from 0."""
        shown = {int(level) for level in self.levels if level == round(level)}
        return tuple(k for k in range(self.n_slices) if k not in shown)

    @property
    def is_sheared(self) -> bool:
        """Whether the slices are shifted against each other, as a tilted gantry does."""
        return self.tilt_deg > MIN_TILT_DEG

    def may_be_made(self, rules: StackRules) -> bool:
        """Say whether the rules let a volume be made of the stack; copies have to show equal pixels all the same."""
        if self.evenness is Evenness.EVEN:
            return True
        if self.evenness is Evenness.TWO_SPACINGS:
            return rules.to_finer
        return self.evenness is Evenness.HOLES and rules.fill and self._is_fillable()

    def _is_fillable(self) -> bool:
        missing = self.missing
        runs = np.split(np.array(missing), np.flatnonzero(np.diff(missing) > 1) + 1)
        allowed = max(1, int(MAX_FILLED_PART * self.n_slices))
        return len(missing) <= allowed and max(len(run) for run in runs) <= MAX_FILLED_RUN


def shape_of_stack(positions_mm: Float64, orientation: tuple[float, ...]) -> StackShape:
    """Judge at least two images that are sorted along their normal, in either direction.

    Parameters
    ----------
    positions_mm
        ImagePositionPatient (0020,0032) of each image, LPS+ mm, shape (n, 3).
    orientation
        ImageOrientationPatient (0020,0037) that all of them share.
    """
    normal = slice_normal(orientation)
    heights = (positions_mm - positions_mm[0]) @ normal
    if heights[-1] < 0:
        heights, normal = -heights, -normal
    is_new = np.concatenate([[True], np.diff(heights) > SAME_PLACE_MM])
    if np.diff(heights).min() < -SAME_PLACE_MM:
        return StackShape(Evenness.UNEVEN)  # the order is not that of the places
    copies = int((~is_new).sum())
    places = positions_mm[is_new]
    of_place = np.cumsum(is_new) - 1
    aside = float(np.linalg.norm(positions_mm - places[of_place], axis=1).max())
    if len(places) < 2 or copies > MAX_COPIES_PART * len(places) or aside > SAME_PLACE_MM:
        return StackShape(Evenness.CROWDED, copies=copies)
    evenness, levels = _levels(places, heights[is_new])
    drift = places[-1] - places[0]
    along = min(1.0, float(drift @ normal) / float(np.linalg.norm(drift)))
    jitter = _jitter(places, levels)
    return StackShape(
        evenness,
        n_slices=round(levels[-1]) + 1 if evenness is not Evenness.UNEVEN else 0,
        levels=tuple(levels[of_place].tolist()) if evenness is not Evenness.UNEVEN else (),
        jitter_mm=jitter,
        limit_mm=jitter_limit_mm(float(np.median(np.diff(heights[is_new])))),
        tilt_deg=float(np.degrees(np.arccos(along))),
        copies=copies,
    )


def jitter_limit_mm(step_mm: float) -> float:
    """Largest distance [mm] of a slice from its place on the even grid."""
    return max(JITTER_MM, JITTER_PART * step_mm)


def _jitter(places: Float64, levels: Float64) -> float:
    """Largest distance [mm] of an image from its level on the line from the first to the last."""
    on_line = places[0] + np.outer(levels / levels[-1], places[-1] - places[0])
    return float(np.linalg.norm(places - on_line, axis=1).max())


def _levels(places: Float64, heights: Float64) -> tuple[Evenness, Float64]:
    """Levels of images at places of their own: even, else with holes, else of two spacings, else as if even."""
    even = np.arange(len(places), dtype=np.float64)
    steps = np.diff(heights)
    if _jitter(places, even) <= jitter_limit_mm(float(np.median(steps))):
        return Evenness.EVEN, even
    unit = float(steps.min())
    limit = jitter_limit_mm(unit)
    whole = np.concatenate([[0.0], np.cumsum(np.rint(steps / unit))])
    wide = float((np.diff(whole) > 1).mean())
    if 0 < wide <= max(MAX_HOLES_PART, 1 / len(steps)) and _jitter(places, whole) <= limit:
        return Evenness.HOLES, whole
    is_fine = steps <= (unit + float(steps.max())) / 2
    spread = max(float(np.ptp(steps[is_fine])), float(np.ptp(steps[~is_fine]))) if not is_fine.all() else np.inf
    if spread <= 2 * limit and float(steps.max()) <= MAX_SPACING_RATIO * unit:
        last = round(float(heights[-1]) / unit)
        exact = heights / heights[-1] * last
        off_mm = np.abs(exact - np.rint(exact)) * float(heights[-1]) / last
        levels = np.where(off_mm <= limit, np.rint(exact), exact)
        if _jitter(places, exact) <= limit:
            return Evenness.TWO_SPACINGS, levels
    return Evenness.UNEVEN, even
