"""Measures a session's images and label maps: sizes, places, pieces, intensities, the body. SimpleITK, cc3d and numpy.

Decides how a number is measured; what number is allowed is left to the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.checks import Confirmation, ImageEntry, OrganEntry
from umd_curate.model.components import Bools, Box
from umd_curate.model.geometry import Float64, Volume, apply_affine, max_corner_error_mm
from umd_curate.model.labels import OrganTable
from umd_curate.qa import body as bodies
from umd_curate.qa.fit import best_fit
from umd_curate.qa.intensities import intensities, part_within, peak
from umd_curate.qa.measures import GeometryFacts, LabelMeasure, Measures, PetFacts, PetMeasure
from umd_curate.qa.pieces import Pieces, take_apart
from umd_curate.qa.place import agreement_on, blunt_end, gaps_mm, margin_voxels
from umd_curate.qa.rulebook import OrganNorms, Rulebook, precise, rounded
from umd_curate.store.lazy import Lazy

sitk = Lazy("SimpleITK")

MAX_LABEL = np.iinfo(np.uint16).max  # larger values are counted as unknown


@dataclass(frozen=True)
class SessionImages:
    """What was read of a session; `entries` describe the files."""

    entries: tuple[ImageEntry, ...] = ()
    anatomy_role: str = ""
    anatomy: Volume | None = None
    organs: Volume | None = None
    pet: Volume | None = None
    anatomy_on_pet: Volume | None = None
    organs_on_pet: Volume | None = None
    pet_facts: PetFacts | None = None
    geometry: tuple[GeometryFacts, ...] = ()
    is_drawn_by_people: bool = False
    sex: str | None = None  # (0010,0040)
    agreement: Mapping[str, float] = field(default_factory=dict)  # least Dice of any two engines, by organ

    @cached_property
    def body(self) -> bodies.BodyMask | None:
        """Body mask of the CT or MR."""
        return bodies.body_mask(self.anatomy, self.anatomy_role) if self.anatomy is not None else None

    def outline(self) -> Float64:
        """Corners of the box around the body, RAS+ mm, shape (8, 3): of CT or MR, else of the whole PET grid."""
        shown = self.anatomy or self.pet
        assert shown is not None  # noqa: S101  (a session in the plan has an image)
        return bodies.outline(shown, self.body)


def measure(
    images: SessionImages,
    table: OrganTable,
    book: Rulebook,
    overlap: float | None = None,
    confirmed: tuple[Confirmation, ...] = (),
) -> Measures:
    """Measure everything that the rules and the report need.

    Parameters
    ----------
    images
        The session's images; any may be missing.
    table
        Organs of the dataset.
    book
        What the rules ask for: expected pieces, CT numbers, pairs.
    overlap
        Part of the PET grid that the CT or MR covers, as registration measured it.
    confirmed
        What a reviewer confirmed of the subject's anatomy.
    """
    return Measures(
        images=images.entries,
        anatomy=images.anatomy_role,
        labels=_measure_labels(images, table, book),
        pet=_measure_pet(images, table),
        pet_facts=images.pet_facts,
        geometry=images.geometry,
        overlap=overlap,
        confirmed=confirmed,
    )


def _measure_labels(images: SessionImages, table: OrganTable, book: Rulebook) -> LabelMeasure | None:
    if images.organs is None or images.anatomy is None:
        return None
    stored = images.organs.array_kji
    labels, unknown = _known_labels(stored, table)
    grid = images.organs.grid
    fits = labels.shape == images.anatomy.array_kji.shape
    shapes = _shapes(labels)
    boxes = {label: box for label, (box, _) in shapes.items()}
    names = {organ.id: organ.name for organ in table}
    pieces = take_apart(labels, boxes, {organ.id: organ.pieces for organ in table})
    outside = bodies.outside_body(images.body, labels) if fits and images.body else {}
    on_pet = _on_pet(images, table)
    entries = []
    for label, (box, centroid_ijk) in shapes.items():
        mask = labels[box] == label
        entry = _organ(names[label], label, mask, box, pieces[label], images.organs, centroid_ijk)
        updates: dict[str, object] = {"outside_body": rounded(outside[label])} if label in outside else {}
        if fits:
            updates |= _in_image(images, book.norms(names[label]), images.anatomy.array_kji[box][mask])
        entries.append(entry.model_copy(update=updates | on_pet.get(label, {})))
    k, j, i = images.anatomy.array_kji.shape
    return LabelMeasure(
        organs=tuple(entries),
        corner_error_mm=rounded(max_corner_error_mm(grid, images.anatomy.grid)) if fits else None,
        unknown_values=unknown,
        is_integer=bool(np.issubdtype(stored.dtype, np.integer)),
        extent_z_mm=_extent_z(images.anatomy.affine, (slice(0, k), slice(0, j), slice(0, i))),
        organ_z_mm={names[label]: _extent_z(images.organs.affine, box) for label, box in boxes.items()},
        gaps_mm=gaps_mm(images.organs, labels, table, [pair.organs for pair in book.neighbours]),
        fit=best_fit(images.anatomy, labels) if fits else None,
        is_drawn_by_people=images.is_drawn_by_people,
        agreement=images.agreement,
    )


def _known_labels(stored: NDArray[np.generic], table: OrganTable) -> tuple[NDArray[np.uint8], int]:
    """Label map with the dataset's ids alone, as uint8, and how many other values it holds."""
    known = np.zeros(MAX_LABEL + 1, np.uint8)
    for organ in table:
        known[organ.id] = organ.id
    labels = np.zeros(stored.shape, np.uint8)
    strange: set[float] = set()
    for k, plane in enumerate(stored):
        if plane.dtype == np.uint8:
            whole, is_id = plane, None
        else:
            whole = np.rint(np.clip(np.nan_to_num(plane), 0, MAX_LABEL)).astype(np.uint16)
            is_id = whole == plane
        labels[k] = known[whole]
        odd = (labels[k] == 0) & (whole != 0)
        if is_id is not None:
            odd |= ~is_id
        if odd.any():
            strange.update(np.unique(plane[odd]).tolist())
    return labels, len(strange)


