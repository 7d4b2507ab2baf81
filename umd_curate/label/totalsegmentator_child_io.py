"""What runs in TotalSegmentator's own environment: takes one image after another and refuses every network socket.

Started as a file by `engines/totalsegmentator.py`; it needs none of our libraries. A line of JSON on standard input holds
the arguments of TotalSegmentator's own `totalsegmentator()`; the answer is ``ok`` or ``failed``. It ends when its input
closes, whatever it is doing, and by itself after some time without work.
"""

import importlib
import json
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from typing import Any

IDLE_SECONDS = 120.0
LOCAL = {socket.AF_UNIX}  # its own processes talk to each other


class _Offline(socket.socket):
    """A socket that reaches no network; the library would send statistics and fetch weights."""

    def connect(self, address: Any) -> None:  # noqa: ANN401  (as of the library)
        """Reach another process of this machine, or nothing."""
        self._refuse()
        super().connect(address)

    def connect_ex(self, address: Any) -> int:  # noqa: ANN401
        """Reach another process of this machine, or nothing."""
        self._refuse()
        return super().connect_ex(address)

    def _refuse(self) -> None:
        if self.family not in LOCAL:
            message = "this engine works offline"
            raise OSError(message)


if __name__ in {
    "__main__",
    "__mp_main__",
}:  # started as a program, or by nnU-Net's spawned processes; never on a mere import
    socket.socket = _Offline  # type: ignore[misc]


def main() -> int:
    """Do jobs until there are none."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the libraries print goes to the log
    orders = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nnU-Net forks: no child may wait for a lock on our input
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(orders, jobs), daemon=True).start()
    while True:
        try:
            line = jobs.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return 0
        answers.write("ok\n" if _done(json.loads(line)) else "failed\n")


def _done(order: dict[str, object]) -> bool:
    try:
        totalsegmentator = importlib.import_module("totalsegmentator.python_api").totalsegmentator

        totalsegmentator(**order, ml=True, quiet=True, nr_thr_saving=1, nr_thr_resamp=1)
    except BaseException:  # noqa: BLE001  (it ends its process where it refuses a task)
        traceback.print_exc()
        return False
    return True


def _read(orders: int, jobs: "queue.Queue[str]") -> None:
    rest = b""
    while block := os.read(orders, 1 << 16):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            jobs.put(line.decode())
    os.killpg(0, signal.SIGKILL)  # the asker is gone


if __name__ == "__main__":
    sys.exit(main())
