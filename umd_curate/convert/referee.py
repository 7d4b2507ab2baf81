"""A second opinion on a converted image: which series are asked about, and whether two readings of one series agree.

Two images are compared where they are in the patient, never by array index, since converters flip rows and reorder axes.
Where one grid is the other with its axes in another order or direction, every voxel is compared; else voxel centres of each
are looked up in the other. Decides what agreement is; who converts, and reading the files, is left to `referee_io.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.axes import pair_axes
from umd_curate.model.geometry import Float64, Grid, Volume, apply_affine
from umd_curate.model.receipts import Json
from umd_curate.model.resampled import AIR_HU
from umd_curate.model.study import Role

POSITION_TOLERANCE_VOXELS: Final = 0.1  # of the smallest spacing; a wrong centre convention is off by half a voxel
VALUE_TOLERANCE: Final = 1e-5  # relative; both sides are float32 or finer, so rounding stays below 1e-6
NEAR_ZERO: Final = 1e-6  # of the largest value; below it only the difference counts
SAMPLES_PER_AXIS: Final = 24  # voxel centres looked up along each axis where grids do not go together
MIN_FOUND: Final = 0.999  # part of the looked-up centres that must have a voxel with an equal value


class Outcome(StrEnum):
    """What came of a second opinion."""

    AGREES = "agrees"
    DIFFERS = "differs"
    REFUSED = "refused"  # the referee could not convert the series; its reason is recorded


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a referee said of one image.

    Parameters
    ----------
    outcome
        In a word.
    reason
        Why it refused or where it differs, free of values of the header.
    voxels_compared, voxels_agreeing
        How many voxels were compared, and how many have an equal value at their place.
    position_error_mm
        Largest distance of corresponding corners [mm]; infinite where the grids do not go together.
    value_error
        Largest difference of two values, as part of the largest value.
    gain
        Factor between arbitrary numbers of an MR that was allowed for; 1 else.
    """

    outcome: Outcome
    reason: str = ""
    voxels_compared: int = 0
    voxels_agreeing: int = 0
    position_error_mm: float | None = None
    value_error: float | None = None
    gain: float = 1.0

    def measured(self) -> dict[str, Json]:
        """Values for the receipt."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "voxels_compared": self.voxels_compared,
            "voxels_agreeing": self.voxels_agreeing,
            "position_error_mm": self.position_error_mm,
            "value_error": self.value_error,
            "gain": self.gain,
        }


@dataclass(frozen=True, slots=True)
class Scale:
    """What turns our values into the referee's: it has no SUV.

    Parameters
    ----------
    role
        Kind of image.
    factor_min, factor_max
        SUV per stored physical unit over the slices [g/mL per (Bq/mL)]; 1 where the values are not SUV.
    """

    role: Role
    factor_min: float = 1.0
    factor_max: float = 1.0


def chosen(groups: Mapping[str, str], known: Collection[str], scope: str) -> tuple[str, ...]:
    """Units to ask about, sorted.

    Parameters
    ----------
    groups
        Protocol group of each comparable unit.
    known
        Units that were asked about before; they stay, so that neither a new series nor another setting hides a verdict.
    scope
        ``all``, ``group`` (one unit of each protocol group) or ``none`` (no new one).
    """
    if scope == "all":
        return tuple(sorted(groups))
    asked = {unit for unit in groups if unit in known}
    if scope == "none":
        return tuple(sorted(asked))
    covered = {groups[unit] for unit in asked}
    for unit in sorted(groups):
        if groups[unit] not in covered:
            asked.add(unit)
            covered.add(groups[unit])
    return tuple(sorted(asked))


def compare(ours: Volume, theirs: Volume, scale: Scale) -> Opinion:
    """Compare two conversions of one series in world space.

    Parameters
    ----------
    ours
        Our image: CT in HU, MR, PET in SUVbw or Bq/mL.
    theirs
        The referee's, any axis order, in the stored physical unit (Bq/mL, HU).
    scale
        What lies between the two units.
    """
    arranged = _arranged(ours.grid, theirs)
    if arranged is None:
        return _looked_up(ours, theirs, scale)
    error_mm = float(np.linalg.norm(arranged.grid.corners_ras_mm() - ours.grid.corners_ras_mm(), axis=1).max())
    if error_mm > POSITION_TOLERANCE_VOXELS * min(ours.grid.spacing_mm):
        reason = f"corners are {error_mm:.3g} mm apart"
        return Opinion(Outcome.DIFFERS, reason, int(ours.array_kji.size), 0, error_mm)
    gain, offset = _gain(ours, arranged) if scale.role is Role.MR else (1.0, 0.0)
    largest = max(float(np.abs(plane).max()) for plane in arranged.array_kji)
    agreeing, worst = 0, 0.0
    for own, other in zip(ours.array_kji, arranged.array_kji, strict=True):
        wanted = np.asarray(other, np.float64) * gain + offset
        found = _in_their_unit(np.asarray(own, np.float64), wanted, scale)
        agreeing += int(_equal(found, wanted, largest * abs(gain), scale.role).sum())
        worst = max(worst, float(np.abs(_clipped(found, scale.role) - _clipped(wanted, scale.role)).max()))
    size = int(ours.array_kji.size)
    outcome = Outcome.AGREES if agreeing == size else Outcome.DIFFERS
    reason = "" if outcome is Outcome.AGREES else f"{size - agreeing} voxels have another value"
    return Opinion(outcome, reason, size, agreeing, error_mm, worst / (largest * abs(gain)) if largest else 0.0, gain)


def _arranged(ours: Grid, theirs: Volume) -> Volume | None:
    """Their image with its axes in our order and direction, a view; None where the grids do not go together."""
    pairing = pair_axes(theirs.grid, ours)
    if pairing is None or max(abs(step - 1.0) for step in pairing.step) > POSITION_TOLERANCE_VOXELS:
        return None
    array_kji = pairing.arrange(theirs.array_kji)
    if array_kji.shape != ours.shape_kji:
        return None
    to_theirs = np.zeros((4, 4))
    to_theirs[3, 3] = 1.0
    for axis, (partner, flipped) in enumerate(zip(pairing.order, pairing.flipped, strict=True)):
        to_theirs[2 - partner, 2 - axis] = -1.0 if flipped else 1.0
        to_theirs[2 - partner, 3] = theirs.array_kji.shape[partner] - 1.0 if flipped else 0.0
    return Volume(array_kji, theirs.affine @ to_theirs)


def _in_their_unit(own: Float64, wanted: Float64, scale: Scale) -> Float64:
    """Our plane in their unit; where the factor differs from slice to slice it is this slice's, if it may be."""
    factor = scale.factor_min
    total = float(wanted.sum())
    if scale.factor_max > scale.factor_min and total:
        factor = min(max(float(own.sum()) / total, scale.factor_min), scale.factor_max)
    return np.asarray(own / factor, np.float64)


