"""A Dask `LocalCluster` of worker processes on this machine, and the calls that are under way on it.

Decides how the processes are started, watched, limited and ended; which call goes next and what a lost one means is for
`cluster.py`. Everything listens on loopback with TLS and a certificate that lives as long as the crew: Dask executes what it
is sent, so another account of the machine must not be able to talk to it.
"""
# Dask is typed in parts:
# mypy: disable-error-code="no-untyped-call"

import contextlib
import importlib.util
import logging
import os
import pickle
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import distributed.utils
from distributed import Client, Future, KilledWorker, LocalCluster, Nanny, Security, as_completed
from distributed.scheduler import NoValidWorkerError, NoWorkerError
from distributed.system import MEMORY_LIMIT

from umd_curate.errors import CurateError, UsageError
from umd_curate.pipeline import fork_server
from umd_curate.pipeline.worker import Lost, keep

LOOPBACK = "127.0.0.1"
DASHBOARD_PORT = 8787  # Dask's own
_NO_WORKERS_S = "120s"  # a worker process is up again within seconds; without any for so long, none will come
_NEVER = "3650 days"  # a nanny whose worker is just starting again would be dropped with it
_MEMORY_EVENT = "worker-restart-memory"  # of Dask's nanny, when it ends a worker that is above its limit


class _Keeper(Nanny):
    """Dask's nanny, which starts one worker process and starts it again when it died; it runs in the coordinator.

    Keeps the addresses of the workers that it ended for their memory, and puts their web page on loopback.
    """

    def __init__(self, *args: Any, over_limit: set[str], **options: Any) -> None:  # noqa: ANN401  (Dask's own)
        options |= {"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"}
        super().__init__(*args, **options)
        self._over_limit = over_limit

    def log_event(self, topic: str | list[str], msg: Any) -> None:  # noqa: ANN401
        """Note a worker that is about to be ended for its memory."""
        if topic == _MEMORY_EVENT:
            self._over_limit.add(msg["worker"])
        super().log_event(topic, msg)


class Crew:
    """Worker processes of one thread each.

    Parameters
    ----------
    workers
        How many.
    memory_bytes
        What all of them together may use; the machine's memory where None.
    scratch
        Folder for Dask's own files, made anew and removed at the end.
    has_dashboard
        Whether Dask's page is served on loopback.

    Raises
    ------
    UsageError
        The page was asked for, and the library that draws it is not installed.
    CurateError
        No worker process can be started.
    """

    def __init__(self, workers: int, memory_bytes: int | None, scratch: Path, *, has_dashboard: bool) -> None:
        if has_dashboard and importlib.util.find_spec("bokeh") is None:
            message = "The dashboard needs the package bokeh, which is not installed."
            raise UsageError(message, hint="pip install bokeh, or leave out --dashboard.")
        self._scratch = scratch
        self._environment = dict(os.environ)
        self._memory_bytes = memory_bytes or MEMORY_LIMIT
        self._share_bytes = self._memory_bytes // workers
        self._over_limit: set[str] = set()
        self._results = scratch / "results"
        shutil.rmtree(scratch, ignore_errors=True)
        self._results.mkdir(parents=True, mode=0o700)
        _configure(fork_server.thread_environment(workers), has_dashboard=has_dashboard)
        fork_server.start(workers)
        distributed.utils._forkserver_preload_set = True  # noqa: SLF001  (Dask would import pandas here to preload its own)
        with fork_server.interrupts_wait():
            try:
                self._cluster = self._start(workers, has_dashboard=has_dashboard)
                self._client = Client(self._cluster)
            except (OSError, RuntimeError, TimeoutError) as error:
                message = "The worker processes cannot be started."
                raise CurateError(message, hint="Take fewer of them, or do all in one process: --workers 1.") from error

    def _start(self, workers: int, *, has_dashboard: bool) -> LocalCluster:
        address = f"{LOOPBACK}:{DASHBOARD_PORT if has_dashboard else 0}"
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            security=Security.temporary(),
            silence_logs=logging.CRITICAL,
            worker_class=_Keeper,
            local_directory=str(self._scratch),
            memory_limit=self._share_bytes,
            over_limit=self._over_limit,
            env=self._environment,
            scheduler_kwargs={"allowed_failures": 0, "dashboard": has_dashboard, "dashboard_address": address},
        )

    @property
    def dashboard(self) -> str:
        """Address of Dask's page."""
        return str(self._cluster.dashboard_link)

    @contextlib.contextmanager
    def window(self) -> Iterator["Window"]:
        """A set of calls under way; what is left of them at the end is forgotten."""
        window = Window(self._client, self._over_limit, self._results)
        try:
            yield window
        finally:
            window.close()

    @contextlib.contextmanager
    def all_memory_for_one(self) -> Iterator[None]:
        """Let one worker use the memory of all, while nothing else is under way."""
        self._limit(self._memory_bytes)
        try:
            yield
        finally:
            self._limit(self._share_bytes)

    def _limit(self, memory_bytes: int) -> None:
        for nanny in self._cluster.workers.values():
            nanny.memory_manager.memory_limit = memory_bytes

    def close(self) -> None:
        """End all processes at once; what was under way is lost."""
        for nanny in self._cluster.workers.values():
            nanny.close_gracefully()  # it does not start the process again
            if nanny.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError, OSError):
            self._client.close()
            self._cluster.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        for name in os.environ.keys() - self._environment.keys():  # Dask sets its workers' variables here too
            del os.environ[name]
        os.environ.update(self._environment)


