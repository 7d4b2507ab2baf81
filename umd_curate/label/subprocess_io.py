"""Makes a label engine of a model engine: runs its command in its own environment, within limits, and reads what it left.

Decides what each way of failing is called, and what is kept of a run: `run.json` on the private side, with time, memory and
the last lines of its log; what decides the labels goes into their sidecar. A command that stays is kept for the next image, so a
batch loads the model once; it is ended when it fails, when this program ends, and by itself after a while without work.
"""

import atexit
import os
import re
import select
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from umd_curate.label.engine import EngineDescription, LabelCase
from umd_curate.label.io import read_label_map
from umd_curate.label.jobs_io import GIB, Command, Job, Limits, ModelEngine
from umd_curate.label.judge import Drawing
from umd_curate.label.processes_io import Broken, Process
from umd_curate.model.catalogue.label import ENDED_BADLY, NO_RESULT, TOOK_TOO_LONG, TOOK_TOO_MUCH
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Json
from umd_curate.store.files import write_json

DONE: Final = "ok"
TAIL_LINES: Final = 30
_LINE: Final = 160  # characters of a line of the log
_PATH: Final = re.compile(r"(?:[A-Za-z]:)?[~\w.-]*[/\\][^\s'\",:;)\]]*")
_LOOK_EVERY_S: Final = 0.1

