"""Decides the stratum of a subject, within which the splits are shared out evenly: subset, scanner, sex and age band."""

from collections.abc import Sequence

from umd_curate.release.cases import Case
from umd_curate.release.rows import age_of, sex_of

AGE_BAND_YEARS = 20  # five bands up to 90 and more: fewer subjects per stratum than splits would say nothing
UNKNOWN = "?"


def strata_of(cases: Sequence[Case]) -> dict[str, str]:
    """Stratum of every subject of the released sessions, by subject."""
    by_subject: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: (case.subject, case.session)):
        by_subject.setdefault(case.subject, []).append(case)
    return {subject: stratum_of(mine) for subject, mine in by_subject.items()}


def stratum_of(cases: Sequence[Case]) -> str:
    """Stratum of one subject by its sessions in order; what the first does not say, a later one may.

    Parts are in the order of their weight: subjects that differ only in the last are neighbours.
    """
    subsets = "+".join(sorted({case.subset.name for case in cases if case.subset}))
    pets = [case.pet for case in cases if case.pet]
    scanner = next((f"{pet.manufacturer} {pet.manufacturers_model_name}" for pet in pets if pet.manufacturer), UNKNOWN)
    sex = next((known for case in cases if (known := sex_of(case))), UNKNOWN)
    age = next((years for case in cases if (years := age_of(case)) is not None), None)
    band = UNKNOWN if age is None else f"{age // AGE_BAND_YEARS * AGE_BAND_YEARS:03d}"
    return f"{subsets}/{scanner}/{sex}/{band}"
