"""What was injected: the activity and its half-life, each from its element and in its unit.

Decides the unit of the activity from its size, with a finding, refuses a missing one, and has the half-life checked
against the radionuclide. When the injection was is decided in `pet_clock.py`.
"""

from typing import Final

from umd_curate.convert.derivation import Derivation
from umd_curate.convert.radionuclides import check_half_life
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.pet import PetHeader

MIN_DOSE_BQ: Final = 1e5  # below it (0018,1074) holds MBq: real values gather at 4e2 and 4e8 (SUV manual, figure 2)
LEAST_LIKELY_BQ: Final = 1e6  # below 1 MBq no whole-body PET is taken; such a number is most often kBq or GBq


def dose_bq(header: PetHeader, derivation: Derivation) -> float:
    """Injected activity [Bq] of (0018,1074), which an enhanced PET has in MBq (PS3.3 C.8.22.4).

    Raises
    ------
    Refused
        It is missing, 0 or negative, or the header lists several radiopharmaceuticals.
    """
    if header.radiopharmaceuticals > 1:
        detail = "(0054,0016) RadiopharmaceuticalInformationSequence has several items"
        raise derivation.refusal(codes.SEVERAL_INJECTIONS, detail)
    if header.total_dose is None or header.total_dose <= 0:
        raise derivation.refusal(codes.DOSE_MISSING, "(0018,1074) RadionuclideTotalDose is missing or 0")
    dose = header.total_dose
    if dose < MIN_DOSE_BQ:
        if not header.dose_is_mbq:
            derivation.note(codes.DOSE_IN_MBQ, "(0018,1074) RadionuclideTotalDose read as MBq")
        dose *= 1e6
    elif header.dose_is_mbq:
        derivation.note(codes.DOSE_IN_BQ, "(0018,1074) RadionuclideTotalDose read as Bq")
    if dose < LEAST_LIKELY_BQ:
        derivation.note(codes.DOSE_UNLIKELY, "(0018,1074) RadionuclideTotalDose is less than 1 MBq")
    derivation.take("RadionuclideTotalDose", "(0018,1074)", dose, "Bq")
    return dose


def half_life_s(header: PetHeader, derivation: Derivation) -> float:
    """Half-life [s] of (0018,1075), as the header has it; checked against the radionuclide (0054,0300).

    Raises
    ------
    Refused
        It is missing, 0 or negative, or is grossly that of another radionuclide.
    """
    if header.half_life_s is None or header.half_life_s <= 0:
        raise derivation.refusal(codes.HALF_LIFE_MISSING, "(0018,1075) RadionuclideHalfLife is missing or 0")
    check_half_life(header, header.half_life_s, derivation)
    derivation.take("RadionuclideHalfLife", "(0018,1075)", header.half_life_s, "s")
    return header.half_life_s
