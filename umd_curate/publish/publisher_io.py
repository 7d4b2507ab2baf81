"""What every target can do; a target of another kind needs nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from umd_curate.publish.notices import Notice
from umd_curate.publish.plan import PushPlan, Release

Watch = Callable[[int], None]  # is told how many bytes have arrived since it was last called


@dataclass(frozen=True, slots=True)
class Published:
    """What a push did.

    Parameters
    ----------
    version
        That can now be read.
    place
        Where: the commit of a repository, or a folder of a bucket.
    is_newest
        Whether readers who name no version get this one.
    bytes_sent
        Of files that were not there before.
    """

    version: str
    place: str
    is_newest: bool
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class YankPlan:
    """What taking versions back would do.

    Parameters
    ----------
    notices
        Of the versions that are taken back now.
    shown_after
        Version that readers then get; None where none is left.
    doomed
        Stored files that would be deleted for good, with their bytes; by SHA-256 or by path.
    """

    notices: tuple[Notice, ...]
    shown_after: str | None
    doomed: dict[str, int] = field(default_factory=dict)


class Publisher(Protocol):
    """One target."""

    def plan(self, release: Release) -> PushPlan:
        """What a push would send; changes nothing."""
        ...

    def push(self, release: Release, folder: Path, watch: Watch) -> Published:
        """Publish a release folder; run again after any interruption, it sends only what is missing.

        Raises
        ------
        PublishError
            It cannot be done; says what was and was not published.
        """
        ...

    def versions(self) -> Sequence[str]:
        """Versions that can be read, ascending."""
        ...

    def held(self) -> Sequence[str]:
        """Versions whose files are still there, ascending: those that can be read, and those that were only yanked."""
        ...

    def verify(self, version: str) -> Sequence[str]:
        """Files of a published version that are not what its own checksums say, or that no checksum names."""
        ...

    def subjects(self, version: str) -> frozenset[str]:
        """Subjects of a published version."""
        ...

    def plan_yank(self, versions: Sequence[str], reason: str, *, purge: bool) -> YankPlan:
        """What `yank` would do; changes nothing.

        Raises
        ------
        PublishError
            A version is not there.
        """
        ...

    def yank(self, plan: YankPlan) -> None:
        """Take versions back as planned; run again after an interruption, it goes on."""
        ...
