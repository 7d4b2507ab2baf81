"""The headers of a series, cleaned one after the other, are the ones that each gives by itself: byte for byte."""

import functools
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_files
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from tests.mean.corpus import corpus_b
from tests.steps.test_deid_clean_step import KEY, PATIENT, SUBJECT, a_pet_full_of_identifiers, written
from umd_curate.deid.clean_io import Cleaned, HeaderCleaner, clean_dataset
from umd_curate.deid.dicom_out_io import with_plane
from umd_curate.deid.encode_io import SeriesWriter
from umd_curate.deid.gather_io import gather
from umd_curate.model.findings import Refused
from umd_curate.store.dicom import READ_FAULTS, dataset_of, quiet

FOLDERS = (
    "sts-001-petctmr", "pseudo-phi-body-mr", "dcm-qa-uih", "dcm-qa-enh", "nema-iq-phantom-1", "cmb-crc-mr-adc-1",
    "suv-reference-objects",
)  # fmt: skip


def bytes_of(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def outcome(data: bytes, clean) -> tuple:
    """All that comes of a file: the clean bytes, what was done and who was met; or why it was refused."""
    try:
        cleaned: Cleaned = clean(dataset_of(data))
    except Refused as refusal:
        return (refusal.finding,)
    except READ_FAULTS as fault:
        return (type(fault),)
    return written(cleaned), cleaned.actions, cleaned.identifiers


def assert_as_one_by_one(files: list[bytes]) -> int:
    cleaner = HeaderCleaner(KEY, PATIENT, SUBJECT)
    n_clean = 0
    for data in files:
        one = outcome(data, lambda source: clean_dataset(source, KEY, PATIENT, SUBJECT))
        assert outcome(data, cleaner.clean) == one
        n_clean += len(one) == 3
    return n_clean


# What may differ from one header to the next, and is read or judged by something else in it.
CHANGES = {
    "name": lambda d: setattr(d, "PatientName", "Nowak^Jan"),
    "id": lambda d: setattr(d, "PatientID", "Whole"),
    "model": lambda d: setattr(d, "ManufacturerModelName", "Discovery Kowalska"),
    "description": lambda d: setattr(d, "SeriesDescription", "PET WB Nowak"),
    "characters": lambda d: setattr(d, "SpecificCharacterSet", "ISO_IR 192"),
    "sign": lambda d: setattr(d, "PixelRepresentation", 0),
    "slope": lambda d: setattr(d, "RescaleSlope", "3.25"),
    "instance": lambda d: setattr(d, "SOPInstanceUID", "1.2.826.0.1.3680043.9.7147.77.9"),
    "no age": lambda d: d.pop("PatientBirthDate", None),
    "age": lambda d: setattr(d, "PatientAge", "041Y"),
    "comment": lambda d: setattr(d, "ImageComments", "see image 20210614 of MRN00999999"),
    "code": lambda d: setattr(d, "ConvolutionKernel", "NOWAK"),
    "gone": lambda d: d.pop("ProtocolName", None),
    "block": lambda d: d.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x3B, "DT", "20210101000000.00"),
    "creator": lambda d: setattr(d[0x0009, 0x0010], "value", "SOMEBODY") if (0x0009, 0x0010) in d else None,
    "no block": lambda d: d.remove_private_tags(),
    "sequence": lambda d: setattr(d, "ReferencedImageSequence", Sequence([])),
    "burned in": lambda d: setattr(d, "BurnedInAnnotation", "YES"),
    "encrypted": lambda d: setattr(d, "EncryptedAttributesSequence", Sequence([Dataset()])),
    "another object": lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"),
    "smallest": lambda d: d.add_new(0x00280106, "SS" if d.PixelRepresentation else "US", 5),
}


@functools.cache
def a_changed_header(changes: frozenset[str], syntax: str) -> bytes:
    with quiet():
        source = a_pet_full_of_identifiers(syntax)
        for change in sorted(changes):
            CHANGES[change](source)
        return bytes_of(source)


