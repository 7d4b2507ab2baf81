"""The same key and vault give the same bytes: on another machine and day, from shuffled and split input, by several processes."""

import datetime as dt
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hospital import Finished
from tests.journeys.test_resume import digests, prepare
from umd_curate.deid.audit_io import scan_file
from umd_curate.deid.identifiers import IdentifierSet
from umd_curate.pipeline.phi_search import read_identifiers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# Another day and time zone, no language, sets and dictionaries in another order, memory that is not zero, threads of one.
ELSEWHERE = {
    "PYTHONPATH": str(Path(__file__).parents[1] / "another_day"),
    "ANOTHER_DAY": "-200",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "4711",
    "MALLOC_PERTURB_": "165",
    "OMP_NUM_THREADS": "1",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
}


def scatter(raw: Path, folders: list[Path]) -> None:
    """Copy the files of a raw folder under other names into several folders, in random order."""
    rng = random.Random(7)  # noqa: S311  (the same order each time)
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    rng.shuffle(files)
    for number, path in enumerate(files):
        target = rng.choice(folders) / f"{rng.randrange(10)}" / f"x{number:05d}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def test_the_clock_of_another_machine_is_moved(finished: Finished):
    asked = "import datetime, time; print(datetime.date.today()); print(datetime.date.fromtimestamp(time.time()))"
    environment = finished.hospital.environment | ELSEWHERE
    said = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    days = {(dt.date.fromisoformat(line) - dt.datetime.now(dt.UTC).date()).days for line in said.stdout.split()}
    assert days <= {-200, -199}


def test_another_machine_on_another_day_with_the_same_key_and_vault_makes_the_same_bytes(
    finished: Finished, tmp_path: Path
):
    folders = [tmp_path / "disk-1" / "export", tmp_path / "disk-2" / "export"]
    scatter(finished.hospital.raw, folders)
    workspace = tmp_path / "elsewhere"
    prepare(finished, workspace)
    result = finished.hospital.call(
        "run", *folders, "-w", workspace, "--workers", "2", timeout_s=800, environment=ELSEWHERE, umask=0o077
    )
    assert result.returncode == 0, result.stderr
    assert digests(workspace) == digests(finished.workspace)


def test_the_vault_of_a_run_shows_none_of_its_patients(finished: Finished):
    private = finished.workspace / "private"
    known = IdentifierSet()
    for path in (private / "identifiers").glob("*.json"):
        known |= read_identifiers(path)
    assert len(known) > 500
    vaults = list(private.glob("vault.sqlite*"))
    assert vaults
    assert [hit for path in vaults for hit in scan_file(path, known)] == []
