"""The door to DICOM: pydicom's warnings quote header values, so none may get out."""

import logging
import subprocess
import sys
import warnings

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from umd_curate.store.dicom import READ_FAULTS, read_dataset

CANARY = "CANARY-19991399"  # no date: pydicom warns and quotes it
READS_WITH_ALL_LOGS_ON = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
from umd_curate.store.dicom import read_dataset
read_dataset(sys.argv[1])
"""


@pytest.fixture
def odd_file(tmp_path):
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.PatientWeight = "70"
    dataset.StudyDate = CANARY
    dataset.PixelData = bytes(8)
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(tmp_path / "odd.dcm", enforce_file_format=True)
    return tmp_path / "odd.dcm"


def test_a_value_that_does_not_fit_is_read_without_a_word(odd_file, capfd, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        dataset = read_dataset(odd_file)
        assert dataset.StudyDate == CANARY
    out, err = capfd.readouterr()
    assert CANARY not in out + err + caplog.text


def test_reading_can_stop_before_the_pixels(odd_file):
    assert "PixelData" in read_dataset(odd_file)
    assert "PixelData" not in read_dataset(odd_file, stop_before_pixels=True)


@pytest.mark.parametrize("content", [b"", b"text"])
def test_what_is_no_dicom_raises_a_known_fault(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(READ_FAULTS):
        assert not read_dataset(tmp_path / "file")


def test_the_name_of_a_broken_file_reaches_no_log(tmp_path):
    path = tmp_path / f"{CANARY}.dcm"
    path.write_bytes(bytes(128) + b"DICM" + b"\xff" * 40)  # pydicom logs the path of a file that ends too early
    read = subprocess.run(
        [sys.executable, "-c", READS_WITH_ALL_LOGS_ON, str(path)], check=True, capture_output=True, text=True
    )
    assert CANARY not in read.stdout + read.stderr
