"""A step's `perform` by name: the coordinator plans without the heavy libraries that only the work itself needs."""

import functools
import importlib
from collections.abc import Callable

from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Receipt
from umd_curate.model.steps import Place, Unit


def perform_of(module: str, name: str) -> Callable[[Unit, Place, UmdConfig], Receipt]:
    """Function that imports ``module.name`` when it is called; it can be sent to another process."""
    return functools.partial(_call, module, name)


def _call(module: str, name: str, unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    perform: Callable[[Unit, Place, UmdConfig], Receipt] = getattr(importlib.import_module(module), name)
    return perform(unit, place, config)
