"""Carries the cut of a face from the images of a session to DICOM slices in the same frame of reference.

What was cut is read from the two files of an image, the staged one and the published one: where they differ. A slice is
placed by its own position and orientation. Also looks at a series that no session holds for a head.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from umd_curate.deid.burned import Decided
from umd_curate.deid.deface import AIR_HU, nearest_inside
from umd_curate.deid.engine import examine
from umd_curate.deid.morphology import Mask
from umd_curate.model.geometry import Float64, Grid, Volume, apply_affine
from umd_curate.model.receipts import What
from umd_curate.store.dicom import READ_FAULTS
from umd_curate.store.nifti import read_grid, read_volume

MIN_EXTENT_MM = 40.0  # along the slices: less shows no face, whatever part of the head it is
STRIDE_MM = 3.0  # a head is looked for on a grid of 6 mm
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])

Stored = NDArray[np.integer]
Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Carried:
    """Voxels of one image that the wall changed: `face_kji`, a face that was cut; `text_kji`, a region that a person had cleared."""

    face_kji: Mask
    text_kji: Mask
    grid: Grid

    @property
    def is_cut(self) -> bool:
        """Say whether anything was cut."""
        return bool(self.face_kji.any() or self.text_kji.any())

    def masks_of(self, source: Dataset, shape: tuple[int, ...]) -> tuple[Mask, Mask] | None:
        """Pixels [j, i] of a slice that lie in a cut face, and in cleared text; None where it does not say where it is."""
        affine = _plane_affine(source)
        if affine is None:
            return None
        j, i = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
        points = np.stack([i.ravel(), j.ravel(), np.zeros(i.size, np.intp)], axis=1)
        to_voxel: Float64 = np.asarray(np.linalg.inv(self.grid.affine) @ affine, np.float64)
        inside, index = nearest_inside(apply_affine(to_voxel, points), self.grid)
        face, text = np.zeros((2, *shape), np.bool_)
        for mask, cut_kji in ((face, self.face_kji), (text, self.text_kji)):
            mask.ravel()[inside] = cut_kji[index[:, 2], index[:, 1], index[:, 0]]
        return face, text

    @staticmethod
    def fill(source: Dataset, plane_ji: Stored) -> int:
        """Stored value of air: -1000 HU in CT, the least value of the slice in MR and PET."""
        if str(source.get("Modality")) != "CT":
            return int(plane_ji.min())
        value = (AIR_HU - float(source.get("RescaleIntercept") or 0)) / float(source.get("RescaleSlope") or 1)
        limits = np.iinfo(plane_ji.dtype)
        return int(min(max(round(value), limits.min), limits.max))


def carried_from(staged: Path, published: Path, decided: Decided | None = None) -> Carried | None:
    """What the wall cut from an image; None where it has not crossed the wall.

    Parameters
    ----------
    staged, published
        The image on both sides of the wall, each with its sidecar.
    decided
        What a person decided about text in its pixels: what was cut in that region is text, all else is face.
    """
    sidecars = [path.with_name(path.name.replace(".nii.gz", ".json")) for path in (staged, published)]
    if not all(path.is_file() for path in (staged, published, *sidecars)):
        return None
    grid = read_grid(staged)
    digests = [json.loads(path.read_text(encoding="utf-8")).get("VoxelSha256") for path in sidecars]
    nothing = np.zeros(grid.shape_kji, np.bool_)
    if digests[0] and digests[0] == digests[1]:
        return Carried(nothing, nothing, grid)
    changed = np.asarray(read_volume(staged).array_kji != read_volume(published).array_kji, np.bool_)
    text = nothing
    if decided is not None and decided.region:
        box = decided.box(grid.shape_kji)
        text = nothing.copy()
        text[box] = changed[box]
    return Carried(changed & ~text, text, grid)


def look_for_head(sources: Iterable[Dataset], role: str) -> bool:
    """Say whether the slices of a series show a head; True too where they cannot be stacked but might."""
    planes: list[tuple[float, Plane]] = []
    first: Float64 | None = None
    normal = np.zeros(3)
    try:
        for source in sources:
            if int(source.get("NumberOfFrames") or 1) != 1:
                return True
            affine = _plane_affine(source)
            if affine is None:
                return True
            if first is None:
                first, normal = affine, np.cross(affine[:3, 0], affine[:3, 1])
                normal /= np.linalg.norm(normal)
            step = _stride(affine)
            values = source.pixel_array[:: step[1], :: step[0]].astype(np.float32)
            values = values * float(source.get("RescaleSlope") or 1) + float(source.get("RescaleIntercept") or 0)
            planes.append((float(affine[:3, 3] @ normal), values))
    except (*READ_FAULTS, RuntimeError):
        return True
    if first is None:
        return False
    return _shows_head(sorted(planes, key=lambda one: one[0]), first, normal, role)


def _shows_head(planes: Sequence[tuple[float, Plane]], first: Float64, normal: Float64, role: str) -> bool:
    places = np.array([place for place, _ in planes])
    gaps = np.diff(np.unique(np.round(places, 2)))
    if not len(gaps) or places[-1] - places[0] < MIN_EXTENT_MM:
        return False
    keep = np.concatenate([[True], np.diff(np.round(places, 2)) > 0])
    step = _stride(first)
    affine = first.copy()
    affine[:3, 0] *= step[0]
    affine[:3, 1] *= step[1]
    affine[:3, 2] = normal * float(np.median(gaps))
    affine[:3, 3] += normal * (places[0] - first[:3, 3] @ normal)
    stack = np.stack([plane for (_, plane), kept in zip(planes, keep, strict=True) if kept])
    return examine(Volume(stack, affine), What(role)).head is not None


def _stride(affine: Float64) -> tuple[int, int]:
    lengths = np.linalg.norm(affine[:3, :2], axis=0)
    return max(1, int(STRIDE_MM / lengths[0])), max(1, int(STRIDE_MM / lengths[1]))


def _plane_affine(source: Dataset) -> Float64 | None:
    """(i, j, 0) of a slice to RAS+ mm; None where position, orientation or spacing is missing (PS3.3 C.7.6.2.1.1)."""
    try:
        position = np.array([float(value) for value in source.ImagePositionPatient])
        cosines = np.array([float(value) for value in source.ImageOrientationPatient])
        row_mm, column_mm = (float(value) for value in source.PixelSpacing)
    except READ_FAULTS:
        return None
    affine = np.eye(4)
    affine[:3, 0] = cosines[:3] * column_mm * _LPS_TO_RAS
    affine[:3, 1] = cosines[3:] * row_mm * _LPS_TO_RAS
    affine[:3, 2] = np.cross(affine[:3, 0], affine[:3, 1])
    affine[:3, 2] /= np.linalg.norm(affine[:3, 2])
    affine[:3, 3] = position * _LPS_TO_RAS
    return affine
