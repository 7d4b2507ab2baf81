"""Makes the environment of an engine with the pins that are proven to work together.

Decides nothing about versions: they are data in ``manifests/engines/``. An environment is done when its mark is written, so
one that was broken off is made again.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from umd_curate.errors import EngineError
from umd_curate.store.files import write_bytes, write_text

MARK: Final = ".umd-installed"
CONSTRAINTS: Final = "constraints.txt"
_QUIET: Final = ("--quiet", "--disable-pip-version-check", "--no-input")


def make_environment(
    folder: Path,
    steps: Sequence[Sequence[str]],
    constraints: bytes,
    index: str | None,
    on_step: Callable[[str], None],
) -> bool:
    """Make a virtual environment in `folder` and install into it; False where it is there already with these pins.

    Parameters
    ----------
    folder
        Of the environment.
    steps
        Requirements that are installed together, in order.
    constraints
        Versions of all that may come along, a constraints file of pip.
    index
        Package index of the first step; pip's own where None.
    on_step
        Told the requirements of each step before it is installed.

    Raises
    ------
    EngineError
        The environment cannot be made, or a package cannot be installed.
    """
    wanted = "\n".join(" ".join(step) for step in steps) + "\n" + constraints.decode()
    mark = folder / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    _call([sys.executable, "-m", "venv", str(folder)], "The environment cannot be made.")
    write_bytes(folder / CONSTRAINTS, constraints)
    for number, step in enumerate(steps):
        on_step(" ".join(step))
        place = ["--index-url", index] if index and number == 0 else []
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", *_QUIET, *place]
        _call([*command, "-c", str(folder / CONSTRAINTS), *step], "The packages cannot be installed.")
    write_text(mark, wanted)
    return True


def _call(argv: Sequence[str], message: str) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:]
        raise EngineError(message, hint=f"pip says: {last[0]}" if last else None)
