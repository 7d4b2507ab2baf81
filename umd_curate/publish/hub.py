"""A dataset repository of the Hugging Face Hub, by the official client. No request is repeated that might do harm twice.

The endpoint is handed over with every call: `huggingface_hub` reads HF_ENDPOINT only once, when it is imported.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from umd_curate.errors import PublishError
from umd_curate.publish.faults import NO_NETWORK, NO_TOKEN, OFFLINE, TRIES, Fault, explained, pause_s
from umd_curate.publish.plan import RemoteFile, Stage
from umd_curate.publish.target import Visibility
from umd_curate.store.lazy import Lazy

if TYPE_CHECKING:
    from huggingface_hub import HfApi

hub_client = Lazy("huggingface_hub")
hub_errors = Lazy("huggingface_hub.errors")

DATASET = "dataset"
MAIN = "main"
BATCH_BYTES = 4 << 30  # sent before the next look at what is still missing
BATCH_FILES = 64

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class RepoState:
    """What a repository looks like at one moment."""

    is_private: bool
    gate: str
    branches: Mapping[str, str]  # to commit
    tags: Mapping[str, str]

    @property
    def main(self) -> str:
        """Commit that readers see without naming a version."""
        return self.branches[MAIN]


class Hub:
    """One dataset repository.

    Parameters
    ----------
    repository
        ``ORG/NAME``.
    endpoint
        Address of the Hub; HF_ENDPOINT, else the public one, where None.
    wait
        Sleeps between tries.
    """

    def __init__(
        self, repository: str, *, endpoint: str | None = None, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.repository = repository
        self.stage = Stage.NOTHING
        self._endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
        self._wait = wait
        self._api: HfApi | None = None

    @property
    def api(self) -> "HfApi":
        """The client, with a token.

        Raises
        ------
        PublishError
            There is no token.
        """
        if self._api is None:
            token = hub_client.get_token()
            if token is None:
                raise explained(Fault(None, NO_TOKEN), "looking for a token", self.stage.value)
            hub_client.utils.disable_progress_bars()  # the caller's own watch says how far it is
            self._api = hub_client.HfApi(endpoint=self._endpoint, token=token)
        return self._api

    def asking(self, doing: str, ask: Callable[[], Found]) -> Found:
        """Do what `ask` does; again and again while the Hub's fault is one that passes.

        Parameters
        ----------
        doing
            For the message, such as ``sending files``.
        ask
            Looks first what is still to be done, wherever doing it twice would be wrong.

        Raises
        ------
        PublishError
            It cannot be done; says what was and was not published.
        """
        for attempt in range(TRIES):
            try:
                return ask()
            except _faults() as error:
                fault = fault_of(error)
                if not fault.is_passing or attempt == TRIES - 1:
                    raise explained(fault, doing, self.stage.value) from error
                self._wait(pause_s(fault, attempt))
        raise AssertionError  # the last try returns or raises

    def find(self) -> RepoState | None:
        """What the repository looks like; None where this token sees none."""

        def ask() -> RepoState | None:
            try:
                info = self.api.repo_info(self.repository, repo_type=DATASET)
                refs = self.api.list_repo_refs(self.repository, repo_type=DATASET)
            except hub_errors.GatedRepoError:
                raise
            except hub_errors.RepositoryNotFoundError as error:
                if fault_of(error).status == 404:
                    return None
                raise
            gate = info.gated if isinstance(info.gated, str) else "none"
            branches = {ref.name: ref.target_commit for ref in refs.branches}
            return RepoState(bool(info.private), gate, branches, {ref.name: ref.target_commit for ref in refs.tags})

        return self.asking("looking at the repository", ask)

    def state(self) -> RepoState:
        """What the repository looks like.

        Raises
        ------
        PublishError
            It is not there, or hidden from this token.
        """
        found = self.find()
        if found is None:
            raise explained(Fault(404), "looking at the repository", self.stage.value)
        return found

    def create(self) -> None:
        """Make the repository, private."""
        self.asking(
            "making the repository",
            lambda: self.api.create_repo(self.repository, repo_type=DATASET, private=True, exist_ok=True),
        )

    def set_visibility(self, wanted: Visibility) -> None:
        """Say who may see the repository."""
        gate: Any = False if wanted.gate == "none" else wanted.gate
        self.asking(
            "setting who may read",
            lambda: self.api.update_repo_settings(
                self.repository, repo_type=DATASET, private=not wanted.is_public, gated=gate
            ),
        )

    def files(self, revision: str) -> dict[str, RemoteFile]:
        """Files of a revision; those in LFS by SHA-256, the others by Git's name."""

        def ask() -> dict[str, RemoteFile]:
            tree = self.api.list_repo_tree(self.repository, recursive=True, revision=revision, repo_type=DATASET)
            found: Iterable[Any] = (entry for entry in tree if hasattr(entry, "blob_id"))  # the others are folders
            return {
                entry.path: RemoteFile(entry.path, entry.size, sha256=entry.lfs.sha256)
                if entry.lfs
                else RemoteFile(entry.path, entry.size, git_oid=entry.blob_id)
                for entry in found
            }

        return self.asking("listing files", ask)

    def read(self, path: str, revision: str, folder: Path) -> bytes:
        """A small file of a revision, by way of a folder for downloads."""

        def ask() -> bytes:
            found = self.api.hf_hub_download(
                self.repository, path, repo_type=DATASET, revision=revision, cache_dir=folder
            )
            return Path(found).read_bytes()

        return self.asking("reading a file", ask)

    def branch(self, name: str, start: str) -> None:
        """Make a branch, unless it is there."""
        self.asking(
            "making the release branch",
            lambda: self.api.create_branch(
                self.repository, branch=name, revision=start, repo_type=DATASET, exist_ok=True
            ),
        )

    def send(self, branch: str, files: Mapping[str, Path], watch: Callable[[int], None]) -> list[Any]:
        """Send files' contents; what the Hub holds already is not sent again.

        Returns
        -------
        list
            What a commit then adds, without sending anything again.
        """
        sent: list[Any] = []
        for batch in _batches(files):
            additions = [hub_client.CommitOperationAdd(name, str(path)) for name, path in batch]

            def ask(additions: list[Any] = additions) -> None:
                try:
                    self.api.preupload_lfs_files(
                        self.repository, additions, revision=branch, repo_type=DATASET, free_memory=False
                    )
                except (RuntimeError, ValueError) as error:  # as the client reports a fault of one file
                    raise _first_cause(error) from error

            self.asking("sending files", ask)
            watch(sum(path.stat().st_size for _, path in batch))
            sent += additions
        return sent

    def commit(
        self,
        branch: str,
        message: str,
        *,
        add: Sequence[Any] = (),
        copy: Sequence[str] = (),
        source: str = "",
        delete: Iterable[str] = (),
        parent: str | None = None,
    ) -> None:
        """One commit. The caller looks before a second try whether the first one came through.

        Parameters
        ----------
        branch, message
            Where, and what it says.
        add
            What `send` and `content` gave.
        copy, source
            Files that are taken as they are from another revision.
        delete
            Files that go.
        parent
            Commit that the branch must still be at.
        """
        operations: list[Any] = [hub_client.CommitOperationDelete(path) for path in delete]
        operations += [hub_client.CommitOperationCopy(path, path, src_revision=source) for path in copy]
        operations += add
        self.api.create_commit(
            self.repository,
            operations,
            commit_message=message,
            revision=branch,
            repo_type=DATASET,
            parent_commit=parent,
        )

    @staticmethod
    def content(path: str, data: bytes) -> Any:  # noqa: ANN401  (an operation of the client)
        """What a commit adds: a small file of this content."""
        return hub_client.CommitOperationAdd(path, data)

    def tag(self, name: str, commit: str) -> None:
        """Give a commit a name that never moves.

        Raises
        ------
        PublishError
            The name stands for another commit.
        """

        def ask() -> None:
            known = self.state().tags.get(name)
            if known == commit:
                return
            if known is not None:
                message = f"The tag {name} exists already and names another content."
                raise PublishError(
                    message, hint=f"{self.stage.value} A published version never changes: raise the number."
                )
            self.api.create_tag(self.repository, tag=name, revision=commit, repo_type=DATASET)

        self.asking("making the tag", ask)

    def delete_tag(self, name: str) -> None:
        """Remove a tag, if it is there."""

        def ask() -> None:
            if name in self.state().tags:
                self.api.delete_tag(self.repository, tag=name, repo_type=DATASET)

        self.asking("removing the tag", ask)

    def delete_branch(self, name: str) -> None:
        """Remove a branch, if it is there."""

        def ask() -> None:
            if name in self.state().branches:
                self.api.delete_branch(self.repository, branch=name, repo_type=DATASET)

        self.asking("removing the release branch", ask)

    def squash(self, message: str) -> None:
        """Make main one commit without a past."""
        self.asking(
            "squashing the history",
            lambda: self.api.super_squash_history(
                self.repository, branch=MAIN, commit_message=message, repo_type=DATASET
            ),
        )

    def stored(self) -> dict[str, int]:
        """LFS files of the repository and its whole past: SHA-256 to bytes."""
        return self.asking(
            "listing stored files",
            lambda: {
                entry.file_oid: entry.size for entry in self.api.list_lfs_files(self.repository, repo_type=DATASET)
            },
        )

    def delete_stored(self, digests: Iterable[str]) -> None:
        """Delete LFS files for good, from the past of the repository too."""
        wanted = set(digests)

        def ask() -> None:
            entries = self.api.list_lfs_files(self.repository, repo_type=DATASET)
            doomed = [entry for entry in entries if entry.file_oid in wanted]
            if doomed:
                self.api.permanently_delete_lfs_files(self.repository, doomed, repo_type=DATASET)

        self.asking("deleting stored files", ask)


