"""Release: makes ``releases/<version>/umd/`` of the finished sessions.

It gates the sessions, splits them by subject and builds a plain folder of Parquet shards, manifests, checksums and a card,
which `load_dataset` reads as it stands; the folder is read back before it gets its name. `step.py` tells the story; `io.py`
writes, `scan.py` reads back, and all other files decide.
"""

from umd_curate.release.plan import release_folder
from umd_curate.release.scan import verify_release
from umd_curate.release.step import STEP
from umd_curate.release.verify import VerifyResult

__all__ = ["STEP", "VerifyResult", "release_folder", "verify_release"]
