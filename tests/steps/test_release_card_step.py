"""What a release says of itself: card, figures, Croissant, signature; and that equal input gives equal bytes."""

import hashlib
import json
import logging
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.release_builders import Folder, Ledger, Study, receipt_of, settings, subject_ids
from umd_curate.errors import WorkspaceError
from umd_curate.model.config import UmdConfig
from umd_curate.model.release import FileRow, VolumeRow
from umd_curate.release import STEP, release_folder, verify_release
from umd_curate.store.files import sha256_of
from umd_curate.store.nifti import read_volume
from umd_curate.store.parquet import read_rows
from umd_curate.store.signing import fingerprint

STATED = {
    "authors": ["Imaging group"],
    "licence": "cc-by-4.0",
    "contact": "data@hospital.example",
    "consent": "broad consent of all patients",
    "ethics": "Vote 12/34 of the ethics committee",
    "published": "2026-11-26",
}


def build(root: Path, studies, **sections) -> Path:
    config = UmdConfig.model_validate(sections)
    sessions = [study.write(root) for study in studies]
    (unit,) = STEP.plan(Ledger(sessions, [receipt_of("qa", session) for session in sessions]), config)
    STEP.perform(unit, Folder(root), config)
    return root / release_folder(config)


def cohort() -> list[Study]:
    first, *others = subject_ids(3)
    mr = Study(subject=first, session="petmri1", kind="petmri")
    return [Study(subject=first), mr, *(Study(subject=subject, tracer="PSMA") for subject in others)]


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.mktemp("keys") / "signing.key"))
        return build(tmp_path_factory.mktemp("ws"), [*cohort(), Study("BADBAD", has_suv=False)], dataset=STATED)


def test_the_card_states_what_the_settings_state_and_counts_the_rest(released):
    card = (released / "README.md").read_text("utf-8")
    for stated in (
        "cc-by-4.0",
        "data@hospital.example",
        "broad consent of all patients",
        "Vote 12/34",
        "Imaging group",
    ):
        assert stated in card
    assert "3 subjects, 4 sessions, 48 slices, 8 organ masks." in card
    assert "| REL-002 | The PET has no SUV | 1 |" in card
    for picture in ("age", "scanners", "volumes", "gate"):
        assert f"](figures/{picture}.png)" in card
        with Image.open(released / f"figures/{picture}.png") as image:
            assert image.size[0] > 600
            assert set(image.info) <= {"dpi"}  # no date, no software, no text
    assert "](figures/suv.png)" not in card  # no mean SUV was measured: no figure is drawn of nothing


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that mlcroissant stands on
def test_croissant_has_no_issue_and_gives_the_records_of_the_shards(released, caplog):
    import mlcroissant

    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(released / "croissant.json")
    assert dataset.metadata.ctx.issues.report().strip() == ""
    assert [record.message for record in caplog.records] == []
    text = json.loads((released / "croissant.json").read_text("utf-8"))
    assert text["conformsTo"] == ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
    assert text["rai:dataReleaseMaintenancePlan"].endswith("Contact: data@hospital.example.")
    records = list(dataset.records("petct"))
    rows = [row for path in sorted(released.glob("petct/*")) for row in pq.read_table(path).to_pylist()]
    assert sorted(record["petct/subject_id"].decode() for record in records) == sorted(
        row["subject_id"] for row in rows
    )
    assert {bytes(record["petct/pet"]) for record in records} == {row["pet"]["bytes"] for row in rows}


def test_the_table_of_files_lists_all_others_with_the_oid_under_which_the_hub_knows_them(released):
    rows = {row.path: row for row in read_rows(released / "manifests/files.parquet", FileRow)}
    on_disk = {path.relative_to(released).as_posix() for path in released.rglob("*") if path.is_file()}
    made_of_it = {
        f"manifests/{name}"
        for name in ("files.parquet", "files.jsonl", "SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.pub")
    }
    assert rows.keys() == on_disk - made_of_it
    assert all(row.sha256 == sha256_of(released / path) for path, row in rows.items())
    volumes = read_rows(released / "manifests/volumes.parquet", VolumeRow)
    for path, row in rows.items():
        digests = [volume.voxel_sha256 for volume in volumes if volume.shard == path]
        if row.kind == "shard" and row.config != "slices":
            assert row.voxel_sha256 == hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def test_json_lines_hold_the_rows_of_the_parquet_tables(released):
    for path in sorted((released / "manifests").glob("*.parquet")):
        lines = path.with_suffix(".jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line) for line in lines] == pq.read_table(path).to_pylist()


def test_a_stranger_checks_the_signature_with_openssl_and_the_key_by_its_fingerprint(released):
    manifests = released / "manifests"
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "SHA256SUMS.pub", "-rawin", "-in", "SHA256SUMS",
         "-sigfile", "SHA256SUMS.sig"],
        cwd=manifests, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "Signature Verified Successfully"
    key = fingerprint((manifests / "SHA256SUMS.pub").read_bytes())
    assert verify_release(released, key).is_whole
    assert [fault.code for fault in verify_release(released, "0" * 32).faults] == ["REL-115"]


