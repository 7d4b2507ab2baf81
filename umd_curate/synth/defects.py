"""Everything that can be planted by name, in one table. Adding a defect is adding a row to the table of its subject."""

from collections.abc import Mapping

from umd_curate.synth.defects_files import FILE_DEFECTS
from umd_curate.synth.defects_geometry import GEOMETRY_DEFECTS
from umd_curate.synth.defects_objects import OBJECT_DEFECTS
from umd_curate.synth.defects_pet import PET_DEFECTS
from umd_curate.synth.defects_study import STUDY_DEFECTS
from umd_curate.synth.planting import Defect

DEFECT_TABLE: Mapping[str, Defect] = {
    **FILE_DEFECTS,
    **GEOMETRY_DEFECTS,
    **STUDY_DEFECTS,
    **PET_DEFECTS,
    **OBJECT_DEFECTS,
}

DEFECTS: Mapping[str, str] = {name: defect.sentence for name, defect in DEFECT_TABLE.items()}
