"""Whether a reference object came out right: least, median and greatest SUV against the published ones.

A value is right if it rounds to the published one at two decimals, as the SUV manual asks, or lies within one stored step
of it: an object that stores whole numbers cannot do better. Files are read in `reference_io.py`.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NAMES: Final = ("min", "median", "max")
PUBLISHED: Final = (0.20, 1.00, 4.00)  # cold sphere, background, hot sphere of all objects (oncoray/suv_computation)
DECIMALS: Final = 2

_COLUMNS: Final = {  # of the objects' own list, and of ours
    "id": ("ID", "id"),
    "min": ("SUVmin_expected", "min"),
    "median": ("SUVmed_expected", "median"),
    "max": ("SUVmax_expected", "max"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """SUV of one object over its mask: least, median, greatest, and the step between two stored numbers at each."""

    values: tuple[float, float, float]
    step: float
    voxels: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one object. `measured` is None where it was refused; `reason` names the finding then."""

    name: str
    expected: tuple[float, float, float]
    measured: Measured | None
    rule: str = ""
    reason: str = ""

    @property
    def is_right(self) -> bool:
        """Whether all three values are right."""
        return self.measured is not None and all(
            is_right(value, wanted, self.measured.step)
            for value, wanted in zip(self.measured.values, self.expected, strict=True)
        )

    @property
    def is_by_step(self) -> bool:
        """Whether it is right only since the object's stored numbers are coarse."""
        return (
            self.measured is not None
            and self.is_right
            and not all(
                is_right(value, wanted, 0.0) for value, wanted in zip(self.measured.values, self.expected, strict=True)
            )
        )


def is_right(value: float, wanted: float, step: float) -> bool:
    """Say whether a value rounds to the wanted one, or lies within one stored step of it.

    Examples
    --------
    >>> is_right(0.985, 1.0, 0.0), is_right(0.985, 1.0, 0.038)
    (False, True)
    """
    return round(value, DECIMALS) == round(wanted, DECIMALS) or abs(value - wanted) <= step


def measure(suv_kji: NDArray[np.floating], mask_kji: NDArray[np.bool_] | None, step: float) -> Measured:
    """Least, median and greatest SUV in the mask, or over all voxels that are not 0 where there is none."""
    inside = suv_kji[mask_kji] if mask_kji is not None else suv_kji[suv_kji != 0]
    if not inside.size:
        return Measured((0.0, 0.0, 0.0), step, 0)
    return Measured((float(inside.min()), float(np.median(inside)), float(inside.max())), step, int(inside.size))


def expected_values(text: str) -> Mapping[str, tuple[float, float, float]]:
    """Expected values by object from a CSV: columns id, min, median, max, or those of the objects' own list.

    Raises
    ------
    ValueError
        A column is missing or a value is no number.
    """
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    found = {}
    for row in rows:
        cells = {name: next((row[key] for key in keys if row.get(key)), None) for name, keys in _COLUMNS.items()}
        if None in cells.values():
            message = "columns id, min, median and max are needed"
            raise ValueError(message)
        found[str(cells["id"]).strip()] = tuple(float(str(cells[name])) for name in NAMES)
    return {name: (values[0], values[1], values[2]) for name, values in found.items()}
