"""Where units of work run: the executor protocol, and the one that runs them in this process.

A unit ends in a receipt: done, quarantined (its room refused the case) or failed (a bug). A bug of one unit must not cost
the others their night, so it is caught here, once, with its traceback in the private log; the run then ends with exit 70.
"""

import resource
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from umd_curate.errors import CurateError
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Receipt, State
from umd_curate.model.steps import Step, Unit
from umd_curate.store.files import disk_fault, write_text
from umd_curate.store.ledger import Usage
from umd_curate.store.workspace import Workspace

_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with its key, ready to run."""

    step: Step
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
        """Run every task once; the order of outcomes is free."""
        ...


class InProcessExecutor:
    """Runs one task after the other in this process."""

    def run(self, tasks: Iterable[Task], workspace: Workspace, config: UmdConfig) -> Iterator[Outcome]:
        """Run the tasks in their order."""
        for task in tasks:
            yield perform(task, workspace, config)


def perform(task: Task, workspace: Workspace, config: UmdConfig) -> Outcome:
    """Do one task in this process and measure it."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    try:
        receipt = task.step.perform(task.unit, workspace, config)
    except Refused as refusal:
        receipt = task.unit.receipt(findings=(refusal.finding,), state=State.QUARANTINED)
    except CurateError:
        raise  # the run itself cannot go on
    except Exception as bug:  # see the module's docstring
        fault = disk_fault(bug) if isinstance(bug, OSError) else None
        if fault is not None:
            raise fault from bug  # neither can the other units write
        log = workspace.private / "logs" / f"{task.step.name}-{task.unit.name}.log"
        write_text(log, "".join(traceback.format_exception(bug)), mode=0o600)
        finding = codes.BUG.at(task.unit.name, f"{type(bug).__name__} in step {task.step.name}")
        receipt = task.unit.receipt(findings=(finding,), state=State.FAILED)
    after = resource.getrusage(resource.RUSAGE_SELF)
    usage = Usage(
        seconds=time.perf_counter() - started,
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_rss_mib=after.ru_maxrss / _KIB_PER_MIB,
    )
    return Outcome(replace(receipt, key=task.key), usage)
