"""umd-curate: raw PET/CT and PET/MRI DICOM in, a Hub-ready release out, and a receipt for every number in between.

`load_dataset` and `load_pairs` read a release; they are imported when they are first used, so that ``import umd_curate`` and
``umd-curate --help`` stay light.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from umd_curate.load import Dataset, Image, SubjectPair, load_dataset, load_pairs

__version__ = "0.1.0"
__all__ = ["Dataset", "Image", "SubjectPair", "__version__", "load_dataset", "load_pairs"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the room offers)
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module("umd_curate.load"), name)
