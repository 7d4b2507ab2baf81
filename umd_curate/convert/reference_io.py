"""Reference objects on disk: each PET series below a folder is converted as any other, and its SUV measured in its mask.

The conversion is the room's own, pixels and geometry included, into a folder that is removed again. What is right is
decided in `reference.py`.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.explain_io import PetFiles, pet_files
from umd_curate.convert.geometry import stack_of_places
from umd_curate.convert.header_io import Attributes, slice_place
from umd_curate.convert.reference import PUBLISHED, Measured, Verdict, expected_values, measure
from umd_curate.convert.step import convert_series
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.sidecars import PetSidecar
from umd_curate.model.study import Role, VolumeOrder
from umd_curate.store.dicom import read_dataset
from umd_curate.store.nifti import read_volume

LIST = "DRO_list.csv"  # of the published objects, beside their folders
MASK_TOLERANCE_MM = 0.1  # between the corners of a mask and of its image
_NAME = "sub-REFERENCE_ses-pet1_pet"

Expected = Mapping[str, tuple[float, float, float]]


def read_expected(path: Path) -> Expected:
    """Expected values by object; see `expected_values`.

    Raises
    ------
    ValueError, OSError
        The file cannot be read or does not fit.
    """
    return expected_values(path.read_text(encoding="utf-8-sig"))


def check_objects(folder: Path, expected: Expected | None = None) -> Iterator[Verdict]:
    """Convert each PET series below a folder and compare its SUV with what is expected, one after the other.

    Parameters
    ----------
    folder
        Holds one folder per object, with the series in it and a mask in ``mask/*.nii.gz`` beside or in the series' folder;
        without a mask all voxels that are not 0 count.
    expected
        Least, median and greatest SUV by name of the object's folder; without it the published list in `folder`, and for
        objects of no list 0.20, 1.00 and 4.00.
    """
    listed = folder / LIST
    known = expected if expected is not None else read_expected(listed) if listed.is_file() else {}
    for series in pet_files(folder):
        name = _name(series.folder, folder, known)
        if expected is not None and name not in expected:
            continue
        wanted = known.get(name, PUBLISHED)
        try:
            measured, rule = _measured(series)
        except Refused as refusal:
            yield Verdict(name, wanted, None, reason=str(refusal))
        else:
            yield Verdict(name, wanted, measured, rule=rule)


def _name(folder: Path, root: Path, known: Expected) -> str:
    """Name of the object: that of the nearest folder which the list knows, else the folder's path below the root."""
    parts = folder.relative_to(root).parts
    return next((part for part in reversed(parts) if part in known), "/".join(parts) or root.name)


def _measured(series: PetFiles) -> tuple[Measured, str]:
    """SUV of a series by the room's own conversion, and the rule that gave it."""
    datasets = [read_dataset(path) for path in series.paths]
    geometry = None
    if "PerFrameFunctionalGroupsSequence" not in datasets[0]:
        geometry = stack_of_places([slice_place(Attributes(dataset)) for dataset in datasets], _NAME)
    order = VolumeOrder(
        unit=_NAME,
        subject="REFERENCE",
        session="pet1",
        kind="pet",
        role=Role.PET,
        label="",
        series=_NAME,
        patient="",
        files=(),
        header_sha256="",
        pet=series.context(),
    )
    with tempfile.TemporaryDirectory() as made:
        converted = convert_series(datasets, order, Path(made), "", geometry)
        volume = read_volume(Path(made) / f"{_NAME}.nii.gz")
        sidecar = PetSidecar.model_validate_json((Path(made) / f"{_NAME}.json").read_bytes())
    if sidecar.suv is None:
        raise Refused(converted.findings[0])
    slope = max(header.rescale_slope or 0.0 for header in series.headers)
    mask = _mask(series.folder, volume.grid)
    suv_kji = np.asarray(volume.array_kji, np.float64)
    return measure(suv_kji, mask, slope * sidecar.suv.factor_max), sidecar.suv.rule


def _mask(folder: Path, grid: Grid) -> NDArray[np.bool_] | None:
    """Mask of the object's region; one on another grid is none."""
    for place in (folder / "mask", folder.parent / "mask"):
        for path in sorted(place.glob("*.nii.gz")):
            mask = read_volume(path)
            if mask.grid.is_same_as(grid, MASK_TOLERANCE_MM):
                return np.asarray(mask.array_kji) > 0
    return None
