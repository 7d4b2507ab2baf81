"""Load: reads a release from a folder or the Hub, pinned, verified, and without a copy that is not needed.

A room of its own, because those who only read a release need nothing of the rooms that make one. `load_dataset` is its door,
and ``umd_curate.load_dataset`` the same. `release_io.py`, `source_io.py`, `image_io.py`, `dataset_io.py`, `frames_io.py` and
`fetch_io.py` touch the world; `filters.py` and `nearest.py` decide.
"""

from umd_curate.load.dataset_io import Dataset, SubjectPair, load_dataset, load_pairs
from umd_curate.load.image_io import Image

__all__ = ["Dataset", "Image", "SubjectPair", "load_dataset", "load_pairs"]
