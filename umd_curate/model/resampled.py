"""How resampled numbers are stored: what stands where nothing was seen, how a mean becomes an integer, what lies between.

Decides the background of each kind of image and the rounding. Which voxels make up a voxel of another grid is decided in
`footprint.py` and `axes.py`: an average where the new voxels are larger, linear between centres where they are not.
"""

from typing import Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from umd_curate.model.geometry import Float64

AIR_HU: Final = -1024.0  # lowest HU of a 12-bit CT; the background of a CT outside its field of view
NOTHING: Final = 0.0  # background of PET (SUV, Bq/mL) and MR
TIE_DECIMALS: Final = 6  # a mean is rounded so far before it becomes an integer, so that no tie hangs on the last bit


def background(role: str) -> float:
    """Value outside the field of view: CT -1024 HU, PET and MR 0."""
    return AIR_HU if role == "ct" else NOTHING


def stored_as(values: Float64, dtype: DTypeLike) -> NDArray[np.generic]:
    """Values in a number type; integers are rounded to the nearest and kept within the type's limits."""
    wanted = np.dtype(dtype)
    if wanted.kind not in "iu":
        return values.astype(wanted)
    limits = np.iinfo(wanted)
    return np.clip(np.rint(np.round(values, TIE_DECIMALS)), limits.min, limits.max).astype(wanted)


def between(before: NDArray[np.generic], after: NDArray[np.generic], part: float) -> NDArray[np.generic]:
    """Plane that lies `part` of the way from one plane to another (0 to 1), linear, in the number type of the second."""
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    return stored_as(first + part * (second - first), after.dtype)