class Window:
    """Calls that are under way on a crew's workers."""

    def __init__(self, client: Client, over_limit: set[str], results: Path) -> None:
        self._client = client
        self._over_limit = over_limit
        self._results = results
        self._futures: dict[str, tuple[int, Future[Any]]] = {}
        self._ended = as_completed(loop=client.loop)

    @property
    def under_way(self) -> int:
        """Calls that have been started and not been taken from `ended`."""
        return len(self._futures)

    def start(self, number: int, name: str, function: Callable[..., object], *arguments: object) -> None:
        """Start a call under a number of the caller's; `name` is shown on the dashboard."""
        key = f"{name}-{uuid.uuid4().hex}"
        future = self._client.submit(keep, self._results / key, function, *arguments, key=key, pure=False)
        self._futures[key] = (number, future)
        self._ended.add(future)

    def ended(self) -> tuple[int, Any]:
        """Wait for the next call to end: its number, and what it returned or `Lost`.

        Raises
        ------
        CurateError
            No worker process comes up any more.
        """
        future = next(self._ended)
        number, _ = self._futures.pop(str(future.key))
        result = self._results / str(future.key)
        if result.exists():
            value = pickle.loads(result.read_bytes())  # noqa: S301  (a worker of ours wrote it into private/)
            result.unlink()
            return number, value
        error = future.exception()
        if isinstance(error, KilledWorker):
            return number, Lost(is_out_of_memory=error.last_worker.address in self._over_limit)
        if isinstance(error, NoWorkerError | NoValidWorkerError):
            message = "No worker process comes up any more."
            raise CurateError(message, hint="See the machine's free memory; then run the same command again.")
        raise error or RuntimeError(future.status)

    def close(self) -> None:
        """Forget what is under way."""
        if self._futures:
            self._client.cancel([future for _, future in self._futures.values()])


def _configure(threads: dict[str, str], *, has_dashboard: bool) -> None:
    """Set Dask up: see https://docs.dask.org/en/stable/configuration.html#distributed."""
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # their messages name arguments
    no_pages: dict[str, object] = {} if has_dashboard else {"distributed.scheduler.http.routes": []}
    dask.config.set({
        **no_pages,
        "distributed.worker.http.routes": [],
        "distributed.worker.multiprocessing-method": fork_server.METHOD,
        "distributed.scheduler.worker-ttl": None,  # native code may keep a worker from answering for minutes
        "distributed.scheduler.no-workers-timeout": _NO_WORKERS_S,
        "distributed.worker.profile.enabled": has_dashboard,
        "distributed.worker.memory.target": False,  # results are small; nothing is moved to disk
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.95,
        "distributed.admin.large-graph-warning-threshold": "1TB",  # the report's unit names every session
        "distributed.deploy.lost-worker-timeout": _NEVER,
        "distributed.nanny.pre-spawn-environ": threads,  # without Dask's own of malloc
    })  # fmt: skip
