"""Fixtures that every test may ask for."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# No deadline: on a machine that does other work too, one slow example says nothing about the code. The same examples each
# time, so that a change is judged by what it changed; `make explore` looks for new ones.
settings.register_profile("house", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("house")


def pytest_configure() -> None:
    """Hear Ctrl-C even as a background job of a shell, which ignores it: what tests start inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all journeys on one worker: they share a cohort and a finished run."""
    for item in items:
        if "journeys" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("journeys"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images that stands beside a developer's checkout; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images of ../shared/data are not here")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _own_key(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has keys of its own: none touches the user's."""
    monkeypatch.setenv("UMD_KEY_FILE", str(tmp_path / "keys" / "deid.key"))
    monkeypatch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.getbasetemp() / "keys" / "signing.key"))
