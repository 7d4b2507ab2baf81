"""Decides what ``releases.json`` of a folder or bucket says: the one file whose change publishes a version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from umd_curate.model.receipts import Json
from umd_curate.publish.notices import Notice
from umd_curate.publish.plan import version_key

INDEX_FILE = "releases.json"


@dataclass(frozen=True, slots=True)
class Index:
    """Versions that can be read here, each with the SHA-256 of its ``SHA256SUMS``, and those that were taken back."""

    versions: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    @property
    def latest(self) -> str | None:
        """Newest version that can be read."""
        return max(self.versions, key=version_key, default=None)

    def with_version(self, version: str, sums: str) -> "Index":
        """The index with one more version."""
        return replace(self, versions={**self.versions, version: sums})

    def without(self, versions: Sequence[str], notices: Sequence[Notice]) -> "Index":
        """The index without versions that are taken back."""
        return Index({name: sums for name, sums in self.versions.items() if name not in versions}, tuple(notices))

    def as_json(self) -> Json:
        """As the file says it."""
        taken_back: list[Json] = [
            {"version": notice.version, "reason": notice.reason, "purged": notice.is_purged} for notice in self.notices
        ]
        return {"latest": self.latest, "versions": dict(self.versions), "taken_back": taken_back}


def index_of(value: Mapping[str, Json]) -> Index:
    """Index of the file's content."""
    versions, taken_back = value.get("versions"), value.get("taken_back")
    assert isinstance(versions, dict)  # noqa: S101  (written by `Index.as_json`)
    assert isinstance(taken_back, list)  # noqa: S101
    notices = [
        Notice(str(entry["version"]), str(entry["reason"]), bool(entry["purged"]))
        for entry in taken_back
        if isinstance(entry, dict)
    ]
    return Index({str(name): str(sums) for name, sums in versions.items()}, tuple(notices))
