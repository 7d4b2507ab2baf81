"""The engine `import`: the organ contours that the site already has.

Decides that contours are taken over voxel by voxel or not at all. Where they come from, a DICOM SEG of the study or the
table label.contours, is decided in the plan.
"""

from umd_curate.label.engine import EngineDescription, EngineSettings, LabelCase, Need
from umd_curate.label.io import read_label_map
from umd_curate.label.judge import Drawing
from umd_curate.label.voxels import SAME_VOXELS_MM, reordered
from umd_curate.model.catalogue.label import EMPTY, OTHER_VOXELS
from umd_curate.model.findings import Refused

DESCRIPTION = EngineDescription(
    name="import",
    version="1",
    method="site-contours",
    targets=frozenset({"ct", "mr"}),
    needs=Need.CONTOURS,
)


class ContourImport:
    """Takes over the site's own contours of a CT or MR."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        """It has no settings of its own."""

    def describe(self) -> EngineDescription:
        """What it is."""
        return DESCRIPTION

    def ready(self) -> tuple[str, ...]:
        """It needs nothing that could be absent."""
        return ()

    def draw(self, case: LabelCase) -> Drawing:
        """Read the contours of the case and put their axes in the order of the image's.

        Raises
        ------
        Refused
            No contours (LAB-107), unreadable (LAB-101), on other voxels (LAB-102).
        """
        source = case.source("contours")
        if source is None:
            raise Refused(EMPTY.at(case.place))
        labels = reordered(read_label_map(source.path, case.place), case.grid)
        if labels is None:
            raise Refused(OTHER_VOXELS.at(case.place, "allowed distance of corners [mm]", limit=SAME_VOXELS_MM))
        inputs = {"contours": source.sha256, case.target: case.image_sha256}
        return Drawing(labels, source.names, reference=case.target, inputs=inputs)
