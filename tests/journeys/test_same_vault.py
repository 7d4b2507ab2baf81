"""The same key and vault give the same bytes: on another machine, from shuffled and split input, by several processes."""

import random
import shutil
from pathlib import Path

import pytest

from tests.hospital import Finished
from tests.journeys.test_resume import digests, prepare
from umd_curate.deid.audit_io import scan_file
from umd_curate.deid.identifiers import IdentifierSet
from umd_curate.pipeline.phi_gate import read_identifiers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def scatter(raw: Path, folders: list[Path]) -> None:
    """Copy the files of a raw folder under other names into several folders, in random order."""
    rng = random.Random(7)  # noqa: S311  (the same order each time)
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    rng.shuffle(files)
    for number, path in enumerate(files):
        target = rng.choice(folders) / f"{rng.randrange(10)}" / f"x{number:05d}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def test_another_machine_with_the_same_key_and_vault_makes_the_same_bytes(finished: Finished, tmp_path: Path):
    folders = [tmp_path / "disk-1" / "export", tmp_path / "disk-2" / "export"]
    scatter(finished.hospital.raw, folders)
    workspace = tmp_path / "elsewhere"
    prepare(finished, workspace)
    result = finished.hospital.call("run", *folders, "-w", workspace, "--workers", "2", timeout_s=800)
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
