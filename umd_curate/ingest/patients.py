"""Decides whose image a file is, and which studies are under two patients.

A patient's key is the issuer (0010,0021) and the PatientID (0010,0020), without the padding blanks that PS3.5 6.2 declares
insignificant for LO; case is kept, since LO is case-sensitive. An ID without issuer takes the issuer under which the same
ID stands elsewhere in the folder, if there is exactly one: consoles often leave the issuer out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import FindingCode
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey

_SEPARATOR = "\\"  # cannot stand in a value of LO
_PADDING = " \0"


def patient_keys(headers: Iterable[InstanceHeader]) -> dict[str, PatientKey | None]:
    """Patient of each file by path; None where PatientID is missing or blank."""
    rows = [(header.path, _text(header.patient_id), _text(header.patient_id_issuer)) for header in headers]
    issuers: dict[str, set[str]] = defaultdict(set)
    for _, patient_id, issuer in rows:
        issuers[patient_id] |= {issuer} - {""}
    keys: dict[str, PatientKey | None] = {}
    for path, patient_id, issuer in rows:
        known = issuers[patient_id]
        whole = issuer or (next(iter(known)) if len(known) == 1 else "")
        keys[path] = PatientKey(f"{whole}{_SEPARATOR}{patient_id}") if patient_id else None
    return keys


def _text(value: str | None) -> str:
    return (value or "").strip(_PADDING)


def identity_fault(header: InstanceHeader, key: PatientKey | None) -> FindingCode | None:
    """Fault of one wanted and readable file: no PatientID, no UIDs, identifiers burned in."""
    if key is None:
        return codes.NO_PATIENT_ID
    if not header.study_uid or not header.series_uid:
        return codes.NO_UIDS
    if (header.burned_in_annotation or "").strip().upper() == "YES":
        return codes.BURNED_IN
    return None


def mixed_studies(headers: Iterable[InstanceHeader], keys: Mapping[str, PatientKey | None]) -> dict[str, PatientKey]:
    """Studies under two patients, with one key for all of their images: which patient is right cannot be known.

    Parameters
    ----------
    headers
        Files without an `identity_fault`.
    keys
        Patient of each, as `patient_keys` says.
    """
    patients: dict[str, set[PatientKey]] = defaultdict(set)
    for header in headers:
        key = keys[header.path]
        if header.study_uid and key:
            patients[header.study_uid].add(key)
    return {study: PatientKey(_SEPARATOR.join(sorted(found))) for study, found in patients.items() if len(found) > 1}
