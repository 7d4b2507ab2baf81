"""Decides what a crosswalk may say: which ids may be published, which rows of a table are sound, where two crosswalks differ.

A crosswalk links patients to published ids, and studies to the numbers of their sessions. It is kept by `vault`; tables are
read and written by the pipeline. No value of a table enters a message: rows are named by their number.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from umd_curate.errors import UsageError
from umd_curate.model.ids import PatientKey, SubjectId

IMPORT_COLUMNS = ("issuer", "id", "subject")
EXPORT_COLUMNS = ("issuer", "id", "subject", "shift_days")
ISSUER_SEPARATOR = "\\"  # of issuer and id in a `PatientKey`
_SUBJECT = re.compile(r"[A-Za-z0-9]{1,16}")  # a label of BIDS: letters and digits
_LIKE_A_NUMBER = re.compile(r"\d+(E\d+)?")  # spreadsheets read 12E345 as a number
_TELLING = 4  # characters from which on an id that stands inside another one tells it


@dataclass(frozen=True, slots=True)
class Link:
    """A patient and the id under which the patient is published."""

    patient: PatientKey = field(repr=False)
    subject: SubjectId


@dataclass(frozen=True, slots=True)
class Number:
    """The number of a thing among those that are counted together.

    Parameters
    ----------
    what
        ``session`` or ``run``.
    counted
        What is counted together: patient and kind; for runs the study too.
    thing
        The study's UID, or the acquisition's anchor.
    number
        From 1.
    """

    what: str
    counted: tuple[str, ...] = field(repr=False)
    thing: str = field(repr=False)
    number: int


def is_good_draw(subject: str) -> bool:
    """Say whether a random id may be published: one of digits alone, or ``12E345``, would be taken for a number."""
    return not (_LIKE_A_NUMBER.fullmatch(subject) or subject.isalpha())


def same_subject(subject: str) -> str:
    """Canonical form of a published id: file systems and people take ``7k3qf2`` for ``7K3QF2``."""
    return subject.casefold()


def assignments(
    rows: Iterable[Mapping[str, str]], person_of: Callable[[str, str], PatientKey]
) -> Iterator[tuple[int, Link]]:
    """Pre-assigned ids of a table with the columns issuer, id and subject, with the number of each row.

    Parameters
    ----------
    rows
        Rows below the header; the first is row 2.
    person_of
        Key of the person behind an issuer and id.

    Raises
    ------
    UsageError
        A row lacks an id or subject, its subject is no label of letters and digits, or shows the patient's own id.
    """
    for number, row in enumerate(rows, start=2):
        issuer, patient_id, subject = ((row.get(name) or "").strip(" \0") for name in IMPORT_COLUMNS)
        if not patient_id or not _SUBJECT.fullmatch(subject):
            message = f"Row {number} of the table lacks an id, or a subject of 1 to 16 letters and digits."
            raise UsageError(message, hint="The columns are issuer (may be empty), id and subject.")
        if _shows(patient_id, subject):
            message = f"Row {number} of the table would publish the patient's own id."
            raise UsageError(message, hint="A published id must not be, hold or lie in the id that the hospital uses.")
        yield number, Link(person_of(issuer, patient_id), SubjectId(subject))


def _shows(patient_id: str, subject: str) -> bool:
    bare, told = re.sub(r"[\W_]", "", patient_id).casefold().lstrip("0"), same_subject(subject).lstrip("0")
    if min(len(bare), len(told)) < _TELLING:
        return bool(bare) and bare == told
    return bare in told or told in bare


def split_patient(patient: PatientKey) -> tuple[str, str]:
    """Issuer and id of a patient."""
    issuer, _, patient_id = patient.partition(ISSUER_SEPARATOR)
    return issuer, patient_id
