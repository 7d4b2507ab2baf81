"""What runs in a worker process: one task or one item at a time, with nothing said on stderr.

What a unit raises comes back as a value, since Dask would write its arguments into a log. A crash of native code leaves its
place in ``private/logs``. Should the coordinator be killed, the kernel ends its workers, whatever they are doing.
"""

import ctypes
import faulthandler
import functools
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from umd_curate.errors import CurateError
from umd_curate.model.config import UmdConfig
from umd_curate.pipeline.executor import Outcome, Task, log_path, perform
from umd_curate.store.workspace import Workspace

CRASH = "crash.log"  # ending of the log of a crash
_PR_SET_PDEATHSIG = 1  # prctl(2)
_OOM_SCORE = b"500"  # proc(5), oom_score_adj: where the machine runs out of memory, workers go before the coordinator

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception on its way to the coordinator."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Lost:
    """What the coordinator gets in place of a result when the process died."""

    is_out_of_memory: bool


def keep(path: Path, function: Callable[..., object], *arguments: object) -> None:
    """Call a function and keep what it returns in a file of the private side, where its process cannot take it along.

    Dask leaves results in their worker until they are fetched: a worker that dies meanwhile, or is busy in native code with
    its next unit, would keep the coordinator waiting.
    """
    _settle()
    temporary = path.with_suffix(".part")
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as handle:
        pickle.dump(function(*arguments), handle, pickle.HIGHEST_PROTOCOL)
    temporary.replace(path)
    _give_memory_back()


def do_task(task: Task, workspace: Workspace, config: UmdConfig) -> Outcome | Raised:
    """Do one task; the log of a crash stays where the process does not outlive it."""
    log = log_path(workspace, task.unit, CRASH)
    with os.fdopen(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as handle:
        faulthandler.enable(handle, all_threads=False)
        try:
            return perform(task, workspace, config)
        except CurateError as error:
            return Raised(error)
        finally:
            faulthandler.disable()
            log.unlink(missing_ok=True)


def call(function: Callable[[Item], Result], item: Item) -> Result | Raised:
    """Call a function of `Executor.map` on one item."""
    try:
        return function(item)
    except Exception as error:  # noqa: BLE001  (it is raised again in the coordinator)
        return Raised(error)


def _give_memory_back() -> None:
    """Return freed memory to the system; Dask would have malloc do so at each release of a block, which costs system time."""
    with suppress(AttributeError):  # glibc has it, others do not
        ctypes.CDLL(None).malloc_trim(0)


def die_with_coordinator() -> None:
    """Have the kernel end this process when the one that started it ends: the fork server, or the coordinator."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@functools.cache
def _settle() -> None:
    """Once per process: die with the coordinator, and before it where memory runs out."""
    die_with_coordinator()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(_OOM_SCORE)
