"""Libraries that are loaded at their first use: planning a run needs no image, and the imaging libraries take seconds."""

import importlib
from typing import Any


class Lazy:
    """Stands for a module until one of its names is asked for.

    Parameters
    ----------
    name
        Of the module, such as ``nibabel``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (the libraries that it serves are untyped)
        return getattr(importlib.import_module(self._name), name)
