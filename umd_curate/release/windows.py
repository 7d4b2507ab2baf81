"""Decides how a plane of numbers becomes a small grey picture: the window of values, and the size."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

PREVIEW_PIXELS = 128  # longest side; about 8 kB a picture, 6 GB for 675,000
LOW_PERCENT, HIGH_PERCENT = 1.0, 99.0  # of an image without a unit, as viewers of MR do


@dataclass(frozen=True, slots=True)
class Window:
    """Values that become black and white."""

    black: float
    white: float

    @classmethod
    def of(cls, values: NDArray[np.generic]) -> Self:
        """Window of an image whose numbers have no unit, by percentiles of a sample of its voxels."""
        low, high = np.percentile(values.astype(np.float64), (LOW_PERCENT, HIGH_PERCENT))
        return cls(float(low), float(high) if high > low else float(low) + 1)


_WINDOWS = {
    "HU": Window(-160.0, 240.0),  # soft tissue: width 400 about 40 HU
    "SUVbw": Window(10.0, 0.0),  # hot is black, as PET is read; 10 g/mL shows liver and lesion alike
}


def window_of(units: str) -> Window | None:
    """Window of a unit; None where the image's own values must decide."""
    return _WINDOWS.get(units)


def grey_of(plane_ji: NDArray[np.generic], window: Window, pixels: int) -> NDArray[np.uint8]:
    """Grey picture of a plane, its longest side at most `pixels`, by means over whole squares of pixels.

    Parameters
    ----------
    plane_ji
        Values [j, i]; rows and columns that do not fill a last square are left out.
    window
        What is black and white; values beyond are cut.
    pixels
        Longest side of the picture.
    """
    step = -(-max(plane_ji.shape) // pixels)
    down, across = (min(step, n) for n in plane_ji.shape)  # a plane may be narrower than a square
    height, width = plane_ji.shape[0] // down, plane_ji.shape[1] // across
    whole = plane_ji[: height * down, : width * across].astype(np.float32)
    small = whole.reshape(height, down, width, across).mean(axis=(1, 3), dtype=np.float32)
    scaled = (small - window.black) * (255.0 / (window.white - window.black))
    grey: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num(scaled), 0, 255)).astype(np.uint8)
    return grey
