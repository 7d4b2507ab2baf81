"""Reads umd.toml into `UmdConfig`, with environment variables above the file: ``UMD_RELEASE__VERSION=1.0.0``."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from umd_curate.errors import ConfigError
from umd_curate.model.config import UmdConfig

ENVIRONMENT_PREFIX = "UMD_"
_SEPARATOR = "__"
FILES = (
    ("label", "contours"),
    ("convert", "supplement"),
    ("ingest", "patients"),
    ("release", "baseline"),
)  # settings that name a file, counted from the settings' folder

TEMPLATE = """\
# Settings of this workspace. `umd-curate config show --resolved` prints every setting and its default.

[dataset]
site = "site-1"      # published code of the hospital; never its name
licence = "other"    # licence of the release

[release]
version = "0.1.0"
"""


def load_config(path: Path | None, environment: Mapping[str, str] = os.environ) -> UmdConfig:
    """Settings of a workspace: environment above file above default.

    Raises
    ------
    ConfigError
        The file cannot be read, is no TOML, or holds an unknown key or a value that does not fit.
    """
    settings: dict[str, Any] = {}
    if path is not None:
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            message = "umd.toml cannot be read as UTF-8 text."
            raise ConfigError(message) from error
        except tomllib.TOMLDecodeError as error:
            message = f"umd.toml is not TOML: {error}."
            raise ConfigError(message) from error
    for name, value in sorted(environment.items()):
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition(_SEPARATOR)
        if name.startswith(ENVIRONMENT_PREFIX) and separator:
            _table(settings, section)[key] = value
    if path is not None:
        _count_from(path.parent, settings)
    try:
        return UmdConfig.model_validate(settings)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        message = f"umd.toml does not fit: {faults}."
        raise ConfigError(message) from error


def _count_from(folder: Path, settings: dict[str, Any]) -> None:
    """Make the files that settings name relative to the settings' own folder."""
    for section, key in FILES:
        named = _table(settings, section).get(key)
        if isinstance(named, str):
            settings[section][key] = str(folder / named)
    given = _table(settings, "register").get("override", [])
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("transform"), str):
            entry["transform"] = str(folder / Path(entry["transform"]).expanduser())


def _table(settings: dict[str, Any], section: str) -> dict[str, Any]:
    found = settings.setdefault(section, {})
    if not isinstance(found, dict):
        message = f"umd.toml does not fit: {section}: a table is needed, [{section}]."
        raise ConfigError(message)
    return found


def resolved_toml(config: UmdConfig) -> str:
    """Every setting with its value as TOML; settings without a value are left out."""
    dumped = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    return tomli_w.dumps(dumped)
