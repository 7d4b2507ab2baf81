"""Judges a pair of images on one grid: how much of the PET is covered, and whether the mean was kept.

Decides what is refused and what is a finding. Leaves the voxels to `engine.py`.
"""

from dataclasses import dataclass

from umd_curate.model.catalogue.register import MEAN_CHANGED, NO_OVERLAP
from umd_curate.model.findings import Finding

MAX_MEAN_CHANGE = 0.01  # part of the mean above background; an activity total may change as much


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of the PET grid the other image covers.

    Parameters
    ----------
    part
        0 to 1.
    volume_ml
        The same as a volume [mL].
    """

    part: float
    volume_ml: float


@dataclass(frozen=True, slots=True)
class MeanKept:
    """Mean of an image in the overlap before and after resampling, in its own units.

    Parameters
    ----------
    moving
        Over the voxels of the moving image, each weighted by its part inside the PET grid.
    resampled
        Over the voxels of the result, each weighted by its covered part. A border voxel that was left empty because less
        than half of it is known counts with its mean, so that both means are of one region.
    background
        Value of nothing at all: -1024 HU, or 0.
    """

    moving: float
    resampled: float
    background: float

    @property
    def change(self) -> float:
        """Difference of the means, as part of the moving mean above background; 0 for an empty image."""
        above = self.moving - self.background
        return (self.resampled - self.moving) / above if above else 0.0


def refusal(place: str, overlap: Overlap, min_part: float) -> Finding | None:
    """Finding that ends the case: no overlap at all, or less than `min_part` of the PET grid."""
    if overlap.part > 0 and overlap.part >= min_part:
        return None
    return NO_OVERLAP.at(
        place, "covered part of the PET grid, 0 to 1", measured=round(overlap.part, 4), limit=round(min_part, 4)
    )


def remarks(place: str, kept: MeanKept, max_change: float = MAX_MEAN_CHANGE) -> tuple[Finding, ...]:
    """Findings that do not end the case."""
    if abs(kept.change) <= max_change:
        return ()
    detail = "change of the mean above background in the overlap, as a part"
    return (MEAN_CHANGED.at(place, detail, measured=round(kept.change, 5), limit=max_change),)