def _clipped(values: Float64, role: Role) -> Float64:
    """CT: what is below air is padding, which is air with us and stays a mark with others."""
    return np.maximum(values, AIR_HU) if role is Role.CT else values


def _equal(found: Float64, wanted: Float64, largest: float, role: Role) -> NDArray[np.bool_]:
    return np.isclose(_clipped(found, role), _clipped(wanted, role), rtol=VALUE_TOLERANCE, atol=NEAR_ZERO * largest)


def _gain(ours: Volume, theirs: Volume) -> tuple[float, float]:
    """Line that turns their numbers into ours, least squares; MR numbers are arbitrary, and makers scale them twice."""
    n = float(ours.array_kji.size)
    x = y = xx = xy = 0.0
    equal = True
    for own, other in zip(ours.array_kji, theirs.array_kji, strict=True):
        mine, given = np.asarray(own, np.float64), np.asarray(other, np.float64)
        equal = equal and bool(np.array_equal(mine, given))
        x, y = x + float(given.sum()), y + float(mine.sum())
        xx, xy = xx + float((given * given).sum()), xy + float((given * mine).sum())
    spread = n * xx - x * x
    if equal or spread <= 0:
        return 1.0, 0.0
    gain = (n * xy - x * y) / spread
    return (gain, (y - gain * x) / n) if gain > 0 else (1.0, 0.0)


def _looked_up(ours: Volume, theirs: Volume, scale: Scale) -> Opinion:
    """Compare at voxel centres of each image: the other must have a voxel there, with an equal value."""
    largest = max(float(np.abs(plane).max()) for plane in theirs.array_kji)
    compared = agreeing = 0
    for fixed, moving, is_ours in ((ours, theirs, True), (theirs, ours, False)):
        values, at, inside = _samples(fixed, moving)
        found = moving.array_kji[at[:, 2], at[:, 1], at[:, 0]].astype(np.float64)
        own, other = (values[inside], found) if is_ours else (found, values[inside])
        agreeing += int(_equal(_in_their_unit(own, other, scale), other, largest, scale.role).sum())
        compared += len(inside)
    part = agreeing / compared
    outcome = Outcome.AGREES if part >= MIN_FOUND else Outcome.DIFFERS
    reason = f"the grids do not go together; {part:.1%} of the voxel centres looked up agree"
    return Opinion(outcome, reason, compared, agreeing)


def _samples(fixed: Volume, moving: Volume) -> tuple[Float64, NDArray[np.intp], NDArray[np.bool_]]:
    """Values at evenly chosen voxels of one image, and where the other has a voxel at their place."""
    axes = [np.unique(np.linspace(0, n - 1, min(n, SAMPLES_PER_AXIS)).astype(np.intp)) for n in fixed.grid.shape_kji]
    k, j, i = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    values = fixed.array_kji[k, j, i].astype(np.float64)
    points = apply_affine(np.linalg.inv(moving.affine) @ fixed.affine, np.stack([i, j, k], axis=1))
    nearest = np.rint(points).astype(np.intp)
    limits: Sequence[int] = moving.grid.shape_kji[::-1]
    is_there = ((nearest >= 0) & (nearest < np.array(limits))).all(axis=1)
    inside = np.asarray(is_there & (np.abs(points - nearest).max(axis=1) <= POSITION_TOLERANCE_VOXELS), np.bool_)
    return values, nearest[inside], inside
