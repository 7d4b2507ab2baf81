"""The door to DICOM: pydicom's warnings quote header values, so none may get out."""

import io
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings
from pydicom.data import get_testdata_files
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from umd_curate.store.dicom import READ_FAULTS, dataset_of, quiet, read_dataset, tag_of, value_of
from umd_curate.store.runs import MOST_RUNS, Mark, Runs

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


def elements_told(dataset):
    """All that a dataset tells, every value asked for."""
    told = []
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
            value = [elements_told(item) for item in element.value] if element.VR == "SQ" else repr(element.value)
            told.append((int(tag), element.VR, element.is_undefined_length, value))
        except READ_FAULTS as fault:
            told.append((int(tag), type(fault)))
    return told


def told_by(read, data):
    with quiet():
        try:
            dataset = read(data)
        except READ_FAULTS as fault:
            return type(fault)
        return (
            elements_told(dataset),
            elements_told(dataset.file_meta),
            dataset.original_encoding,
            dataset.original_character_set,
            dataset.preamble,
        )


def by_pydicom(data):
    return pydicom.dcmread(io.BytesIO(data), force=True)


def test_files_in_memory_are_read_as_pydicom_reads_them():
    paths = [Path(path) for path in sorted(get_testdata_files()) if Path(path).is_file()]
    files = [path.read_bytes() for path in paths if path.stat().st_size < 100_000]
    assert len(files) > 90
    for data in files:
        assert told_by(dataset_of, data) == told_by(by_pydicom, data)


def test_real_files_in_memory_are_read_as_pydicom_reads_them(shared_data):
    for folder in sorted({path.parent for path in shared_data.rglob("*.dcm")}):
        path = min(folder.glob("*.dcm"))
        if path.stat().st_size < 600_000:
            assert told_by(dataset_of, path.read_bytes()) == told_by(by_pydicom, path.read_bytes())


VALUES = {
    "LO": st.text("ABC ^\\é", max_size=9), "DS": st.sampled_from(["1.5", "2\\3", ""]), "PN": st.text("AB^=é", max_size=9),
    "US": st.integers(0, 65535), "OB": st.binary(max_size=9), "UT": st.text(max_size=9), "UN": st.binary(max_size=9),
}  # fmt: skip
TAGS = {
    "LO": 0x0008103E, "DS": 0x00180050, "PN": 0x00100010, "US": 0x00280010, "OB": 0x00291012, "UT": 0x0040A160,
    "UN": 0x00310001,
}  # fmt: skip


@st.composite
def datasets(draw, depth=2):
    dataset = Dataset()
    for vr in draw(st.sets(st.sampled_from(sorted(VALUES)))):
        dataset.add_new(TAGS[vr], vr, draw(VALUES[vr]))
    if depth:
        items = draw(st.lists(datasets(depth=depth - 1), max_size=2))
        dataset.add_new(0x00081140, "SQ", Sequence(items))
        dataset[0x00081140].is_undefined_length = draw(st.booleans())
        for item in dataset[0x00081140].value:
            item.is_undefined_length_sequence_item = draw(st.booleans())
    return dataset


@st.composite
def files(draw):
    dataset, syntax = draw(datasets()), draw(st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]))
    dataset.SpecificCharacterSet = draw(st.sampled_from(["ISO_IR 100", "ISO_IR 192"]))
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    with quiet():
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@given(files())
def test_nested_sequences_of_told_and_untold_length_are_read_as_pydicom_reads_them(data):
    assert told_by(dataset_of, data) == told_by(by_pydicom, data)


@given(files(), st.data())
def test_a_damaged_file_is_read_as_pydicom_reads_it(data, more):
    place = more.draw(st.integers(0, len(data) - 1))
    torn = data[:place]
    assert told_by(dataset_of, torn) == told_by(by_pydicom, torn)
    spoilt = data[:place] + more.draw(st.binary(min_size=1, max_size=4)) + data[place + 1 :]
    assert told_by(dataset_of, spoilt) == told_by(by_pydicom, spoilt)


