"""Gives each scan one label map of the dataset's organs, on its CT or MR and on its PET grid.

Engines draw, the room checks. An engine stands behind the contract of `engine.py` and is found by entry point, so a
stranger's engine is used like ours; the room sees to it that every label map stands on the image's own voxels, holds ids
of the dataset's table by name, is uint8, is not empty, and says where it comes from. Two engines need no weights: `import`
takes the contours that the site already has, `propagate` carries a CT or MR label to the PET of the same scan.
"""

from umd_curate.label.step import STEP

__all__ = ["STEP"]
