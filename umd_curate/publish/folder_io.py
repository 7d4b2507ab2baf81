"""A folder as a target, such as a disk that carries a release to a machine with a network, or a share of a group.

``vX.Y.Z/NAME/`` appears by one rename, whole and compared; ``releases.json`` says which is the newest.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from umd_curate.errors import PublishError
from umd_curate.publish.index import INDEX_FILE, Index, index_of
from umd_curate.publish.io import read_release
from umd_curate.publish.notices import Notice, noted
from umd_curate.publish.plan import (
    YANKED,
    PushPlan,
    Release,
    RemoteFile,
    compare,
    tag_of,
    version_key,
    versions_of,
    yanked_tag_of,
)
from umd_curate.publish.publisher_io import Published, Watch, YankPlan
from umd_curate.publish.sums import SUMS, differing, sums_of
from umd_curate.store.files import disk_fault, sha256_of, write_json
from umd_curate.store.parquet import read_batches

_PARTIAL = ".partial"


class FolderPublisher:
    """A folder of versions.

    Parameters
    ----------
    root
        The folder; it is made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser()

    def plan(self, release: Release) -> PushPlan:
        """What a push would copy."""
        held = self._root / release.tag / release.name
        return compare(release, _described(held if held.is_dir() else self._partial(release) / release.name))

    def push(self, release: Release, folder: Path, watch: Watch) -> Published:
        """Copy what is missing, compare, rename, and say so in the index."""
        final = self._root / release.tag
        try:
            plan = self.plan(release)
            if final.exists() and not plan.is_done:
                message = f"{release.tag} exists already with another content."
                raise PublishError(
                    message, hint="Nothing was published. A published version never changes: raise the number."
                )
            if not final.exists():
                self._fill(release, folder, plan, watch)
                self._partial(release).rename(final)
            index = self._index()
            self._write(index.with_version(release.version, release.files[SUMS].sha256))
        except OSError as error:
            fault = disk_fault(error)
            message = fault.message if fault else "The folder cannot be written."
            raise PublishError(message, hint="Nothing was published. Run the same command again.") from error
        return Published(release.version, str(final), self._index().latest == release.version, plan.bytes_to_send)

    def _fill(self, release: Release, folder: Path, plan: PushPlan, watch: Watch) -> None:
        partial = self._partial(release) / release.name
        partial.mkdir(parents=True, exist_ok=True)
        for path in plan.delete:
            (partial / path).unlink()
        for path in plan.to_send:
            target = partial / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, target)
            watch(release.files[path].size)
        if not compare(release, _described(partial)).is_done:
            message = "What was copied is not what the release holds."
            raise PublishError(
                message, hint="Nothing was published. Look at the disk, then run the same command again."
            )

    def _partial(self, release: Release) -> Path:
        return self._root / f".{release.tag}{_PARTIAL}"

    def versions(self) -> Sequence[str]:
        """Versions of the index."""
        return sorted(self._index().versions, key=version_key)

    def held(self) -> Sequence[str]:
        """Versions with a folder, ``yanked-`` or not."""
        folders = self._root.iterdir() if self._root.is_dir() else ()
        return versions_of({folder.name.removeprefix(YANKED): "" for folder in folders if folder.is_dir()})

    def verify(self, version: str) -> Sequence[str]:
        """Compare a version with its own checksums, and those with the index."""
        release, folder = self._release(version)
        digests = {path: sha256_of(folder / path) for path in release.files}
        found = differing(sums_of((folder / SUMS).read_text("utf-8")), digests)
        return found if self._index().versions.get(version) == digests[SUMS] else [*found, SUMS]

    def subjects(self, version: str) -> frozenset[str]:
        """Subjects of a version's table."""
        path = self._release(version)[1] / "manifests/subjects.parquet"
        return frozenset(name for batch in read_batches(path, ["subject_id"]) for name in batch[0].to_pylist())

    def plan_yank(self, versions: Sequence[str], reason: str, *, purge: bool) -> YankPlan:
        """Which folders get another name, or go."""
        index = self._index()
        doomed: dict[str, int] = {}
        gone = {notice.version for notice in index.notices}
        for version in versions:
            folder = self._held(version)
            if folder is None and version not in gone:
                raise _absent(version)
            if purge and folder is not None:
                files = (path for path in sorted(folder.rglob("*")) if path.is_file())
                doomed |= {path.relative_to(self._root).as_posix(): path.stat().st_size for path in files}
        notices = tuple(Notice(version, reason, purge) for version in versions)
        return YankPlan(notices, index.without(versions, ()).latest, doomed)

    def yank(self, plan: YankPlan) -> None:
        """Say it in the index first; then rename the folders, or delete them."""
        index = self._index()
        self._write(index.without([notice.version for notice in plan.notices], noted(index.notices, plan.notices)))
        for notice in plan.notices:
            folder = self._held(notice.version)
            if folder is None:
                continue
            if notice.is_purged:
                shutil.rmtree(folder)
            elif folder.name == tag_of(notice.version):
                folder.rename(self._root / yanked_tag_of(notice.version))

    def _held(self, version: str) -> Path | None:
        names = (tag_of(version), yanked_tag_of(version))
        return next((self._root / name for name in names if (self._root / name).is_dir()), None)

    def _release(self, version: str) -> tuple[Release, Path]:
        held = self._held(version)
        if held is None:
            raise _absent(version)
        folder = next(path for path in sorted(held.iterdir()) if path.is_dir())
        return read_release(folder), folder

    def _index(self) -> Index:
        path = self._root / INDEX_FILE
        return index_of(json.loads(path.read_text("utf-8"))) if path.is_file() else Index()

    def _write(self, index: Index) -> None:
        write_json(self._root / INDEX_FILE, index.as_json())


def _described(folder: Path) -> dict[str, RemoteFile]:
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            found[name] = RemoteFile(name, path.stat().st_size, sha256=sha256_of(path))
    return found


def _absent(version: str) -> PublishError:
    message = f"There is no version {version} here."
    return PublishError(message, hint="Nothing was changed. `releases.json` lists the versions.")