@given(st.lists(st.tuples(files(), st.integers(0, 3)), min_size=1, max_size=6))
def test_files_one_after_another_are_read_as_pydicom_reads_each(series):
    """What lies alike in many files is cut in one go: files that differ a little, that end early, that come again."""
    for whole, n_missing in [*series, *series]:
        data = whole[: len(whole) - n_missing]
        assert told_by(dataset_of, data) == told_by(by_pydicom, data)


def test_a_series_is_cut_in_runs_that_end_where_its_files_differ():
    runs, head = Runs(), [bytes((n, 0)) + b"\0\0LO\0\0" for n in range(4)]

    def marks(*lengths):
        return [Mark(head[n][:6] + bytes((length, 0)), n, "LO", length, b"") for n, length in enumerate(lengths)]

    def laid(*lengths):
        return b"".join(mark.head + b"x" * mark.length for mark in marks(*lengths))

    runs.learn(marks(2, 4, 0, 6))
    run, values = runs.cut(laid(2, 4, 0, 6), 0, 44)
    assert run.tags == (0, 1, 2, 3)
    assert values == [b"xx", b"xxxx", b"", b"xxxxxx"]
    assert run.places == (8, 18, 30, 38)
    run, values = runs.cut(laid(2, 4, 2, 6), 0, 46)  # the third value is longer: the run ends before it
    assert (run.tags, values) == ((0, 1), [b"xx", b"xxxx"])
    assert runs.cut(laid(2, 4, 2, 6), 22, 46) is None
    run, values = runs.cut(laid(2, 4, 0, 6), 22, 44)  # and what stood behind it is a run of its own
    assert (run.tags, values) == ((2, 3), [b"", b"xxxxxx"])


def test_a_run_is_not_cut_where_the_file_ends_before_it():
    runs = Runs()
    runs.learn([Mark(b"\x08\0\x60\0CS\x02\0", 0x00080060, "CS", 2, b"")])
    assert runs.cut(b"\x08\0\x60\0CS\x02\0C", 0, 9) is None


def test_runs_that_never_come_again_do_not_pile_up():
    runs = Runs()
    for n in range(3 * MOST_RUNS):
        runs.learn([Mark(n.to_bytes(4, "little") + b"CS\x02\0", n, "CS", 2, b"")])
        assert len(runs) <= MOST_RUNS


@given(
    vr=st.sampled_from(["LO", "SH", "CS", "DS"]),
    value=st.one_of(st.binary(max_size=12), st.text(" -~\\\0", max_size=12).map(str.encode)),
    charset=st.sampled_from(["", "ISO_IR 13", "ISO_IR 100", "ISO_IR 192", "GB18030", "\\ISO 2022 IR 87"]),
)
def test_a_value_that_is_converted_once_is_the_one_that_pydicom_reads(vr, value, charset):
    def dataset():
        made = Dataset({tag_of(0x0008103E): RawDataElement(tag_of(0x0008103E), vr, len(value), value, 0, False, True)})
        made.set_original_encoding(
            is_implicit_vr=False, is_little_endian=True, character_encoding=convert_encodings(charset.split("\\"))
        )
        return made

    def read(reader):
        with quiet():
            try:
                return repr(reader(dataset()))
            except READ_FAULTS as fault:
                return type(fault)

    assert read(lambda made: value_of(made, tag_of(0x0008103E))) == read(lambda made: made[0x0008103E].value)


def test_an_item_that_is_shorter_than_its_elements_is_read_as_pydicom_reads_it():
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3"
    item = Dataset()
    item.ReferencedImageSequence = Sequence()
    dataset.ReferencedImageSequence = Sequence([item, item])
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    data = buffer.getvalue()
    assert told_by(dataset_of, data) == told_by(by_pydicom, data)
    spoilt = data.replace(b"SQ" + bytes(6), b"\0Q" + bytes(6), 1)  # no VR, so the length begins two bytes earlier
    assert spoilt != data
    assert told_by(by_pydicom, spoilt) is OSError
    assert told_by(dataset_of, spoilt) is OSError


def test_quiet_within_quiet_stays_quiet_until_the_outer_one_ends():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            with quiet():
                warnings.warn("inner", stacklevel=1)
            warnings.warn("outer", stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn("after", stacklevel=1)
