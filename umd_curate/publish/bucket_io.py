"""A bucket as a target, by fsspec: S3 and all that speaks like it, and whatever else fsspec has a driver for.

A bucket cannot rename, so a version is published by the one object ``releases.json``, which is written last, when every
object has been read back and compared. A reader who goes by it never sees half a release.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from umd_curate.errors import PublishError
from umd_curate.publish.faults import TRIES, Fault, explained, pause_s
from umd_curate.publish.index import INDEX_FILE, Index, index_of
from umd_curate.publish.notices import Notice, noted
from umd_curate.publish.plan import PushPlan, Release, RemoteFile, compare, tag_of, version_key
from umd_curate.publish.publisher_io import Published, Watch, YankPlan
from umd_curate.publish.sums import SUMS, differing, sums_of
from umd_curate.store.lazy import Lazy

fsspec = Lazy("fsspec")

_BLOCK = 8 << 20
_STATE = "Nothing was published: the index of the bucket is unchanged."

Found = TypeVar("Found")


class BucketPublisher:
    """A folder of a bucket with versions.

    Parameters
    ----------
    url
        Such as ``s3://bucket/folder``.
    options
        Of the driver; those of its own settings (AWS_PROFILE, AWS_ENDPOINT_URL ...) where empty.
    wait
        Sleeps between tries.
    """

    def __init__(
        self, url: str, options: Mapping[str, Any] | None = None, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._options = dict(options or {}) | {"use_listings_cache": False}
        self._url = url
        self._wait = wait
        self._opened: tuple[Any, str] | None = None

    @property
    def _bucket(self) -> tuple[Any, str]:
        """Driver and root."""
        if self._opened is None:
            try:
                self._opened = fsspec.core.url_to_fs(self._url, **self._options)
            except (ImportError, ValueError) as error:
                message = "There is no driver for this kind of bucket."
                raise PublishError(message, hint=f"{_STATE} For S3: pip install 'umd-curate[s3]'.") from error
        return self._opened

    def _asking(self, doing: str, ask: Callable[[], Found]) -> Found:
        for attempt in range(TRIES):
            try:
                return ask()
            except FileNotFoundError as error:
                raise explained(Fault(404), doing, _STATE) from error
            except PermissionError as error:
                raise explained(Fault(403), doing, _STATE) from error
            except _driver_faults() as error:
                if attempt == TRIES - 1:
                    raise explained(Fault(None, "network"), doing, _STATE) from error
                self._wait(pause_s(Fault(None, "network"), attempt))
        raise AssertionError  # the last try returns or raises

    def _place(self, version: str, name: str) -> str:
        return f"{self._bucket[1]}/{tag_of(version)}/{name}"

    def plan(self, release: Release) -> PushPlan:
        """What a push would send; objects of the right size are read back and compared."""
        return compare(release, self._described(self._place(release.version, release.name), release))

    def push(self, release: Release, folder: Path, watch: Watch) -> Published:
        """Send what is missing, read it back, and say so in the index."""
        bucket, place = self._bucket[0], self._place(release.version, release.name)
        index, plan = self._index(), self.plan(release)
        if release.version in index.versions and not plan.is_done:
            message = f"{release.tag} exists already with another content."
            raise PublishError(
                message, hint="Nothing was published. A published version never changes: raise the number."
            )
        for path in plan.delete:
            self._asking("removing an object", lambda path=path: bucket.rm_file(f"{place}/{path}"))  # type: ignore[misc]
        for path in plan.to_send:
            self._asking(
                "sending files",
                lambda path=path: bucket.put_file(str(folder / path), f"{place}/{path}"),  # type: ignore[misc]
            )
            watch(release.files[path].size)
        if not plan.is_done and not self.plan(release).is_done:
            message = "What the bucket holds is not what was sent."
            raise PublishError(message, hint=f"{_STATE} Run the same command again.")
        index = index.with_version(release.version, release.files[SUMS].sha256)
        self._write(index)
        return Published(release.version, place, index.latest == release.version, plan.bytes_to_send)

    def versions(self) -> Sequence[str]:
        """Versions of the index."""
        return sorted(self._index().versions, key=version_key)

    def held(self) -> Sequence[str]:
        """Versions of the index, and those that it says were taken back and not purged."""
        index = self._index()
        yanked = [notice.version for notice in index.notices if not notice.is_purged]
        return sorted({*index.versions, *yanked}, key=version_key)

    def verify(self, version: str) -> Sequence[str]:
        """Read a version back and compare it with its own checksums, and those with the index."""
        place = self._held(version)
        digests = {path: file.sha256 for path, file in self._described(place).items()}
        sums = sums_of(self._read(f"{place}/{SUMS}").decode("utf-8"))
        found = differing(sums, digests)
        return found if self._index().versions.get(version) == digests.get(SUMS) else [*found, SUMS]

    def subjects(self, version: str) -> frozenset[str]:
        """Subjects of a version's table."""
        import pyarrow as pa  # noqa: PLC0415  (heavy, and only where it is asked)
        import pyarrow.parquet as pq  # noqa: PLC0415

        data = self._read(f"{self._held(version)}/manifests/subjects.parquet")
        return frozenset(pq.read_table(pa.BufferReader(data), columns=["subject_id"])[0].to_pylist())

    def plan_yank(self, versions: Sequence[str], reason: str, *, purge: bool) -> YankPlan:
        """Which versions leave the index, and which objects go."""
        index = self._index()
        doomed: dict[str, int] = {}
        for version in versions:
            if version not in index.versions and version not in {notice.version for notice in index.notices}:
                message = f"There is no version {version} in the bucket."
                raise PublishError(message, hint="Nothing was changed. `releases.json` lists the versions.")
            if purge:
                place = f"{self._bucket[1]}/{tag_of(version)}"
                doomed |= {f"{tag_of(version)}/{path}": size for path, size in self._listed(place).items()}
        notices = tuple(Notice(version, reason, purge) for version in versions)
        return YankPlan(notices, index.without(versions, ()).latest, doomed)

    def yank(self, plan: YankPlan) -> None:
        """Say it in the index first; then delete what is to be deleted."""
        index = self._index()
        self._write(index.without([notice.version for notice in plan.notices], noted(index.notices, plan.notices)))
        bucket, root = self._bucket
        for path in plan.doomed:
            self._asking("deleting an object", lambda path=path: bucket.rm_file(f"{root}/{path}"))  # type: ignore[misc]

    def _held(self, version: str) -> str:
        bucket, root = self._bucket
        place = f"{root}/{tag_of(version)}"
        names = self._asking("listing files", lambda: bucket.ls(place, detail=False))
        return str(min(names))

    def _described(self, place: str, release: Release | None = None) -> dict[str, RemoteFile]:
        """Objects below a place; without a digest where the size is already another one than the release's."""
        found = {}
        for path, size in self._listed(place).items():
            local = release.files.get(path) if release else None
            is_wanted = release is None or (local is not None and local.size == size)
            digest = self._digest(f"{place}/{path}") if is_wanted else "another size"
            found[path] = RemoteFile(path, size, sha256=digest)
        return found

    def _listed(self, place: str) -> dict[str, int]:
        bucket = self._bucket[0]

        def ask() -> dict[str, int]:
            found = bucket.find(place, detail=True)
            return {name.removeprefix(f"{place}/"): int(entry["size"]) for name, entry in sorted(found.items())}

        return self._asking("listing files", ask)

    def _digest(self, path: str) -> str:
        bucket = self._bucket[0]

        def ask() -> str:
            digest = hashlib.sha256()
            with bucket.open(path, "rb", cache_type="none", block_size=_BLOCK) as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
            return digest.hexdigest()

        return self._asking("reading back", ask)

    def _read(self, path: str) -> bytes:
        bucket = self._bucket[0]
        return self._asking("reading a file", lambda: bytes(bucket.cat_file(path)))

    def _index(self) -> Index:
        bucket, root = self._bucket
        path = f"{root}/{INDEX_FILE}"
        is_there = self._asking("looking at the bucket", lambda: bool(bucket.exists(path)))
        return index_of(json.loads(self._read(path))) if is_there else Index()

    def _write(self, index: Index) -> None:
        bucket, root = self._bucket
        data = (json.dumps(index.as_json(), indent=2, sort_keys=True) + "\n").encode()
        self._asking("writing the index", lambda: bucket.pipe_file(f"{root}/{INDEX_FILE}", data))


def _driver_faults() -> tuple[type[Exception], ...]:
    """Faults of a disk or a network; those of the network the driver of S3 does not always turn into an OSError."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError, botocore.BotoCoreError) if botocore else (OSError,)
