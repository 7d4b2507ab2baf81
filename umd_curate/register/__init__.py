"""Brings the CT or MR of a scan onto the grid of its PET.

Both images of one session name one frame of reference (0020,0052), so the transform is the identity and no registration
is run: a rigid fit would trade a perfect head for the diaphragm. Each PET voxel gets the mean of the CT or MR over its own
footprint, so that nothing aliases and the mean is kept; what lies outside the field of view is background. How much of the
PET grid is covered and what became of the mean is measured, and a pair that hardly overlaps is refused.
"""

from umd_curate.register.step import STEP

__all__ = ["STEP"]