_Key = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
_staying: dict[_Key, Process] = {}
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended on one image: exit status (None: it stays), which limit it broke, what it took, its last lines."""

    status: int | None
    broken: Broken | None
    is_done: bool
    seconds: float
    peak_bytes: int
    log_tail: list[str]


class Subprocessed:
    """A model engine as a label engine."""

    def __init__(self, engine: ModelEngine, limits: Limits) -> None:
        self.engine = engine
        self.limits = limits

    def describe(self) -> EngineDescription:
        """What it is."""
        return self.engine.describe()

    def ready(self) -> tuple[str, ...]:
        """What keeps it from working."""
        return self.engine.ready()

    def draw(self, case: LabelCase) -> Drawing:
        """Have the image labelled.

        Raises
        ------
        Refused
            Time (LAB-111), memory (LAB-112), exit status (LAB-113), no result (LAB-114) or an unreadable one (LAB-101).
        """
        with _workplace(case) as folder:
            job = Job(case.target, case.image, folder / "job", case.organs)
            job.folder.mkdir(mode=0o700)
            try:
                return self._drawn(job, folder, case)
            finally:
                shutil.rmtree(job.folder, ignore_errors=True)

    def _drawn(self, job: Job, folder: Path, case: LabelCase) -> Drawing:
        command, described = self.engine.command(job), self.engine.describe()
        with _one_at_a_time:
            ended = self._ask(command) if command.request else self._run(command, job.folder / "engine.log")
        _keep(folder / "run.json", described, ended)
        if ended.broken is Broken.TIME:
            raise Refused(TOOK_TOO_LONG.at(case.place, f"engine {described.name} [s]", limit=self.limits.seconds))
        if ended.broken is Broken.MEMORY:
            raise Refused(
                TOOK_TOO_MUCH.at(
                    case.place,
                    f"engine {described.name} [GiB]",
                    measured=round(ended.peak_bytes / GIB, 3),
                    limit=round(self.limits.memory_bytes / GIB, 3),
                )
            )
        if not ended.is_done:
            raise Refused(ENDED_BADLY.at(case.place, f"engine {described.name}, exit status", measured=ended.status))
        found = self.engine.collect(job)
        if found.labels is None:
            raise Refused(NO_RESULT.at(case.place, f"engine {described.name}"))
        labels = read_label_map(found.labels, case.place)
        return Drawing(
            labels,
            found.names,
            reference=case.target,
            inputs={case.target: case.image_sha256},
            run=found.run,
            is_vocabulary=found.names is not None,
        )

    def _run(self, command: Command, log: Path) -> Ended:
        """Run a command that ends with its job."""
        began = time.monotonic()
        process = Process(command.argv, command.environment, log, stays=False)
        try:
            broken = process.wait(self.limits.seconds, self.limits.memory_bytes)
        finally:
            process.end()
        status = process.status()
        is_done = broken is None and status == 0
        return Ended(status, broken, is_done, time.monotonic() - began, process.peak_bytes, log_tail(log))

    def _ask(self, command: Command) -> Ended:
        """Give a command that stays its next job, starting it where it is not there."""
        began = time.monotonic()
        key = (command.argv, tuple(sorted(command.environment.items())))
        process, allowed = _staying.get(key), self.limits.seconds
        if process is None or process.status() is not None:
            log = Path(tempfile.mkdtemp(prefix="umd-engine-")) / "engine.log"
            process = _staying[key] = Process(command.argv, command.environment, log, stays=True)
            allowed += self.limits.start_seconds
        process.peak_bytes = 0
        written = process.log.stat().st_size
        answer, broken = "", None
        try:
            process.input.write(command.request.encode() + b"\n")
            process.input.flush()
            answer, broken = _answer(process, began + allowed, self.limits.memory_bytes)
        except BrokenPipeError:
            pass  # it has ended; its exit status tells
        finally:
            tail = log_tail(process.log, written)
            if answer != DONE:
                process.end()
                _forget(key, process)
        return Ended(process.status(), broken, answer == DONE, time.monotonic() - began, process.peak_bytes, tail)


def _keep(path: Path, described: EngineDescription, ended: Ended) -> None:
    """Write what the run took."""
    record: dict[str, Json] = {
        "engine": described.name,
        "version": described.version,
        "exit_status": ended.status,
        "limit_broken": str(ended.broken) if ended.broken else None,
        "seconds": round(ended.seconds, 3),
        "peak_memory_bytes": ended.peak_bytes,
        "log_tail": list(ended.log_tail),
    }
    write_json(path, record, mode=0o600)


def log_tail(log: Path, start: int = 0) -> list[str]:
    """Last lines of a log from a byte on, printable and without paths."""
    if not log.exists():
        return []
    with log.open("rb") as handle:
        handle.seek(max(start, log.stat().st_size - TAIL_LINES * _LINE * 4))
        text = handle.read().decode("utf-8", errors="replace")
    lines = [
        "".join(letter for letter in line if letter.isprintable())
        for line in text.replace("\r", "\n").split("\n")
        if line.strip()
    ]
    return [_PATH.sub("<path>", line)[:_LINE] for line in lines[-TAIL_LINES:]]


def end_staying() -> None:
    """End the commands that stay for further images."""
    for key, process in list(_staying.items()):
        process.end()
        _forget(key, process)


atexit.register(end_staying)


def _forget(key: _Key, process: Process) -> None:
    _staying.pop(key, None)
    shutil.rmtree(process.log.parent, ignore_errors=True)


def _answer(process: Process, deadline: float, memory_bytes: int) -> tuple[str, Broken | None]:
    """The line that a command answers with; empty where it ends or breaks a limit before."""
    found = b""
    while not found.endswith(b"\n"):
        broken = process.broken(deadline, memory_bytes)
        if broken:
            return "", broken
        if select.select([process.answers], [], [], _LOOK_EVERY_S)[0]:
            block = os.read(process.answers, 4096)
            if not block:
                return "", None
            found += block
    return found.decode("utf-8", errors="replace").strip(), None


@contextmanager
def _workplace(case: LabelCase) -> Iterator[Path]:
    """A private folder for one engine on one image, clean of an earlier run."""
    if case.work is None:
        with tempfile.TemporaryDirectory(prefix="umd-engine-") as name:
            yield Path(name)
        return
    shutil.rmtree(case.work, ignore_errors=True)
    case.work.mkdir(parents=True, mode=0o700)
    yield case.work
