"""Writes one series as de-identified DICOM: cleaned, without a face, read back, searched, and only then moved to its place.

Faces: a series that a session holds is cut as that session's images were. Any other series is looked at by itself; where
it shows a head, the cut of its frame of reference is carried to it, or it is not written.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset

from umd_curate.deid.burned import Decided, decided_of
from umd_curate.deid.carry_io import Carried, carried_from, look_for_head
from umd_curate.deid.clean_io import Cleaned, Deed, HeaderCleaner
from umd_curate.deid.conformance_io import new_errors
from umd_curate.deid.dicom_out_io import (
    Stored,
    refuse_hidden,
    refuse_identifiers,
    stored_plane,
    stored_planes,
    with_plane,
    write_checked,
)
from umd_curate.deid.encode_io import SeriesWriter
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.rules import rules_of
from umd_curate.deid.strokes import text_rows
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.catalogue import run as run_codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.model.receipts import Artifact, Receipt
from umd_curate.model.steps import Place, Unit
from umd_curate.pipeline.deeds import keep_deeds
from umd_curate.pipeline.dicom_out import SeriesOrder, read_series_order
from umd_curate.store.dicom import READ_FAULTS, dataset_of, quiet
from umd_curate.store.files import artifact
from umd_curate.store.keys import key_path, load_key
from umd_curate.store.sources import read_unchanged


@quiet()
def write_series(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Write the images of one series, all or none.

    Raises
    ------
    Refused
        One of them cannot be cleaned, shows what it should not, or is not conformant any more.
    """
    order, target = read_series_order(place.resolve(unit.inputs[0].path))
    key = load_key(key_path(config.deid.key_file))
    staging = place.resolve(f"private/dicom/{order.series}")
    shutil.rmtree(staging, ignore_errors=True)
    carried = _cuts(order, place, config)
    _refuse_text(order, config)
    cleaner = HeaderCleaner(key, PatientKey(order.patient), SubjectId(order.subject), rules_of(config.deid))
    writer = SeriesWriter()
    seen: set[tuple[Kind, str]] = set()
    moved: frozenset[str] = frozenset()
    done: Counter[Deed] = Counter()
    cut = 0
    try:
        for n, source in enumerate(_sources(order), 1):
            refuse_hidden(source, order.series)
            cleaned = cleaner.clean(source)
            cut += _cut(cleaned, source, carried, order.series)
            write_checked(cleaned, staging / f"{n:05d}.dcm", order.series, writer)
            seen |= cleaned.identifiers.entries
            done.update(cleaned.actions)
            moved = cleaned.moved
        refuse_identifiers(sorted(staging.glob("*.dcm")), order.series, IdentifierSet(frozenset(seen)), moved)
        errors = _conformance(order, staging)
        written = _moved(staging, target / order.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return unit.receipt(
        outputs=[*written, keep_deeds(f"dicom-{order.series}", place, done, len(order.files))],
        measured={
            "files": len(order.files),
            "searched_for": len(seen),
            "files_with_face_cut": cut,
            "faces": "cut" if cut else "retained" if config.deid.faces_retained else "none in view",
            "dciodvfy": "0 new errors" if errors is not None else "not asked",
        },
    )


def _sources(order: SeriesOrder) -> Iterator[FileDataset]:
    for name, size, mtime_ns in order.files:
        try:
            data = read_unchanged(name, size, mtime_ns)
            dataset = None if data is None else dataset_of(data)
        except READ_FAULTS as fault:
            raise Refused(run_codes.UNREADABLE.at(order.series, type(fault).__name__)) from fault
        if dataset is None:
            raise Refused(run_codes.CHANGED.at(order.series))
        yield dataset


def _cuts(order: SeriesOrder, place: Place, config: UmdConfig) -> Sequence[Carried]:
    """Face cuts that concern the series.

    Raises
    ------
    Refused
        DEI-112: an image of the session has not crossed the wall. DEI-303: a head is in view, and neither a cut nor a
        reason to keep the face is there.
    """
    carried = [
        found
        for unit, role in order.anchors
        if (
            found := carried_from(
                place.resolve(f"private/staged/{unit}.nii.gz"),
                _published(place, unit, role),
                _decided(order, config) if order.is_anchor and role == order.role else None,
            )
        )
        is not None
    ]
    known = [one for one in carried if one.is_cut]
    if order.is_anchor:
        if len(carried) < len(order.anchors):
            raise Refused(codes.NOT_CROSSED.at(order.series))
        return known
    if config.deid.faces_retained:
        return known
    if look_for_head(_sources(order), order.role) and not known:
        raise Refused(codes.FACE_NOT_MASKED.at(order.series))
    return known


def _decided(order: SeriesOrder, config: UmdConfig) -> Decided | None:
    """What a person decided about text in the pixels of this series."""
    found = next((entry for entry in config.deid.burned_in if entry.series == order.series), None)
    return decided_of(found.model_dump(mode="json")) if found else None


def _refuse_text(order: SeriesOrder, config: UmdConfig) -> None:
    """Look for text in the slices of a series that no session holds, where that is asked for; those of a session were searched.

    Raises
    ------
    Refused
        DEI-105: there is some, and no person called it clean.
    """
    decided = _decided(order, config)
    if not config.deid.search_text or order.is_anchor or (decided and decided.verdict == "clean"):
        return
    before: Stored | None = None
    for source in _sources(order):
        for plane in stored_planes(source):
            if text_rows(plane, before):
                raise Refused(codes.TEXT_IN_PIXELS.at(order.series, "no session holds the series, so no page shows it"))
            before = plane


def _published(place: Place, unit: str, role: str) -> Path:
    stem = unit.removesuffix(f"_{role}")
    subject, session = (part.partition("-")[2] for part in stem.split("_")[:2])
    return place.resolve(f"data/sub-{subject}/ses-{session}/{stem}_{role}.nii.gz")


def _cut(cleaned: Cleaned, source: Dataset, carried: Sequence[Carried], series: str) -> bool:
    """Cut the face, and the text that a person wants cleared, from one image where a cut reaches it; say whether it did.

    Raises
    ------
    Refused
        DEI-109: the image has frames, or does not say where it is.
    """
    if not carried:
        return False
    plane = stored_plane(source)
    if plane is None:
        raise Refused(codes.FACE_IN_FRAMES.at(series))
    masks = [one.masks_of(source, plane.shape) for one in carried]
    placed = [mask for mask in masks if mask is not None]
    if len(placed) < len(masks):
        raise Refused(codes.FACE_IN_FRAMES.at(series))
    face, text = (np.logical_or.reduce(several) for several in zip(*placed, strict=True))
    if not (face | text).any():
        return False
    changed = plane.copy()
    changed[face | text] = carried[0].fill(source, plane)
    with_plane(cleaned, changed, face=bool(face.any()), text=bool(text.any()))
    return True


def _conformance(order: SeriesOrder, staging: Path) -> object:
    """Compare the first file with its source.

    Raises
    ------
    Refused
        DEI-108: it has errors that its source has not.
    """
    first, source = staging / "00001.dcm", Path(order.files[0][0])
    errors = new_errors(source, first) if source.is_file() else None
    if errors:
        raise Refused(codes.NEW_NONCONFORMANCE.at(order.series, "; ".join(sorted(errors))[:400]))
    return errors


def _moved(staging: Path, folder: Path) -> list[Artifact]:
    """Move the files of a clean series to their place; what an older run left there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    for path in sorted(staging.glob("*.dcm")):
        final = folder / path.name
        shutil.copyfile(path, final.with_name(f".{path.name}.part"))
        final.with_name(f".{path.name}.part").replace(final)
        written.append(artifact(f"dicom-{path.stem}", str(final), final))
    return written
