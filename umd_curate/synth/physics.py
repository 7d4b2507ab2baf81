"""From SUV to the stored numbers of a PET slice: the truth's side of the SUVbw relation, written out plainly.

SUVbw [g/mL] = activity concentration [Bq/mL] x body weight [g] / injected activity left at the reference time [Bq].
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umd_curate.synth.shapes import Floats

F18_HALF_LIFE_S = 6586.2  # PS3.16 CID 4020's nuclide, half-life as European scanners write it
F18_HALF_LIFE_GE_S = 6588.0  # as GE writes it
STORED_MAX = 32767  # int16


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


def stored_slice(suv_ji: Floats, injection: Injection) -> tuple[NDArray[np.int16], str]:
    """Stored values of one slice and its RescaleSlope (0028,1053) as decimal text of at most 16 characters.

    The slope uses the whole range of int16, so it differs from slice to slice.
    """
    bqml = np.asarray(suv_ji, np.float64) * injection.bqml_per_suv
    slope_text = f"{max(float(bqml.max()), 1.0) / STORED_MAX:.9g}"
    stored = np.clip(np.rint(bqml / float(slope_text)), 0, STORED_MAX).astype(np.int16)
    return stored, slope_text


def bed_average_time_s(half_life_s: float, duration_s: float) -> float:
    """Time into a bed position at which the activity equals its mean over the bed position."""
    decay = math.log(2.0) / half_life_s
    span = decay * duration_s
    return math.log(span / (1.0 - math.exp(-span))) / decay
