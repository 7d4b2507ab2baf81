"""Asks dciodvfy (Debian: dicom3tools), where it is installed, whether cleaning made errors that the source did not have.

Messages are kept by attribute and module; values that they quote are left out.
"""

import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

PROGRAM = "dciodvfy"
MAX_SECONDS = 60
_QUOTED = re.compile(r"=\s*<(?![A-Za-z0-9]+>)[^>]*>|\bvalue\s*=?\s*<[^>]*>|\d[\d.]{4,}", re.IGNORECASE)
_UNREAD = "dataset read failed"


@cache
def program() -> str | None:
    """Path of dciodvfy; None where it is not installed."""
    return shutil.which(PROGRAM)


def errors_of(path: Path) -> Counter[str] | None:
    """Errors of a DICOM file, each as often as it was told; None where dciodvfy is absent or cannot read the file."""
    name = program()
    if name is None:
        return None
    try:
        run = subprocess.run(  # noqa: S603  (a program of the system, and no shell)
            [name, str(path)], capture_output=True, timeout=MAX_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (run.stderr + b"\n" + run.stdout).decode("utf-8", "replace").splitlines()
    errors = [line.removeprefix("Error - ") for line in lines if line.startswith("Error - ")]
    if any(_UNREAD in error for error in errors):
        return None
    return Counter(_QUOTED.sub("", error).strip() for error in errors)


def new_errors(source: Path, cleaned: Path) -> Counter[str] | None:
    """Errors of the cleaned file beyond those of its source; None where either cannot be asked about."""
    before, after = errors_of(source), errors_of(cleaned)
    return None if before is None or after is None else after - before
