"""Makers of built releases and of a Hub to publish them on."""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.release_builders import Folder, Ledger, Study, receipt_of, settings, subject_ids
from umd_curate.publish.hub import Hub
from umd_curate.publish.io import read_release
from umd_curate.publish.plan import Release
from umd_curate.publish.repository_io import HubPublisher
from umd_curate.publish.target import Visibility
from umd_curate.release import STEP, release_folder

REPOSITORY = "org/umd"


def built(root: Path, studies: Sequence[Study], version: str = "1.0.0", **release: object) -> Path:
    """A release of these studies, built by the release step in a workspace of its own."""
    sessions = [study.write(root) for study in studies]
    config = settings(version=version, **release)
    (unit,) = STEP.plan(Ledger(sessions, [receipt_of("qa", session) for session in sessions]), config)
    STEP.perform(unit, Folder(root), config)
    return root / release_folder(config)


def cohort(count: int, **more: object) -> list[Study]:
    """So many subjects with PET/CT."""
    return [Study(subject=subject, seed=seed, **more) for seed, subject in enumerate(subject_ids(count))]  # type: ignore[arg-type]


@functools.cache
def released(count: int = 2, version: str = "1.0.0", tracer: str = "FDG") -> tuple[Release, Path]:
    """A release of so many subjects, read; made once for all tests, which must not change it."""
    folder = built(Path(tempfile.mkdtemp(prefix="umd-release-")), cohort(count, tracer=tracer), version)
    atexit.register(shutil.rmtree, folder.parents[2], ignore_errors=True)
    return read_release(folder), folder


def publisher(
    endpoint: str, *, visibility: Visibility | None = None, may_be_open: bool = False, repository: str = REPOSITORY
) -> HubPublisher:
    """A publisher that waits for nobody."""
    hub = Hub(repository, endpoint=endpoint, wait=lambda _: None)
    return HubPublisher(hub, visibility, may_be_open=may_be_open)


def ignore(_: int) -> None:
    """Watch without a word."""
