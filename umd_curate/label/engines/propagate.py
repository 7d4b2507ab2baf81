"""The engine `propagate`: carries the label map of a CT or MR to the PET grid of the same scan, or of another session.

Decides that both images of a scan share a frame of reference, so the transform is the identity unless a registration gave
one; which organs are approximate on its PET is said in the dataset's definition. Between sessions all are: the body lay in
another pose. How a coarse voxel gets its organ is decided in
`majority.py`, how a transform moves a label map in `carry_io.py`.
"""

from umd_curate.label.carry_io import carried_over
from umd_curate.label.engine import EngineDescription, EngineSettings, LabelCase, Need
from umd_curate.label.io import read_label_map
from umd_curate.label.judge import Drawing, canonical_ids, count_ids, renumbered
from umd_curate.model.catalogue.label import EMPTY, ORGANS_LOST
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume

DESCRIPTION = EngineDescription(
    name="propagate",
    version="1",
    method="propagated",
    targets=frozenset({"pet"}),
    needs=Need.LABELS,
)


class Propagate:
    """Carries the labels of a CT or MR to a PET of the same subject."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        """It has no settings of its own."""

    def describe(self) -> EngineDescription:
        """What it is."""
        return DESCRIPTION

    def ready(self) -> tuple[str, ...]:
        """It needs nothing that could be absent."""
        return ()

    def draw(self, case: LabelCase) -> Drawing:
        """Give each voxel of the case's grid the organ that fills the largest part of it.

        Raises
        ------
        Refused
            No label map to carry over (LAB-107), an unreadable one (LAB-101) or an unreadable transform (LAB-203).
        """
        source = case.source("ct", "mr")
        if source is None:
            raise Refused(EMPTY.at(case.place))
        read = read_label_map(source.path, case.place)
        counts = count_ids(read.array_kji, case.place)
        lookup, remarks = canonical_ids(counts, source.names, case.organs, case.place)
        reference = Volume(renumbered(read.array_kji, lookup), read.affine)
        carried, interpolation = carried_over(reference, case.grid, source.transforms, case.place)
        kept = {number for number in count_ids(carried.array_kji, case.place) if number}
        lost = len(set(lookup.values()) - kept)
        if lost:
            remarks = (*remarks, ORGANS_LOST.at(case.place, "number of organs", measured=lost, limit=0))
        return Drawing(
            carried,
            None,
            reference=source.reference,
            inputs={
                f"{source.reference}-labels": source.sha256,
                case.target: case.image_sha256,
                **{f"transform {file.shown}": file.sha256 for file in source.transforms},
            },
            transform=" + ".join(file.shown for file in source.transforms) or "identity",
            interpolation=interpolation,
            approximate=tuple(
                organ.name for organ in case.organs if (organ.moves or source.session) and organ.id in kept
            ),
            findings=remarks,
        )
