"""Findings: what a check saw about one case, as data. The codes stand in `model/catalogue/`, one file per room.

A finding never holds a value from a header, a path or a name: `place` is a short id or a published name, `detail` is
made of tags, units and numbers.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: `fail` quarantines its case, `warn` is for a human, `info` is recorded."""

    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that one check saw at one place.

    Parameters
    ----------
    code
        Stable code from the catalogue, such as ``PET-104``.
    severity
        Weight of the finding.
    place
        Short id or published name of the case.
    detail
        Identifier-free text: tags, units, numbers.
    measured, limit
        What was measured and what is allowed, in the unit that `detail` names.
    """

    code: str
    severity: Severity
    place: str
    detail: str = ""
    measured: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class FindingCode:
    """A stable code and its page in the documentation: what it says, why it matters, what to do."""

    code: str
    severity: Severity
    title: str
    why: str = field(repr=False)
    action: str = field(repr=False)

    def at(self, place: str, detail: str = "", *, measured: float | None = None, limit: float | None = None) -> Finding:
        """Make the finding of this code at `place`."""
        return Finding(self.code, self.severity, place, detail, measured, limit)


class Refused(Exception):  # noqa: N818  (a refusal is an outcome of a case, not an error of the run)
    """Ends the work on one case; the executor turns it into a quarantined receipt and goes on with the next case."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.code} {finding.detail}".strip())
        self.finding = finding
