"""SUV by lean mass, ideal weight or body surface, as one number per scan: its ratio to SUVbw.

Only the mass or the surface that stands in for the body weight differs between the types, so each is SUVbw times one ratio.
Decides what a type's name means and notes a type that cannot be had; the formulas stand in `body.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from umd_curate.convert.body import FORMULA_OF, normalising_mass_kg, normalising_surface_cm2, weight_kg
from umd_curate.convert.derivation import Derivation
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.findings import Refused
from umd_curate.model.pet import PetHeader

DICOM_TYPE: Final = {  # published name: SUVType (0054,1006)
    "SUL-james": "LBMJAMES128",
    "SUL-janma": "LBMJANMA",
    "SUVbsa": "BSA",
    "SUVibw": "IBW",
}


@dataclass(frozen=True, slots=True)
class SuvType:
    """One further type: image = SUVbw x `ratio`, in `unit`; `normaliser` is the mass [kg] or surface [cm²] that it is by."""

    name: str
    ratio: float
    unit: str
    normaliser: float
    normaliser_unit: str
    formula: str


def suv_types(header: PetHeader, names: Sequence[str], derivation: Derivation) -> tuple[SuvType, ...]:
    """Further types of a scan, in the order asked for; SUVbw is none.

    Parameters
    ----------
    header
        Any slice's inputs, with what its supplement adds.
    names
        Keys of `DICOM_TYPE`, or ``SUVbw``.
    derivation
        Takes the inputs, and a finding for each type that cannot be derived.
    """
    found = []
    for name in dict.fromkeys(names):
        if name not in DICOM_TYPE:
            continue
        try:
            found.append(_of_type(name, header, derivation))
        except Refused as refusal:
            derivation.note(codes.TYPE_NOT_DERIVED, f"{name}: {refusal.finding.detail}")
    return tuple(found)


def _of_type(name: str, header: PetHeader, derivation: Derivation) -> SuvType:
    kind = DICOM_TYPE[name]
    weight = weight_kg(header, derivation)
    if kind == "BSA":
        surface = normalising_surface_cm2(header, weight, derivation)
        return SuvType(name, surface / (1000.0 * weight), "cm2/mL", surface, "cm2", FORMULA_OF[kind])
    mass = normalising_mass_kg(kind, header, weight, derivation)
    return SuvType(name, mass / weight, "g/mL", mass, "kg", FORMULA_OF[kind])
