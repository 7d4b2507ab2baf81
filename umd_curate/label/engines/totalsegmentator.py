"""The engine `totalsegmentator`: TotalSegmentator in an environment of its own, on CT (`total`) and MR (`total_mr`).

Decides which weights a setting needs and how the program is called: offline, with its usage statistics switched off before
its first call. Its tables and pins are data in ``manifests/engines/totalsegmentator.toml``.
"""

import functools
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from umd_curate.label import totalsegmentator_child_io
from umd_curate.label.engine import EngineDescription, EngineSettings
from umd_curate.label.jobs_io import Collected, Command, Job
from umd_curate.label.judge import Run
from umd_curate.label.weights_io import problems, read_record
from umd_curate.model.receipts import Json
from umd_curate.store.files import write_json
from umd_curate.store.resources import resource_bytes

NAME: Final = "totalsegmentator"
LABELS: Final = "labels.nii.gz"
SILENT: Final[Mapping[str, Json]] = {  # must be there before the first call: by default usage statistics are sent
    "totalseg_id": "offline",
    "send_usage_stats": False,
    "prediction_counter": 0,
    "statistics_disclaimer_shown": True,
}


class TotalSegmentator:
    """TotalSegmentator behind the contract of a model engine."""

    def __init__(self, settings: EngineSettings) -> None:
        self.models = settings.label.totalsegmentator.models
        self.device = settings.label.totalsegmentator.device
        self.environment = settings.folder / "env"
        self.weights = settings.folder / "weights"
        self.home = settings.folder / "home"

    def describe(self) -> EngineDescription:
        """What it is: it labels the modalities whose weights were taken in, or both as long as there are none."""
        wanted = {name for role in self._roles() for name in self._datasets(role)}
        return EngineDescription(
            name=NAME,
            version=f"{tables()['version']}-{self.models}",
            method="model",
            targets=frozenset(self._roles()),
            licence=tables()["licence"],
            weights={
                name: entry.sha256
                for name, entry in sorted(read_record(self.weights).items())
                if name.partition("/")[0] in wanted
            },
        )

    def ready(self) -> tuple[str, ...]:
        """What keeps it from working."""
        found = []
        python = self.environment / "bin" / "python"
        if not python.is_file():
            found.append("its environment is not there: umd-curate engines install totalsegmentator")
        elif self.versions().get(NAME) != tables()["version"]:
            found.append(f"its environment does not hold totalsegmentator {tables()['version']}")
        lacking = problems(self.weights, sorted({name for role in self._roles() for name in self._datasets(role)}))
        if lacking:
            found += [*lacking, "weights are taken in by: umd-curate engines weights totalsegmentator FILE"]
        return tuple(found)

    def command(self, job: Job) -> Command:
        """A process that stays: it loads the libraries once and takes one image after another."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not _is_silent(self.home / "config.json"):
            write_json(self.home / "config.json", dict(SILENT))
        task = tables()["tasks"][job.target]["task"]
        request: dict[str, Any] = {
            "input": str(job.image),
            "output": str(job.folder / LABELS),
            "task": task,
            "fast": self.models == "fast",
            "device": self.device,
        }
        if self.models == "full":
            request["roi_subset_robust"] = [name for name in labels(task).values() if job.organs.named(name)]
        return Command(
            argv=(str(self.environment / "bin" / "python"), "-I", totalsegmentator_child_io.__file__),
            environment={
                "HOME": str(self.home),
                "TOTALSEG_HOME_DIR": str(self.home),
                "TOTALSEG_WEIGHTS_PATH": str(self.weights),
                "MPLCONFIGDIR": str(self.home),
            },
            request=json.dumps(request),
        )

    def collect(self, job: Job) -> Collected:
        """The label map with the names of its task."""
        found = job.folder / LABELS
        task = tables()["tasks"][job.target]["task"]
        wanted = set(self._datasets(job.target))
        weights = {n: e for n, e in self.describe().weights.items() if n.partition("/")[0] in wanted}
        run = Run(self.versions(), weights, {"task": task, "models": self.models, "device": self.device})
        return Collected(found if found.is_file() else None, labels(task), run)

    def versions(self) -> dict[str, str]:
        """Versions installed in its environment, read from their folders' names."""
        found = {}
        for path in self.environment.glob("lib/python3*/site-packages/*.dist-info"):
            name, _, version = path.name.removesuffix(".dist-info").partition("-")
            if name.lower() in tables()["install"]["versions"]:
                found[name.lower()] = version
        return dict(sorted(found.items()))

    def _roles(self) -> list[str]:
        recorded = {name.partition("/")[0] for name in read_record(self.weights)}
        roles = list(tables()["tasks"])
        return [role for role in roles if recorded & set(self._datasets(role))] or roles

    def _datasets(self, role: str) -> list[str]:
        found: list[str] = tables()["tasks"][role][self.models]
        return found


@functools.cache
def tables() -> Mapping[str, Any]:
    """The engine's data: pins, weights, names."""
    return tomllib.loads(resource_bytes("manifests/engines/totalsegmentator.toml").decode())


@functools.cache
def labels(task: str) -> dict[int, str]:
    """Structure of each id of a task."""
    return {int(number): name for number, name in tables()["labels"][task].items()}


def datasets() -> set[str]:
    """Names of all data sets of weights that the engine knows."""
    return {name for task in tables()["tasks"].values() for name in (*task["fast"], *task["full"])}


def _is_silent(path: Path) -> bool:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("send_usage_stats") is False
    except (OSError, ValueError, AttributeError):
        return False
