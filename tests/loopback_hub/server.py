"""Starts the loopback Hub in a thread, on a free port."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from tests.loopback_hub.app import App
from tests.loopback_hub.state import Hub


@dataclass(frozen=True)
class Served:
    """A Hub and where it answers."""

    hub: Hub
    endpoint: str


@contextmanager
def served(root: Path, *, cas: Path | None = None) -> Iterator[Served]:
    """A Hub that runs while the block does."""
    hub = Hub(root, cas=cas)
    server = uvicorn.Server(uvicorn.Config(App(hub), host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the loopback Hub did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(hub, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(10)
