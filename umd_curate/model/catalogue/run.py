"""Finding codes of the run itself."""

from umd_curate.model.findings import FindingCode, Severity

CHANGED = FindingCode(
    "RUN-101",
    Severity.FAIL,
    "A source file changed after it was scanned",
    "The plan was made from another content; what would come out could not be traced to its source.",
    "Let the export finish, then run again: the scan sees the new content.",
)
UNREADABLE = FindingCode(
    "RUN-102",
    Severity.FAIL,
    "A source file cannot be opened or read",
    "A volume with a missing slice would be wrong; the series is set aside whole.",
    "Check the disk and the file's permissions, or export the series again; `umd-curate reveal` shows the path.",
)
NO_IMAGE_FOR_CONTOURS = FindingCode(
    "RUN-103",
    Severity.FAIL,
    "Contours whose image could not be used",
    "Contours are written on the grid of the image on which they were drawn.",
    "Mend what stands in the way of the image's series; the contours then follow by themselves.",
)
SUV_CHANGED = FindingCode(
    "RUN-104",
    Severity.FAIL,
    "The cleaned header gives another SUV than the source header",
    "De-identification must never change a quantity; the series is set aside.",
    "Report it with manufacturer and model: an element that SUV needs is missing from the keep list.",
)
IDENTIFIER_FOUND = FindingCode(
    "RUN-201",
    Severity.FAIL,
    "An identifier of the patient stands in a file below the PHI wall",
    "Nothing of this session may be released.",
    "Report it with the place that the finding names; `umd-curate reveal` leads to the patient.",
)
LOOKS_LIKE_IDENTIFIER = FindingCode(
    "RUN-202",
    Severity.FAIL,
    "What looks like somebody's identifier stands in a file below the PHI wall",
    "It may be one that no header of the workspace told: of another patient, of a physician, or typed by hand. Nothing of it may be released.",
    "Look at the place that the finding names. What the maintainers say of themselves belongs in [dataset] of umd.toml, where it is "
    "expected; report everything else with its place.",
)
BUG = FindingCode(
    "RUN-901",
    Severity.FAIL,
    "A step failed in a way that nobody foresaw",
    "This is a fault of the program, not of the data; the case is set aside and the rest of the run went on.",
    "Report it with the traceback of private/logs, after a look for identifiers, and run again after an update.",
)
WORKER_DIED = FindingCode(
    "RUN-902",
    Severity.FAIL,
    "A case ended the process that worked on it, twice",
    "A fault of a library, or the system itself, ended the process; the second time nothing else ran. The case is set aside and the rest of the run went on.",
    "See private/logs for the place where it crashed and report it, after a look for identifiers. The next run tries it again.",
)
OUT_OF_MEMORY = FindingCode(
    "RUN-903",
    Severity.FAIL,
    "A case needs more memory than the workers may use",
    "It was stopped before it could take memory from others, and a second time when all the memory was its own.",
    "Raise run.memory_gib, or run this workspace on a machine with more memory. The next run tries it again.",
)
