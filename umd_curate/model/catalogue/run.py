"""Finding codes of the run itself."""

from umd_curate.model.findings import FindingCode, Severity

BUG = FindingCode(
    "RUN-901",
    Severity.FAIL,
    "A step failed in a way that nobody foresaw",
    "This is a fault of the program, not of the data; the case is set aside and the rest of the run went on.",
    "Send the private log's traceback to the maintainers after a look for identifiers, and run again after an update.",
)
