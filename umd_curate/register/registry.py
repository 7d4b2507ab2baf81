"""Finds registration engines by entry point: ours and any that is installed beside us."""

from importlib.metadata import entry_points

from umd_curate.errors import EngineError
from umd_curate.register.protocol import GROUP, RegistrationEngine


def engine_names() -> list[str]:
    """Names of the installed engines, in order, without loading them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def load_engine(name: str) -> RegistrationEngine:
    """The named engine.

    Raises
    ------
    EngineError
        It is not installed, or cannot be loaded.
    """
    entry = next((entry for entry in entry_points(group=GROUP) if entry.name == name), None)
    if entry is None:
        message = "register.engine names an engine that is not installed."
        raise EngineError(message, hint=f"Installed: {', '.join(engine_names())}.")
    try:
        engine: RegistrationEngine = entry.load()()
    except (ImportError, AttributeError, TypeError) as error:
        message = f"The registration engine {name!r} is installed but cannot be loaded."
        raise EngineError(message) from error
    return engine
