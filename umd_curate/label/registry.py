"""Finds label engines by entry point: ours and any that is installed beside us."""

from collections.abc import Sequence
from importlib.metadata import entry_points

from umd_curate.errors import EngineError
from umd_curate.label.engine import LabelEngine

GROUP = "umd_curate.engines"


def installed_engines() -> dict[str, LabelEngine]:
    """Every installed engine by its entry point, in the order of the names.

    Raises
    ------
    EngineError
        An engine cannot be loaded.
    """
    return {name: _load(name) for name in engine_names()}


def engine_names() -> list[str]:
    """Names of the installed engines, in order, without loading them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def load_engines(names: Sequence[str]) -> dict[str, LabelEngine]:
    """The named engines in the order given.

    Raises
    ------
    EngineError
        An engine is not installed or cannot be loaded.
    """
    known = engine_names()
    if not set(names) <= set(known):
        message = "label.engines names an engine that is not installed."
        raise EngineError(message, hint=f"Installed: {', '.join(known)}.")
    return {name: _load(name) for name in names}


def _load(name: str) -> LabelEngine:
    entry = next(entry for entry in entry_points(group=GROUP) if entry.name == name)
    try:
        engine: LabelEngine = entry.load()()
    except (ImportError, AttributeError, TypeError) as error:
        message = f"The label engine {name!r} is installed but cannot be loaded."
        raise EngineError(message) from error
    return engine
