"""Seeded synthetic cohorts: invented patients whose analytic bodies are scanned by PET/CT and PET/MR and written as DICOM.

The raw folder is a PACS export as hospitals hand it over: several vendors, localizers, reports, screen captures, spare
reconstructions, planted identifiers, and defects by name. Beside it lies the exact truth: organ masks, SUV per voxel,
affines, motions, landmarks, and what should become of every file. The demo, the tutorials and the tests stand on it.
"""

from umd_curate.synth.defects import DEFECT_TABLE, DEFECTS
from umd_curate.synth.options import Layout, Size, SynthOptions
from umd_curate.synth.planting import Verdict, orders
from umd_curate.synth.scanners import SCANNERS, Vendor
from umd_curate.synth.step import Cohort, write_cohort

__all__ = [
    "DEFECTS",
    "DEFECT_TABLE",
    "SCANNERS",
    "Cohort",
    "Layout",
    "Size",
    "SynthOptions",
    "Vendor",
    "Verdict",
    "orders",
    "write_cohort",
]
