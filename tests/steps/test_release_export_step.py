"""A release in other forms, read back with the tools that those forms are for."""

import gzip
import hashlib
import json
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.release_builders import Folder, Ledger, Study, receipt_of, settings, subject_ids
from umd_curate.cli.main import _exit_code
from umd_curate.errors import UsageError
from umd_curate.model.release import ReleaseRecord
from umd_curate.release import STEP, release_folder
from umd_curate.release.export_io import export_release
from umd_curate.release.record_io import provenance_of
from umd_curate.store.files import sha256_of


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("ws")
    studies = [Study(subject=subject, has_labels=number != 1) for number, subject in enumerate(subject_ids(10))]
    studies += [Study(subject=studies[0].subject, session="petmri1", kind="petmri")]
    studies += [Study(subject="NOLAP1", has_overlap=False)]
    sessions = [study.write(root) for study in studies]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.mktemp("keys") / "signing.key"))
        (unit,) = STEP.plan(Ledger(sessions, [receipt_of("qa", session) for session in sessions]), settings())
        STEP.perform(unit, Folder(root), settings())
    return root


@pytest.fixture(scope="module")
def released(workspace) -> Path:
    return workspace / release_folder(settings())


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_plain_tree_holds_the_files_of_data_under_their_names(released, workspace, tmp_path):
    assert export_release(released, tmp_path / "bids", "bids") == 12
    source = {path.name: digest_of(path) for path in (workspace / "data").rglob("*.nii.gz")}
    found = {path.name: digest_of(path) for path in (tmp_path / "bids").rglob("*.nii.gz")}
    assert found == source
    subject = subject_ids(1)[0]
    assert (tmp_path / f"bids/sub-{subject}/ses-petct1/pet/sub-{subject}_ses-petct1_pet.json").is_file()
    assert json.loads((tmp_path / "bids/dataset_description.json").read_text())["DatasetType"] == "raw"
    lines = (tmp_path / "bids/participants.tsv").read_text().splitlines()
    assert lines[0] == "participant_id\tsex\tage\tsplit"
    assert len(lines) == 1 + 11


def test_nnunet_gets_two_channels_on_one_grid_with_the_splits_of_the_release(released, tmp_path):
    # 11 sessions of PET/CT and one of PET/MRI, of which one has no labels and one no CT on the PET grid
    assert export_release(released, tmp_path / "raw", "nnunet") == 10
    root = tmp_path / "raw/Dataset001_UMD"
    described = json.loads((root / "dataset.json").read_text())
    assert described["numTraining"] == len(list((root / "labelsTr").iterdir()))
    assert sorted(described["labels"].values()) == list(range(14))
    (fold,) = json.loads((root / "splits_final.json").read_text())
    trained = {path.name.removesuffix(".nii.gz") for path in (root / "labelsTr").iterdir()}
    assert {*fold["train"], *fold["val"]} == trained
    assert not set(fold["train"]) & set(fold["val"])
    for part in ("Tr", "Ts"):
        for label in sorted((root / f"labels{part}").iterdir()):
            images = [
                nib.load(root / f"images{part}" / label.name.replace(".nii.gz", f"_000{n}.nii.gz")) for n in (0, 1)
            ]
            for image in images:
                assert np.array_equal(image.affine, nib.load(label).affine)
                assert image.shape == nib.load(label).shape


def test_webdataset_has_one_sample_per_session_and_no_clock(released, tmp_path):
    assert export_release(released, tmp_path / "one", "webdataset") == 12
    export_release(released, tmp_path / "two", "webdataset")
    tars = sorted((tmp_path / "one").rglob("*.tar"))
    for path in tars:
        assert digest_of(path) == digest_of(tmp_path / "two" / path.relative_to(tmp_path / "one"))
    keys = set()
    for path in tars:
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, column = member.name.partition(".")
                keys.add(key)
                data = tar.extractfile(member).read()
                if column == "json":
                    assert json.loads(data)["subject_id"] in key
                else:
                    nib.Nifti1Image.from_bytes(gzip.decompress(data))
    assert len(keys) == 12


def test_zarr_holds_the_voxels_and_the_affine(released, workspace, tmp_path):
    zarr = pytest.importorskip("zarr")
    export_release(released, tmp_path / "umd.zarr", "zarr")
    root = zarr.open_group(str(tmp_path / "umd.zarr"), mode="r")
    subject = subject_ids(1)[0]
    (split,) = [name for name in root["petct"] if f"sub-{subject}_ses-petct1" in root[f"petct/{name}"]]
    array = root[f"petct/{split}/sub-{subject}_ses-petct1/ct"]
    image = nib.load(workspace / f"data/sub-{subject}/ses-petct1/sub-{subject}_ses-petct1_ct.nii.gz")
    assert np.array_equal(np.asarray(array[...]).T, np.asarray(image.dataobj))
    assert np.array_equal(array.attrs["affine_ijk_to_ras_mm"], image.affine)


def test_an_export_never_writes_into_what_is_there_and_a_failed_one_leaves_nothing(released, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError):
        export_release(released, tmp_path / "there", "bids")
    with pytest.raises(FileNotFoundError):
        export_release(tmp_path / "there", tmp_path / "new", "bids")
    assert [path.name for path in tmp_path.iterdir() if path.name != "keys"] == ["there"]


def test_a_dry_run_of_export_and_record_writes_nothing(released, tmp_path, capsys):
    assert _exit_code(["release", "export", str(released), str(tmp_path / "bids"), "--to", "bids", "-n"]) == 0
    assert "12 sessions would be written" in capsys.readouterr().out
    assert _exit_code(["release", "record", str(released), "--into", str(tmp_path / "records"), "-n"]) == 0
    assert "Would be written" in capsys.readouterr().out
    assert not [path for path in tmp_path.iterdir() if path.name != "keys"]


def test_provenance_reads_as_prov_and_as_a_crate_in_which_every_reference_has_its_entry(released):
    document = provenance_of(released, "prov")
    for relation in ("used", "wasGeneratedBy"):
        for entry in document[relation].values():
            assert entry["prov:activity"] in document["activity"]
            assert entry["prov:entity"] in document["entity"]
    assert len(document["activity"]) == 12
    crate = provenance_of(released, "ro-crate")
    ids = {entry["@id"] for entry in crate["@graph"]}
    assert len(ids) == len(crate["@graph"])
    for entry in crate["@graph"]:
        for name in ("hasPart", "instrument", "object", "result"):
            assert {part["@id"] for part in entry.get(name, [])} <= ids


def test_the_record_pins_the_release_and_its_signer(released, tmp_path, capsys):
    assert _exit_code(["release", "record", str(released), "--into", str(tmp_path), "--json"]) == 0
    path = Path(json.loads(capsys.readouterr().out)["record"])
    assert path.name == "umd-0.1.0.json"
    record = ReleaseRecord.model_validate_json(path.read_bytes())
    assert record.sums_sha256 == sha256_of(released / "manifests/SHA256SUMS")
    assert (record.subjects, record.sessions, len(record.signed_by)) == (11, 12, 32)


def test_verify_and_diff_answer_on_the_command_line(released, capsys):
    assert _exit_code(["release", "verify", str(released), "--key", str(released / "manifests/SHA256SUMS.pub")]) == 0
    assert "0 faults" in capsys.readouterr().out
    assert _exit_code(["release", "verify", str(released), "--key", "00"]) == 8
    capsys.readouterr()
    assert _exit_code(["release", "diff", str(released), str(released), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["Required"] == "none"
    assert _exit_code(["release", "build", "--version", "1.2"]) == 2
