"""What the site's records add to a header, and where they contradict it.

Decides, input by input: a value that the header lacks is taken from the supplement; where both have one, they are
compared and the header wins, unless the row says that it goes above. Each is a finding. How the table is read and whose
row is whose is decided in the pipeline; what the values mean, in `suv.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from umd_curate.convert.body import size_m, weight_kg
from umd_curate.convert.derivation import Derivation
from umd_curate.convert.injection import dose_bq, half_life_s
from umd_curate.convert.pet_clock import CLOCK_TOLERANCE_S, stated_injection
from umd_curate.model.catalogue import suv as codes
from umd_curate.model.dicom_time import DAY_US, SECOND_US, parse_datetime, parse_time
from umd_curate.model.findings import Refused
from umd_curate.model.pet import PetHeader, Supplement

SAME_PART: Final = 0.01  # two records of one quantity agree within 1 %: they are rounded to 3 digits

Rule = Callable[[PetHeader, Derivation], float]

_NUMBERS: Final[
    tuple[tuple[str, str, str, Rule, dict[str, Any]], ...]
] = (  # of the header, of the row, tag, rule, unit
    ("weight", "weight_kg", "(0010,1030)", weight_kg, {}),
    ("size", "height_m", "(0010,1020)", size_m, {}),
    ("total_dose", "injected_bq", "(0018,1074)", dose_bq, {"dose_is_mbq": False}),
    ("half_life_s", "half_life_s", "(0018,1075)", half_life_s, {}),
)
SEX_TAG: Final = "(0010,0040)"
INJECTION_TAG: Final = "(0018,1078)"


def supplemented(header: PetHeader, derivation: Derivation) -> PetHeader:
    """Header with what its supplement adds; the header itself where it has none.

    The findings and the sources of the added values go into `derivation`.
    """
    supplement = header.context.supplement
    if supplement is None:
        return header
    for name, own, tag, rule, also in _NUMBERS:
        value = getattr(supplement, own)
        if value is not None and _is_taken(header, rule, value, tag, supplement, derivation):
            header = replace(header, **{name: value}, **also)
    header = _with_sex(header, supplement, derivation)
    return _with_injection(header, supplement, derivation)


def _is_taken(
    header: PetHeader, rule: Rule, value: float, tag: str, supplement: Supplement, derivation: Derivation
) -> bool:
    try:
        stated = rule(header, Derivation(""))
    except Refused:
        _supplied(tag, supplement, derivation)
        return True
    ratio = value / stated
    return abs(ratio - 1) > SAME_PART and _goes_above(tag, ratio, supplement, derivation)


def _with_sex(header: PetHeader, supplement: Supplement, derivation: Derivation) -> PetHeader:
    if supplement.sex is None or header.sex == supplement.sex:
        return header
    if header.sex not in {"M", "F", "O"}:
        _supplied(SEX_TAG, supplement, derivation)
    elif not _goes_above(SEX_TAG, None, supplement, derivation):
        return header
    return replace(header, sex=supplement.sex)


def _with_injection(header: PetHeader, supplement: Supplement, derivation: Derivation) -> PetHeader:
    """The supplement's date and time of injection: whole where the header has none, its date where the header has a time only."""
    given = parse_datetime(supplement.injection_datetime)
    if given is None:
        return header
    stated = stated_injection(header, Derivation(""))
    clock = parse_time(header.injection_time)
    if stated is not None:
        apart_s = (given[0] - stated[0]) / SECOND_US
    elif clock is not None:
        apart_s = ((given[0] - clock + DAY_US // 2) % DAY_US - DAY_US // 2) / SECOND_US
    else:
        apart_s = None
    if stated is not None and apart_s is not None and abs(apart_s) <= CLOCK_TOLERANCE_S:
        return header
    if apart_s is None or abs(apart_s) <= CLOCK_TOLERANCE_S:  # no time at all, or the right time without its date
        _supplied(INJECTION_TAG, supplement, derivation)
    elif not _goes_above(INJECTION_TAG, apart_s, supplement, derivation):
        return header
    return replace(
        header,
        injection_datetime=supplement.injection_datetime,
        injection_time=None,
        ge_injection_datetime=None,
    )


def _supplied(tag: str, supplement: Supplement, derivation: Derivation) -> None:
    derivation.note(codes.SUPPLEMENTED, tag)
    derivation.supplied[tag] = supplement.source


def _goes_above(tag: str, measured: float | None, supplement: Supplement, derivation: Derivation) -> bool:
    """Note that both have a value and differ; say whether the supplement's is taken."""
    code = codes.SUPPLEMENT_OVERRIDES if supplement.override else codes.SUPPLEMENT_CONTRADICTS
    derivation.note(code, tag, measured=measured)
    if supplement.override:
        derivation.supplied[tag] = supplement.source
    return supplement.override
