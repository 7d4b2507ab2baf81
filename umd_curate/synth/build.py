"""How one invented patient differs from the standard body: sex, size, weight, and how each organ strays."""

from dataclasses import dataclass, field

import numpy as np

from umd_curate.synth.draws import stream
from umd_curate.synth.shapes import Vec

_STANDARD_HEIGHT_M = 1.75
_ORGAN_SHIFT_MM = 2.0
_MAX_SHIFT_MM = 4.5
_ORGAN_SPREAD = 0.04
_MAX_SPREAD = 0.09


@dataclass(frozen=True, slots=True)
class Build:
    """A patient's body.

    Parameters
    ----------
    sex
        ``F`` or ``M``.
    height_m, weight_kg
        As the header gives them.
    scale
        Factors from the standard body to the patient along x, y, z.
    fat_mm
        Thickness of the fat under the skin at the waist [mm].
    lesions
        Hot nodules: centre (standard body, RAS mm) and radius [mm].
    """

    sex: str
    height_m: float
    weight_kg: float
    scale: Vec
    fat_mm: float
    lesions: tuple[tuple[Vec, float], ...]
    seed: int = field(repr=False, default=0)

    def stray(self, organ: str) -> tuple[Vec, float]:
        """Shift of an organ [mm] and factor on its radii, the same at every call."""
        draw = stream(self.seed, "organ", organ)
        shift = np.clip(draw.normal(0, _ORGAN_SHIFT_MM, 3), -_MAX_SHIFT_MM, _MAX_SHIFT_MM)
        factor = 1.0 + float(np.clip(draw.normal(0, _ORGAN_SPREAD), -_MAX_SPREAD, _MAX_SPREAD))
        return (float(shift[0]), float(shift[1]), float(shift[2])), factor


_LESION_PLACES: tuple[Vec, ...] = (
    (82.0, 18.0, -392.0),  # right upper lobe
    (26.0, 24.0, -402.0),  # mediastinal node
    (96.0, -12.0, -596.0),  # liver
    (-78.0, 42.0, -640.0),  # omentum
    (-33.0, 10.0, -262.0),  # supraclavicular node
)


def build_of(seed: int, patient: int, sex: str) -> Build:
    """Draw the body of a patient.

    Parameters
    ----------
    seed
        Of the cohort.
    patient
        Index of the patient, from 1.
    sex
        ``F`` or ``M``.
    """
    draw = stream(seed, "build", patient)
    height_m = round(float(np.clip(draw.normal(1.77 if sex == "M" else 1.65, 0.05), 1.54, 1.90)), 2)
    mass_index = float(np.clip(draw.normal(25.5, 3.0), 20.0, 32.0))
    weight_kg = round(mass_index * height_m**2, 1)
    along = float(np.clip(height_m / _STANDARD_HEIGHT_M, 0.93, 1.04))
    girth = float(np.clip(0.5 * along + 0.5 + 0.008 * (mass_index - 25), 0.92, 1.06))
    fat_mm = float(np.clip(12 + 1.1 * (mass_index - 24) + (5 if sex == "F" else 0), 8, 26))
    chosen = sorted(draw.choice(len(_LESION_PLACES), size=2, replace=False).tolist())
    lesions = tuple((_LESION_PLACES[place], float(draw.uniform(7.0, 12.0))) for place in chosen)
    seed_of_body = int(draw.integers(2**62))
    return Build(sex, height_m, weight_kg, (girth, girth, along), fat_mm, lesions, seed_of_body)
