"""Decides what has to travel: the difference between a release folder and what a target already holds.

A file is the same where its SHA-256 is (Git LFS names a file by it), or, for the small ones that Git itself keeps, the name
that Git gives to the content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

YANKED = "yanked-"  # begins the tag of a version that was taken back
OWN_FILES = frozenset({".gitattributes"})  # the Hub's own; no release holds them


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the release folder.

    Parameters
    ----------
    path
        Relative to the folder, with slashes.
    size
        Bytes.
    sha256
        Of the content.
    git_oid
        SHA-1 of Git's blob of the content; empty where the file is too large to be kept by Git itself.
    """

    path: str
    size: int
    sha256: str
    git_oid: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the target describes it: by `sha256`, or by `git_oid` where it knows no other."""

    path: str
    size: int
    sha256: str = ""
    git_oid: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A release folder, read."""

    name: str
    version: str
    files: Mapping[str, LocalFile]

    @property
    def tag(self) -> str:
        """Name under which a target keeps the version for good."""
        return tag_of(self.version)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What has to travel, by path."""

    add: tuple[str, ...]
    replace: tuple[str, ...]
    delete: tuple[str, ...]
    keep: tuple[str, ...]
    bytes_to_send: int
    bytes_in_release: int

    @property
    def is_done(self) -> bool:
        """Say whether the target holds the release already."""
        return not (self.add or self.replace or self.delete)

    @property
    def to_send(self) -> tuple[str, ...]:
        """Files that are new or have another content."""
        return tuple(sorted((*self.add, *self.replace)))


class Stage(Enum):
    """How far a push came; the value says it to the user."""

    NOTHING = "Nothing was published: the target holds none of this version."
    SENDING = (
        "Nothing was published: some files lie on the release branch, and the main branch and the tags are unchanged."
    )
    SENT = "Nothing was published: all files lie on the release branch, and the main branch and the tags are unchanged."
    TAGGED = "The version can be read by its tag; the main branch still shows the version before it."
    PUBLISHED = "The version is published whole."


def tag_of(version: str) -> str:
    """``v1.2.0`` of ``1.2.0``."""
    return f"v{version}"


def branch_of(version: str) -> str:
    """Branch on which the version is put together."""
    return f"release/{tag_of(version)}"


def yanked_tag_of(version: str) -> str:
    """Name that a withdrawn version keeps, so that nobody takes it by accident."""
    return f"{YANKED}{tag_of(version)}"


def version_key(version: str) -> tuple[int, ...]:
    """For ordering versions by their numbers."""
    return tuple(int(part) for part in version.split("."))


def versions_of(tags: Mapping[str, str]) -> list[str]:
    """Versions among tags, ascending; other tags are left alone."""
    found = []
    for tag in tags:
        parts = tag.removeprefix("v").split(".")
        if tag.startswith("v") and len(parts) == 3 and all(part.isdigit() for part in parts):
            found.append(tag.removeprefix("v"))
    return sorted(found, key=version_key)


def is_newest(version: str, tags: Mapping[str, str]) -> bool:
    """Say whether no other tagged version is newer."""
    return all(version_key(other) <= version_key(version) for other in versions_of(tags))


def compare(release: Release, remote: Mapping[str, RemoteFile]) -> PushPlan:
    """What has to travel so that the target holds the release and nothing else."""
    add = sorted(release.files.keys() - remote.keys())
    shared = sorted(release.files.keys() & remote.keys())
    replace = [path for path in shared if not is_same(release.files[path], remote[path])]
    return PushPlan(
        add=tuple(add),
        replace=tuple(replace),
        delete=tuple(sorted(remote.keys() - release.files.keys() - OWN_FILES)),
        keep=tuple(path for path in shared if path not in set(replace)),
        bytes_to_send=sum(release.files[path].size for path in (*add, *replace)),
        bytes_in_release=release.size,
    )


def is_same(local: LocalFile, remote: RemoteFile) -> bool:
    """Say whether both are one content."""
    if local.size != remote.size:
        return False
    return local.sha256 == remote.sha256 if remote.sha256 else bool(local.git_oid) and local.git_oid == remote.git_oid