def _shapes(labels: NDArray[np.uint8]) -> dict[int, tuple[Box, tuple[float, float, float]]]:
    """Bounding box [k, j, i] and centroid (i, j, k) of each label, by id."""
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOff()
    shape.Execute(sitk.GetImageFromArray(labels))
    found = {}
    for label in shape.GetLabels():
        i, j, k, ni, nj, nk = shape.GetBoundingBox(label)
        box = (slice(k, k + nk), slice(j, j + nj), slice(i, i + ni))
        found[int(label)] = (box, shape.GetCentroid(label))
    return dict(sorted(found.items()))


def _organ(
    name: str,
    label: int,
    mask: Bools,
    box: Box,
    pieces: Pieces,
    labels: Volume,
    centroid_ijk: tuple[float, float, float],
) -> OrganEntry:
    x, y, z = apply_affine(labels.affine, np.array([centroid_ijk]))[0]
    margin, margin_z = margin_voxels(box, labels.array_kji.shape)
    return OrganEntry(
        name=name,
        id=label,
        volume_ml=precise(pieces.voxels * labels.grid.voxel_volume_ml),
        pieces=pieces.pieces,
        specks=pieces.specks,
        largest_piece=rounded(pieces.kept / pieces.voxels),
        truncated=margin == 0,
        is_complete=margin_z > 0,
        margin_voxels=margin,
        blunt_end=rounded(blunt_end(mask, box, labels.array_kji.shape)),
        hole_part=rounded(pieces.holes / pieces.voxels),
        centroid_ras_mm=(round(float(x), 1), round(float(y), 1), round(float(z), 1)),
    )


def _in_image(images: SessionImages, norms: OrganNorms, values: NDArray[np.number]) -> dict[str, object]:
    """Numbers of an organ on the CT or MR, and how much of it has a CT number of its tissue."""
    found: dict[str, object] = {"image": intensities(values)}
    if images.anatomy_role == "ct" and norms.tissue_hu is not None:
        found["tissue_part"] = rounded(part_within(values, *norms.tissue_hu))
    return found


def _measure_pet(images: SessionImages, table: OrganTable) -> PetMeasure | None:
    if images.pet is None:
        return None
    values = images.pet.array_kji
    finite = np.isfinite(values)
    body_mean = None
    if images.anatomy_on_pet is not None and images.anatomy_on_pet.array_kji.shape == values.shape:
        mask, (k, j, i) = bodies.body_mask(images.anatomy_on_pet, images.anatomy_role)
        mask &= finite[::k, ::j, ::i]
        if mask.any():
            body_mean = rounded(float(values[::k, ::j, ::i][mask].mean(dtype=np.float64)))
    on_pet = images.organs_on_pet
    fits = on_pet is not None and on_pet.array_kji.shape == values.shape
    labels = _known_labels(on_pet.array_kji, table)[0] if on_pet is not None and fits else None
    return PetMeasure(
        not_finite=int(values.size - np.count_nonzero(finite)),
        negative=rounded(np.count_nonzero(values.astype(np.float32, copy=False) < 0) / values.size),
        body_mean=body_mean,
        has_labels=on_pet is not None,
        label_corner_error_mm=rounded(max_corner_error_mm(on_pet.grid, images.pet.grid)) if on_pet and fits else None,
        agreement=_agreement(images, table),
        fit=best_fit(images.pet, labels) if labels is not None else None,
    )


def _agreement(images: SessionImages, table: OrganTable) -> float | None:
    if images.organs is None or images.organs_on_pet is None:
        return None
    found = agreement_on(images.organs_on_pet, images.organs, table)
    return rounded(found) if found is not None else None


def _on_pet(images: SessionImages, table: OrganTable) -> dict[int, dict[str, object]]:
    """SUV numbers of each organ on the PET grid; empty where the PET is no SUV or has no such label map."""
    pet, organs = images.pet, images.organs_on_pet
    if pet is None or organs is None or images.pet_facts is None or not images.pet_facts.is_suv:
        return {}
    if organs.array_kji.shape != pet.array_kji.shape:
        return {}
    labels, _ = _known_labels(organs.array_kji, table)
    found: dict[int, dict[str, object]] = {}
    for label, (box, _) in _shapes(labels).items():
        mask = labels[box] == label
        suv = intensities(pet.array_kji[box][mask])
        volume_ml = precise(int(mask.sum()) * organs.grid.voxel_volume_ml)
        found[label] = {
            "suv": suv,
            "volume_on_pet_ml": volume_ml,
            "suv_peak": peak(pet.array_kji, mask, box, pet.affine),
            "tlg": precise(suv.mean * volume_ml) if suv is not None else None,
        }
    return found


def _extent_z(affine: Float64, box: Box) -> tuple[float, float]:
    """Lowest and highest z of a box's corner voxels [mm]."""
    ends = [(axis.start, axis.stop - 1) for axis in box]
    corners = np.array([[i, j, k] for k in ends[0] for j in ends[1] for i in ends[2]])
    z = apply_affine(affine, corners)[:, 2]
    return round(float(z.min()), 1), round(float(z.max()), 1)
