"""The patient's weight and height, and the masses and the surface by which an SUV may be normalised.

Decides the unit of weight and height from their size, with a finding, and refuses a missing one. Which of the formulas
applies is decided in `suv.py`.

Formulas: Sugawara and others, Radiology 1999, doi 10.1148/radiology.213.2.r99nv37521; James and Waterlow 1976;
Janmahasatian and others 2005, doi 10.2165/00003088-200544100-00004; Du Bois and Du Bois 1916.
"""

from collections.abc import Callable
from typing import Final

from umd_curate.convert.derivation import Derivation
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.pet import PetHeader

MAX_WEIGHT_KG: Final = 1000.0  # above it (0010,1030) holds g (SUV manual, section on weight)
MAX_SIZE_M: Final = 3.0  # above it (0010,1020) holds cm

Formula = Callable[[float, float], float]


def weight_kg(header: PetHeader, derivation: Derivation) -> float:
    """Body weight [kg] of (0010,1030).

    Raises
    ------
    Refused
        The weight is missing, 0 or negative.
    """
    if header.weight is None or header.weight <= 0:
        raise derivation.refusal(codes.WEIGHT_MISSING, "(0010,1030) PatientWeight is missing or 0")
    weight = header.weight
    if weight > MAX_WEIGHT_KG:
        derivation.note(codes.WEIGHT_IN_G, "(0010,1030) PatientWeight read as g")
        weight /= 1000.0
    derivation.take("PatientWeight", "(0010,1030)", weight, "kg")
    return weight


def size_m(header: PetHeader, derivation: Derivation) -> float:
    """Height [m] of (0010,1020).

    Raises
    ------
    Refused
        The height is missing, 0 or negative.
    """
    if header.size is None or header.size <= 0:
        raise derivation.refusal(codes.BODY_MISSING, "(0010,1020) PatientSize is missing or 0")
    size = header.size
    if size > MAX_SIZE_M:
        derivation.note(codes.SIZE_IN_CM, "(0010,1020) PatientSize read as cm")
        size /= 100.0
    derivation.take("PatientSize", "(0010,1020)", size, "m")
    return size


def lean_mass_1999(constant_male: float) -> dict[str, Formula]:
    """Lean body mass [kg] of weight [kg] and height [m]: 1.10 W - c (W/H)² for men, 1.07 W - 148 (W/H)² for women, H in cm.

    `constant_male` is 120 for SUVType LBM and 128 for LBMJAMES128.
    """
    return {
        "M": lambda weight, size: 1.10 * weight - constant_male * (weight / (100.0 * size)) ** 2,
        "F": lambda weight, size: 1.07 * weight - 148.0 * (weight / (100.0 * size)) ** 2,
    }


LEAN_MASS_JANMAHASATIAN: Final[dict[str, Formula]] = {
    "M": lambda weight, size: 9270.0 * weight / (6680.0 + 216.0 * weight / size**2),
    "F": lambda weight, size: 9270.0 * weight / (8780.0 + 244.0 * weight / size**2),
}
IDEAL_WEIGHT: Final[dict[str, Formula]] = {
    "M": lambda _weight, size: 48.0 + 1.06 * (100.0 * size - 152.0),
    "F": lambda _weight, size: 45.5 + 0.91 * (100.0 * size - 152.0),
}
MASSES: Final[dict[str, dict[str, Formula]]] = {  # by SUVType (0054,1006)
    "LBM": lean_mass_1999(120.0),
    "LBMJAMES128": lean_mass_1999(128.0),
    "LBMJANMA": LEAN_MASS_JANMAHASATIAN,
    "IBW": IDEAL_WEIGHT,
}
FORMULA_OF: Final = {  # of each type, for the record; W in kg, H in cm, men; women
    "LBM": "lean mass, Sugawara 1999: 1.10 W - 120 (W/H)^2; 1.07 W - 148 (W/H)^2",
    "LBMJAMES128": "lean mass, James 1976: 1.10 W - 128 (W/H)^2; 1.07 W - 148 (W/H)^2",
    "LBMJANMA": "lean mass, Janmahasatian 2005: 9270 W / (6680 + 216 BMI); 9270 W / (8780 + 244 BMI)",
    "IBW": "ideal weight: 48.0 + 1.06 (H - 152); 45.5 + 0.91 (H - 152)",
    "BSA": "body surface, Du Bois 1916: 71.84 W^0.425 H^0.725",
}


def normalising_mass_kg(suv_type: str, header: PetHeader, weight: float, derivation: Derivation) -> float:
    """Mass [kg] that stands in for the body weight [kg] in an SUV of that type; sex O takes the mean of both formulas.

    Raises
    ------
    Refused
        Height or sex is missing, or the formula gives no mass above 0.
    """
    formulas = MASSES[suv_type]
    size = size_m(header, derivation)
    sex = (header.sex or "").strip().upper()
    if sex not in {"M", "F", "O"}:
        raise derivation.refusal(codes.BODY_MISSING, "(0010,0040) PatientSex is missing or unknown")
    derivation.take("PatientSex", "(0010,0040)", sex)
    if sex == "O":
        derivation.note(codes.MEAN_OF_SEXES, "(0010,0040) PatientSex is O")
        mass = (formulas["M"](weight, size) + formulas["F"](weight, size)) / 2.0
    else:
        mass = formulas[sex](weight, size)
    if mass <= 0:
        raise derivation.refusal(codes.BODY_MISSING, "(0010,1020) PatientSize does not fit (0010,1030) PatientWeight")
    return derivation.compute(
        "normalising_mass", mass, "kg", FORMULA_OF[suv_type], "(0010,1030)", "(0010,1020)", "(0010,0040)"
    )


def normalising_surface_cm2(header: PetHeader, weight: float, derivation: Derivation) -> float:
    """Body surface [cm²] that stands in for the body weight [kg] in an SUV by surface.

    Raises
    ------
    Refused
        Height is missing.
    """
    surface = surface_cm2(weight, size_m(header, derivation))
    return derivation.compute("body_surface", surface, "cm2", FORMULA_OF["BSA"], "(0010,1030)", "(0010,1020)")


def surface_cm2(weight: float, size: float) -> float:
    """Body surface [cm²] of weight [kg] and height [m] by Du Bois: 0.007184 W^0.425 H^0.725 m², H in cm.

    Examples
    --------
    >>> round(surface_cm2(70.0, 1.75))
    18481
    """
    return float(71.84 * weight**0.425 * (100.0 * size) ** 0.725)
