"""Runs a program and says what it cost: CPU seconds of it and its children, peak memory, bytes that it left.

Imports nothing large: Linux counts the memory of the process that starts a program towards the program's own peak.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one run cost."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    megabytes: float


def cost_of(commands: list[list[str]], written: Path) -> Cost:
    """Run commands one after the other; `written` is the folder of their output.

    Raises
    ------
    RuntimeError
        One of them failed.
    """
    cpu, peak, started = 0.0, 0.0, time.perf_counter()
    for command in commands:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        words = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(words.decode(errors="replace")[-2000:])
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss / 1024)
    size = sum(path.stat().st_size for path in written.rglob("*.nii*"))
    return Cost(cpu, time.perf_counter() - started, peak, size / 1e6)


def wall_of_two(first: list[str], second: list[str]) -> tuple[float, float]:
    """Wall seconds of two commands one after the other, and side by side."""
    started = time.perf_counter()
    for command in (first, second):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    serial = time.perf_counter() - started
    started = time.perf_counter()
    running = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in (first, second)
    ]
    if any(process.wait() for process in running):
        message = "a run failed"
        raise RuntimeError(message)
    return serial, time.perf_counter() - started