def test_a_release_without_signature_or_with_changed_checksums_is_told(tmp_path):
    folder = build(tmp_path, [Study()])
    sums = folder / "manifests/SHA256SUMS"
    sums.write_text(sums.read_text("utf-8").replace("  ", "  ./", 0) + "\n", "utf-8")
    assert "REL-115" in {fault.code for fault in verify_release(folder).faults}
    (folder / "manifests/SHA256SUMS.sig").unlink()
    assert "REL-114" in {fault.code for fault in verify_release(folder).faults}


def test_the_signing_key_is_made_once_readable_by_its_owner_alone_and_never_in_the_workspace(tmp_path, monkeypatch):
    key = tmp_path / "home/signing.key"
    monkeypatch.setenv("UMD_SIGNING_KEY", str(key))
    first = build(tmp_path / "ws", [Study()])
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    build(tmp_path / "ws", [Study()], release={"version": "0.2.0"})
    assert key.read_bytes() == before
    assert not [path for path in first.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    monkeypatch.setenv("UMD_SIGNING_KEY", str(tmp_path / "ws/signing.key"))
    with pytest.raises(WorkspaceError, match="must not lie in the workspace"):
        build(tmp_path / "ws", [Study()], release={"version": "0.3.0"})


def test_two_builds_in_two_folders_are_equal_byte_by_byte_and_another_key_changes_the_signature_alone(
    tmp_path, monkeypatch
):
    def sums(name: str, studies) -> dict[str, str]:
        folder = build(tmp_path / name, studies, dataset=STATED)
        return {path.relative_to(folder).as_posix(): sha256_of(path) for path in folder.rglob("*") if path.is_file()}

    one, other = sums("one", cohort()), sums("other", cohort()[::-1])
    assert one == other
    monkeypatch.setenv("UMD_SIGNING_KEY", str(tmp_path / "elsewhere.key"))
    third = sums("third", cohort())
    assert {name for name in one if one[name] != third[name]} == {
        "manifests/SHA256SUMS.sig",
        "manifests/SHA256SUMS.pub",
    }


def test_a_slice_shows_its_plane_and_names_the_organs_that_it_cuts(released):
    rows = [row for path in sorted(released.glob("slices/*")) for row in pq.read_table(path).to_pylist()]
    subject = subject_ids(3)[0]
    mine = [row for row in rows if (row["subject_id"], row["session_id"], row["column"]) == (subject, "petct1", "ct")]
    assert [(row["slice"], row["organs_present"]) for row in mine] == [
        (0, ["brain"]), (1, ["liver"]), *((k, []) for k in range(2, 8)),
    ]  # fmt: skip
    volume = read_volume(released.parents[2] / f"data/sub-{subject}/ses-petct1/sub-{subject}_ses-petct1_ct.nii.gz")
    for row, plane_ji in zip(mine, volume.array_kji.astype(float), strict=True):
        (released / "slice.png").write_bytes(row["preview"]["bytes"])
        with Image.open(released / "slice.png") as image:
            shown = np.asarray(image).ravel().tolist()
            assert image.info == {}
        (released / "slice.png").unlink()
        window = ((plane_ji + 160) / 400 * 255).clip(0, 255)  # soft tissue: -160 to 240 HU
        assert max(abs(a - b) for a, b in zip(shown, window.ravel().tolist(), strict=True)) <= 0.51
    # centre of plane 0: i = 5.5, j = 4.5 with steps of -2 mm from (10, 20, -30)
    assert mine[0]["position_mm"] == [-1.0, 11.0, -30.0]


def test_an_image_that_two_sessions_share_is_released_once(tmp_path):
    sessions = [Study(subject="AAAAAA").write(tmp_path), Study(subject="BBBBBB").write(tmp_path)]
    for end in (".nii.gz", ".json"):
        source, target = (
            tmp_path / f"data/sub-{s}/ses-petct1/sub-{s}_ses-petct1_ct{end}" for s in ("AAAAAA", "BBBBBB")
        )
        target.write_bytes(source.read_bytes())
    sessions[1] = Study(subject="BBBBBB").described(tmp_path, sessions[1])
    config = settings()
    (unit,) = STEP.plan(Ledger(sessions), config)
    receipt = STEP.perform(unit, Folder(tmp_path), config)
    assert receipt.measured["sessions"] == 1
    assert [(finding.code, finding.place, finding.detail) for finding in receipt.findings] == [
        ("REL-008", "sub-BBBBBB_ses-petct1", "column ct equals sub-AAAAAA_ses-petct1")
    ]
