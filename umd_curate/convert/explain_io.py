"""PET series of a raw folder as SUV inputs: headers only, no pixel is read.

Decides which files are slices of which series and their order; what the headers mean is explained in `explain.py`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset

from umd_curate.convert.header_io import Attributes, pet_headers
from umd_curate.model.dicom_time import is_series_time_late
from umd_curate.model.geometry import slice_normal
from umd_curate.model.pet import PetContext, PetHeader, Supplement
from umd_curate.store.dicom import READ_FAULTS, read_dataset


@dataclass(frozen=True, slots=True, repr=False)
class PetFiles:
    """One PET series as it lies on disk: its UIDs, the folder of its first file, and its slices in ascending k."""

    series_uid: str
    study_uid: str
    folder: Path
    paths: tuple[Path, ...]
    headers: tuple[PetHeader, ...]

    def context(self, supplement: Supplement | None = None) -> PetContext:
        """Context of the series, from all its slices."""
        times = (
            (entry.series_date, entry.series_time, entry.acquisition_date, entry.acquisition_time)
            for entry in self.headers
        )
        return PetContext(late_series_time=is_series_time_late(times), supplement=supplement)


def pet_files(path: Path) -> list[PetFiles]:
    """PET series of a file or of all files below a folder, by folder and Series Instance UID (0020,000E).

    Files that are no DICOM, or no PET, are passed over. Reference objects are often published with shared UIDs, so
    folders are kept apart.
    """
    found: dict[tuple[Path, str], list[tuple[Path, Dataset]]] = defaultdict(list)
    for file in [path] if path.is_file() else sorted(entry for entry in path.rglob("*") if entry.is_file()):
        dataset = _pet(file)
        if dataset is not None:
            found[file.parent, Attributes(dataset).text("SeriesInstanceUID") or ""].append((file, dataset))
    return [_series(folder, uid, read) for (folder, uid), read in sorted(found.items(), key=lambda one: one[0])]


def pet_slices(files: Iterable[Path]) -> PetFiles:
    """One series of files that are known to be its slices, in slice order.

    Raises
    ------
    READ_FAULTS
        A file is gone or cannot be read.
    """
    paths = tuple(files)
    datasets = (read_dataset(file, stop_before_pixels=True, force=True) for file in paths)
    headers = tuple(header for dataset in datasets for header in pet_headers(dataset))
    return PetFiles("", "", Path(), paths, headers)


def _pet(file: Path) -> Dataset | None:
    try:
        dataset = read_dataset(file, stop_before_pixels=True)
    except READ_FAULTS:
        return None
    return dataset if Attributes(dataset).code("Modality") == "PT" else None


def _series(folder: Path, uid: str, read: list[tuple[Path, Dataset]]) -> PetFiles:
    ordered = sorted(read, key=lambda entry: _height_mm(entry[1]))
    headers = tuple(header for _, dataset in ordered for header in pet_headers(dataset))
    study = Attributes(ordered[0][1]).text("StudyInstanceUID") or ""
    return PetFiles(uid, study, folder, tuple(path for path, _ in ordered), headers)


def _height_mm(dataset: Dataset) -> float:
    """Distance of a slice along its normal [mm]; 0 where the header does not place it."""
    attributes = Attributes(dataset)
    position, orientation = attributes.numbers("ImagePositionPatient"), attributes.numbers("ImageOrientationPatient")
    if len(position) != 3 or len(orientation) != 6:
        return 0.0
    return float(np.dot(position, slice_normal(orientation)))
