"""Decides to which study and series an image belongs that lacks the UID of it, and whose image it is without PatientID.

A missing PatientID is taken from the images of the same study, or series, where these are of one patient. A missing Study
Instance UID is taken from the images of the same series, else of the same frame of reference and day; else the patient, day
and time of the study stand for it. For a missing Series Instance UID stand number, description, time and frame of reference.
Where nothing is left to go by, the file stays without: `plan` sets it aside. Whether the images so gathered are one volume is
for `group` and `stack` to judge.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey

STAND_IN = "none|"  # begins what stands for a missing UID; no UID begins so (PS3.5 9.1)

_T = TypeVar("_T", bound=Hashable)
Keys = dict[str, PatientKey | None]


def completed(before: Sequence[InstanceHeader], after: Sequence[InstanceHeader]) -> frozenset[str]:
    """Paths of images of which an identifier was completed: PatientID is blank, or `identified` filled in a UID."""
    return frozenset(
        row.path
        for row, filled in zip(before, after, strict=True)
        if not (row.patient_id or "").strip(" \0")
        or (row.study_uid, row.series_uid) != (filled.study_uid, filled.series_uid)
    )


def adopted_patients(rows: Sequence[InstanceHeader], keys: Keys) -> Keys:
    """Patients with those of images without PatientID, taken from their study or series where that is of one patient."""
    if None not in keys.values():
        return keys
    studies = _only(rows, lambda row: row.study_uid, lambda row: keys[row.path])
    series = _only(rows, lambda row: row.series_uid, lambda row: keys[row.path])
    return {row.path: keys[row.path] or studies.get(row.study_uid) or series.get(row.series_uid) for row in rows}


def identified(rows: Sequence[InstanceHeader], keys: Mapping[str, PatientKey | None]) -> list[InstanceHeader]:
    """The rows with Study and Series Instance UIDs where these were missing and something can stand for them.

    Parameters
    ----------
    rows
        Wanted files, readable or not.
    keys
        Patient of each by path.
    """
    if all(row.study_uid and row.series_uid for row in rows):
        return list(rows)
    by_series = _only(
        rows, lambda row: (keys[row.path], row.series_uid) if row.series_uid else None, lambda row: row.study_uid
    )
    by_frame = _only(rows, lambda row: _frame_and_day(row, keys[row.path]), lambda row: row.study_uid)
    found = []
    for row in rows:
        patient = keys[row.path]
        if (row.study_uid and row.series_uid) or patient is None:
            found.append(row)
            continue
        study = row.study_uid or (by_series.get((patient, row.series_uid)) if row.series_uid else None)
        study = study or by_frame.get(_frame_and_day(row, patient)) or _study_stand_in(row, patient)
        series = row.series_uid or (_series_stand_in(row, study) if study else None)
        found.append(replace(row, study_uid=study, series_uid=series))
    return found


def _only(
    rows: Iterable[InstanceHeader],
    part: Callable[[InstanceHeader], Hashable],
    value: Callable[[InstanceHeader], _T | None],
) -> dict[Hashable, _T]:
    """Value of each part of the rows that has exactly one."""
    values: dict[Hashable, set[_T]] = defaultdict(set)
    for row in rows:
        place, one = part(row), value(row)
        if place is not None and one is not None:
            values[place].add(one)
    return {place: next(iter(known)) for place, known in values.items() if len(known) == 1}


def _frame_and_day(row: InstanceHeader, patient: PatientKey | None) -> Hashable:
    known = patient and row.frame_of_reference_uid and row.study_date
    return (patient, row.frame_of_reference_uid, row.study_date) if known else None


def _study_stand_in(row: InstanceHeader, patient: PatientKey) -> str | None:
    if row.study_date:
        return f"{STAND_IN}{patient}|{row.study_date}|{row.study_time or ''}"
    return f"{STAND_IN}{patient}|{row.series_uid}" if row.series_uid else None


def _series_stand_in(row: InstanceHeader, study: str) -> str | None:
    known = (row.series_number, row.series_description, row.series_time, row.frame_of_reference_uid)
    if not any(value is not None for value in known):
        return None
    parts = (study, row.sop_class_uid or row.modality, *known, row.series_date, row.protocol_name)
    return STAND_IN + "|".join("" if part is None else str(part) for part in parts)
