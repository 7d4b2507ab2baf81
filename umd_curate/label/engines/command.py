"""The engines of [[label.command]]: any program of the site that writes a label map of one image. No Python is needed.

Decides how the placeholders of a command are filled. MOOSE, MRSegmentator, nnU-Net, a MONAI bundle or a container are each
a few lines of umd.toml.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from umd_curate.label.engine import EngineDescription
from umd_curate.label.io import read_names
from umd_curate.label.jobs_io import Collected, Command, Job
from umd_curate.label.judge import Run
from umd_curate.label.weights_io import WeightRecord, file_problem
from umd_curate.model.config_labels import CommandEngine

CASE: Final = "case_0000.nii.gz"  # as nnU-Net wants its first channel named


class SiteCommand:
    """A program of the site behind the contract of a model engine."""

    def __init__(self, settings: CommandEngine) -> None:
        self.settings = settings

    def describe(self) -> EngineDescription:
        """What its table in umd.toml says."""
        return EngineDescription(
            name=self.settings.name,
            version=self.settings.version,
            method="model",
            targets=frozenset(self.settings.targets),
            licence=self.settings.licence,
            weights=self._weights(),
        )

    def ready(self) -> tuple[str, ...]:
        """Whether the program, its map file and its weights are there."""
        found = []
        if shutil.which(self.settings.argv[0]) is None:
            found.append("its program is not there")
        if self.settings.map is not None and not Path(self.settings.map).expanduser().is_file():
            found.append("its map file is not there")
        for number, file in enumerate(self.settings.weights, start=1):
            path = Path(file.path).expanduser()
            size = path.stat().st_size if path.is_file() else 0
            said = file_problem(path, f"number {number} of its weights", WeightRecord(size, file.sha256))
            found += [said] if said else []
        return tuple(found)

    def command(self, job: Job) -> Command:
        """The program with its placeholders filled."""
        folder, out = job.folder / "in", job.folder / "out"
        folder.mkdir()
        out.mkdir()
        shutil.copyfile(job.image, folder / CASE)  # a container sees no links, and nothing can write to the image
        values = {
            "image": str(job.image),
            "folder": str(folder),
            "out": str(out),
            "target": job.target,
            "device": self.settings.device,
        }
        return Command(tuple(_filled(part, values) for part in self.settings.argv), self.settings.environment)

    def collect(self, job: Job) -> Collected:
        """The one file that fits the pattern."""
        found = [path for path in (job.folder / "out").glob(self.settings.labels) if path.is_file()]
        names = read_names(Path(self.settings.map).expanduser()) if self.settings.map is not None else None
        run = Run({self.settings.name: self.settings.version}, self._weights(), {"device": self.settings.device})
        return Collected(found[0] if len(found) == 1 else None, names, run)

    def _weights(self) -> dict[str, str]:
        return {Path(file.path).name: file.sha256 for file in self.settings.weights}


def _filled(part: str, values: Mapping[str, str]) -> str:
    """One argument with its placeholders filled; other braces stay as they are."""
    for name, value in values.items():
        part = part.replace(f"{{{name}}}", value)
    return part
