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
from umd_curate.convert.pet_series import seen_whole
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
        return seen_whole(PetContext(supplement=supplement), self.headers)


def pet_files(path: Path) -> list[PetFiles]:
    """PET series of all files below a folder, or the one that a file belongs to, by Series Instance UID (0020,000E).

    Of a file, those beside it are its series. Files that are no DICOM, or no PET, are passed over. A series may lie in several
    folders; where these hold slices of the same place, as reference objects do that are published with shared UIDs, each
    folder is a series.
    """
    if path.is_file():
        dataset = _pet(path)
        return [] if dataset is None else _by_series(sorted(path.parent.iterdir()), _series_uid(dataset))
    return _by_series(sorted(path.rglob("*")))


def _by_series(paths: Iterable[Path], wanted: str | None = None) -> list[PetFiles]:
    found: dict[str, dict[Path, list[tuple[Path, Dataset]]]] = defaultdict(lambda: defaultdict(list))
    for file in paths:
        dataset = _pet(file) if file.is_file() else None
        if dataset is not None and wanted in {None, _series_uid(dataset)}:
            found[_series_uid(dataset)][file.parent].append((file, dataset))
    series = []
    for uid, folders in found.items():
        if _hold_places_once(folders.values()):
            series.append(_series(min(folders), uid, [slices for part in folders.values() for slices in part]))
        else:
            series += [_series(folder, uid, read) for folder, read in folders.items()]
    return sorted(series, key=lambda entry: (entry.folder, entry.series_uid))


def _hold_places_once(folders: Iterable[list[tuple[Path, Dataset]]]) -> bool:
    """Say whether no place of a slice is in two folders."""
    places = [{Attributes(dataset).numbers("ImagePositionPatient") for _, dataset in read} for read in folders]
    return sum(map(len, places)) == len(set().union(*places))


def _series_uid(dataset: Dataset) -> str:
    return Attributes(dataset).text("SeriesInstanceUID") or ""


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
