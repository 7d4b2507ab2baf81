"""Contours of the site: RTSTRUCT by `structures_io.py`, DICOM SEG into frames and segments: BINARY, FRACTIONAL (cut at one half) and LABELMAP (PS3.3 A.51, C.8.20).

Decides how a segment's code and side are read (SNOMED CT, or the older SNOMED RT codes that pydicom maps to it) and what
a pixel means; which organ that is and where it goes is decided in `contours.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from umd_curate import __version__
from umd_curate.convert.contours import (
    Contours,
    Mask,
    SegmentName,
    frame_place,
    organ_of,
    paint,
    renamed,
    unmapped,
)
from umd_curate.convert.geometry import SlicePlace, check_complete
from umd_curate.convert.header_io import Attributes, slice_place
from umd_curate.convert.io import stored_plane
from umd_curate.convert.step import Converted, versions
from umd_curate.convert.structures_io import RTSTRUCT, convert_structures
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.labels import Organ, OrganTable
from umd_curate.model.receipts import What
from umd_curate.model.sidecars import FindingEntry, LabelSidecar
from umd_curate.model.study import VolumeOrder
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import write_volume

LEFT, RIGHT = "7771000", "24028007"  # SCT
SNOMED_RT: Final = frozenset({"SRT", "SNM3", "99SDM"})  # designators of one scheme (PS3.16 8.1)
FRACTIONAL_CUT: Final = 0.5  # of MaximumFractionalValue (0062,000E)


def convert_contours(
    seg: Dataset, grid: Grid, organs: OrganTable, place: str, aliases: Mapping[str, str] | None = None
) -> Contours:
    """Turn a DICOM SEG or RTSTRUCT into a label map on exactly the grid of its image.

    Parameters
    ----------
    seg
        Segmentation object or structure set.
    grid
        Grid of the CT or MR on which it was drawn.
    organs
        The dataset's organs; segments that are none of them are counted and left out.
    place
        Short id of the segmentation.
    aliases
        Organ of each name that the site uses.

    Raises
    ------
    Refused
        The object cannot be read, or a frame does not stand on the grid.
    """
    root = Attributes(seg)
    if root.text("SOPClassUID") == RTSTRUCT:
        return convert_structures(seg, grid, organs, place, aliases or {})
    kind = root.code("SegmentationType") or ""
    n_frames = root.integer("NumberOfFrames") or 0
    if kind not in {"BINARY", "FRACTIONAL", "LABELMAP"} or n_frames < 1:
        raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(0062,0001) SegmentationType or (0028,0008) NumberOfFrames"))
    names = {number: renamed(name, aliases or {}) for number, name in _segments(root, organs, place).items()}
    mapped = {number: organ for number, name in names.items() if (organ := organ_of(name, organs))}
    frames = _frames_of_organs(seg, n_frames, mapped, place, is_labelmap=kind == "LABELMAP")
    places = {
        frame: frame_place(_checked_place(seg, frame, place), grid, place)
        for frame in sorted({frame for numbers in frames.values() for frame in numbers})
    }
    cut = FRACTIONAL_CUT * (root.number("MaximumFractionalValue") or 255.0)

    def mask_of(frame: int, organ: Organ) -> Mask:
        stored = stored_plane(seg, frame, place)
        if kind == "LABELMAP":
            return np.isin(stored, [number for number, found in mapped.items() if found is organ])
        return np.asarray(np.greater_equal(stored, cut) if kind == "FRACTIONAL" else stored != 0, np.bool_)

    painted = paint(grid.shape_kji, frames, places, mask_of, place)
    cut_finding = [codes.FRACTIONAL.at(place, "(0062,0001) SegmentationType")] if kind == "FRACTIONAL" else []
    findings = (*unmapped(names.values(), organs, place), *cut_finding, *painted.findings)
    return Contours(painted.array_kji, painted.labels, findings)


def _checked_place(seg: Dataset, frame: int, place: str) -> SlicePlace:
    found = slice_place(Attributes(seg, frame))
    check_complete(found, place)
    return found


def stage_contours(
    contours: Contours, grid: Grid, order: VolumeOrder, folder: Path, relative: str, reference: str
) -> Converted:
    """Write contours as ``<stem>_contours.nii.gz`` with a `LabelSidecar`; `reference` is the image's role, ct or mr."""
    name = f"sub-{order.subject}_ses-{order.session}_contours"
    path = folder / f"{name}.nii.gz"
    digest = write_volume(path, Volume(contours.array_kji, grid.affine))
    sidecar = LabelSidecar(
        engine="umd-curate convert",
        engine_version=__version__,
        method="site-contours",
        reference=reference,
        transform="identity",
        labels={organ.name: organ.id for organ in contours.labels},
        voxel_sha256=digest,
        findings=tuple(FindingEntry.of(finding) for finding in contours.findings),
    )
    write_json(folder / f"{name}.json", sidecar.model_dump(mode="json", by_alias=True))
    what = What.STAGED_CONTOURS
    return Converted(
        artifacts=(
            artifact(what, f"{relative}/{name}.nii.gz", path),
            artifact(f"{what}.json", f"{relative}/{name}.json", folder / f"{name}.json"),
        ),
        findings=contours.findings,
        measured={
            "n_organs": len(contours.labels),
            "voxels": {organ.name: int((contours.array_kji == organ.id).sum()) for organ in contours.labels},
        },
        versions=versions(),
    )


