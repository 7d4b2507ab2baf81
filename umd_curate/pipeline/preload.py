"""What the fork server imports (`fork_server.py`): all that a worker would import on its way to the end of an ingest.

Imported nowhere else. Like a worker, the fork server dies with the coordinator.
"""

import gc

from umd_curate.startup import settle

settle()
gc.disable()

import distributed.nanny  # noqa: E402, F401
import nibabel  # noqa: E402, F401
import SimpleITK  # noqa: E402, F401  (heavy, and imported where it is used)

import umd_curate.deid.step  # noqa: E402
import umd_curate.pipeline.dicom_series  # noqa: E402
import umd_curate.pipeline.pixel_path  # noqa: E402
import umd_curate.pipeline.referee  # noqa: E402, F401
from umd_curate.pipeline.worker import die_with_coordinator  # noqa: E402

die_with_coordinator()
gc.freeze()  # what is here is nobody's garbage: workers need neither look at it nor copy its pages
gc.enable()
