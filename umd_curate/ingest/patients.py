"""Decides whose image a file is, and which studies and series are under two patients or contradict themselves.

A patient's key is the issuer (0010,0021) and the PatientID (0010,0020), without the padding blanks that PS3.5 6.2 declares
insignificant for LO; case is kept, since LO is case-sensitive. An ID without issuer takes the issuer under which the same
ID stands elsewhere in the folder, if there is exactly one: consoles often leave the issuer out. A mapping of the hospital
(`Persons`) says which keys are one person's. What stands for a missing ID is for `identify` to say.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import FindingCode
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey

_T = TypeVar("_T", bound=str)
_SEPARATOR = "\\"  # cannot stand in a value of LO
_PADDING = " \0"
_SEXES = {"M", "F"}
_DAY = re.compile(r"[12]\d{7}\Z")

Keys = Mapping[str, PatientKey | None]


@dataclass(frozen=True, slots=True)
class Persons:
    """The hospital's mapping of patients to persons; `sha256` is of the file that it was read from.

    The first patient of a person in the file names the person, so that a subject id that is already published stays.
    """

    key_of: Mapping[tuple[str, str], PatientKey] = field(default_factory=dict, repr=False)
    sha256: str = ""

    def of(self, issuer: str, patient_id: str) -> PatientKey:
        """Key of the person behind an issuer and ID; a row without issuer holds for all issuers that have no row."""
        known = self.key_of.get((issuer, patient_id)) or self.key_of.get(("", patient_id))
        return known or patient_key(issuer, patient_id)


def patient_key(issuer: str, patient_id: str) -> PatientKey:
    """Key of a patient."""
    return PatientKey(f"{issuer}{_SEPARATOR}{patient_id}")


def plain(value: str | None) -> str:
    """An issuer or ID without padding."""
    return (value or "").strip(_PADDING)


def patient_keys(headers: Iterable[InstanceHeader], persons: Persons | None = None) -> dict[str, PatientKey | None]:
    """Patient of each file by path; None where PatientID is missing or blank."""
    rows = [(header.path, plain(header.patient_id), plain(header.patient_id_issuer)) for header in headers]
    mapping = persons or Persons()
    issuers: dict[str, set[str]] = defaultdict(set)
    for _, patient_id, issuer in rows:
        issuers[patient_id] |= {issuer} - {""}
    keys: dict[str, PatientKey | None] = {}
    for path, patient_id, issuer in rows:
        known = issuers[patient_id]
        whole = issuer or (next(iter(known)) if len(known) == 1 else "")
        keys[path] = mapping.of(whole, patient_id) if patient_id else None
    return keys


def identity_fault(header: InstanceHeader, key: PatientKey | None) -> FindingCode | None:
    """Fault of one wanted and readable file: no PatientID, no UIDs, identifiers burned in."""
    if key is None:
        return codes.NO_PATIENT_ID
    if not header.study_uid or not header.series_uid:
        return codes.NO_UIDS
    if (header.burned_in_annotation or "").strip().upper() == "YES":
        return codes.BURNED_IN
    return None


def mixed_studies(headers: Iterable[InstanceHeader], keys: Keys) -> dict[str, PatientKey]:
    """Studies under two patients, with one key for all of their images: which patient is right cannot be known.

    Parameters
    ----------
    headers
        Files without an `identity_fault`.
    keys
        Patient of each, as `patient_keys` says.
    """
    patients = _values(headers, lambda row: row.study_uid, lambda row: keys[row.path])
    return {study: PatientKey(_SEPARATOR.join(sorted(found))) for study, found in patients.items() if len(found) > 1}


def shared_series(headers: Iterable[InstanceHeader], keys: Keys) -> frozenset[str]:
    """Series Instance UIDs that stand under two patients."""
    patients = _values(headers, lambda row: row.series_uid, lambda row: keys[row.path])
    return frozenset(series for series, found in patients.items() if len(found) > 1)


def contradictions(headers: Iterable[InstanceHeader], part: Callable[[InstanceHeader], _T | None]) -> frozenset[_T]:
    """Parts of the images (studies, patients) in which two birth dates (0010,0030) or two sexes (0010,0040) stand.

    Only whole dates and the sexes M and F count: de-identification elsewhere leaves a year, an O or nothing.
    """
    images = list(headers)
    births = _values(images, part, lambda row: _birth(row.patient_birth_date))
    sexes = _values(images, part, lambda row: _sex(row.patient_sex))
    return frozenset(place for known in (births, sexes) for place, found in known.items() if len(found) > 1)


def _birth(value: str | None) -> str | None:
    return value if _DAY.match(value or "") else None


def _sex(value: str | None) -> str | None:
    sex = (value or "").strip().upper()
    return sex if sex in _SEXES else None


def _values(
    headers: Iterable[InstanceHeader],
    part: Callable[[InstanceHeader], _T | None],
    value: Callable[[InstanceHeader], str | None],
) -> dict[_T, set[str]]:
    found: dict[_T, set[str]] = defaultdict(set)
    for header in headers:
        place, one = part(header), value(header)
        if place and one:
            found[place].add(one)
    return found
