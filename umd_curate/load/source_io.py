"""Where a release lies: a folder, or one commit of a dataset repository.

A version of the Hub is pinned: its tag is looked up once, and everything is then read from that commit, so that a tag which
somebody moves changes nothing that is open. The endpoint and the token are handed over with every call.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar, cast

from umd_curate.errors import LoadError
from umd_curate.store.lazy import Lazy
from umd_curate.store.shard_map import Span, mapped

hub_client = Lazy("huggingface_hub")
hub_errors = Lazy("huggingface_hub.errors")

SUMS = "manifests/SHA256SUMS"
SIGNATURE = (f"{SUMS}.sig", f"{SUMS}.pub")  # beside the checksums, which do not name them
_INDEX = "releases.json"
Found = TypeVar("Found")


class Source(Protocol):
    """A place from which a release's files are read; can be sent to another process."""

    @property
    def name(self) -> str:
        """What is read, for people: a folder, or repository, version and commit."""
        ...

    def has(self, path: str) -> bool:
        """Whether the release holds a file of that path."""
        ...

    def fetch(self, path: str) -> Path:
        """A file of the release, whole, on this machine."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """A file of the release that can be read from any place."""
        ...

    def span(self, path: str, span: Span) -> memoryview:
        """A run of bytes of a file."""
        ...


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A release folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    def has(self, path: str) -> bool:
        """Whether the file is there."""
        return (self.folder / path).is_file()

    def fetch(self, path: str) -> Path:
        """The file itself."""
        found = self.folder / path
        if not found.is_file():
            message = f"The release lacks {path}."
            raise LoadError(message, hint="Fetch the release again.")
        return found

    def open(self, path: str) -> IO[bytes]:
        """The file itself."""
        return self.fetch(path).open("rb")

    def span(self, path: str, span: Span) -> memoryview:
        """Bytes where they lie."""
        return mapped(self.fetch(path), span)


@dataclass(frozen=True, slots=True)
class HubSource:
    """One commit of a dataset repository.

    Parameters
    ----------
    repository, commit
        ``ORG/NAME`` and the commit that the version's tag named.
    version
        Of the dataset.
    endpoint, token
        As the client takes them; HF_ENDPOINT and the stored token where None.
    cache
        Folder for downloads; the client's own where None.
    streaming
        Fetch only the bytes that are asked for, instead of whole files into the cache.
    """

    repository: str
    commit: str
    version: str
    endpoint: str | None = None
    token: str | None = None
    cache: Path | None = None
    streaming: bool = False

    @property
    def name(self) -> str:
        """Repository, version and commit."""
        return f"{self.repository} {self.version} ({self.commit[:12]})"

    def has(self, path: str) -> bool:
        """Whether the commit holds the file."""

        def ask() -> bool:
            api = hub_client.HfApi(endpoint=self.endpoint, token=self.token)
            return bool(api.file_exists(self.repository, path, repo_type="dataset", revision=self.commit))

        return asked(ask, f"looking for {path}")

    def fetch(self, path: str) -> Path:
        """The file in the cache; downloaded where it is not there."""

        def ask() -> Path:
            api = hub_client.HfApi(endpoint=self.endpoint, token=self.token)
            found = api.hf_hub_download(
                self.repository, path, repo_type="dataset", revision=self.commit, cache_dir=self.cache
            )
            return Path(found)

        return asked(ask, f"fetching {path}")

    def open(self, path: str) -> IO[bytes]:
        """The file in the cache, or, streaming, a view of it on the Hub."""
        if not self.streaming:
            return self.fetch(path).open("rb")
        opened = asked(lambda: self._remote().open(self._place(path), "rb", block_size=1 << 16), f"opening {path}")
        return cast("IO[bytes]", opened)

    def span(self, path: str, span: Span) -> memoryview:
        """Bytes of the cached file, or, streaming, of one range request."""
        if not self.streaming:
            return mapped(self.fetch(path), span)
        end = span.start + span.size
        return memoryview(
            asked(lambda: self._remote().cat_file(self._place(path), start=span.start, end=end), f"reading {path}")
        )

    def _place(self, path: str) -> str:
        return f"datasets/{self.repository}@{self.commit}/{path}"

    def _remote(self) -> Any:  # noqa: ANN401  (the client is a soft dependency)
        return _file_system(self.endpoint, self.token)


@cache
def _file_system(endpoint: str | None, token: str | None) -> Any:  # noqa: ANN401
    return hub_client.HfFileSystem(endpoint=endpoint, token=token)


def source_of(
    path: Path | None,
    repo: str | None,
    version: str | None,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    cache_dir: Path | None = None,
    streaming: bool = False,
) -> Source:
    """The source that the arguments of `load_dataset` mean.

    Raises
    ------
    LoadError
        There is no such folder, repository or version.
    """
    if repo is None:
        return FolderSource(_folder(path or Path("umd"), version))
    address = endpoint or os.environ.get("HF_ENDPOINT") or None
    commit, found = _pinned(repo, version, address, token)
    return HubSource(repo, commit, found, address, token, cache_dir, streaming)


def _folder(path: Path, version: str | None) -> Path:
    """A release folder, or that of a version in a folder of versions or in a workspace."""
    path = path.expanduser()
    candidates = [path] if version is None else []
    if version is not None:
        candidates = [
            *sorted((path / f"v{version}").glob("*/")),
            *sorted((path / version).glob("*/")),
            *sorted((path / "releases" / version).glob("*/")),
            path,
        ]
    elif (path / _INDEX).is_file():
        import json  # noqa: PLC0415  (beside its one use)

        latest = json.loads((path / _INDEX).read_text("utf-8"))["latest"]
        candidates = sorted((path / f"v{latest}").glob("*/"))
    for candidate in candidates:
        if (candidate / SUMS).is_file():
            return candidate.resolve()
    message = "There is no release in this folder."
    raise LoadError(message, hint="Name the folder that holds README.md, or repo='ORG/umd' for the Hub.")


def _pinned(repo: str, version: str | None, endpoint: str | None, token: str | None) -> tuple[str, str]:
    """Commit of a version's tag, and the version: the newest where none is named."""

    def ask() -> Any:  # noqa: ANN401  (the client is a soft dependency)
        return hub_client.HfApi(endpoint=endpoint, token=token).list_repo_refs(repo, repo_type="dataset")

    tags = {ref.name: ref.target_commit for ref in asked(ask, "looking at the repository").tags}
    known = sorted(
        (name[1:] for name in tags if name[0] == "v" and name[1:].replace(".", "").isdigit()),
        key=lambda number: [int(part) for part in number.split(".")],
    )
    if version is None and known:
        version = known[-1]
    if version is not None and (commit := tags.get(f"v{version}")):
        return commit, version
    listed = f"Published: {', '.join(known) or 'none'}."
    if version is not None and f"yanked-v{version}" in tags:
        message = f"Version {version} was taken back; the card says why."
        raise LoadError(message, hint=listed)
    message = "There is no such version in the repository."
    raise LoadError(message, hint=listed)


def asked(ask: Callable[[], Found], doing: str) -> Found:
    """What the client gives; its faults in words.

    Raises
    ------
    LoadError
        The Hub refuses or does not answer, or the client is not installed.
    """
    try:
        return ask()
    except ImportError as error:
        message = "The client of the Hub is not installed."
        raise LoadError(message, hint="pip install 'umd-curate[hub]'") from error
    except hub_errors.GatedRepoError as error:
        is_unknown = error.response.status_code == 401
        message = (
            f"The repository is gated, and {'nobody is logged in' if is_unknown else 'this account was not let in'}."
        )
        hint = "Log in with `hf auth login`, or set HF_TOKEN." if is_unknown else "Ask for access on its page."
        raise LoadError(message, hint=hint) from error
    except hub_errors.RepositoryNotFoundError as error:
        message = "There is no such repository, or it is hidden from this token."
        raise LoadError(message, hint="Look at its name; a private one needs `hf auth login` or HF_TOKEN.") from error
    except (hub_errors.HTTPError, hub_errors.EntryNotFoundError, OSError) as error:
        message = f"The Hub refuses or does not answer (while {doing})."
        raise LoadError(message) from error
