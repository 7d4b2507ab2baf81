"""From SUV to the stored numbers of a PET slice: the truth's side of the SUVbw relation, written out plainly.

SUVbw [g/mL] = activity concentration [Bq/mL] x body weight [g] / injected activity left at the reference time [Bq].
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.synth.shapes import Floats
from umd_curate.synth.writing import Units

STORED_MAX = 32767  # int16
_LEAST_SUV = 1e-3  # the whole range of int16 is never spread over less
_DU_BOIS = 71.84  # body surface [cm2] = 71.84 x weight [kg]^0.425 x height [cm]^0.725 (doi:10.1001/archinte.1916.00080130010002)


@dataclass(frozen=True, slots=True)
class Injection:
    """What was injected and how the stored values relate to it.

    Parameters
    ----------
    activity_bq
        At administration.
    half_life_s
        As the header gives it.
    weight_kg
        Body weight as the header gives it.
    reference_delay_s
        From administration to the time that pixels are decay-corrected to: 0 for ADMIN, scan start for START.
    """

    activity_bq: float
    half_life_s: float
    weight_kg: float
    reference_delay_s: float

    @property
    def reference_activity_bq(self) -> float:
        """Activity left at the decay reference time [Bq]."""
        return self.activity_bq * math.pow(2.0, -self.reference_delay_s / self.half_life_s)

    @property
    def bqml_per_suv(self) -> float:
        """Activity concentration [Bq/mL] at SUVbw 1."""
        return self.reference_activity_bq / (self.weight_kg * 1000.0)


@dataclass(frozen=True, slots=True)
class CountFactors:
    """Philips' private factors as decimal text: counts to SUVbw (7053,xx00) and counts to Bq/mL (7053,xx09)."""

    suv: str
    activity: str


def count_factors(injection: Injection, activity: str) -> CountFactors:
    """Both factors of an image, given the scanner's calibration `activity` [Bq/mL per count]."""
    return CountFactors(f"{float(activity) / injection.bqml_per_suv:.9g}", activity)


def stored_per_suv(units: Units, injection: Injection, height_m: float, factors: CountFactors) -> float:
    """Value in the header's units at SUVbw 1, for an image whose decay is corrected to the reference time."""
    if units is Units.GML:
        return 1.0
    if units is Units.CM2ML:
        return body_surface_cm2(injection.weight_kg, height_m) / (injection.weight_kg * 1000.0)
    if units is Units.COUNTS_SUV:
        return 1.0 / float(factors.suv)
    return injection.bqml_per_suv / (float(factors.activity) if units is Units.COUNTS_ACTIVITY else 1.0)


def body_surface_cm2(weight_kg: float, height_m: float) -> float:
    """Body surface by Du Bois [cm2]."""
    return _DU_BOIS * math.pow(weight_kg, 0.425) * math.pow(height_m * 100.0, 0.725)


def undecayed_share(half_life_s: float, start_s: float, duration_s: float) -> float:
    """Mean activity during a bed position as part of the injected one: decay before it, and within it.

    Parameters
    ----------
    half_life_s
        Of the nuclide.
    start_s, duration_s
        Start of the bed position after the injection, and its length.
    """
    decay = math.log(2.0) / half_life_s
    span = decay * duration_s
    return math.exp(-decay * start_s) * (1.0 - math.exp(-span)) / span


def stored_slice(suv_ji: Floats, per_suv: float, greatest_suv: float | None = None) -> tuple[NDArray[np.int16], str]:
    """Stored values of one slice and its RescaleSlope (0028,1053) as decimal text of at most 16 characters.

    Parameters
    ----------
    suv_ji
        SUVbw of the slice.
    per_suv
        Value in the header's units at SUVbw 1.
    greatest_suv
        SUV that the range of int16 reaches to; the slice's own greatest one by default, so that slopes differ.
    """
    values = np.asarray(suv_ji, np.float64) * per_suv
    greatest = max(float(suv_ji.max()) if greatest_suv is None else greatest_suv, _LEAST_SUV)
    slope_text = f"{greatest * per_suv / STORED_MAX:.9g}"
    stored = np.clip(np.rint(values / float(slope_text)), 0, STORED_MAX).astype(np.int16)
    return stored, slope_text


def bed_average_time_s(half_life_s: float, duration_s: float) -> float:
    """Time into a bed position at which the activity equals its mean over the bed position."""
    decay = math.log(2.0) / half_life_s
    span = decay * duration_s
    return math.log(span / (1.0 - math.exp(-span))) / decay
