"""Runs a reader of a release in a process of its own, and tells what the reading alone cost there."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def run(script: str, reader: str, folder: Path, *more: str) -> dict[str, Any]:
    """What a reader measured: `script` is called with ``--reader`` and ``--folder``, and prints it as `Meter.tell` does."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder.parent / "hf")}
    command = [sys.executable, script, "--reader", reader, "--folder", str(folder), *more]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Meter:
    """Counts from when it is made: CPU and wall seconds; the peak is that of the process."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def tell(self, **more: object) -> None:
        """Print what was measured, with what else there is to tell, as JSON."""
        costs = {"cpu": time.process_time() - self._cpu, "wall": time.perf_counter() - self._wall, "peak": _peak_mib()}
        print(json.dumps(costs | more))


def _peak_mib() -> float:
    """Peak memory of this program alone; what `getrusage` tells has the parent's in it."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
