"""The story of a push to the Hub: branch, send, compare, tag, one commit on main.

Main moves once, by a commit whose parent is the one that was seen before anything was sent; whoever reads it meanwhile sees
the version before. Every stage looks first what is there, so that a push that was killed goes on where it was.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from umd_curate.errors import PublishError
from umd_curate.publish.faults import Fault, explained
from umd_curate.publish.hub import MAIN, Hub, RepoState
from umd_curate.publish.io import README, git_oid_of
from umd_curate.publish.notices import Notice, noted, notices_in, tombstone, with_notices
from umd_curate.publish.plan import (
    OWN_FILES,
    YANKED,
    PushPlan,
    Release,
    RemoteFile,
    Stage,
    branch_of,
    compare,
    is_newest,
    tag_of,
    version_key,
    versions_of,
    yanked_tag_of,
)
from umd_curate.publish.publisher_io import Published, Watch, YankPlan
from umd_curate.publish.sums import SUMS, differing, sums_of
from umd_curate.publish.target import Visibility
from umd_curate.store.parquet import read_batches

SUBJECTS = "manifests/subjects.parquet"
MAX_NAMED = 5


class HubPublisher:
    """A dataset repository of the Hub as a target.

    Parameters
    ----------
    hub
        The repository.
    visibility
        Who shall be able to read; None leaves a repository as it is, and a new one is private and gated.
    may_be_open
        Whether licence, ethics approval and consent are stated.
    """

    def __init__(self, hub: Hub, visibility: Visibility | None, *, may_be_open: bool) -> None:
        self._hub = hub
        self._visibility = visibility
        self._may_be_open = may_be_open

    def plan(self, release: Release) -> PushPlan:
        """What a push would send, beside what the branch of a broken-off push or main already holds."""
        state = self._hub.find()
        if state is None:
            return compare(release, {})
        self._refuse_open(state)
        start = state.tags.get(release.tag) or state.branches.get(branch_of(release.version)) or state.main
        return compare(release, self._hub.files(start))

    def push(self, release: Release, folder: Path, watch: Watch) -> Published:
        """Publish; see the module."""
        hub = self._hub
        hub.stage = Stage.NOTHING
        state = hub.find()
        if state is None:
            hub.create()
            hub.set_visibility(Visibility())
            state = hub.state()
        self._refuse_open(state)
        commit, sent = state.tags.get(release.tag), 0
        if commit is None:
            commit, sent = self._assemble(release, folder, state, watch)
            hub.tag(release.tag, commit)
        else:
            self._refuse_other(release, commit)
        hub.stage = Stage.TAGGED
        newest = is_newest(release.version, state.tags)
        if newest:
            self._show(commit, state.main, f"Release {release.version}")
        hub.stage = Stage.PUBLISHED
        hub.delete_branch(branch_of(release.version))
        if self._visibility is not None:
            hub.set_visibility(self._visibility)
        return Published(release.version, commit, newest, sent)

    def _assemble(self, release: Release, folder: Path, state: RepoState, watch: Watch) -> tuple[str, int]:
        """Bring the branch to hold the release and nothing else; its commit, and the bytes that had to be sent."""
        hub, branch = self._hub, branch_of(release.version)
        hub.branch(branch, state.main)
        hub.stage = Stage.SENDING
        plan = compare(release, hub.files(branch))
        sent = hub.send(branch, {path: folder / path for path in plan.to_send}, watch)

        def ask() -> None:
            left = compare(release, hub.files(branch))
            if not left.is_done:
                hub.commit(branch, f"Release {release.version}", add=sent, delete=left.delete)

        hub.asking("committing to the release branch", ask)
        hub.stage = Stage.SENT
        commit = hub.state().branches[branch]
        self._refuse_other(release, commit)
        return commit, plan.bytes_to_send

    def _refuse_other(self, release: Release, commit: str) -> None:
        """Compare what the Hub holds with the release, both ways."""
        difference = compare(release, self._hub.files(commit))
        if difference.is_done:
            return
        paths = [*difference.add, *difference.replace, *difference.delete]
        named = ", ".join(paths[:MAX_NAMED]) + (f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else "")
        if self._hub.stage is Stage.NOTHING:
            message = f"The tag {release.tag} exists already with another content: {named}."
            raise PublishError(
                message, hint="Nothing was published. A published version never changes: raise the number."
            )
        message = f"What the Hub holds is not what was sent: {named}."
        raise PublishError(message, hint=f"{self._hub.stage.value} Run the same command again.")

    def _show(self, commit: str | None, parent: str, message: str, new: Sequence[Notice] = ()) -> None:
        """Move main, in one commit, to a release with the notices of main, or to the notices alone."""
        hub = self._hub

        def ask() -> None:
            there = hub.files(MAIN)
            notices = noted(notices_in(self._text(README, MAIN)) if README in there else (), new)
            wanted = dict(hub.files(commit)) if commit else {}
            plain = self._text(README, commit) if commit else tombstone(hub.repository.split("/")[1], notices)
            card = with_notices(plain, notices).encode()
            wanted[README] = RemoteFile(README, len(card), git_oid=git_oid_of(card))
            changed = [path for path, file in wanted.items() if there.get(path) != file and path not in OWN_FILES]
            delete = sorted(there.keys() - wanted.keys() - OWN_FILES)
            if not changed and not delete:
                return
            if hub.state().main != parent:
                raise explained(Fault(412), "moving the main branch", hub.stage.value)
            hub.commit(
                MAIN,
                message,
                add=[hub.content(README, card)] if README in changed else [],
                copy=[path for path in changed if path != README],
                source=commit or "",
                delete=delete,
                parent=parent,
            )

        hub.asking("moving the main branch", ask)

    def _text(self, path: str, revision: str | None) -> str:
        return self._bytes(path, revision or MAIN).decode("utf-8")

    def _bytes(self, path: str, revision: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return self._hub.read(path, revision, Path(folder))

    def versions(self) -> Sequence[str]:
        """Versions with a tag."""
        state = self._hub.find()
        return versions_of(state.tags) if state else []

    def held(self) -> Sequence[str]:
        """Versions with a tag, ``yanked-`` or not."""
        state = self._hub.find()
        return versions_of({tag.removeprefix(YANKED): commit for tag, commit in state.tags.items()}) if state else []

    def verify(self, version: str) -> Sequence[str]:
        """Compare the tag's files with its own checksums, and main with the tag where it is the newest."""
        state = self._hub.state()
        commit = self._commit_of(version, state)
        files = self._hub.files(commit)
        found = differing(sums_of(self._text(SUMS, commit)), self._digests(files, commit))
        if is_newest(version, state.tags):
            found += [f"{MAIN}: {path}" for path in self._unlike(files, self._hub.files(MAIN), commit)]
        return found

    def _digests(self, files: Mapping[str, RemoteFile], commit: str) -> dict[str, str]:
        """SHA-256 of every file: as LFS says it, or of the small file itself."""
        from hashlib import sha256  # noqa: PLC0415  (beside its one use)

        return {
            path: file.sha256 or sha256(self._bytes(path, commit)).hexdigest()
            for path, file in files.items()
            if path not in OWN_FILES
        }

    def _unlike(self, files: Mapping[str, RemoteFile], main: Mapping[str, RemoteFile], commit: str) -> list[str]:
        paths = sorted((files.keys() | main.keys()) - OWN_FILES - {README})
        found = [path for path in paths if files.get(path) != main.get(path)]
        card = self._text(README, MAIN) if README in main else ""
        plain = with_notices(self._text(README, commit), notices_in(card))
        return found if card == plain else [*found, README]

    def subjects(self, version: str) -> frozenset[str]:
        """Subjects that the tag's table names."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "subjects.parquet"
            path.write_bytes(self._bytes(SUBJECTS, self._commit_of(version, self._hub.state())))
            return frozenset(name for batch in read_batches(path, ["subject_id"]) for name in batch[0].to_pylist())

    def plan_yank(self, versions: Sequence[str], reason: str, *, purge: bool) -> YankPlan:
        """Which tags go, what main then shows, and which stored files no remaining version needs."""
        state = self._hub.state()
        card = self._text(README, MAIN) if README in self._hub.files(MAIN) else ""
        gone = {notice.version for notice in notices_in(card)}  # by a purge that was broken off
        for version in versions:
            if version not in gone:
                self._commit_of(version, state)
        kept = {version: state.tags[tag_of(version)] for version in versions_of(state.tags) if version not in versions}
        doomed: dict[str, int] = {}
        if purge:
            needed = {
                file.sha256
                for commit in {**kept, **self._yanked(state, versions)}.values()
                for file in self._hub.files(commit).values()
            }
            doomed = {digest: size for digest, size in self._hub.stored().items() if digest not in needed}
        notices = tuple(Notice(version, reason, purge) for version in versions)
        return YankPlan(notices, max(kept, key=version_key, default=None), doomed)

    def yank(self, plan: YankPlan) -> None:
        """Move main first, then the tags; delete last, when nothing points to the files any more."""
        hub = self._hub
        hub.stage = Stage.PUBLISHED
        state = hub.state()
        versions = [notice.version for notice in plan.notices]
        shown = state.tags[tag_of(plan.shown_after)] if plan.shown_after else None
        self._show(shown, state.main, f"Take back {', '.join(versions)}", plan.notices)
        for notice in plan.notices:
            commit = state.tags.get(tag_of(notice.version)) or state.tags.get(yanked_tag_of(notice.version))
            if commit and not notice.is_purged:
                hub.tag(yanked_tag_of(notice.version), commit)
            hub.delete_tag(tag_of(notice.version))
            if notice.is_purged:
                hub.delete_tag(yanked_tag_of(notice.version))
                hub.delete_branch(branch_of(notice.version))
        if any(notice.is_purged for notice in plan.notices):
            hub.squash(f"Take back {', '.join(versions)}")
            hub.delete_stored(plan.doomed)

    def _yanked(self, state: RepoState, going: Sequence[str]) -> dict[str, str]:
        """Versions that were taken back before and can still be read by another tag."""
        return {
            tag: commit
            for tag, commit in state.tags.items()
            if tag.startswith(YANKED) and tag not in {yanked_tag_of(version) for version in going}
        }

    def _commit_of(self, version: str, state: RepoState) -> str:
        """Commit of a version; one that was yanked can still be purged."""
        found = state.tags.get(tag_of(version)) or state.tags.get(yanked_tag_of(version))
        if found is None:
            message = f"There is no version {version} in the repository."
            known = ", ".join(versions_of(state.tags)) or "none"
            raise PublishError(message, hint=f"Nothing was changed. Published: {known}.")
        return found

    def _refuse_open(self, state: RepoState) -> None:
        """Nothing goes to a repository that is public or ungated by accident."""
        is_open = Visibility(is_public=not state.is_private, gate="manual").is_open
        if is_open and not self._may_be_open:
            message = "The repository is public, and umd.toml does not state licence, ethics approval and consent."
            raise PublishError(message, hint="Nothing was published. Make it private, or fill in [dataset].")
