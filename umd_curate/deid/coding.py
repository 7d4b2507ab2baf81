"""Decides whether a coded entry (PS3.3 8.8) is a code of its scheme, so that nothing else hides in a CodeValue.

Pure. A value is held to the form of its scheme's codes: check digits of SNOMED CT, the axes of SNOMED RT, the units
of UCUM. Codes of schemes that are not listed go, with their whole item.
"""

import re

_FORMS = {
    "DCM": r"1[0-3]\d{4}",
    "SRT": r"[A-Z]-[0-9A-F]{4,5}|[A-Z]-[A-Z]\d{4}|R-[0-9A-Z]{5}",
    "UMLS": r"C\d{7}",
    "NCIT": r"C\d{4,6}",
    "FMA": r"\d{4,6}",
    "RADLEX": r"RID\d{2,6}",
    "LN": r"\d{3,5}-\d",
    "ISO3166_1": r"[A-Z]{2,3}",
    "RFC3066": r"[a-z]{2}(?:-[A-Z]{2})?",
}
_FORMS |= {"SNM3": r"[A-Z]-[0-9A-Z]{4,6}", "99SDM": r"[A-Z]-[0-9A-Z]{4,6}", "LOINC": _FORMS["LN"]}
_UNITS = frozenset(
    [
        "1",
        "%",
        "bq",
        "kbq",
        "mbq",
        "gbq",
        "ci",
        "mci",
        "uci",
        "ml",
        "l",
        "ul",
        "g",
        "kg",
        "mg",
        "ug",
        "umol",
        "mmol",
        "mol",
        "mm",
        "mm2",
        "mm3",
        "cm",
        "cm2",
        "cm3",
        "m",
        "m2",
        "s",
        "ms",
        "us",
        "min",
        "h",
        "d",
        "a",
        "hz",
        "mhz",
        "kev",
        "mev",
        "v",
        "kv",
        "ma",
        "mas",
        "gy",
        "mgy",
        "sv",
        "msv",
        "t",
        "mt",
        "deg",
        "rad",
        "hnsf",
        "u",
        "ct",
        "counts",
        "count",
        "cps",
        "pixels",
        "voxels",
        "ratio",
        "no",
        "units",
        "unitless",
        "nounits",
        "10",
        "6",
        "3",
        "9",
        "suvbw",
        "suvlbm",
        "suvlbm",
        "janma",
        "james",
        "suvbsa",
        "suvibw",
        "suv",
        "prop",
        "dimensionless",
        "od",
        "hu",
    ]
)
_PATTERNS = {scheme: re.compile(rf"(?:{form})\Z") for scheme, form in _FORMS.items()}
_SNOMED_CT = re.compile(r"[1-9]\d{5,17}\Z")

# Dihedral group of order 10, as the check digit of SNOMED CT identifiers uses it (Verhoeff 1969; SNOMED CT TIG, 5.5).
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def is_code(value: str, scheme: str) -> bool:
    """Say whether a CodeValue (0008,0100) can be a code of the scheme that (0008,0102) names."""
    text, name = value.strip(" \0"), scheme.strip(" \0").upper()
    if name == "SCT":
        return bool(_SNOMED_CT.match(text)) and _has_check_digit(text)
    if name == "UCUM":
        return all(token.lower() in _UNITS for token in re.findall(r"[^\W_]+", text)) and text.isascii()
    pattern = _PATTERNS.get(name)
    return bool(pattern and pattern.match(text))


def _has_check_digit(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _times(check, _permuted(int(digit), place % 8))
    return check == 0


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = _PERMUTATION[digit]
    return digit


def _times(a: int, b: int) -> int:
    """Product in the dihedral group: 0-4 are rotations, 5-9 reflections."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b) % 5 + 5
    return (a - b) % 5 + 5 if b < 5 else (a - b) % 5
