"""From one release to the next on real files: what changed is named, exactly, and the version must rise far enough for it."""

import gzip
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from tests.release_builders import LIVER, Folder, Ledger, Study, receipt_of, settings, subject_ids
from umd_curate.errors import GateRefused
from umd_curate.model.changes import Bump, ReleaseChanges
from umd_curate.model.receipts import Receipt, State
from umd_curate.model.release import SeriesRow, SubjectRow, WithdrawalRow
from umd_curate.model.steps import SessionFiles
from umd_curate.release import STEP, release_folder, verify_release
from umd_curate.release.diff_io import diff_releases
from umd_curate.release.plan import BASELINE, RELEASES, WITHDRAWALS, release_record
from umd_curate.store.files import artifact, sha256_of
from umd_curate.store.nifti import read_volume, write_volume
from umd_curate.store.parquet import read_rows

SUBJECTS = subject_ids(4)


@dataclass
class Releases:
    """A workspace whose releases follow each other, with the record that the pipeline would keep of them."""

    root: Path
    records: dict = field(default_factory=dict)
    withdrawn: dict = field(default_factory=dict)
    splits: dict = field(default_factory=dict)  # shares, where a test changes them

    def build(self, version: str, sessions: list[SessionFiles]) -> Path:
        config = settings(version=version, **({"splits": self.splits} if self.splits else {}))
        facts = {RELEASES: self.records, WITHDRAWALS: self.withdrawn, BASELINE: self.baseline()}
        receipts = [Receipt(name, name, "", State.DONE, measured=measured) for name, measured in facts.items()]
        ledger = Ledger(sessions, [*(receipt_of("qa", session) for session in sessions), *receipts])
        (unit,) = STEP.plan(ledger, config)
        receipt = STEP.perform(unit, Folder(self.root), config)
        self.records[version] = release_record(config.release, receipt.measured)
        return self.root / release_folder(config)

    def baseline(self) -> dict:
        if not self.records:
            return {}
        version = list(self.records)[-1]
        folder = f"releases/{version}/umd"
        return {
            "version": version,
            "folder": folder,
            "sums_sha256": sha256_of(self.root / folder / "manifests/SHA256SUMS"),
        }


def studies(root: Path, *, seeds: tuple[int, ...] = (0, 0, 0, 0)) -> list[SessionFiles]:
    return [Study(subject=subject, seed=seed).write(root) for subject, seed in zip(SUBJECTS, seeds, strict=True)]


def renewed(root: Path, session: SessionFiles, *roles: str) -> SessionFiles:
    """The session with new checksums of files that a test has changed."""
    found = {role: artifact(role, session.artifacts[role].path, root / session.artifacts[role].path) for role in roles}
    return replace(session, artifacts={**session.artifacts, **found})


def packed_anew(root: Path, session: SessionFiles) -> SessionFiles:
    """The PET's voxels in other file bytes."""
    path = root / session.artifacts["pet"].path
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 9, mtime=0))
    return renewed(root, session, "pet")


def one_voxel_more(root: Path, session: SessionFiles) -> SessionFiles:
    """A label map with one voxel of liver more."""
    path, sidecar = (root / session.artifacts[f"desc-organs_dseg{end}"].path for end in ("", ".json"))
    volume = read_volume(path)
    volume.array_kji[5, 5, 5] = LIVER
    digest = write_volume(path, volume)
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text("utf-8")) | {"VoxelSha256": digest}), "utf-8")
    return renewed(root, session, "desc-organs_dseg", "desc-organs_dseg.json")


def another_tracer(root: Path, session: SessionFiles) -> SessionFiles:
    path = root / session.artifacts["pet.json"].path
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"TracerName": "PSMA"}), "utf-8")
    return renewed(root, session, "pet.json")


def kinds_of(changes: ReleaseChanges) -> set[str]:
    """Kinds of change that occur."""
    return {
        name
        for name in type(changes).model_fields
        if isinstance(getattr(changes, name), tuple) and getattr(changes, name)
    }