def _segments(root: Attributes, organs: OrganTable, place: str) -> dict[int, SegmentName]:
    """Names of the segments by their number (0062,0004); 0 is the background of a LABELMAP."""
    segments: dict[int, SegmentName] = {}
    for item in root.items("SegmentSequence"):
        number = item.integer("SegmentNumber")
        if number is None:
            raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(0062,0004) SegmentNumber"))
        if number > 0:
            segments[number] = _name_of(item, organs)
    if not segments:
        raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(0062,0002) SegmentSequence"))
    return segments


def _name_of(segment: Attributes, organs: OrganTable) -> SegmentName:
    """Code of the property type (0062,000F), else of the anatomic region (0008,2218); side from a modifier of either."""
    types = segment.items("SegmentedPropertyTypeCodeSequence")
    regions = segment.items("AnatomicRegionSequence")
    coded = [code for item in (*types, *regions) if (code := _snomed(item, organs))]
    modifiers = [
        modifier
        for item in (segment, *types, *regions)
        for keyword in ("SegmentedPropertyTypeModifierCodeSequence", "AnatomicRegionModifierSequence")
        for modifier in item.items(keyword)
    ]
    sides = {side for modifier in modifiers if (side := _side(modifier))}
    return SegmentName(
        snomed_code=coded[0] if coded else "",
        side=sides.pop() if len(sides) == 1 else None,
        label=segment.text("SegmentLabel") or "",
    )


def _snomed(item: Attributes, organs: OrganTable) -> str:
    """SNOMED CT code of the organ table that a code item names, in SCT or the older SRT; empty where it names none."""
    known = (code for organ in organs for code in (organ.snomed_code, *organ.other_codes))
    return next((code for code in known if _is_coded(item, code)), "")


def _side(modifier: Attributes) -> str | None:
    return "left" if _is_coded(modifier, LEFT) else "right" if _is_coded(modifier, RIGHT) else None


def _is_coded(item: Attributes, code: str) -> bool:
    """Say whether a code item names a concept of SNOMED CT, by its code or by the older one of SNOMED RT."""
    from pydicom.sr.coding import Code  # noqa: PLC0415  (its tables of concepts are large, and few series are contours)

    scheme = item.text("CodingSchemeDesignator") or ""
    found = Code(item.text("CodeValue") or "", "SRT" if scheme in SNOMED_RT else scheme, "")
    return bool(found == Code(code, "SCT", ""))


def _frames_of_organs(
    seg: Dataset, n_frames: int, mapped: Mapping[int, Organ], place: str, *, is_labelmap: bool
) -> dict[Organ, list[int]]:
    """Frame numbers that may hold voxels of each organ: in a LABELMAP all of them."""
    if is_labelmap:
        return {organ: list(range(n_frames)) for organ in mapped.values()}
    frames: dict[Organ, list[int]] = {}
    for frame in range(n_frames):
        number = Attributes(seg, frame).integer("ReferencedSegmentNumber")
        if number is None:
            raise Refused(codes.CONTOURS_UNREADABLE.at(place, "(0062,000B) ReferencedSegmentNumber"))
        organ = mapped.get(number)
        if organ is not None:
            frames.setdefault(organ, []).append(frame)
    return frames
