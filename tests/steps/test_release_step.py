"""The release step on real files, and what a user's own `datasets` makes of its folder."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.release_builders import Folder, Ledger, Study, receipt_of, settings, subject_ids
from umd_curate.errors import GateRefused, SchemaError
from umd_curate.model.findings import Finding, Severity
from umd_curate.model.receipts import Receipt, State
from umd_curate.model.release import (
    ExclusionRow,
    LabelRow,
    ProvenanceRow,
    QaRow,
    ReleaseManifest,
    SubjectRow,
    VolumeRow,
)
from umd_curate.release import STEP, release_folder, verify_release
from umd_curate.release.io import building
from umd_curate.store.nifti import read_volume
from umd_curate.store.parquet import read_rows
from umd_curate.store.shards import read_shard

LOAD = """
import json, sys
import numpy as np
from datasets import concatenate_datasets, load_dataset

def sums(row, columns):
    return {name: None if row[name] is None else float(np.asarray(row[name].dataobj, np.float64).sum()) for name in columns}

def slice_of(row):
    return [row["column"], row["slice"], row["n_slices"], row["organs_present"], row["preview"].mode, list(row["preview"].size)]

images, labels = load_dataset("umd"), load_dataset("umd", "labels-petct")
joined = [row for split in images for row in concatenate_datasets([images[split], labels[split]], axis=1)]
stream = [row for split in images for row in load_dataset("umd", split=split, streaming=True)]
columns = ("pet", "ct", "ct_on_pet", "organs", "organs_on_pet")
print(json.dumps({
    "splits": {split: len(images[split]) for split in images},
    "feature": repr(images["train"].features["pet"]),
    "joined": [[row["subject_id"], row["labels_subject_id"], sums(row, columns)] for row in joined],
    "stream": [[row["subject_id"], sums(row, columns[:3])] for row in stream],
    "affine": joined[0]["ct"].affine.tolist(),
    "shape": list(joined[0]["ct"].shape),
    "others": {name: sum(map(len, load_dataset("umd", name).values())) for name in ("petmri", "manifest", "qa", "slices")},
    "slice": slice_of(load_dataset("umd", "slices")["train"][0]),
}))
"""
LOAD_ONE = """
import json, numpy as np
from datasets import load_dataset
row = load_dataset("umd")["train"][0]
print(json.dumps(float(np.asarray(row["pet"].dataobj, np.float64).sum())))
"""


def loaded(folder: Path, cache: Path, script: str):
    """What a fresh process beside the release folder prints as its last line."""
    environment = os.environ | {"HF_HOME": str(cache), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def build(root: Path, studies, receipts=(), **release):
    """Write sessions, plan and perform; return the release folder and the receipt."""
    sessions = [study.write(root) for study in studies]
    config = settings(**release)
    ledger = Ledger(sessions, [receipt_of("qa", session) for session in sessions] + list(receipts))
    (unit,) = STEP.plan(ledger, config)
    receipt = STEP.perform(unit, Folder(root), config)
    return root / release_folder(config), receipt


def cohort() -> list[Study]:
    """Five subjects with PET/CT, one without labels, one also with PET/MRI."""
    studies = [Study(subject=subject, seed=seed, has_labels=seed != 1) for seed, subject in enumerate(subject_ids(5))]
    return [*studies, Study(subject=studies[0].subject, session="petmri1", kind="petmri", seed=9)]


def volume_sum(root: Path, subject: str, role: str, session: str = "petct1") -> float:
    stem = f"data/sub-{subject}/ses-{session}/sub-{subject}_ses-{session}_{role}.nii.gz"
    return float(read_volume(root / stem).array_kji.astype("f8").sum())


def test_load_dataset_gives_the_voxels_of_the_workspace_joined_with_their_labels(tmp_path):
    session = cohort()[0].write(tmp_path)
    finding = receipt_of("label", session, Finding("LAB-101", Severity.WARN, "x"))
    folder, receipt = build(tmp_path, cohort(), [finding])

    found = loaded(folder, tmp_path / "hf", LOAD)

    assert found["splits"] == receipt.measured["split_sizes"] == {"train": 3, "validation": 1, "test": 1}
    assert found["feature"] == "Nifti(decode=True)"
    assert sorted(subject for subject, *_ in found["joined"]) == subject_ids(5)
    unlabelled = subject_ids(5)[1]
    roles = {
        "pet": "pet",
        "ct": "ct",
        "ct_on_pet": "space-pet_ct",
        "organs": "desc-organs_dseg",
        "organs_on_pet": "space-pet_desc-organs_dseg",
    }
    for subject, labels_subject, sums in found["joined"]:
        assert labels_subject == subject
        for column, role in roles.items():
            missing = column.startswith("organs") and subject == unlabelled
            assert sums[column] == (None if missing else volume_sum(tmp_path, subject, role))
    assert [subject for subject, _ in found["stream"]] == [subject for subject, *_ in found["joined"]]
    for (_, streamed), (_, _, joined) in zip(found["stream"], found["joined"], strict=True):
        assert streamed.items() <= joined.items()
    assert found["affine"] == [[-2, 0, 0, 10], [0, -2, 0, 20], [0, 0, 1.5, -30], [0, 0, 0, 1]]
    assert found["shape"] == [12, 10, 8]
    # 6 sessions with 4 planes of PET and 8 of CT or MR; two checks and eight passed rules of the gate each, and one finding
    assert found["others"] == {"petmri": 1, "manifest": 28, "qa": 6 * (2 + 8) + 1, "slices": 6 * (4 + 8)}
    assert found["slice"][:3] == ["ct", 0, 8]
    assert found["slice"][4:] == ["L", [12, 10]]


def test_a_rebuilt_release_is_not_served_from_the_cache_of_the_first_even_if_only_digests_tell_their_cards_apart(
    tmp_path,
):
    sums = []
    for seeds in ((1, 2), (2, 1)):  # the bodies change places: the shards' sizes stay what they were
        studies = [Study(subject=subject, seed=seed) for subject, seed in zip("AB", seeds, strict=True)]
        folder, _ = build(tmp_path, studies, splits={"train": 1.0})
        card = (
            folder / "README.md"
        )  # the manifest tables' compressed sizes may differ by a byte; datasets does not check them
        card.write_text(re.sub(r"download_size: \d+", "download_size: 1", card.read_text("utf-8")), encoding="utf-8")
        sums.append(loaded(folder, tmp_path / "hf", LOAD_ONE))
        assert sums[-1] == volume_sum(tmp_path, "A", "pet")
    assert sums[0] != sums[1]


def test_the_same_inputs_give_the_same_bytes_in_another_folder_and_again_in_the_same(tmp_path):
    folders = [build(tmp_path / name, cohort())[0] for name in ("a", "b", "a")]
    sums = [(folder / "manifests/SHA256SUMS").read_bytes() for folder in folders]
    assert sums[0] == sums[1] == sums[2]
    assert [path.name for path in folders[0].parent.iterdir()] == ["umd"]


def test_a_corrected_label_with_its_findings_moves_no_image_shard(tmp_path):
    def shards(*findings: Finding) -> dict[str, str]:
        root = tmp_path / str(len(findings))
        session = cohort()[0].write(root)
        folder, _ = build(
            root, cohort(), [receipt_of("qa", session, *findings), receipt_of("label", session, *findings)]
        )
        files = sorted(folder.glob("*pet*/*.parquet"))
        return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before, after = shards(), shards(Finding("QA-205", Severity.WARN, "x"), Finding("QA-101", Severity.WARN, "x"))

    moved = {name for name in before if before[name] != after[name]}
    assert moved
    assert all(name.startswith("labels-") for name in moved)


def test_label_rows_name_the_organs_that_moved_between_the_scans(tmp_path):
    session = Study().write(tmp_path)
    sidecar = tmp_path / session.artifacts["desc-organs_dseg.json"].path
    drawn = json.loads(sidecar.read_text("utf-8")) | {"Approximate": []}
    on_pet = tmp_path / session.artifacts["space-pet_desc-organs_dseg.json"].path
    (unit,) = STEP.plan(Ledger([session], [receipt_of("qa", session)]), settings())
    sidecar.write_text(json.dumps(drawn), encoding="utf-8")
    STEP.perform(unit, Folder(tmp_path), settings())
    (row,) = read_shard(tmp_path / release_folder(settings()) / "labels-petct/train-00000-of-00001.parquet", volumes=())
    assert row["approximate"] == json.loads(on_pet.read_text("utf-8"))["Approximate"] == ["urinary_bladder"]


def test_the_card_says_what_each_value_of_a_label_map_means(tmp_path):
    folder, _ = build(tmp_path, cohort())
    card = (folder / "README.md").read_text("utf-8")
    masks = read_rows(folder / "manifests/labels.parquet", LabelRow)
    assert masks
    for mask in masks:
        assert f"| {mask.organ_id} | `{mask.organ}` | {mask.snomed_code} " in card
    assert "| 2 | `kidney_left` | 64033007 Kidney | left |" in card


def test_checksums_are_those_of_sha256sum_and_cover_every_file(tmp_path):
    folder, _ = build(tmp_path, cohort())
    sums = "manifests/SHA256SUMS"
    done = subprocess.run(["sha256sum", "--quiet", "-c", sums], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    lines = (folder / sums).read_text(encoding="ascii").splitlines()
    listed = [line.split("  ")[1] for line in lines]
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert listed == sorted(on_disk - {sums, f"{sums}.sig", f"{sums}.pub"})


def test_shards_hold_one_row_per_row_group_and_the_bytes_of_data(tmp_path):
    folder, _ = build(tmp_path, cohort(), splits={"train": 1.0})
    file = pq.ParquetFile(folder / "petct/train-00000-of-00001.parquet")
    assert file.metadata.num_row_groups == file.metadata.num_rows == 5
    names = file.read().column("pet").to_pylist()
    for volume in names:
        subject = volume["path"].split("_")[0]
        source = tmp_path / "data" / subject / "ses-petct1" / volume["path"]
        assert volume["bytes"] == source.read_bytes()
    chunk = file.metadata.row_group(0).column(0)
    assert chunk.has_column_index
    assert chunk.compression == "UNCOMPRESSED"


def test_manifests_say_what_is_in_the_release_and_why_the_rest_is_not(tmp_path):
    no_suv = Study(subject="AAAAAA", has_suv=False)
    alone = Study(subject="BBBBBB", session="ct1", kind="ct")
    accounting = Receipt("accounting", "a", "", State.DONE, measured={"excluded": {"ING-101": 7}, "quarantined": {}})
    stopped = Receipt(
        "label",
        "label-x",
        "",
        State.QUARANTINED,
        subject="CCCCCC",
        session="petct1",
        findings=(Finding("LAB-101", Severity.FAIL, "x"),),
    )
    folder, receipt = build(tmp_path, [*cohort(), no_suv, alone], [accounting, stopped])

    exclusions = read_rows(folder / "manifests/exclusions.parquet", ExclusionRow)
    assert [(row.scope, row.subject_id, row.code, row.count) for row in exclusions] == [
        ("session", "AAAAAA", "REL-002", 1),
        ("session", "BBBBBB", "REL-001", 1),
        ("unit", "CCCCCC", "LAB-101", 1),
        ("files", None, "ING-101", 7),
    ]
    assert [finding.code for finding in receipt.findings] == ["REL-002", "REL-001"]
    subjects = read_rows(folder / "manifests/subjects.parquet", SubjectRow)
    assert [(row.subject_id, row.sex, row.age_years) for row in subjects] == [(s, "F", 61) for s in subject_ids(5)]
    assert subjects[0].configs == ("petct", "petmri")
    masks = read_rows(folder / "manifests/labels.parquet", LabelRow)
    on_ct = {(row.organ, row.voxels, row.volume_ml) for row in masks if row.column == "organs"}
    assert on_ct == {("liver", 3, 0.018), ("brain", 2, 0.012)}  # voxels of 2 x 2 x 1.5 mm
    manifest = ReleaseManifest.model_validate_json((folder / "manifests/release.json").read_bytes())
    assert {entry.name for entry in manifest.configs} == {"petct", "petmri", "labels-petct", "labels-petmri", "slices"}
    assert (manifest.subjects, manifest.sessions, manifest.excluded_sessions) == (5, 6, 2)
    volumes = read_rows(folder / "manifests/volumes.parquet", VolumeRow)
    pet = next(row for row in volumes if row.column == "pet")
    assert json.loads(pet.sidecar)["Suv"]["Rule"] == "BQML/START/SeriesTime"
    assert (pet.shape, pet.spacing_mm, pet.units) == ((6, 5, 4), (4.0, 4.0, 3.0), "SUVbw")
    assert len(read_rows(folder / "manifests/provenance.parquet", ProvenanceRow)) == 9


def test_a_relaxed_rule_lets_the_session_in_and_stands_on_the_card_with_its_reason(tmp_path):
    reason = "phantom study without injected activity"
    relax = [{"rule": "REL-002", "reason": reason}]
    folder, receipt = build(tmp_path, [Study(has_suv=False)], relax=relax)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert receipt.measured["rows"] == {"petct": 1, "labels-petct": 1, "slices": 12}
    assert f"- REL-002: {reason}" in card
    assert "| Sessions by PET unit | Bq/mL 1 |" in card


def test_a_pair_without_overlap_is_released_with_a_null_and_the_finding_that_says_so(tmp_path):
    study = Study(has_overlap=False, has_labels=False)
    refused = Finding("REG-101", Severity.FAIL, "x", measured=0.02, limit=0.05)
    stopped = receipt_of("register", study.write(tmp_path), refused, state=State.QUARANTINED)
    folder, _ = build(tmp_path, [study], [stopped])
    (row,) = read_shard(folder / "petct/train-00000-of-00001.parquet")
    assert (row["ct_on_pet"], row["ct_on_pet_voxel_sha256"], row["findings"]) == (None, None, 1)
    (finding,) = [row for row in read_rows(folder / "manifests/qa.parquet", QaRow) if row.step == "register"]
    assert (finding.code, finding.outcome, finding.measured, finding.high) == ("REG-101", "fail", 0.02, 0.05)


def test_a_release_without_labels_offers_no_label_configuration(tmp_path):
    folder, _ = build(tmp_path, [Study(has_labels=False)])
    assert not list(folder.glob("labels-*"))
    assert "labels-petct" not in (folder / "README.md").read_text(encoding="utf-8")


def test_images_in_many_shards_stay_aligned_with_labels_in_one(tmp_path):
    studies = [Study(subject=subject, pet_shape_kji=(64, 64, 80)) for subject in "ABCDE"]
    folder, _ = build(tmp_path, studies, splits={"train": 1.0}, shard_mib=1)
    assert sorted(path.name for path in (folder / "petct").iterdir()) == [
        f"train-{number:05d}-of-00004.parquet" for number in range(4)
    ]
    assert [path.name for path in (folder / "labels-petct").iterdir()] == ["train-00000-of-00001.parquet"]
    assert verify_release(folder).rows == 5 * 3


def test_nothing_releasable_is_refused_and_leaves_no_folder(tmp_path):
    with pytest.raises(GateRefused, match="REL-002"):
        build(tmp_path, [Study(has_suv=False)])
    assert not (tmp_path / "releases").exists()


def test_an_image_that_changed_after_its_step_is_refused_and_the_old_release_stays(tmp_path):
    folder, _ = build(tmp_path, [Study()])
    before = (folder / "manifests/SHA256SUMS").read_bytes()
    sessions = [Study(seed=1).write(tmp_path)]
    (unit,) = STEP.plan(Ledger(sessions), settings())
    Study(seed=2).write(tmp_path)
    with pytest.raises(GateRefused, match="REL-104"):
        STEP.perform(unit, Folder(tmp_path), settings())
    assert (folder / "manifests/SHA256SUMS").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["umd"]


def test_what_a_killed_build_left_does_not_enter_the_next(tmp_path):
    left = tmp_path / "releases/0.1.0/.umd.building/petct"
    left.mkdir(parents=True)
    (left / "train-00000-of-00009.parquet").write_bytes(b"half")
    folder, _ = build(tmp_path, [Study()])
    assert verify_release(folder).is_whole
    assert [path.name for path in folder.parent.iterdir()] == ["umd"]


def test_a_failure_while_building_keeps_the_folder_that_stands(tmp_path):
    target = tmp_path / "umd"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(FileNotFoundError), building(target) as folder:
        (folder / "new" / "file").touch()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir() if path.name != "keys"] == ["umd"]


def test_a_swap_that_was_cut_short_gives_the_old_release_back(tmp_path):
    folder, _ = build(tmp_path, [Study()])
    folder.rename(folder.with_name(".umd.replaced"))  # as a kill between the two renames leaves it
    with pytest.raises(FileNotFoundError), building(folder) as fresh:
        (fresh / "no" / "file").touch()
    assert verify_release(folder).is_whole
    assert [path.name for path in folder.parent.iterdir()] == ["umd"]


def test_verify_finds_one_changed_voxel_byte_and_names_its_image(tmp_path):
    folder, _ = build(tmp_path, [Study()])
    shard = folder / "petct/train-00000-of-00001.parquet"
    image = (tmp_path / "data/sub-7K3QF2/ses-petct1/sub-7K3QF2_ses-petct1_pet.nii.gz").read_bytes()
    content = bytearray(shard.read_bytes())
    content[content.index(image) + len(image) // 2] ^= 1
    shard.write_bytes(content)
    faults = {(fault.code, fault.place) for fault in verify_release(folder).faults}
    named = "petct/sub-7K3QF2_ses-petct1/pet"
    assert faults == {
        ("REL-103", "petct/train-00000-of-00001.parquet"),
        ("REL-104", named),
        ("REL-105", named),
    }


@pytest.mark.parametrize(
    ("harm", "codes"),
    [
        (lambda folder: (folder / "CHANGELOG.md").unlink(), {"REL-101"}),
        (lambda folder: (folder / "notes.txt").touch(), {"REL-102"}),
        (
            lambda folder: (folder / "manifests/volumes.parquet").write_bytes(b"x"),
            {"REL-103", "REL-106", "REL-110", "REL-107", "REL-113"},
        ),
        (
            lambda folder: (folder / "labels-petct/train-00000-of-00001.parquet").unlink(),
            {"REL-101", "REL-106", "REL-107"},
        ),
    ],
)
def test_verify_names_each_harm(tmp_path, harm, codes):
    folder, _ = build(tmp_path, [Study()])
    harm(folder)
    assert {fault.code for fault in verify_release(folder).faults} == codes


def test_verify_finds_a_wrong_count_on_the_card_even_with_a_right_checksum(tmp_path):
    folder, _ = build(tmp_path, [Study()])
    card, sums = folder / "README.md", folder / "manifests/SHA256SUMS"
    old = hashlib.sha256(card.read_bytes()).hexdigest()
    card.write_text(card.read_text(encoding="utf-8").replace("num_examples: 1", "num_examples: 2", 1), encoding="utf-8")
    new = hashlib.sha256(card.read_bytes()).hexdigest()
    sums.write_text(sums.read_text(encoding="ascii").replace(old, new), encoding="ascii")
    assert [fault.code for fault in verify_release(folder).faults] == ["REL-107", "REL-115"]  # the signature tells too


def test_a_folder_without_checksums_is_no_release(tmp_path):
    with pytest.raises(SchemaError):
        verify_release(tmp_path)
