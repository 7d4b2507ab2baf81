"""Where units of work run: the contract of an executor, and the one that runs them in this process.

A unit ends in a receipt: done, quarantined (its room refused the case) or failed (a bug). A bug of one unit must not cost
the others their night, so it is caught here, once, with its traceback in the private log; the run then ends with exit 70.
`cluster.py` runs the same function in several processes.
"""

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from umd_curate.errors import CurateError
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_run import RunConfig
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Receipt, State
from umd_curate.model.steps import Place, Unit
from umd_curate.pipeline.meter import Meter
from umd_curate.store.files import disk_fault, write_text
from umd_curate.store.ledger import Usage
from umd_curate.store.workspace import Workspace

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with its key, ready to run in any process.

    Parameters
    ----------
    perform
        Function of the unit's step; it can be pickled.
    unit, key
        What is to be done, and the key under which the ledger knows it.
    """

    perform: Callable[[Unit, Place, UmdConfig], Receipt]
    unit: Unit
    key: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended and what it cost."""

    receipt: Receipt
    usage: Usage


class Executor(Protocol):
    """Runs tasks somewhere and yields each outcome as it comes."""

    def run(self, tasks: Iterable[Task], workspace: Workspace, config: UmdConfig) -> Iterator[Outcome]:
        """Run every task once; the order of outcomes is free.

        Raises
        ------
        CurateError
            The run itself cannot go on.
        """
        ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results of `function`, which must be picklable, in the order of `items`, as the built-in `map`.

        Items are taken lazily and only a few results wait to be taken, so neither need fit in memory. An exception of the
        function is raised here.
        """
        ...


class InProcessExecutor:
    """Runs one task after the other in this process."""

    def run(self, tasks: Iterable[Task], workspace: Workspace, config: UmdConfig) -> Iterator[Outcome]:
        """Run the tasks in their order."""
        for task in tasks:
            yield perform(task, workspace, config)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Call `function` on one item after the other."""
        return map(function, items)


def executor_of(
    settings: RunConfig, workspace: Workspace, started: Callable[[str], None]
) -> AbstractContextManager[Executor]:
    """The executor that the settings ask for; worker processes are started at the first task and ended on exit.

    `started` is told the address of the page that shows them, where that is wanted.
    """
    workers = settings.workers or len(os.sched_getaffinity(0))
    if workers == 1:
        return nullcontext(InProcessExecutor())
    from umd_curate.pipeline.cluster import ClusterExecutor  # noqa: PLC0415  (only where several processes are wanted)

    return ClusterExecutor(workers, settings, workspace.private, started)


def log_path(workspace: Workspace, unit: Unit, ending: str = "log") -> Path:
    """Where the traceback of a failed unit lies, on the private side."""
    return workspace.private / "logs" / f"{unit.step}-{unit.name}.{ending}"


def perform(task: Task, workspace: Workspace, config: UmdConfig) -> Outcome:
    """Do one task in this process and measure it.

    Raises
    ------
    CurateError
        The run itself cannot go on: a gate refuses, or the disk is full.
    """
    meter = Meter()
    try:
        receipt = task.perform(task.unit, workspace, config)
    except Refused as refusal:
        receipt = task.unit.receipt(findings=(refusal.finding,), state=State.QUARANTINED)
    except CurateError:
        raise
    except Exception as bug:  # see the module's docstring
        fault = disk_fault(bug) if isinstance(bug, OSError) else None
        if fault is not None:
            raise fault from bug  # neither can the other units write
        write_text(log_path(workspace, task.unit), "".join(traceback.format_exception(bug)), mode=0o600)
        finding = codes.BUG.at(task.unit.name, f"{type(bug).__name__} in step {task.unit.step}")
        receipt = task.unit.receipt(findings=(finding,), state=State.FAILED)
    return Outcome(replace(receipt, key=task.key), meter.usage())
