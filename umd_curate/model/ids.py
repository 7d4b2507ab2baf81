"""Distinct types for the identifiers that walk through the flow, so that no two can be mixed up.

Above the PHI wall: `PatientKey`, `SeriesUid`, file paths. Below it: `SubjectId`, `SessionId`, `ShortId`.
"""

from typing import NewType

# DICOM UIDs as the source has them: identifying, private side only.
StudyUid = NewType("StudyUid", str)
SeriesUid = NewType("SeriesUid", str)
FrameUid = NewType("FrameUid", str)

# Issuer and PatientID in canonical form: identifying, private side only.
PatientKey = NewType("PatientKey", str)

# Published: random, six characters of Crockford base 32, allotted from the vault ("7K3QF2").
SubjectId = NewType("SubjectId", str)
# Published: kind and number ("petct1").
SessionId = NewType("SessionId", str)
# A keyed digest of a path or UID: safe in messages and logs ("f-9K2QMZ7A", "s-3M1XW0PB").
ShortId = NewType("ShortId", str)

SUBJECT_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
SUBJECT_LENGTH = 6


def subject_id(text: str) -> SubjectId:
    """A published id as a person may write it, such as ``sub-7k3qf2``."""
    return SubjectId(text.strip().removeprefix("sub-").upper())


def session_id(kind: str, number: int, run: int = 1) -> SessionId:
    """Published id of a session: ``petct1``; of a later phase of the same study, which is a run: ``petct1_run-2``.

    It stands behind ``ses-`` in every name, so that ``sub-7K3QF2_ses-petct1_run-2_pet`` is a BIDS name.
    """
    return SessionId(f"{kind}{number}" if run == 1 else f"{kind}{number}_run-{run}")


def session_folder(subject: str, session: str) -> str:
    """Folder of a session below ``data/`` or ``qa/``: ``sub-7K3QF2/ses-petct1``; the runs of a session share it."""
    return f"sub-{subject}/ses-{session.partition('_run-')[0]}"
