"""What the program settles before it loads a library; done first by the command line and the fork server, never by an import.

Work is shared among processes, so BLAS needs no threads of its own: starting them costs a tenth of a second, and the product
multiplies matrices of 4 x 4. pydicom would load libraries that speak to the network, to fetch its own example files: they
have no business in a process that reads headers of patients, and no plugin of pydantic's, which would see what is validated, has
either. Objects of a run live long, so looking for garbage pays seldom.
"""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Final

GARBAGE_AFTER: Final = 100_000  # new objects between two looks for garbage; Python's own number is 700 or 2,000
FETCHERS: Final = ("requests", "tqdm")  # pydicom does without them where they are not installed


def settle() -> None:
    """Settle it; what the user's environment says of threads stands."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)  # at the end all memory goes back anyway
    if "pydicom" not in sys.modules:
        sys.meta_path.insert(0, _Pydicom())


class _Pydicom(MetaPathFinder):
    """Finds pydicom once, for a loader that keeps `FETCHERS` out."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "pydicom":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _WithoutFetchers(fullname, spec.loader.path)
        return spec


class _WithoutFetchers(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        absent = {name: None for name in FETCHERS if name not in sys.modules}
        sys.modules.update(absent)  # type: ignore[arg-type]  # None says that there is no such module
        try:
            super().exec_module(module)
        finally:
            for name in absent:
                del sys.modules[name]
