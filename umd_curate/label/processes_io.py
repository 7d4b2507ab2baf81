"""Runs a command within limits of time and memory, and ends it with all its children.

Decides that a command gets a bare environment and a session of its own, and that memory is what all its processes hold
together. What a broken limit means for an image is decided in `subprocess_io.py`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from umd_curate.label import guard_child_io

PASSED_ON: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_LOOK_EVERY_S: Final = 0.05
_MEMORY_EVERY_S: Final = 0.5
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Broken(StrEnum):
    """Which limit a command broke."""

    TIME = "time"
    MEMORY = "memory"


class Process:
    """A command with all its children."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path, *, stays: bool) -> None:
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        guard = () if stays else (sys.executable, "-I", "-S", guard_child_io.__file__)
        self.log = log
        self.peak_bytes = 0
        self._looked_at = 0.0
        with log.open("ab") as output:
            self._popen: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  (the engine that the user chose)
                [*guard, *argv],
                cwd=log.parent,
                env=passed | dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if stays else output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def input(self) -> IO[bytes]:
        """Its standard input."""
        assert self._popen.stdin is not None  # noqa: S101  (a pipe was asked for)
        return self._popen.stdin

    @property
    def answers(self) -> int:
        """Descriptor of its standard output; only of a command that stays."""
        assert self._popen.stdout is not None  # noqa: S101  (a pipe was asked for)
        return self._popen.stdout.fileno()

    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._popen.poll()

    def wait(self, seconds: float, memory_bytes: int) -> Broken | None:
        """Wait until it has ended, or a limit is broken; then it is ended with all its children."""
        deadline = time.monotonic() + seconds
        while self.status() is None:
            broken = self.broken(deadline, memory_bytes)
            if broken:
                self.end()
                return broken
            time.sleep(_LOOK_EVERY_S)
        self.end()  # children that it left behind
        return None

    def broken(self, deadline: float, memory_bytes: int) -> Broken | None:
        """Which limit is broken at this moment."""
        now = time.monotonic()
        if now > deadline:
            return Broken.TIME
        if now - self._looked_at >= _MEMORY_EVERY_S:
            self._looked_at = now
            self.peak_bytes = max(self.peak_bytes, sum(resident(pid) for pid in family(self._popen.pid)))
        return Broken.MEMORY if self.peak_bytes > memory_bytes else None

    def end(self) -> None:
        """Kill it with all its children; calling it again does nothing."""
        for _ in range(3):  # a child may be made while the others are killed
            members = family(self._popen.pid)
            for pid in members:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not members - {self._popen.pid}:
                break
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


def family(root: int) -> set[int]:
    """Living processes of the session that `root` leads, and all that descend from them."""
    parents, members = {}, set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            state, parent, session = fields[0], int(fields[1]), int(fields[3])
            pid = int(entry.name)
            if state == "Z":
                continue
            parents[pid] = parent
            if root in {session, pid}:
                members.add(pid)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return members


def resident(pid: int) -> int:
    """Memory that a process holds [bytes]; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name: state, parent, group, session ...; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