@pytest.fixture
def two(tmp_path: Path):
    """Build 1.0.0, change the sessions, build the second version; return the changes and the second folder."""

    def build(version: str, change) -> tuple[ReleaseChanges, Path]:
        releases = Releases(tmp_path)
        first = releases.build("1.0.0", studies(tmp_path))
        second = releases.build(version, change(tmp_path, studies(tmp_path)))
        return diff_releases(first, second), second

    return build


def test_an_unchanged_cohort_gives_a_release_in_which_nothing_changed(two):
    changes, folder = two("1.0.1", lambda root, sessions: sessions)
    assert (changes.required, kinds_of(changes)) == (Bump.NONE, set())
    assert verify_release(folder).is_whole
    assert "## 1.0.1" in (folder / "CHANGELOG.md").read_text("utf-8")


def test_an_added_subject_is_named_and_needs_a_minor_version(two):
    new = Study(subject="ZZZZZZ")
    changes, folder = two("1.1.0", lambda root, sessions: [*sessions, new.write(root)])
    assert kinds_of(changes) == {"subjects_added"}
    assert (changes.subjects_added, changes.required) == (("ZZZZZZ",), Bump.MINOR)
    assert "- sub-ZZZZZZ" in (folder / "CHANGELOG.md").read_text("utf-8")
    assert ReleaseChanges.model_validate_json((folder / "manifests/changes.json").read_bytes()) == changes


def test_a_session_more_of_a_known_subject_is_a_session_and_no_subject(two):
    new = Study(subject=SUBJECTS[0], session="petct2", seed=5)
    changes, _ = two("1.1.0", lambda root, sessions: [*sessions, new.write(root)])
    assert kinds_of(changes) == {"sessions_added"}
    assert {entry.text for entry in changes.sessions_added} == {
        f"{config}/sub-{SUBJECTS[0]}_ses-petct2" for config in ("petct", "labels-petct")
    }


def test_a_removed_subject_is_named(two):
    changes, _ = two("1.1.0", lambda root, sessions: sessions[1:])
    assert kinds_of(changes) == {"subjects_removed"}
    assert (changes.subjects_removed, changes.required) == ((SUBJECTS[0],), Bump.MINOR)


def test_equal_voxels_in_other_bytes_are_told_from_other_voxels(two):
    changes, _ = two("1.0.1", lambda root, sessions: [packed_anew(root, sessions[0]), *sessions[1:]])
    assert kinds_of(changes) == {"headers_changed"}
    assert [entry.text for entry in changes.headers_changed] == [f"petct/sub-{SUBJECTS[0]}_ses-petct1/pet"]
    assert changes.required is Bump.PATCH


def test_another_image_is_named_column_by_column(two):
    changes, folder = two("1.0.1", lambda root, sessions: studies(root, seeds=(1, 0, 0, 0)))
    assert kinds_of(changes) == {"images_changed"}
    assert {entry.text for entry in changes.images_changed} == {
        f"petct/sub-{SUBJECTS[0]}_ses-petct1/{column}" for column in ("pet", "ct", "ct_on_pet")
    }
    series = read_rows(folder / "manifests/series.parquet", SeriesRow)
    assert {(row.subject_id, row.init_version, row.revised_version) for row in series} == {
        (subject, "1.0.0", "1.0.1" if subject == SUBJECTS[0] else "1.0.0") for subject in SUBJECTS
    }


def test_one_voxel_of_one_organ_is_named_with_dice_and_volume_and_moves_no_image_shard(two):
    changes, folder = two("1.0.1", lambda root, sessions: [one_voxel_more(root, sessions[0]), *sessions[1:]])
    assert kinds_of(changes) == {"labels_changed"}
    (change,) = changes.labels_changed
    assert change.image.text == f"labels-petct/sub-{SUBJECTS[0]}_ses-petct1/organs"
    (organ,) = change.organs
    # three voxels of 2 x 2 x 1.5 mm become four: Dice 2 * 3 / (3 + 4)
    assert (organ.organ, organ.dice, organ.before_ml, organ.after_ml, organ.voxels_changed) == (
        "liver", 0.857143, 0.018, 0.024, 1,
    )  # fmt: skip
    assert "liver Dice 0.857143, 0.018 to 0.024 mL, 1 voxel" in (folder / "CHANGELOG.md").read_text("utf-8")
    before = folder.parents[1] / "1.0.0/umd"
    for shard in before.glob("petct/*.parquet"):
        assert shard.read_bytes() == (folder / "petct" / shard.name).read_bytes()


