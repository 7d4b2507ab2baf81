"""From stored numbers to values: int16 where that is exact, float32 where it is not.

Decides type and arithmetic of one plane. Slope and intercept are given: for CT and MR by the header, for PET by the SUV.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.resampled import AIR_HU

INT16: Final = np.iinfo(np.int16)
_WORDS: Final = (np.dtype("<i2"), np.dtype("<u2"))


@dataclass(frozen=True, slots=True)
class Rescale:
    """value = stored x slope + intercept; (0028,1053), (0028,1052)."""

    slope: float
    intercept: float

    @property
    def is_integer(self) -> bool:
        """Whether integers stay integers."""
        return self.slope.is_integer() and self.intercept.is_integer()


def grey_rescale(
    slope: float | None, intercept: float | None, *, is_required: bool, place: str, is_philips: bool = False
) -> tuple[Rescale, str]:
    """Rescale of a CT or MR plane and the rule's name: ``rescaled``, or ``stored`` where the header has none.

    A CT must have both elements (PS3.3 C.8.2.1). An MR may have neither: its numbers are arbitrary, and the stored ones
    stand. Philips calls the rescaled values of its MR ``displayed``; the ``precise`` ones are those divided by rescale slope
    and private scale slope (`precise_factor`). The image always holds displayed values, since the private slope is often lost.

    Raises
    ------
    Refused
        One of the elements is missing where it is required or the other is given, or the slope is 0.
    """
    if slope is None and intercept is None and not is_required:
        return Rescale(1.0, 0.0), "stored"
    if slope is None:
        raise Refused(codes.RESCALE_MISSING.at(place, "(0028,1053) RescaleSlope"))
    if slope == 0:
        raise Refused(codes.RESCALE_MISSING.at(place, "(0028,1053) RescaleSlope is 0"))
    if intercept is None:
        raise Refused(codes.RESCALE_MISSING.at(place, "(0028,1052) RescaleIntercept"))
    return Rescale(slope, intercept), "displayed" if is_philips else "rescaled"


def precise_factor(rescale: Rescale, scale_slope: float | None) -> float | None:
    """Philips' precise value of one displayed unit: 1 / (rescale slope x scale slope); None where a slope is not known or 0.

    Source: Chenevert et al., Errors in quantitative image analysis due to platform-dependent image scaling,
    doi:10.1593/tlo.13811.
    """
    if not scale_slope or not rescale.slope:
        return None
    return 1.0 / (rescale.slope * scale_slope)


def without_padding(
    stored_ji: NDArray[np.generic], rescale: Rescale, ends: tuple[float, ...]
) -> tuple[NDArray[np.generic], int]:
    """Plane of a CT whose padding is air, and how many pixels were padding.

    Pixels outside the reconstruction circle hold (0028,0120) PixelPaddingValue, on some scanners far below air (-3024 HU),
    which an average over neighbours would carry into the body's surroundings. PS3.3 C.7.5.1.1.2: they are no image. Padding
    that reads as air or more is left as it is, since real pixels may have that value.

    Parameters
    ----------
    stored_ji
        Stored values.
    rescale
        To HU.
    ends
        (0028,0120), and (0028,0121) where the padding is a range.
    """
    if not ends or not rescale.slope or stored_ji.dtype.kind not in "iu":
        return stored_ji, 0
    span = 1 << (8 * stored_ji.dtype.itemsize)
    low = -span // 2 if stored_ji.dtype.kind == "i" else 0
    limits = [(int(end) - low) % span + low for end in ends]  # a signed end may be written as unsigned
    air = round((AIR_HU - rescale.intercept) / rescale.slope)
    if max(limit * rescale.slope + rescale.intercept for limit in limits) >= AIR_HU or not low <= air < low + span:
        return stored_ji, 0
    if min(limits) == max(limits):
        padding = np.equal(stored_ji, limits[0])
        count = int(np.count_nonzero(padding))
        if not count:
            return stored_ji, 0
        shift = np.array((air - limits[0] - low) % span + low).astype(stored_ji.dtype)
        shifts = padding * shift
        return np.add(stored_ji, shifts, out=shifts), count  # wraps to air; a quarter of the time of a masked copy
    padding = np.greater_equal(stored_ji, min(limits)) & np.less_equal(stored_ji, max(limits))
    count = int(np.count_nonzero(padding))
    return (np.where(padding, stored_ji.dtype.type(air), stored_ji), count) if count else (stored_ji, 0)


def outside_range(
    stored_ji: NDArray[np.generic], first: float | None, last: float | None
) -> tuple[float, float] | None:
    """Stored value that lies outside the range from first to last, and the end that it passes; None where all lie within.

    Parameters
    ----------
    stored_ji
        Stored values.
    first, last
        Ends that belong to the range; None: open.
    """
    if first is None and last is None:
        return None
    if first is not None and last is not None and first > last and stored_ji.dtype in _WORDS:
        # the ends of signed words were written as unsigned, or the other way round
        base = 0 if stored_ji.dtype.kind == "u" else INT16.min
        first, last = ((end - base) % (1 << 16) + base for end in (first, last))
    low, high = float(stored_ji.min()), float(stored_ji.max())
    if first is not None and low < first:
        return low, first
    if last is not None and high > last:
        return high, last
    return None


def int16_ends(stored_ji: NDArray[np.generic], rescale: Rescale) -> tuple[int, int] | None:
    """Smallest and largest value of a plane where all are exact as int16, else None."""
    if stored_ji.dtype.kind not in "iu" or not rescale.is_integer:
        return None
    slope, intercept = int(rescale.slope), int(rescale.intercept)
    low, high = sorted(int(end) * slope + intercept for end in (stored_ji.min(), stored_ji.max()))
    return (low, high) if low >= INT16.min and high <= INT16.max else None


def as_int16(stored_ji: NDArray[np.generic], rescale: Rescale) -> NDArray[np.int16]:
    """Values of a plane that has `int16_ends`, as int16."""
    slope, intercept = int(rescale.slope), int(rescale.intercept)
    if slope == 1 and stored_ji.dtype in _WORDS:  # the ends fit, so words that wrap on the way end where they should
        words = stored_ji.view(np.int16)
        return words + np.int16((intercept - INT16.min) % (1 << 16) + INT16.min) if intercept else words
    if stored_ji.dtype.itemsize > 2 or abs(slope) > INT16.max:
        return (stored_ji.astype(np.int64) * slope + intercept).astype(np.int16)
    wide = stored_ji.astype(np.int32)
    return ((wide if slope == 1 else wide * np.int32(slope)) + np.int32(intercept)).astype(np.int16)


def as_float32(stored_ji: NDArray[np.generic], rescale: Rescale) -> NDArray[np.float32]:
    """Values of a plane as float32, computed in float64 and rounded once."""
    if rescale.slope == 1.0 and rescale.intercept == 0.0:
        return stored_ji.astype(np.float32)
    return (stored_ji.astype(np.float64) * rescale.slope + rescale.intercept).astype(np.float32)
