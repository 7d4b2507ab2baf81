"""Writes a cohort to disk: raw files under meaningless or telling names, and the truth beside them.

The raw files are written plainly, thousands of them; the truth's index comes last and atomically, so a cohort is whole
when ``truth/cohort.json`` is there.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from umd_curate.errors import UsageError
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.receipts import Json
from umd_curate.store.files import write_json
from umd_curate.store.nifti import write_volume
from umd_curate.synth.io_shapes import Shape
from umd_curate.synth.paint import Labels
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, RawFile, Series
from umd_curate.synth.shapes import Floats
from umd_curate.synth.truth import FileTruth

COHORT_FILE = "cohort.json"
CANARY_FILE = "canaries.json"


@dataclass(slots=True)
class RawFolder:
    """The raw folder while it fills."""

    root: Path
    shape: Shape
    on_file: Callable[[], None]
    files: list[FileTruth] = field(default_factory=list)

    def add_series(self, study: Study, series: Series, files: Iterable[RawFile]) -> int:
        """Write the files of a series; return how many they were."""
        before = len(self.files)
        for file in files:
            path = self.shape.put(study, series, file)
            self.files.append(FileTruth(path, study.label, series.name, file.sop_uid, file.expected))
            self.on_file()
        return len(self.files) - before

    def add_stray(self, name: str, data: bytes, expected: Expected) -> None:
        """Write a file that belongs to no series."""
        (self.root / name).write_bytes(data)
        self.files.append(FileTruth(name, "", "stray", "", expected))
        self.on_file()

    def close(self, expected: Expected) -> None:
        """Finish archives and directories; the files that this makes belong to no series."""
        self.files += [FileTruth(name, "", "stray", "", expected) for name in self.shape.close()]


def prepare(out: Path) -> None:
    """Make room for a cohort; what an interrupted run left is removed.

    Raises
    ------
    UsageError
        `out` holds something that no cohort left there.
    """
    raw, truth = out / "raw", out / "truth"
    if raw.is_dir() and any(raw.iterdir()) and not (truth / CANARY_FILE).is_file():
        message = "The output folder holds a raw/ that was not written by this command."
        raise UsageError(message, hint="Name an empty folder.")
    for folder in (raw, truth):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)


def write_canaries(out: Path, values: list[Json]) -> None:
    """Write the key file of planted identifiers."""
    write_json(out / "truth" / CANARY_FILE, values)


def write_truth_images(folder: Path, labels: dict[str, tuple[Labels, Grid]], suv: tuple[Floats, Grid]) -> None:
    """Write the label maps, by name of their grid, and the exact SUV of a session."""
    for name, (array, grid) in labels.items():
        write_volume(folder / f"labels_{name}.nii.gz", Volume(array, grid.affine))
    write_volume(folder / "suv_pet.nii.gz", Volume(np.asarray(suv[0], np.float32), suv[1].affine))


def write_cohort_file(out: Path, value: Json) -> None:
    """Write the truth's index, last of all."""
    write_json(out / "truth" / COHORT_FILE, value)