@settings(max_examples=12)
@given(
    st.lists(st.frozensets(st.sampled_from(sorted(CHANGES)), max_size=3), min_size=2, max_size=5),
    st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
)
def test_any_sequence_of_changed_headers_is_cleaned_as_one_by_one(changes, syntax):
    assert_as_one_by_one([a_changed_header(one, syntax) for one in changes])


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_each_change_shows_in_the_next_header_and_is_gone_in_the_one_after(change):
    plain = a_changed_header(frozenset(), ExplicitVRLittleEndian)
    other = a_changed_header(frozenset([change]), ExplicitVRLittleEndian)
    assert plain != other
    assert_as_one_by_one([plain, other, plain])


def test_real_series_are_cleaned_as_one_by_one(shared_data):
    files = [
        path.read_bytes()
        for name in FOLDERS
        for folder in sorted({path.parent for path in (shared_data / name).rglob("*") if path.is_file()})
        for path in sorted(folder.iterdir())[:3]
        if path.is_file() and path.stat().st_size < 300_000
    ]
    assert assert_as_one_by_one(files) > 30


@pytest.mark.slow
def test_all_of_pydicoms_files_are_cleaned_as_one_by_one():
    paths = [Path(path) for path in sorted(get_testdata_files()) if Path(path).is_file()]
    assert assert_as_one_by_one([path.read_bytes() for path in paths]) > 30


def test_gathering_from_a_series_is_gathering_from_each_header():
    cleaner = HeaderCleaner(KEY, PATIENT, SUBJECT)
    for changes in (frozenset(), frozenset(["name", "comment"]), frozenset(["model"])):
        data = a_changed_header(changes, ExplicitVRLittleEndian)
        assert cleaner.clean(dataset_of(data)).identifiers == gather(dataset_of(data))


def test_a_slice_whose_face_was_cut_says_so_for_itself_alone():
    source = a_pet_full_of_identifiers()
    source.file_meta.TransferSyntaxUID = RLELossless
    cleaner = HeaderCleaner(KEY, PATIENT, SUBJECT)
    first, second = cleaner.clean(source), cleaner.clean(source)
    with_plane(first, np.zeros((source.Rows, source.Columns), np.uint16), face=True, text=False)
    third = cleaner.clean(source)
    said = [
        {item.CodeValue for item in one.dataset.DeidentificationMethodCodeSequence} for one in (first, second, third)
    ]
    assert ["113102" in codes for codes in said] == [True, False, False]
    assert [one.dataset.get("RecognizableVisualFeatures") for one in (first, second, third)] == ["NO", None, None]
    syntaxes = [one.dataset.file_meta.TransferSyntaxUID for one in (first, second, third)]
    assert syntaxes == [ExplicitVRLittleEndian, RLELossless, RLELossless]
    assert first.dataset.PixelData != second.dataset.PixelData == third.dataset.PixelData


def test_a_slice_with_cleared_text_declares_clean_pixel_data_and_no_face():
    cleaned = HeaderCleaner(KEY, PATIENT, SUBJECT).clean(a_pet_full_of_identifiers())
    with_plane(cleaned, np.zeros((4, 4), np.uint16), face=False, text=True)
    said = {item.CodeValue for item in cleaned.dataset.DeidentificationMethodCodeSequence}
    assert "113101" in said
    assert "113102" not in said
    assert cleaned.dataset.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("seed", [5, 17])
def test_an_identifier_is_told_alike_by_bytes_as_read_and_by_pydicoms_values(seed, tmp_path):
    corpus = corpus_b(tmp_path, seed, patients=1, studies=1, slices=1)
    for path in corpus.images():
        read, converted = dataset_of(path.read_bytes()), dataset_of(path.read_bytes())
        with quiet():
            list(converted.iterall())
        assert gather(read) == gather(converted)


def test_files_of_a_series_are_written_as_pydicom_writes_them(tmp_path):
    corpus = corpus_b(tmp_path / "raw", 23, patients=3, studies=1, slices=3)
    cleaner, writer = HeaderCleaner(KEY, PATIENT, SUBJECT), SeriesWriter()
    for path in [*corpus.images(), *corpus.images()[:3]]:
        cleaned = cleaner.clean(dataset_of(path.read_bytes()))
        writer.write(cleaned.dataset, tmp_path / "one.dcm")
        assert (tmp_path / "one.dcm").read_bytes() == bytes_of(cleaned.dataset)
