"""What a model engine is asked and what it answers: one job per image, a command in an environment of its own.

A model engine never runs inside this program: it says which command would do the job, and where the result
lies afterwards. `subprocess_io.py` runs the command and holds it to its limits; to the room the whole then looks like any
other label engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from umd_curate.label.engine import EngineDescription
from umd_curate.label.judge import Run
from umd_curate.model.labels import OrganTable

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Job:
    """One image for a model.

    Parameters
    ----------
    target
        Role of the image: ``ct`` or ``mr``.
    image
        The image, a ``.nii.gz`` that must not be written to.
    folder
        Empty folder for whatever the command writes.
    organs
        The dataset's organs.
    """

    target: str
    image: Path = field(repr=False)
    folder: Path = field(repr=False)
    organs: OrganTable = field(repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """How a job is done.

    Parameters
    ----------
    argv
        Program and arguments.
    environment
        Variables beside PATH, HOME and LANG; nothing else is passed on.
    request
        Where it is given, the command stays and takes one job after another, so that a model is loaded once: this line is
        written to its standard input, and it answers with one line, ``ok`` or ``failed``, when the job is done.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    request: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a job left.

    Parameters
    ----------
    labels
        The label map; None where the command wrote none, or several.
    names
        Structure of each id, all that the model can give; None where the ids are the dataset's own.
    run
        What drew: versions, weights, options.
    """

    labels: Path | None = field(repr=False)
    names: Mapping[int, str] | None
    run: Run


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image may cost: seconds and bytes of memory of the command with all its children."""

    seconds: float
    memory_bytes: int
    start_seconds: float = 300.0  # more for the first image of a command that stays: libraries and weights are read


class ModelEngine(Protocol):
    """A model in an environment of its own, made as `LabelEngine` is; `describe` and `ready` are the same there."""

    def describe(self) -> EngineDescription:
        """What it is; the same at every call."""
        ...

    def ready(self) -> tuple[str, ...]:
        """Problems that keep it from working, free of input values; never opens a socket."""
        ...

    def command(self, job: Job) -> Command:
        """How the job is done; may write into the job's folder."""
        ...

    def collect(self, job: Job) -> Collected:
        """What the job left in its folder."""
        ...
