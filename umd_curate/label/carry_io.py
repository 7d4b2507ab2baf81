"""Carries a label map to another grid through the transform files of a registration.

Decides that a linear transform moves the label map as it is, voxels and all, so that its organs are shared out among the
coarse voxels exactly as without one; a displacement field bends it by ITK, linearly per label.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from umd_curate.label.engine import TransformFile
from umd_curate.label.majority import INTERPOLATION, largest_parts
from umd_curate.model.catalogue.label import TRANSFORM_UNREADABLE
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import LPS_TO_RAS, Float64, Grid, Volume
from umd_curate.store.lazy import Lazy

sitk = Lazy("SimpleITK")

LINEAR_PER_LABEL = "linear per label through the displacement field"


def carried_over(labels: Volume, fixed: Grid, transforms: Sequence[TransformFile], place: str) -> tuple[Volume, str]:
    """Label map on `fixed` and how its voxels were decided.

    Parameters
    ----------
    labels
        uint8 label map, ids of the dataset.
    fixed
        Grid of the result.
    transforms
        Lead from points of `fixed` to points of the labels, applied from the last to the first; none is the identity.
    place
        Published name of the session, for findings.

    Raises
    ------
    Refused
        A transform cannot be read (LAB-203).
    """
    if not transforms:
        return largest_parts(labels, fixed), INTERPOLATION
    try:
        read = [_read(file) for file in transforms]
    except RuntimeError as error:  # what ITK raises for everything
        raise Refused(TRANSFORM_UNREADABLE.at(place)) from error
    if all(one.IsLinear() for one in read):
        to_labels: Float64 = np.eye(4)
        for one in read:
            to_labels = to_labels @ _matrix_ras(one)
        moved = Volume(labels.array_kji, np.asarray(np.linalg.inv(to_labels) @ labels.affine, np.float64))
        return largest_parts(moved, fixed), INTERPOLATION
    reference = _itk(Volume(np.zeros(fixed.shape_kji, np.uint8), fixed.affine))
    found = sitk.Resample(
        _itk(labels), reference, sitk.CompositeTransform(read), sitk.sitkLabelLinear, 0, sitk.sitkUInt8
    )
    return Volume(np.asarray(sitk.GetArrayFromImage(found), np.uint8), fixed.affine), LINEAR_PER_LABEL


def _read(file: TransformFile) -> Any:  # noqa: ANN401  (SimpleITK is untyped)
    if file.path.suffix == ".tfm":
        linear = sitk.ReadTransform(str(file.path))
        return linear.GetInverse() if file.is_inverse else linear
    field = sitk.ReadImage(str(file.path), sitk.sitkVectorFloat64)
    return sitk.DisplacementFieldTransform(field)


def _matrix_ras(transform: Any) -> Float64:  # noqa: ANN401
    """4 x 4 matrix of a linear transform, RAS+ mm."""
    corners = np.vstack([np.zeros(3), np.eye(3)])
    moved = np.array([transform.TransformPoint(corner.tolist()) for corner in corners])
    lps = np.eye(4)
    lps[:3, :3] = (moved[1:] - moved[0]).T
    lps[:3, 3] = moved[0]
    return np.asarray(LPS_TO_RAS @ lps @ LPS_TO_RAS, np.float64)


def _itk(volume: Volume) -> Any:  # noqa: ANN401
    """The label map as an image of ITK."""
    lps = LPS_TO_RAS @ volume.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array_kji, np.uint8))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image
