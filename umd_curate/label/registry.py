"""Finds engines: by entry point of the group ``umd_curate.engines``, and the site's own in [[label.command]]."""

import os
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from umd_curate.errors import EngineError
from umd_curate.label.engine import EngineSettings, LabelEngine
from umd_curate.label.engines.command import SiteCommand
from umd_curate.label.jobs_io import GIB, Limits
from umd_curate.label.subprocess_io import Subprocessed
from umd_curate.model.config_labels import LabelConfig

GROUP: Final = "umd_curate.engines"
FOLDER_VARIABLE: Final = "UMD_ENGINES"  # overrides label.engine_folder


def engine_folder(config: LabelConfig) -> Path:
    """Where environments and weights lie: the environment variable's path, else the configured one."""
    return Path(os.environ.get(FOLDER_VARIABLE) or config.engine_folder).expanduser().absolute()


def installed_engines(config: LabelConfig) -> dict[str, LabelEngine]:
    """Every engine that the settings allow to be made, in the order of the names.

    Raises
    ------
    EngineError
        An engine cannot be loaded.
    """
    names = [name for name in engine_names(config) if name != "consensus" or config.consensus]
    return {name: _load(name, config) for name in names}


def engine_names(config: LabelConfig) -> list[str]:
    """Names of the engines, in order, without loading them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)} | {entry.name for entry in config.command})


def load_engines(names: Sequence[str], config: LabelConfig) -> dict[str, LabelEngine]:
    """The named engines in the order given.

    Raises
    ------
    EngineError
        An engine is not installed or cannot be loaded.
    """
    known = engine_names(config)
    if not set(names) <= set(known):
        message = "label.engines or label.consensus names an engine that is not installed."
        raise EngineError(message, hint=f"Installed: {', '.join(known)}.")
    return {name: _load(name, config) for name in names}


def _load(name: str, config: LabelConfig) -> LabelEngine:
    limits = Limits(60.0 * config.minutes, int(config.memory_gib * GIB))
    own = next((entry for entry in config.command if entry.name == name), None)
    if own is not None:
        return Subprocessed(SiteCommand(own), limits)
    entry = next(entry for entry in entry_points(group=GROUP) if entry.name == name)
    try:
        engine = entry.load()(EngineSettings(config, engine_folder(config) / name))
    except (ImportError, AttributeError, TypeError) as error:
        message = f"The label engine {name!r} is installed but cannot be loaded."
        raise EngineError(message) from error
    return Subprocessed(engine, limits) if hasattr(engine, "command") else engine
