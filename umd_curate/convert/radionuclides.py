"""Whether a header's half-life can be that of its radionuclide.

The header's own half-life is always the one that counts, since the scanner corrected with it; the table of
``manifests/pet/radionuclides.csv`` (PS3.16 CID 4020, half-lives of ICRP 107) only tells a slip of the pen from a radionuclide.
Decides what is noted and what is refused; the SUV itself is derived in `suv.py`.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from umd_curate.convert.derivation import Derivation
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.pet import PetHeader
from umd_curate.store.resources import resource_bytes

ODD_PART: Final = 0.01  # from here on noted: 0.4 % of an F-18 SUV after an hour; evaluations and makers differ by 0.2 %
GROSS_PART: Final = 0.10  # from here on refused: no two evaluations differ so, and neighbours in the table do

_NAME = re.compile(
    r"(?P<mass>\d{1,3}m?)\^?[\s-]*\^?(?P<element>[A-Za-z]+)|(?P<element2>[A-Za-z]+)\^?[\s-]*\^?(?P<mass2>\d{1,3}m?)"
)


@dataclass(frozen=True, slots=True)
class Radionuclide:
    """A radionuclide of PS3.16 CID 4020: name such as ``F-18``, element in English, half-life [s]."""

    name: str
    element: str
    half_life_s: float


@dataclass(frozen=True, slots=True)
class RadionuclideTable:
    """The radionuclides by code value (SNOMED CT, DCM and SNOMED-RT values never meet) and by name."""

    by_code: Mapping[str, Radionuclide]
    by_name: Mapping[tuple[str, str], Radionuclide]  # (element or symbol in lower case, mass number)

    def coded(self, code: str | None) -> Radionuclide | None:
        """Radionuclide of a code value; None where it is not in the table."""
        return self.by_code.get((code or "").strip())

    def named(self, name: str | None) -> Radionuclide | None:
        """Radionuclide of a name such as ``^18^Fluorine`` or ``F-18``; None where it is not in the table."""
        for found in _NAME.finditer(name or ""):
            element, mass = found["element"] or found["element2"], found["mass"] or found["mass2"]
            if (element.lower(), mass) in self.by_name:
                return self.by_name[element.lower(), mass]
        return None

    def of_half_life(self, half_life_s: float) -> Radionuclide | None:
        """Radionuclide whose half-life is nearest, if it is within `GROSS_PART`."""
        nearest = min(self.by_code.values(), key=lambda entry: abs(half_life_s / entry.half_life_s - 1))
        return nearest if abs(half_life_s / nearest.half_life_s - 1) < GROSS_PART else None


@cache
def radionuclide_table() -> RadionuclideTable:
    """The packaged table.

    Raises
    ------
    ConfigError
        The installation is incomplete.
    """
    rows = list(csv.DictReader(resource_bytes("manifests/pet/radionuclides.csv").decode().splitlines()))
    by_code, by_name = {}, {}
    for row in rows:
        entry = Radionuclide(row["nuclide"], row["element"], float(row["half_life_s"]))
        symbol, mass = entry.name.split("-")
        by_code.update({code: entry for code in (row["code"], row["code_rt"]) if code})
        by_name.update({(symbol.lower(), mass): entry, (entry.element, mass): entry})
    return RadionuclideTable(by_code, by_name)


def check_half_life(header: PetHeader, half_life_s: float, derivation: Derivation) -> None:
    """Compare a half-life [s] with that of the header's radionuclide (0054,0300), where the header names one.

    Where its code and its name are of two radionuclides, the one that fits better is taken, with a finding: one of the
    reference objects of the SUV manual is so.

    Raises
    ------
    Refused
        They differ by `GROSS_PART` or more.
    """
    table = radionuclide_table()
    coded, named = table.coded(header.radionuclide_code), table.named(header.radionuclide_name)
    known = [entry for entry in (coded, named) if entry is not None]
    if not known:
        if not (header.radionuclide_code or header.radionuclide_name) and table.of_half_life(half_life_s) is None:
            derivation.note(codes.HALF_LIFE_UNKNOWN, "(0018,1075) RadionuclideHalfLife, s", measured=half_life_s)
        return
    if len(set(known)) > 1:
        derivation.note(
            codes.RADIONUCLIDE_AMBIGUOUS, "(0008,0100) CodeValue and (0008,0104) CodeMeaning of (0054,0300)"
        )
    nearest = min(known, key=lambda entry: abs(half_life_s / entry.half_life_s - 1))
    derivation.take("RadionuclideCodeSequence", "(0054,0300)", nearest.name)
    ratio = half_life_s / nearest.half_life_s
    detail = "(0018,1075) RadionuclideHalfLife against (0054,0300) RadionuclideCodeSequence"
    if abs(ratio - 1) >= GROSS_PART:
        raise derivation.refusal(codes.HALF_LIFE_OF_ANOTHER, detail, measured=ratio)
    if abs(ratio - 1) >= ODD_PART:
        derivation.note(codes.HALF_LIFE_ODD, detail, measured=ratio)
