"""Convert: de-identified datasets in slice order become a staged NIfTI with sidecar and receipt.

The room decides what a stored number means (SUVbw, HU, arbitrary) and where a voxel lies, refuses by name what cannot be
decided, and reads every written file back. Site contours in DICOM SEG or RTSTRUCT become a label map on exactly the image's grid.
"""

from umd_curate.convert.contours import Contours, merge_contours
from umd_curate.convert.contours_io import convert_contours, stage_contours
from umd_curate.convert.derivation import SuvFactor
from umd_curate.convert.geometry import StackGeometry, stack_geometry
from umd_curate.convert.header_io import pet_header
from umd_curate.convert.step import Converted, convert_series
from umd_curate.convert.suv import derive_suv, same_suv

__all__ = [
    "Contours",
    "Converted",
    "StackGeometry",
    "SuvFactor",
    "convert_contours",
    "convert_series",
    "derive_suv",
    "merge_contours",
    "pet_header",
    "same_suv",
    "stack_geometry",
    "stage_contours",
]
