"""A synthetic hospital with its key, the command line as a user calls it, and a workspace after a whole run."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from umd_curate.synth.options import Layout, Size, SynthOptions
from umd_curate.synth.step import write_cohort


@dataclass(frozen=True)
class Hospital:
    """A raw folder, the key of the site, and the command line."""

    cohort: Path
    key_file: Path

    @property
    def raw(self) -> Path:
        return self.cohort / "raw"

    @property
    def truth(self) -> dict:
        return json.loads((self.cohort / "truth" / "cohort.json").read_text())

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "UMD_KEY_FILE": str(self.key_file),
            "UMD_SIGNING_KEY": str(self.key_file.with_name("signing.key")),
            "UMD_CONVERT__REFEREE": "none",  # tests of its own; the tutorial runs with it
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
        }

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "umd_curate", *map(str, arguments)]

    def call(
        self, *arguments: object, timeout_s: float = 280, environment: Mapping[str, str] | None = None, umask: int = -1
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment | dict(environment or {}),
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )


@dataclass(frozen=True)
class Finished:
    """A workspace after one whole run."""

    hospital: Hospital
    workspace: Path
    result: subprocess.CompletedProcess[str]

    @property
    def release(self) -> Path:
        return self.workspace / "releases" / "0.1.0" / "umd"

    def accounts(self) -> list[dict[str, str]]:
        with (self.workspace / "private" / "accounting.csv").open(newline="") as handle:
            return list(csv.DictReader(handle))

    def subject_of(self, patient_id: str) -> str:
        units = {row["unit"] for row in self.accounts() if row["patient_id"] == patient_id and row["unit"]}
        (subject,) = {unit.split("_")[0].removeprefix("sub-") for unit in units}
        return subject


def make_hospital(folder: Path, **options) -> Hospital:
    write_cohort(folder / "cohort", SynthOptions(**{"size": Size.TINY, "layout": Layout.FLAT, **options}))
    return Hospital(folder / "cohort", folder / "keys" / "deid.key")
