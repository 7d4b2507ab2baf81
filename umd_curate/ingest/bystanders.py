"""Decides about files that are known for what they are before a header is read: archives, their odd members, missing files.

They belong to no patient, study or series, so no other file has a say. All other files are for `plan`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from umd_curate.model.catalogue import sources as codes
from umd_curate.model.findings import Finding, FindingCode, Severity
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.ids import ShortId
from umd_curate.model.study import Disposition, FileDecision

CODE_OF_KIND: dict[FileKind, FindingCode] = {
    FileKind.ARCHIVE: codes.ARCHIVE,
    FileKind.LINK: codes.LINK,
    FileKind.OTHER_ARCHIVE: codes.OTHER_ARCHIVE,
    FileKind.BROKEN_ARCHIVE: codes.BROKEN_ARCHIVE,
    FileKind.ENCRYPTED: codes.ENCRYPTED,
    FileKind.OUTSIDE: codes.OUTSIDE,
    FileKind.OVERSIZED: codes.OVERSIZED,
    FileKind.MISSING: codes.MISSING,
}


@dataclass(frozen=True, slots=True)
class Bystanders:
    """Decisions about files of no series, and the findings of those that were wanted."""

    decisions: tuple[FileDecision, ...]
    findings: tuple[Finding, ...]


def is_bystander(row: InstanceHeader) -> bool:
    """Say whether the kind of a file alone decides about it."""
    return row.kind in CODE_OF_KIND


def decide(rows: Iterable[InstanceHeader], short_id: Callable[[str, str], ShortId]) -> Bystanders:
    """Exclude what is expected and never wanted, quarantine what may hold images.

    Parameters
    ----------
    rows
        Rows of which `is_bystander` holds.
    short_id
        Keyed name of a kind (``f`` file) and a value.
    """
    decisions, findings = [], []
    for row in rows:
        code = CODE_OF_KIND[row.kind]
        is_wanted = code.severity is Severity.FAIL
        disposition = Disposition.QUARANTINED if is_wanted else Disposition.EXCLUDED
        decisions.append(FileDecision(row.path, disposition, code.code))
        if is_wanted:
            findings.append(code.at(short_id("f", row.path), "files", measured=1.0))
    return Bystanders(tuple(decisions), tuple(findings))