def fault_of(error: Exception) -> Fault:
    """What an exception of the client means."""
    if isinstance(error, hub_errors.LocalTokenNotFoundError):
        return Fault(None, NO_TOKEN)
    if isinstance(error, hub_errors.OfflineModeIsEnabled):
        return Fault(None, OFFLINE)
    response = getattr(error, "response", None)
    if response is None:
        return Fault(None, NO_NETWORK)
    headers = response.headers
    asked = headers.get("Retry-After", "")
    return Fault(
        status=response.status_code,
        code=headers.get("X-Error-Code", ""),
        text=f"{headers.get('X-Error-Message', '')} {getattr(error, 'server_message', None) or ''}",
        retry_after_s=float(asked) if asked.isdigit() else None,
    )


def _faults() -> tuple[type[Exception], ...]:
    return hub_errors.HTTPError, hub_errors.LocalTokenNotFoundError, ConnectionError, TimeoutError


def _first_cause(error: Exception) -> Exception:
    """The client's own error behind one that it wraps; a disturbance of the network where it wraps none."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
        if isinstance(cause, _faults()):
            return cause
    if cause is error and isinstance(error, RuntimeError):
        return ConnectionError("the transfer broke off")
    return error


def _batches(files: Mapping[str, Path]) -> Iterable[list[tuple[str, Path]]]:
    batch: list[tuple[str, Path]] = []
    size = 0
    for name, path in files.items():
        batch.append((name, path))
        size += path.stat().st_size
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
