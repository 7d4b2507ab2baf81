"""The process that worker processes are forked from. It imports what they all need, once, while this one still reads headers.

It is Python's fork server (https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods): a process
without threads, started by this one and ended with it, that listens on a socket which only this account can open (since
Python 3.11.1: CVE-2022-42919).
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing import forkserver

METHOD = "forkserver"
_PRELOAD = "umd_curate.pipeline.preload"
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


def thread_environment(workers: int) -> dict[str, str]:
    """Variables by which numerical libraries share the cores among workers, read at their import; the user's own win."""
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    return {name: os.environ.get(name, str(threads)) for name in _THREAD_VARIABLES}


def start(workers: int) -> None:
    """Start the fork server, which takes a moment of this process and seconds of another core; it runs on where it runs."""
    before = dict(os.environ)
    os.environ.update(thread_environment(workers))
    try:
        with interrupts_wait():
            multiprocessing.get_context(METHOD).set_forkserver_preload([_PRELOAD])
            forkserver.ensure_running()
    finally:
        for name in _THREAD_VARIABLES:
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back; threads and processes that start meanwhile never see it, so that only the main thread acts on it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
