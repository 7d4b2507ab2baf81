"""Reads the transforms that reviewers give: files that umd.toml names, and what the command line left in the ledger."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from umd_curate.errors import ConfigError
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json
from umd_curate.model.steps import View
from umd_curate.model.transforms import Rigid, TransformFault, parse_transform, rigid_of

OVERRIDES = "overrides"  # ledger fact: transforms given on the command line, by pair
_MAX_CHARACTERS = 100_000  # a rigid transform is a few hundred characters of text; of an image no more is read


def read_transform(path: Path) -> Rigid:
    """Rigid transform of a file: ITK's text (LPS) or 4 x 4 numbers (RAS).

    Raises
    ------
    ConfigError
        It cannot be read, or is no rigid transform.
    """
    hint = "It is an ITK .tfm of one rigid transform, or 4 x 4 numbers in RAS mm; both map fixed to moving points."
    try:
        with path.open(encoding="utf-8") as handle:
            return parse_transform(handle.read(_MAX_CHARACTERS))
    except (OSError, UnicodeDecodeError) as error:
        message = "A transform that a reviewer gives cannot be read."
        raise ConfigError(message, hint=hint) from error
    except TransformFault as error:
        message = f"A transform that a reviewer gives is not usable: {error}."
        raise ConfigError(message, hint=hint) from error


def override_of(rigid: Rigid, reason: str) -> dict[str, Json]:
    """A transform and its reason as a unit's parameter."""
    return {"matrix": [float(value) for value in rigid.matrix.ravel()], "reason": reason}


def rigid_from(override: Mapping[str, Json]) -> Rigid:
    """Transform of a unit's parameter."""
    return rigid_of(np.array(override["matrix"], np.float64).reshape(4, 4))


def overrides(view: View, config: UmdConfig) -> dict[str, dict[str, Json]]:
    """Transforms by pair: those of umd.toml above those that the command line gave earlier.

    Raises
    ------
    ConfigError
        A file is not usable.
    """
    given: dict[str, dict[str, Json]] = {}
    for receipt in view.receipts(OVERRIDES):
        for pair, entry in receipt.measured.items():
            if isinstance(entry, dict):
                given[pair] = dict(entry)
    for row in config.register_.override:
        given[row.pair] = override_of(read_transform(Path(row.transform)), row.reason)
    return given
