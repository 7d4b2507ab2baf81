"""Finds ``manifests/`` and ``schemas/``: inside an installed wheel, or beside the package in a checkout."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

from umd_curate.errors import ConfigError
from umd_curate.model.labels import Organ, OrganTable

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_folder(name: str) -> Path:
    """Folder of packaged data.

    Raises
    ------
    ConfigError
        The installation is incomplete.
    """
    for folder in (_PACKAGE / "_resources" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    message = f"The packaged folder {name!r} is missing."
    raise ConfigError(message, hint="Install umd-curate again.")


def definition(name: str) -> dict[str, object]:
    """Definition of a dataset, as its TOML file in ``manifests/`` says.

    Raises
    ------
    ConfigError
        There is no definition of that name.
    """
    return tomllib.loads(_definition_text(name))


def definition_sha256(name: str) -> str:
    """SHA-256 of a definition's file; raises as `definition`."""
    return hashlib.sha256(_definition_text(name).encode()).hexdigest()


@cache
def _definition_text(name: str) -> str:
    path = resource_folder("manifests") / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in resource_folder("manifests").glob("*.toml")))
        message = "dataset.definition names no known dataset."
        raise ConfigError(message, hint=f"Known: {known}.")
    return path.read_text(encoding="utf-8")


@cache
def organ_table(name: str = "umd") -> OrganTable:
    """The organs of a dataset, by id."""
    entries = definition(name)["organs"]
    assert isinstance(entries, list)  # noqa: S101  (the packaged file is tested)
    organs = [
        Organ(
            id=entry["id"],
            name=entry["name"],
            snomed_code=entry["snomed_code"],
            snomed_meaning=entry["snomed_meaning"],
            side=entry.get("side"),
            colour=tuple(entry["colour"]),
            aliases=tuple(entry.get("aliases", ())),
            other_codes=tuple(entry.get("other_codes", ())),
            pieces=entry.get("pieces", 1),
            moves=entry.get("moves", False),
        )
        for entry in entries
    ]
    return OrganTable(tuple(sorted(organs, key=lambda organ: organ.id)))


@cache
def resource_bytes(relative: str) -> bytes:
    """Bytes of a packaged file, named relative to the folder of packaged data, such as ``manifests/deid/keep.csv``.

    Raises
    ------
    ConfigError
        The installation is incomplete.
    """
    folder, _, name = relative.partition("/")
    path = resource_folder(folder) / name
    if not path.is_file():
        message = f"The packaged file {relative!r} is missing."
        raise ConfigError(message, hint="Install umd-curate again.")
    return path.read_bytes()