def test_a_value_of_the_sidecar_is_named_with_both_values(two):
    changes, _ = two("1.0.1", lambda root, sessions: [another_tracer(root, sessions[0]), *sessions[1:]])
    assert kinds_of(changes) == {"cells_changed"}
    found = {(entry.place, entry.cell, entry.before, entry.after) for entry in changes.cells_changed}
    place = f"petct/sub-{SUBJECTS[0]}_ses-petct1/pet"
    assert found == {(place, "tracer", '"FDG"', '"PSMA"'), (place, "TracerName", '"FDG"', '"PSMA"')}


def test_a_subject_that_moves_to_another_split_needs_a_major_version(tmp_path):
    releases = Releases(tmp_path)
    first = releases.build("1.0.0", studies(tmp_path))
    old = {row.subject_id: row.split for row in read_rows(first / "manifests/subjects.parquet", SubjectRow)}
    releases.splits = {"train": 1.0, "validation": 0.0, "test": 0.0}
    with pytest.raises(GateRefused, match="needs a major version"):
        releases.build("1.9.0", studies(tmp_path))
    assert not (tmp_path / "releases/1.9.0").exists()
    changes = diff_releases(first, releases.build("2.0.0", studies(tmp_path)))
    moved = {subject for subject, split in old.items() if split != "train"}
    assert {entry.subject for entry in changes.splits_changed} == moved != set()


@pytest.mark.parametrize(
    ("version", "change"),
    [
        ("1.0.1", lambda root, sessions: [*sessions, Study(subject="ZZZZZZ").write(root)]),
        ("1.0.1", lambda root, sessions: sessions[1:]),
    ],
    ids=["added", "removed"],
)
def test_a_patch_is_not_enough_for_what_comes_or_goes(two, version, change):
    with pytest.raises(GateRefused, match="needs a minor version") as refused:
        two(version, change)
    assert "1.1.0" in refused.value.hint


def test_a_withdrawn_subject_is_in_no_later_release_and_its_tombstone_is_in_all(tmp_path):
    releases = Releases(tmp_path)
    releases.build("1.0.0", studies(tmp_path))
    releases.withdrawn = {SUBJECTS[0]: {"reason": "consent was withdrawn"}}
    second = releases.build("1.1.0", studies(tmp_path))
    third = releases.build("1.1.1", studies(tmp_path))
    changes = diff_releases(tmp_path / "releases/1.0.0/umd", second)
    assert changes.subjects_withdrawn == (SUBJECTS[0],)
    for folder in (second, third):
        assert read_rows(folder / "manifests/withdrawals.parquet", WithdrawalRow) == [
            WithdrawalRow(
                subject_id=SUBJECTS[0], since_version="1.1.0", last_version="1.0.0", reason="consent was withdrawn"
            )
        ]
        said = {"CHANGELOG.md", "manifests/changes.json"} if folder == second else {"CHANGELOG.md"}
        named = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and SUBJECTS[0].encode() in path.read_bytes()
        }
        assert named == said | {"manifests/withdrawals.parquet", "manifests/withdrawals.jsonl"}
    assert np.all(
        [row.subject_id != SUBJECTS[0] for row in read_rows(third / "manifests/subjects.parquet", SubjectRow)]
    )


def test_a_baseline_without_its_image_shards_is_enough(tmp_path):
    releases = Releases(tmp_path)
    first = releases.build("1.0.0", studies(tmp_path))
    for shard in [*first.glob("petct/*"), *first.glob("slices/*")]:
        shard.unlink()
    sessions = studies(tmp_path)
    second = releases.build("1.0.1", [one_voxel_more(tmp_path, sessions[0]), *sessions[1:]])
    assert kinds_of(diff_releases(first, second)) == {"labels_changed"}
