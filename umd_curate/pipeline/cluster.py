"""The executor that spreads tasks over worker processes: same function, same receipts, same bytes as in one process.

Never more tasks are under way than there are workers, so that a worker that dies takes only its own task with it. Such a
task is done once more when nothing else is under way; where its process dies again, it has failed. The largest begin first,
so that all workers end together. The processes are started at the first task (`crew.py`), and what they are forked from (`fork_server.py`)
as soon as there is a new file to read.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from umd_curate.errors import CurateError
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_run import RunConfig
from umd_curate.model.findings import Finding
from umd_curate.model.receipts import State
from umd_curate.pipeline import fork_server
from umd_curate.pipeline.executor import Outcome, Task, log_path
from umd_curate.pipeline.orders import bytes_read
from umd_curate.pipeline.worker import CRASH, Lost, Raised, call, do_task
from umd_curate.store.ledger import Usage
from umd_curate.store.workspace import Workspace

if TYPE_CHECKING:
    from umd_curate.pipeline.crew import Crew, Window

SCRATCH = "workers"  # folder of Dask's own files, on the private side
_WAITING_PER_WORKER = 4  # results of `map` that may wait for an earlier one
PATIENCE_S = 3.0  # about what it costs to start the workers: `map` begins without them
_GIB = 1 << 30

Item = TypeVar("Item")
Result = TypeVar("Result")
Call = tuple[Any, ...]  # a name for the page, a function and its arguments


class ClusterExecutor:
    """Runs tasks in worker processes; a context manager that ends them.

    Parameters
    ----------
    workers
        Number of processes.
    settings
        Their memory, and whether they are shown on a page.
    private
        The workspace's private folder, for Dask's own files.
    started
        Told the address of the page, when it is there.
    """

    def __init__(self, workers: int, settings: RunConfig, private: Path, started: Callable[[str], None]) -> None:
        self._workers = workers
        self._settings = settings
        self._scratch = private / SCRATCH
        self._tell = started
        self._crew: Crew | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._crew is not None:
            self._crew.close()

    def run(self, tasks: Iterable[Task], workspace: Workspace, config: UmdConfig) -> Iterator[Outcome]:
        """Run every task once, the largest first; outcomes come as they end.

        Raises
        ------
        CurateError
            The run itself cannot go on.
        """
        waiting = sorted(tasks, key=lambda task: -bytes_read(task.unit, workspace))
        if not waiting:
            return
        calls = enumerate((task.unit.step, do_task, task, workspace, config) for task in waiting)
        lost = []
        with self._hands().window() as window:
            while self._fill(window, calls):
                number, result = window.ended()
                if isinstance(result, Lost):
                    lost.append(waiting[number])
                else:
                    yield _known(result)
            for task in lost:
                yield self._alone(window, task, workspace, config)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order of `items`; begun in this process, and spread only where that takes longer than to start others.

        Raises
        ------
        CurateError
            A worker process died twice under one item.
        """
        source, spent_s = iter(items), 0.0
        while self._crew is None and spent_s < PATIENCE_S:
            try:
                item = next(source)
            except StopIteration:
                return
            if not spent_s:
                fork_server.start(
                    self._workers
                )  # there is new work: what the workers will import is imported meanwhile
            started = time.perf_counter()
            result = function(item)
            spent_s += time.perf_counter() - started
            yield result
        yield from self._spread(function, source)

    def _spread(self, function: Callable[[Item], Result], items: Iterator[Item]) -> Iterator[Result]:
        calls: dict[int, Call] = {}  # those that are under way
        again: set[int] = set()  # of them, those whose process has died once
        waiting: dict[int, Any] = {}  # results

        def numbered() -> Iterator[tuple[int, Call]]:
            for number, item in enumerate(items):
                calls[number] = ("map", call, function, item)
                yield number, calls[number]

        new = numbered()
        with self._hands().window() as window:
            for wanted in itertools.count():
                while wanted not in waiting:
                    room = max(0, self._workers * _WAITING_PER_WORKER - len(waiting))
                    if not self._fill(window, itertools.islice(new, room)):
                        return
                    number, result = window.ended()
                    if not isinstance(result, Lost):
                        waiting[number] = result
                        del calls[number]
                    elif number not in again:
                        again.add(number)
                        window.start(number, *calls[number])
                    else:
                        message = "A worker process died twice over the same files."
                        raise CurateError(message, hint="Do it in one process, which shows where: --workers 1.")
                yield _known(waiting.pop(wanted))

    def _hands(self) -> "Crew":
        """The worker processes; started when they are first needed."""
        if self._crew is None:
            from umd_curate.pipeline.crew import Crew  # noqa: PLC0415  (Dask, only when there is work)

            memory = self._settings.memory_gib
            memory_bytes = None if memory is None else int(memory * _GIB)
            has_dashboard = self._settings.dashboard
            self._crew = Crew(self._workers, memory_bytes, self._scratch, has_dashboard=has_dashboard)
            if has_dashboard:
                self._tell(self._crew.dashboard)
        return self._crew

    def _fill(self, window: "Window", calls: Iterator[tuple[int, Call]]) -> bool:
        """Start calls while there is a worker without one; say whether any is under way."""
        while window.under_way < self._workers and (entry := next(calls, None)) is not None:
            number, (name, function, *arguments) = entry
            window.start(number, name, function, *arguments)
        return window.under_way > 0

    def _alone(self, window: "Window", task: Task, workspace: Workspace, config: UmdConfig) -> Outcome:
        """Do a task whose process died once more while nothing else is under way, with the memory of all."""
        started = time.perf_counter()
        with self._hands().all_memory_for_one():
            window.start(0, task.unit.step, do_task, task, workspace, config)
            _, result = window.ended()
        if not isinstance(result, Lost):
            outcome: Outcome = _known(result)
            return outcome
        receipt = task.unit.receipt(findings=(_why_lost(task, result, workspace),), state=State.FAILED)
        return Outcome(replace(receipt, key=task.key), Usage(time.perf_counter() - started, 0, 0))


def _known(result: Any) -> Any:  # noqa: ANN401  (what the worker's function returned)
    if isinstance(result, Raised):
        raise result.error
    return result


def _why_lost(task: Task, lost: Lost, workspace: Workspace) -> Finding:
    """The finding about a task whose process died; an empty log of its crash is removed."""
    log = log_path(workspace, task.unit, CRASH)
    has_crashed = log.is_file() and log.stat().st_size > 0
    if not has_crashed:
        log.unlink(missing_ok=True)
    if lost.is_out_of_memory:
        return codes.OUT_OF_MEMORY.at(task.unit.name, f"step {task.unit.step}")
    how = "it crashed" if has_crashed else "it was killed from outside"
    return codes.WORKER_DIED.at(task.unit.name, f"step {task.unit.step}: {how}")
