"""Repositories of the loopback Hub: a commit graph in memory, content-addressed files on disk."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
_counter = itertools.count()


def git_oid(data: bytes) -> str:
    """Git's name for a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A file of a commit."""

    sha256: str
    size: int
    oid: str  # of the blob, or of the LFS pointer
    is_lfs: bool
    xet: str | None = None


@dataclass(frozen=True)
class Commit:
    """A tree and where it comes from."""

    id: str
    parent: str | None
    files: Mapping[str, Entry]
    title: str
    message: str = ""
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))


@dataclass
class Repo:
    """A dataset repository."""

    name: str
    is_private: bool
    gated: str | bool = False
    accepted: set[str] = field(default_factory=set)  # users who may pass the gate
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, int] = field(default_factory=dict)  # SHA-256 to size of what was uploaded to this repository

    def add(self, parent: str | None, files: Mapping[str, Entry], title: str, message: str = "") -> str:
        name = hashlib.sha1(f"{parent}{title}{next(_counter)}".encode(), usedforsecurity=False).hexdigest()
        self.commits[name] = Commit(name, parent, dict(files), title, message)
        return name

    def find(self, revision: str) -> str | None:
        """Commit of a branch, tag or (short) commit id."""
        for prefix in ("refs/heads/", "refs/tags/"):
            revision = revision.removeprefix(prefix)
        if (found := self.branches.get(revision) or self.tags.get(revision)) is not None:
            return found
        return next((name for name in self.commits if len(revision) >= 7 and name.startswith(revision)), None)

    def files(self, revision: str = "main") -> Mapping[str, Entry]:
        found = self.find(revision)
        assert found is not None, revision
        return self.commits[found].files

    def history(self, revision: str = "main") -> Iterator[Commit]:
        at = self.find(revision)
        while at is not None:
            yield self.commits[at]
            at = self.commits[at].parent


@dataclass
class Fault:
    """An answer that the Hub gives instead of its own, some times."""

    method: str
    path: str  # what the raw path must hold
    status: int
    times: int
    headers: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0  # requests that pass first
    after: bool = False  # the Hub does what was asked, and only its answer is lost
    pause_s: float = 0.0


@dataclass
class Hub:
    """All repositories, and what a test wants to go wrong."""

    root: Path
    users: dict[str, str] = field(
        default_factory=lambda: {"hf_writer": "tester", "hf_reader": "reader"}
    )  # token to user
    readers: frozenset[str] = frozenset({"hf_reader"})  # tokens that may not write
    repos: dict[str, Repo] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    quota_bytes: int | None = None  # of a private repository's LFS files
    multipart_over: int = 1 << 20
    cas: Path | None = None  # folder of the Xet store; LFS alone without it
    log: list[str] = field(default_factory=list)
    on_request: Callable[[str], None] = lambda _: None

    def blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256

    def keep(self, data: bytes) -> Entry:
        """Keep a small file."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.blob(sha256).parent.mkdir(parents=True, exist_ok=True)
        self.blob(sha256).write_bytes(data)
        return Entry(sha256, len(data), git_oid(data), is_lfs=False)

    def pointer(self, sha256: str, size: int, xet: str | None = None) -> Entry:
        """A file that lies in LFS."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return Entry(sha256, size, git_oid(text.encode()), is_lfs=True, xet=xet)

    def create(self, name: str, *, is_private: bool) -> Repo:
        repo = self.repos[name] = Repo(name, is_private)
        repo.branches["main"] = repo.add(None, {".gitattributes": self.keep(ATTRIBUTES)}, "initial commit")
        return repo

    def read(self, name: str, path: str, revision: str = "main") -> bytes:
        return self.blob(self.repos[name].files(revision)[path].sha256).read_bytes()

    def fail(self, method: str, path: str, status: int, times: int = 1, **more: object) -> None:
        self.faults.append(Fault(method, path, status, times, **more))  # type: ignore[arg-type]

    def fault_of(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one."""
        for fault in self.faults:
            if fault.method == method and fault.path in path and fault.times > 0:
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def count(self, start: str) -> int:
        """Requests so far whose method and path begin so."""
        return sum(line.startswith(start) for line in self.log)
