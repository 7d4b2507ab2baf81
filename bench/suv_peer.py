"""SUV by mirp, for `bench/suv.py`: runs in an environment of its own that has mirp, one JSON line per folder."""

import json
import logging
import sys
import time
import warnings

import numpy as np
from mirp import extract_images

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def main() -> None:
    """Print shape, least, median and greatest value over voxels that are not 0, and CPU seconds, of each folder named."""
    for folder in sys.argv[1:]:
        started = time.process_time()
        try:
            found = extract_images(
                image=folder, image_modality="pet", image_export_format="dict", write_images=False, export_images=True
            )
            values = np.asarray(found[0][0][0]["image"], np.float64)
            inside = values[values != 0]
            said = {"values": [float(inside.min()), float(np.median(inside)), float(inside.max())]}
        except Exception as error:  # noqa: BLE001  (whatever the peer raises is its refusal)
            said = {"refused": type(error).__name__}
        print(json.dumps({"folder": folder, "cpu_s": time.process_time() - started, **said}))


if __name__ == "__main__":
    main()
