"""What a unit costs the process that does it: wall seconds, CPU seconds, peak memory.

A worker does many units, so the kernel's high-water mark is put back before each. CPU seconds count the programs that the
unit started and waited for, as label engines are.
"""

import resource
import time
from pathlib import Path

from umd_curate.store.ledger import Usage

_KIB_PER_MIB = 1024
_RESET_PEAK = b"5"  # proc(5), clear_refs: the peak resident set size becomes the present one
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class Meter:
    """Counts from its making on."""

    def __init__(self) -> None:
        _reset_peak()
        self._cpu_seconds = _cpu_seconds()
        self._started = time.perf_counter()

    def usage(self) -> Usage:
        """What this process has used since."""
        return Usage(
            seconds=time.perf_counter() - self._started,
            cpu_seconds=_cpu_seconds() - self._cpu_seconds,
            peak_rss_mib=_peak_rss_kib() / _KIB_PER_MIB,
        )


def _cpu_seconds() -> float:
    """User and system seconds of this process and of its children that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak_rss_kib() -> int:
    """Peak resident set size, as proc(5) has it; getrusage would count the peak of the process that forked this one too."""
    try:
        status = _STATUS.read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def _reset_peak() -> None:
    """Put the peak back; where the kernel does not let us, the peak stays that of the process's whole life."""
    try:
        _CLEAR_REFS.write_bytes(_RESET_PEAK)
    except OSError:
        return
