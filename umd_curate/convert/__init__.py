"""Convert: de-identified datasets in slice order become a staged NIfTI with sidecar and receipt.

The room decides what a stored number means (SUVbw, HU, arbitrary) and where a voxel lies, refuses by name what cannot be
decided, and reads every written file back. Site contours in DICOM SEG or RTSTRUCT become a label map on exactly the image's grid.
`step.convert_series` and `contours_io.stage_contours` are the doors of the pixel path, `suv.derive_suv` tells an SUV with its derivation.
"""
