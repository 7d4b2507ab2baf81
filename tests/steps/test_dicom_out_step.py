"""A mean corpus through `ingest --dicom-out`: nothing survives, nothing is lost, and what was done is declared."""

import hashlib
import json
import shutil
from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner

from tests.mean.corpus import corpus_b
from tests.mean.search import stem, survivors
from umd_curate.cli.main import cli
from umd_curate.deid.conformance_io import errors_of, program
from umd_curate.store.keys import load_key

SEED = 41
pytestmark = pytest.mark.xdist_group("mean-corpus")


class Made:
    """The corpus, what came of it, and which clean file belongs to which source."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.corpus = corpus_b(root / "raw", SEED, patients=2, studies=2, slices=3)
        result = CliRunner().invoke(
            cli,
            [
                "ingest",
                str(root / "raw"),
                "-w",
                str(root / "ws"),
                "--dicom-out",
                str(root / "out"),
                "--referee",
                "none",
                "--json",
            ],
            env={"UMD_KEY_FILE": str(root / "key" / "deid.key")},
            standalone_mode=False,
        )
        assert result.exception is None, result.output
        self.key = load_key(root / "key" / "deid.key")
        self.output = result.output
        self.clean = {
            str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path
            for path in (root / "out").rglob("*.dcm")
        }

    def pairs(self):
        for path in self.corpus.images():
            source = pydicom.dcmread(path)
            yield source, pydicom.dcmread(self.clean[self.key.uid(source.SOPInstanceUID)])

    def pets(self):
        return [(source, clean) for source, clean in self.pairs() if source.Modality == "PT"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("mean"))


def test_every_image_comes_out_and_no_report_capture_or_document(made):
    assert len(made.clean) == len(made.corpus.images())
    assert {dataset.SOPClassUID.rpartition(".")[2] for _, dataset in made.pairs()} == {"128", "2", "4"}


def test_no_planted_secret_stands_in_a_file_a_path_the_report_or_what_was_said(made):
    owners = {person.patient_id: {stem(secret) for secret in person.all()} for person in made.corpus.persons}
    everybody = {secret for secrets in owners.values() for secret in secrets}
    for source, clean in made.pairs():
        assert not survivors(Path(clean.filename).read_bytes(), owners[source.PatientID])
    for folder in ("out", "ws/data", "ws/qa"):
        for path in (made.root / folder).rglob("*"):
            assert not survivors(path.relative_to(made.root).as_posix().encode(), everybody)
            if path.suffix in {".json", ".html"}:
                assert not survivors(path.read_bytes(), everybody)
    assert not survivors(made.output.encode(), everybody)


def test_what_an_suv_needs_is_exact_and_every_interval_holds(made):
    assert len(made.pets()) == 12
    for source, clean in made.pets():
        for keyword in ("PatientWeight", "PatientSize", "PatientSex", "Units", "DecayCorrection", "RescaleSlope", "FrameReferenceTime",
                        "ActualFrameDuration", "SeriesTime", "AcquisitionTime", "DecayFactor"):  # fmt: skip
            assert str(clean[keyword].value) == str(source[keyword].value), keyword
        before, after = (
            source.RadiopharmaceuticalInformationSequence[0],
            clean.RadiopharmaceuticalInformationSequence[0],
        )
        for keyword in (
            "RadionuclideTotalDose",
            "RadionuclideHalfLife",
            "RadiopharmaceuticalStartTime",
            "RadionuclidePositronFraction",
        ):
            assert str(after[keyword].value) == str(before[keyword].value), keyword
        assert after.RadionuclideCodeSequence[0].CodeValue == "C-111A1"
        assert after.RadiopharmaceuticalStartDateTime[:8] == clean.SeriesDate != source.SeriesDate
        assert after.RadiopharmaceuticalStartDateTime[8:] == before.RadiopharmaceuticalStartDateTime[8:]
        assert clean.PixelData == source.PixelData


def test_scale_data_of_three_makers_stay_and_their_poisoned_neighbours_go(made):
    safe = {"GE MEDICAL SYSTEMS": {0x0D, 0x38, 0x39, 0x3B, 0x3C, 0x3D}, "Philips": {0x00, 0x09}, "SIEMENS": {0x22}}
    for source, clean in made.pets():
        kept = {
            element.tag.element & 0xFF
            for element in clean
            if element.tag.is_private and not element.tag.is_private_creator
        }
        assert kept == safe[source.Manufacturer]
        for element in clean:
            if element.tag.is_private and element.VR == "DT":
                assert str(element.value)[:8] == clean.SeriesDate
                assert str(element.value)[8:] == str(source[element.tag].value)[8:]
            elif element.tag.is_private and not element.tag.is_private_creator:
                assert element.value == source[element.tag].value


def test_each_file_declares_what_was_done_and_only_that(made):
    for source, clean in made.pairs():
        declared = {item.CodeValue for item in clean.DeidentificationMethodCodeSequence}
        assert declared == {"113100", "113103", "113105", "113107", "113108"} | (
            {"113111"} if source.Modality == "PT" else set()
        )
        assert clean.PatientIdentityRemoved == "YES"
        assert clean.LongitudinalTemporalInformationModified == "MODIFIED"
        assert clean.preamble == b"\0" * 128
        assert clean.file_meta.MediaStorageSOPInstanceUID == clean.SOPInstanceUID
        assert clean.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
        assert "SourceApplicationEntityTitle" not in clean.file_meta
        assert "PrivateInformation" not in clean.file_meta


def test_references_and_frames_of_reference_hold_across_files(made):
    frames = {source.FrameOfReferenceUID: clean.FrameOfReferenceUID for source, clean in made.pairs()}
    studies = {source.StudyInstanceUID: clean.StudyInstanceUID for source, clean in made.pairs()}
    assert len(set(frames.values())) == len(frames)
    for source, clean in made.pairs():
        assert (
            clean.FrameOfReferenceUID == frames[source.FrameOfReferenceUID] == made.key.uid(source.FrameOfReferenceUID)
        )
        assert clean.StudyInstanceUID == studies[source.StudyInstanceUID]
    assert len({(source.PatientID, clean.PatientID) for source, clean in made.pairs()}) == 2


@pytest.mark.skipif(program() is None, reason="dciodvfy is not installed")
def test_cleaning_makes_no_new_error_of_conformance(made):
    for source, clean in made.pairs():
        before, after = errors_of(Path(source.filename)), errors_of(Path(clean.filename))
        if before is not None and after is not None:
            assert not after - before


def test_a_second_run_and_another_workspace_with_the_same_vault_give_the_same_bytes(made):
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in made.clean.values()}
    shutil.rmtree(made.root / "out")
    result = CliRunner().invoke(
        cli,
        ["ingest", "-w", str(made.root / "ws"), "--dicom-out", str(made.root / "out"), "--referee", "none", "--json"],
        env={"UMD_KEY_FILE": str(made.root / "key" / "deid.key")},
        standalone_mode=False,
    )
    assert result.exception is None, result.output
    assert {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (made.root / "out").rglob("*.dcm")
    } == digests


def test_the_report_says_what_was_done_and_its_twin_names_the_files(made):
    report = json.loads((made.root / "ws/qa/deid-report.json").read_text(encoding="utf-8"))
    assert report["Rules"][0]["Edition"] == "2026d"
    assert report["KeyFingerprint"] == made.key.fingerprint
    assert report["WordsRemoved"] > 0
    removed = {entry["Tag"]: entry for entry in report["Removed"]}
    assert removed["0008,0080"]["Why"] == "E.1-1 D/X/Z"
    assert removed["60xx overlay"]["Count"] > 0
    assert {entry["Code"] for entry in report["NotUsed"]} == {"ING-104", "ING-105", "ING-107"}
    assert report["Dicom"]["files"] == len(made.clean)
    twin = json.loads((made.root / "ws/private/deid-report.json").read_text(encoding="utf-8"))
    assert {entry["code"] for entry in twin["files"]} == {"ING-104", "ING-105", "ING-107"}
    assert (made.root / "ws/private/deid-report.html").stat().st_mode & 0o077 == 0


def test_dicom_may_not_be_written_into_the_workspace(made):
    result = CliRunner().invoke(
        cli,
        [
            "ingest",
            "-w",
            str(made.root / "ws"),
            "--dicom-out",
            str(made.root / "ws" / "data" / "x"),
            "--referee",
            "none",
        ],
        env={"UMD_KEY_FILE": str(made.root / "key" / "deid.key")},
        standalone_mode=False,
    )
    assert result.exception is not None
    assert result.exception.exit_code == 5
