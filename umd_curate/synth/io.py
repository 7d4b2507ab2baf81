"""Writes a cohort to disk: raw files under meaningless or telling names, and the truth beside them.

The raw files are written plainly, thousands of them; the truth's index comes last and atomically, so a cohort is whole
when ``truth/cohort.json`` is there.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from umd_curate.errors import UsageError
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.receipts import Json
from umd_curate.store.files import write_json
from umd_curate.store.nifti import write_volume
from umd_curate.synth.draws import digest
from umd_curate.synth.options import Layout
from umd_curate.synth.paint import Labels
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, RawFile, Series
from umd_curate.synth.shapes import Floats
from umd_curate.synth.truth import FileTruth, permuted

COHORT_FILE = "cohort.json"
CANARY_FILE = "canaries.json"


@dataclass(slots=True)
class RawFolder:
    """The raw folder while it fills."""

    root: Path
    layout: Layout
    seed: int
    on_file: Callable[[], None]
    files: list[FileTruth] = field(default_factory=list)

    def add_series(self, study: Study, name: str, description: str, number: int, files: Sequence[RawFile]) -> None:
        """Write the files of a series."""
        folder = _tree_folder(study, number, description) if self.layout is Layout.TREE else ""
        for file in files:
            counter = permuted(self.seed, len(self.files))
            if self.layout is Layout.TREE:
                path = f"{folder}/IM{file.number:04d}{file.suffix or '.dcm'}"
            else:
                path = f"IM{counter:06d}{file.suffix}"
            self._write(path, file.data)
            self.files.append(FileTruth(path, study.label, name, file.sop_uid, file.expected))

    def add_stray(self, name: str, data: bytes, expected: Expected) -> None:
        """Write a file that belongs to no series."""
        self._write(name, data)
        self.files.append(FileTruth(name, "", "stray", "", expected))

    def _write(self, relative: str, data: bytes) -> None:
        path = self.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.on_file()


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


def raw_files_of(series: Series, encoded: Sequence[tuple[str, bytes]]) -> list[RawFile]:
    """The encoded instances of a series with what should become of each."""
    return [
        RawFile(number + 1, sop_uid, data, series.odd.get(number, series.expected))
        for number, (sop_uid, data) in enumerate(encoded)
    ]


def _tree_folder(study: Study, number: int, description: str) -> str:
    """Patient, study and series folder, with what vendors write into such names."""
    person = study.person
    patient = f"{person.folded.upper()}_{person.patient_id}"
    mark = digest(study.seed, "folder", person.index, study.kind).hex()[:6].upper()
    return f"{patient}/PET_{study.date}_{mark}/{number:03d}_{_safe(description)}"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").upper()
