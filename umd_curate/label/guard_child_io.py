"""Runs one command and ends it, with its children, when the program that asked for it is gone.

Started as a file in a session of its own, so it needs none of our libraries. The asking program holds the other end of its
standard input: when that closes, however the asker ended, the whole group is killed.
"""

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 127


def main(argv: list[str]) -> int:
    """Run `argv`; its exit status, 128 and the signal's number where a signal ended it."""
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)  # noqa: S603  (the user's own engine)
    except OSError:
        return NOT_STARTED
    threading.Thread(target=_end_with_asker, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_asker() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
