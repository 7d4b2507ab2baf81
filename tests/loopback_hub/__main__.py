"""Runs the loopback Hub until it is stopped: ``python -m tests.loopback_hub FOLDER [PORT]``."""

import sys
from pathlib import Path

import uvicorn

from tests.loopback_hub.app import App
from tests.loopback_hub.state import Hub

PORT = 8900


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "hub-files")
    port = int(sys.argv[2]) if len(sys.argv) > 2 else PORT
    print(f"A Hub for trying answers at http://127.0.0.1:{port}; its files lie in {root}. Ctrl-C ends it.")
    uvicorn.run(App(Hub(root)), host="127.0.0.1", port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
