"""Decides whether a release folder is whole and says the truth, from what `scan.py` read of it.

It looks both ways: every manifest row has its bytes and all bytes have their row; every file has a checksum and every
checksum a file.

A finding names a file or a row by its published name; a file that no checksum lists is only counted, since its name may be
anyone's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from umd_curate.model.catalogue import release as codes
from umd_curate.model.findings import Finding

VolumeKey = tuple[str, str, str, str]  # configuration, subject, session, column


class Signature(StrEnum):
    """What became of the signature over the checksums."""

    VALID = "valid"
    ABSENT = "absent"
    WRONG = "wrong"  # other checksums, or another key than the one that was asked for


@dataclass(frozen=True, slots=True)
class FoundVolume:
    """A volume in a shard or in the manifest.

    Parameters
    ----------
    sha256
        Of the ``.nii.gz``.
    voxel_sha256
        Of the decoded voxels in a shard (empty where they cannot be decoded); as stated in the manifest.
    stated
        Voxel checksum that the row's own column states.
    place
        Shard and row.
    """

    sha256: str
    voxel_sha256: str
    stated: str
    place: tuple[str, int]


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row of a shard."""

    config: str
    split: str
    subject: str
    session: str


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """All that was read of a release folder."""

    sums: Mapping[str, str]  # SHA256SUMS: path to digest
    digests: Mapping[str, str]  # files on disk: path to digest
    manifest: Mapping[VolumeKey, FoundVolume]
    volumes: Mapping[VolumeKey, FoundVolume]
    rows: tuple[FoundRow, ...]  # in the order of the shards
    rows_on_disk: Mapping[tuple[str, str], int]  # configuration and split to rows, from the footers
    card: Mapping[tuple[str, str], int]
    labels_prefix: str
    slices: Mapping[tuple[str, str, str, str], int] | None = None  # planes on disk; None: no such configuration
    slices_said: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)  # by the volumes' shapes
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)  # voxel digest of a source image to its splits
    signature: Signature = Signature.VALID
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a verification looked at and what it found wrong; a whole release has no faults."""

    files: int
    rows: int
    volumes: int
    signed_by: str = ""  # fingerprint of the key that signed the checksums; empty where none did
    faults: tuple[Finding, ...] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.faults


def judge(facts: ReleaseFacts) -> VerifyResult:
    """Compare everything with everything that must agree with it."""
    faults = [
        *(codes.UNREADABLE.at(name) for name in facts.unreadable),
        *_files(facts),
        *_volumes(facts),
        *_card(facts),
        *_splits(facts.rows),
        *_images(facts.images),
        *_alignment(facts),
        *_slices(facts),
        *_signature(facts.signature),
    ]
    return VerifyResult(len(facts.digests), len(facts.rows), len(facts.volumes), faults=tuple(faults))


def _files(facts: ReleaseFacts) -> Iterable[Finding]:
    for name in sorted(facts.sums.keys() - facts.digests.keys()):
        yield codes.FILE_MISSING.at(name)
    for name in sorted(facts.sums.keys() & facts.digests.keys()):
        if facts.sums[name] != facts.digests[name]:
            yield codes.FILE_CHANGED.at(name)
    if unlisted := len(facts.digests.keys() - facts.sums.keys()):
        yield codes.FILE_UNLISTED.at("release", f"{unlisted} files", measured=unlisted, limit=0)


def _volumes(facts: ReleaseFacts) -> Iterable[Finding]:
    for key in sorted(facts.manifest.keys() ^ facts.volumes.keys()):
        yield codes.ROWS_DIFFER.at(_named(key), "only in the manifest" if key in facts.manifest else "only in a shard")
    for key in sorted(facts.manifest.keys() & facts.volumes.keys()):
        said, found = facts.manifest[key], facts.volumes[key]
        if said.sha256 != found.sha256:
            yield codes.BYTES_DIFFER.at(_named(key))
        if {said.voxel_sha256} != {found.voxel_sha256, found.stated}:
            yield codes.VOXELS_DIFFER.at(_named(key))
        if said.place != found.place:
            yield codes.ROWS_DIFFER.at(_named(key), "another shard or row than the manifest says")


def _card(facts: ReleaseFacts) -> Iterable[Finding]:
    for config, split in sorted(facts.card.keys() | facts.rows_on_disk.keys()):
        said, found = facts.card.get((config, split)), facts.rows_on_disk.get((config, split))
        if said != found:
            yield codes.CARD_DIFFERS.at(f"{config}/{split}", "rows", measured=found, limit=said)


def _splits(rows: Iterable[FoundRow]) -> Iterable[Finding]:
    splits = defaultdict(set)
    for row in rows:
        splits[row.subject].add(row.split)
    for subject, found in sorted(splits.items()):
        if len(found) > 1:
            yield codes.SPLIT_LEAK.at(f"sub-{subject}", measured=len(found), limit=1)


def _images(images: Mapping[str, frozenset[str]]) -> Iterable[Finding]:
    shared = sum(len(splits) > 1 for splits in images.values())
    if shared:
        yield codes.IMAGE_LEAK.at("release", f"{shared} images", measured=shared, limit=0)


def _slices(facts: ReleaseFacts) -> Iterable[Finding]:
    if facts.slices is None:
        return
    for key in sorted(facts.slices.keys() | facts.slices_said.keys()):
        found, said = facts.slices.get(key, 0), facts.slices_said.get(key, 0)
        if found != said:
            yield codes.SLICES_DIFFER.at(_named(key), measured=found, limit=said)


def _signature(signature: Signature) -> Iterable[Finding]:
    if signature is Signature.ABSENT:
        yield codes.NOT_SIGNED.at("release")
    elif signature is Signature.WRONG:
        yield codes.WRONG_SIGNATURE.at("release")


def _alignment(facts: ReleaseFacts) -> Iterable[Finding]:
    ordered: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in facts.rows:
        ordered[row.config, row.split].append((row.subject, row.session))
    for (config, split), labels in sorted(ordered.items()):
        if config.startswith(facts.labels_prefix):
            images = ordered.get((config.removeprefix(facts.labels_prefix), split), [])
            if images != labels:
                yield codes.NOT_ALIGNED.at(f"{config}/{split}")


def _named(key: VolumeKey) -> str:
    config, subject, session, column = key
    return f"{config}/sub-{subject}_ses-{session}/{column}"
