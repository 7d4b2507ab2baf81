"""The series and study tables beside the index: what a data manager looks up. Private side only.

A row of the series table is one volume where a series holds several; its name is the keyed short id of the volume.
"""

from dataclasses import dataclass

from umd_curate.model.ids import ShortId
from umd_curate.model.study import Disposition


@dataclass(frozen=True, slots=True)
class DecidedFile:
    """One file of the index and what is planned for it; the last three are identifying."""

    disposition: Disposition
    code: str
    series: ShortId | None
    patient_id: str | None
    series_uid: str | None
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """What is planned for a file: the row stands at the place of the file's row in the index."""

    disposition: str
    code: str  # finding code; empty for files that are used
    series: str | None  # short id of the volume or series


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One series, or one volume of it."""

    series: str  # short id; empty for files without Series Instance UID
    patient_id: str | None
    study_uid: str | None
    series_uid: str | None
    modality: str | None
    sop_class_uid: str | None
    description: str | None
    protocol_name: str | None
    series_number: int | None
    manufacturer: str | None
    model: str | None
    date: str | None  # DA
    time: str | None  # TM
    files: int
    bytes: int
    used: int
    duplicate: int
    excluded: int
    quarantined: int
    codes: tuple[str, ...]  # finding codes of its files


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study."""

    patient_id: str | None
    study_uid: str | None
    date: str | None  # DA
    time: str | None  # TM
    description: str | None
    modalities: tuple[str, ...]
    series: int
    files: int
    bytes: int
    used: int
    sessions: int
