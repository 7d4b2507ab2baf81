"""Measures a session's images and label maps: sizes, places, pieces, intensities, the body. SimpleITK and numpy.

Decides how a number is measured; what number is allowed is left to the rules.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.checks import ImageEntry, OrganEntry
from umd_curate.model.geometry import Float64, Volume, apply_affine, max_corner_error_mm
from umd_curate.model.labels import OrganTable
from umd_curate.qa.measures import GeometryFacts, LabelMeasure, Measures, PetFacts, PetMeasure
from umd_curate.qa.rulebook import rounded
from umd_curate.store.lazy import Lazy

sitk = Lazy("SimpleITK")

BODY_SPACING_MM = 4.0  # the body's outline needs no finer grid
BODY_HU = -300.0  # between lung or foam (-500 and less) and fat (-100)
MR_BODY_PART = 0.5  # of Otsu's threshold: fat and muscle in, noise out

Bools = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


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

    @cached_property
    def body(self) -> tuple[Bools, tuple[int, int, int]] | None:
        """Body mask of the CT or MR; see `body_mask`."""
        return body_mask(self.anatomy, self.anatomy_role) if self.anatomy is not None else None


def measure(
    images: SessionImages, table: OrganTable, overlap: float | None, expected_pieces: dict[str, int]
) -> Measures:
    """Measure everything that the rules and the report need.

    Parameters
    ----------
    images
        The session's images; any may be missing.
    table
        Organs of the dataset.
    overlap
        Part of the PET grid that the CT or MR covers, as registration measured it.
    expected_pieces
        How many components count as the organ, by name; 0 for any number, 1 where unnamed.
    """
    return Measures(
        images=images.entries,
        anatomy=images.anatomy_role,
        labels=_measure_labels(images, table, expected_pieces),
        pet=_measure_pet(images),
        pet_facts=images.pet_facts,
        geometry=images.geometry,
        overlap=overlap,
    )


def body_mask(volume: Volume, modality: str) -> tuple[Bools, tuple[int, int, int]]:
    """Largest connected body with lungs and bowel gas inside, on a grid thinned by whole steps.

    Parameters
    ----------
    volume
        CT in HU, or MR in arbitrary units.
    modality
        ``ct`` or ``mr``.

    Returns
    -------
    mask_kji, steps_kji
        The mask and the steps by which the grid was thinned, so that ``array[::a, ::b, ::c]`` fits it.
    """
    i, j, k = (max(1, round(BODY_SPACING_MM / spacing)) for spacing in volume.grid.spacing_mm)
    thin = np.nan_to_num(volume.array_kji[::k, ::j, ::i].astype(np.float32), posinf=0.0, neginf=0.0)
    image = sitk.GetImageFromArray(thin)
    if modality == "ct":
        body = image > BODY_HU
    else:
        smooth = sitk.SmoothingRecursiveGaussian(image, 1.0) if min(thin.shape) > 3 else image
        otsu = sitk.OtsuThresholdImageFilter()
        otsu.Execute(smooth)
        body = smooth > MR_BODY_PART * otsu.GetThreshold()
    # The array is copied: a view of a temporary image would outlive its memory.
    pieces = sitk.GetArrayFromImage(sitk.RelabelComponent(sitk.ConnectedComponent(body)))
    return _enclosed(pieces == 1), (k, j, i)


def _enclosed(mask: Bools) -> Bools:
    """Voxels of a mask, and those that have some of it on all four sides within their slice."""
    sides = [
        np.logical_or.accumulate(mask[:, :, ::step] if axis == 2 else mask[:, ::step], axis=axis)
        for axis in (1, 2)
        for step in (1, -1)
    ]
    return np.asarray(sides[0] & sides[1][:, ::-1] & sides[2] & sides[3][:, :, ::-1])


def outline(images: SessionImages) -> Float64:
    """Corners of the box around the body, RAS+ mm, shape (8, 3): of CT or MR, else of the whole PET grid."""
    if images.anatomy is not None and images.body is not None:
        mask, steps = images.body
        if mask.any():
            kji = np.argwhere(mask) * np.array(steps)
            ends = list(zip(kji.min(axis=0), kji.max(axis=0), strict=True))
            box = np.array([[i, j, k] for k in ends[0] for j in ends[1] for i in ends[2]])
            return apply_affine(images.anatomy.affine, box)
    shown = images.anatomy or images.pet
    assert shown is not None  # noqa: S101  (a session in the plan has an image)
    return shown.grid.corners_ras_mm()[:8]


def _measure_labels(images: SessionImages, table: OrganTable, expected_pieces: dict[str, int]) -> LabelMeasure | None:
    if images.organs is None or images.anatomy is None:
        return None
    labels = images.organs.array_kji
    is_integer = bool(np.issubdtype(labels.dtype, np.integer))
    whole = labels if is_integer else np.rint(np.nan_to_num(labels)).astype(np.int32)
    known = {organ.id: organ for organ in table}
    fits = labels.shape == images.anatomy.array_kji.shape
    outside = _outside_body(images.body, whole) if fits and images.body else {}
    boxes = _boxes(whole)
    entries, extents = [], {}
    for organ_id in sorted(boxes.keys() & known.keys()):
        organ, box = known[organ_id], boxes[organ_id]
        mask = whole[box] == organ_id
        entry = _organ(organ.name, organ_id, mask, box, images.organs, expected_pieces.get(organ.name, 1))
        updates: dict[str, object] = {"outside_body": outside.get(organ_id)}
        if fits and images.anatomy_role == "ct":
            updates["median_hu"] = rounded(float(np.median(images.anatomy.array_kji[box][mask])))
        entries.append(entry.model_copy(update=updates | _uptake(images, organ_id)))
        extents[organ.name] = _extent_z(images.organs.affine, box)
    unknown = set(np.unique(labels).tolist()) - set(known) - {0}
    k, j, i = images.anatomy.array_kji.shape
    return LabelMeasure(
        organs=tuple(entries),
        corner_error_mm=rounded(max_corner_error_mm(images.organs.grid, images.anatomy.grid)) if fits else None,
        unknown_values=len(unknown),
        is_integer=is_integer,
        extent_z_mm=_extent_z(images.anatomy.affine, (slice(0, k), slice(0, j), slice(0, i))),
        organ_z_mm=extents,
    )


def _measure_pet(images: SessionImages) -> PetMeasure | None:
    if images.pet is None:
        return None
    values = images.pet.array_kji
    finite = np.isfinite(values)
    body_mean = None
    if images.anatomy_on_pet is not None and images.anatomy_on_pet.array_kji.shape == values.shape:
        mask, (k, j, i) = body_mask(images.anatomy_on_pet, images.anatomy_role)
        mask &= finite[::k, ::j, ::i]
        if mask.any():
            body_mean = rounded(float(values[::k, ::j, ::i][mask].mean(dtype=np.float64)))
    label_error = None
    if images.organs_on_pet is not None and images.organs_on_pet.array_kji.shape == values.shape:
        label_error = rounded(max_corner_error_mm(images.organs_on_pet.grid, images.pet.grid))
    return PetMeasure(
        not_finite=int(values.size - np.count_nonzero(finite)),
        negative=rounded(np.count_nonzero(values.astype(np.float32, copy=False) < 0) / values.size),
        body_mean=body_mean,
        has_labels=images.organs_on_pet is not None,
        label_corner_error_mm=label_error,
    )


def _boxes(labels: NDArray[np.generic]) -> dict[int, Box]:
    """Bounding box [k, j, i] of each positive label value."""
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOff()
    shape.Execute(sitk.GetImageFromArray(labels))
    boxes = {}
    for label in shape.GetLabels():
        i, j, k, ni, nj, nk = shape.GetBoundingBox(label)
        boxes[int(label)] = (slice(k, k + nk), slice(j, j + nj), slice(i, i + ni))
    return boxes


def _organ(name: str, organ_id: int, mask: Bools, box: Box, labels: Volume, expected: int) -> OrganEntry:
    sizes = _component_sizes(mask)
    counted = sizes if expected == 0 else sizes[:expected]
    corner_kji = np.array([axis.start for axis in box])
    centroid_kji = np.argwhere(mask).mean(axis=0) + corner_kji
    x, y, z = apply_affine(labels.affine, centroid_kji[::-1][None])[0]
    last = labels.array_kji.shape[0]
    return OrganEntry(
        name=name,
        id=organ_id,
        volume_ml=rounded(int(sizes.sum()) * labels.grid.voxel_volume_ml),
        pieces=len(sizes),
        largest_piece=rounded(float(counted.sum() / sizes.sum())),
        truncated=box[0].start == 0 or box[0].stop == last,
        centroid_ras_mm=(round(float(x), 1), round(float(y), 1), round(float(z), 1)),
    )


def _component_sizes(mask: Bools) -> NDArray[np.int64]:
    """Voxels of each piece, largest first.

    Pieces that are at most two voxels apart count as one: a thin tube on a coarse grid may break between two planes.
    """
    image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
    pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(sitk.BinaryDilate(image, [1, 1, 1], sitk.sitkBox), True))
    sizes = np.bincount(pieces[1:-1, 1:-1, 1:-1][mask])[1:]
    return np.sort(sizes[sizes > 0])[::-1].astype(np.int64)


def _outside_body(body: tuple[Bools, tuple[int, int, int]], labels: NDArray[np.generic]) -> dict[int, float]:
    """Part of each label's voxels outside the body, which is widened by one voxel of its thinned grid."""
    mask, (k, j, i) = body
    wide = mask.copy()
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(0, -1), slice(1, None)
        before = wide.copy()
        wide[tuple(low)] |= before[tuple(high)]
        wide[tuple(high)] |= before[tuple(low)]
    thin = labels[::k, ::j, ::i].astype(np.int64)
    thin[thin < 0] = 0
    total = np.bincount(thin.ravel())
    out = np.bincount(thin[~wide], minlength=len(total))
    return {int(n): rounded(out[n] / total[n]) for n in np.flatnonzero(total) if n != 0}


def _uptake(images: SessionImages, organ_id: int) -> dict[str, object]:
    """Mean and largest SUV of an organ on the PET grid; nothing where the PET is no SUV or has no such label."""
    if images.pet is None or images.organs_on_pet is None or images.pet_facts is None or not images.pet_facts.is_suv:
        return {}
    if images.organs_on_pet.array_kji.shape != images.pet.array_kji.shape:
        return {}
    values = images.pet.array_kji[images.organs_on_pet.array_kji == organ_id]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return {}
    return {"mean_suv": rounded(float(values.mean(dtype=np.float64))), "max_suv": rounded(float(values.max()))}


def _extent_z(affine: Float64, box: Box) -> tuple[float, float]:
    """Lowest and highest z of a box's corner voxels [mm]."""
    ends = [(axis.start, axis.stop - 1) for axis in box]
    corners = np.array([[i, j, k] for k in ends[0] for j in ends[1] for i in ends[2]])
    z = apply_affine(affine, corners)[:, 2]
    return round(float(z.min()), 1), round(float(z.max()), 1)
