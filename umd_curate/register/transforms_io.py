"""Writes transforms for ITK, and images through them. Deterministic bytes: no date, no name in the gzip stream."""

from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip

from umd_curate.model.geometry import LPS_TO_RAS, Grid, Volume
from umd_curate.model.transforms import Deformation, Rigid, itk_text
from umd_curate.register.engines.masks import itk_image, on_grid, working_like
from umd_curate.register.field import Floats
from umd_curate.store.files import write_bytes, write_text
from umd_curate.store.lazy import Lazy
from umd_curate.store.restarts import GZIP_LEVEL

nib = Lazy("nibabel")
sitk = Lazy("SimpleITK")

_VECTOR_INTENT = "vector"  # NIFTI_INTENT_VECTOR: ITK takes its components as they are, LPS+


def write_rigid(path: Path, rigid: Rigid) -> None:
    """Write an ITK ``.tfm``."""
    write_text(path, itk_text(rigid))


def write_displacement(path: Path, deformation: Deformation) -> None:
    """Write the displacement of fixed points, LPS+ mm, as a ``.nii.gz`` of shape (i, j, k, 1, 3) that ITK reads."""
    _write_field(path, deformation.displacement_kjic, deformation.grid)


def write_inverse(path: Path, deformation: Deformation) -> None:
    """Write what leads displaced points back to fixed points, likewise: the way back after the inverse rigid transform."""
    _write_field(path, deformation.inverse_kjic, deformation.grid)


def _write_field(path: Path, displacement_kjic: Floats, grid: Grid) -> None:
    lps = displacement_kjic * np.array([-1, -1, 1], np.float32)
    array = np.transpose(lps, (2, 1, 0, 3))[:, :, :, None, :]
    image = nib.Nifti1Image(array, grid.affine)
    image.header.set_intent(_VECTOR_INTENT)
    image.header.set_xyzt_units("mm")
    image.set_qform(grid.affine, 1)
    image.set_sform(grid.affine, 1)
    write_bytes(path, igzip.compress(image.to_bytes(), GZIP_LEVEL, mtime=0))


def through(moving: Volume, grid: Grid, rigid: Rigid, deformation: Deformation | None, fill: float) -> Volume:
    """Moving image on a grid of the fixed space, float32: means over blocks where it is finer, linear between them.

    Parameters
    ----------
    moving
        Image of another session.
    grid
        Of the result, in the fixed image's space.
    rigid, deformation
        Transforms of the pair; of a deformation its own rigid transform is used.
    fill
        Value outside the moving image.
    """
    blocks = on_grid(moving, working_like(moving.grid, max(grid.spacing_mm)), fill)
    steps = [_itk_rigid(deformation.rigid if deformation else rigid)]
    if deformation is not None:
        steps.append(_itk_displacement(deformation))
    reference = itk_image(Volume(np.zeros(grid.shape_kji, np.uint8), grid.affine))
    found = sitk.Resample(
        itk_image(blocks), reference, sitk.CompositeTransform(steps), sitk.sitkLinear, fill, sitk.sitkFloat32
    )
    return Volume(np.asarray(sitk.GetArrayFromImage(found), np.float32), grid.affine)


def _itk_rigid(rigid: Rigid) -> Any:  # noqa: ANN401  (SimpleITK is untyped)
    lps = LPS_TO_RAS @ rigid.matrix @ LPS_TO_RAS
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform


def _itk_displacement(deformation: Deformation) -> Any:  # noqa: ANN401
    lps = np.ascontiguousarray(deformation.displacement_kjic * np.array([-1, -1, 1], np.float32), np.float64)
    grid = itk_image(Volume(np.zeros(deformation.grid.shape_kji, np.uint8), deformation.grid.affine))
    field = sitk.GetImageFromArray(lps, isVector=True)
    field.CopyInformation(grid)
    return sitk.DisplacementFieldTransform(field)
