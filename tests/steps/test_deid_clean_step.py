"""Real headers through the cleaner: nothing that identifies comes out, nothing that SUV needs is lost."""

import base64
import io
from datetime import datetime
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from umd_curate.deid.audit import Searcher
from umd_curate.deid.audit_io import scan_file
from umd_curate.deid.clean_io import Cleaned, clean_dataset
from umd_curate.deid.gather_io import gather
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.store.dicom import read_dataset
from umd_curate.store.keys import DeidKey

KEY = DeidKey(bytes(range(32)))
PATIENT = PatientKey("site\0MRN00421337")
SUBJECT = SubjectId("7K3QF2")
SECRETS = [
    "Kowalska", "Aleksandra", "MRN00421337", "ACC998877", "Lindenhof", "Ahornweg", "ST04711", "19530417", "Dr^Zwiebel",
    "1.2.826.0.1.3680043.9.7147.77", "0301234567", "20210614", "SN-77-4242-XQ",
]  # fmt: skip


def clean(source: Dataset) -> Cleaned:
    return clean_dataset(source, KEY, PATIENT, SUBJECT)


def written(cleaned: Cleaned) -> bytes:
    buffer = io.BytesIO()
    cleaned.dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def a_pet_full_of_identifiers(syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """PET header with identifiers in every sort of place, written to bytes and read back as a file."""
    d = Dataset()
    d.SpecificCharacterSet = "ISO_IR 100"
    d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
    d.SOPInstanceUID = d.StudyInstanceUID = "1.2.826.0.1.3680043.9.7147.77.1"
    d.SeriesInstanceUID, d.FrameOfReferenceUID = "1.2.826.0.1.3680043.9.7147.77.2", "1.2.826.0.1.3680043.9.7147.77.3"
    d.ImageType = ["ORIGINAL", "PRIMARY"]
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "PT", "GE MEDICAL SYSTEMS", "Discovery ST"
    d.PatientName, d.PatientID, d.AccessionNumber = "Kowalska^Aleksandra", "MRN00421337", "ACC998877"
    d.PatientBirthDate, d.PatientSex, d.PatientWeight, d.PatientSize = "19530417", "F", "61.30", "1.655"
    d.StudyDate = d.SeriesDate = d.AcquisitionDate = "20210614"
    d.StudyTime, d.SeriesTime, d.AcquisitionTime = "235500", "235959.123456", "000010"
    d.StudyDescription = "PET WB Kowalska Lindenhof MRN00421337"
    d.SeriesDescription, d.ProtocolName = "PET WB AC 20210614", "Zwiebel whole body"
    d.InstitutionName, d.InstitutionAddress, d.StationName = "Klinikum Lindenhof", "Ahornweg 9, Neustadt", "ST04711"
    d.ReferringPhysicianName, d.OperatorsName = "Dr^Zwiebel", "Zwiebel"
    d.PatientTelephoneNumbers, d.PatientAddress = "030 1234567", "Ahornweg 9"
    d.DeviceSerialNumber, d.RetrieveURL = "SN-77-4242-XQ", "http://pacs/MRN00421337"
    d.ImageComments, d.PatientComments = "Aleksandra Kowalska, tel 0301234567", "born 17.04.1953"
    d.ConvolutionKernel, d.RequestingService = "Kowalska", "Lindenhof"
    d.Units, d.DecayCorrection, d.CorrectedImage = "BQML", "START", ["DECY", "ATTN"]
    d.RescaleSlope, d.RescaleIntercept, d.FrameReferenceTime, d.ActualFrameDuration = (
        "2.429034",
        "0",
        "543210.5",
        "180000",
    )
    d.add_new(0x0040A730, "SQ", [Dataset()])
    hidden = Dataset()
    hidden.PatientName, hidden.PatientID = "Kowalska^Aleksandra", "MRN00421337"
    d.OriginalAttributesSequence = Sequence([hidden])
    _add_pet_and_pixels(d)
    _add_private_and_unknown(d)
    return _read_back(d, syntax)


def _add_pet_and_pixels(d: Dataset) -> None:
    agent = Dataset()
    agent.Radiopharmaceutical, agent.RadionuclideTotalDose, agent.RadionuclideHalfLife = "FDG", "370123456.7", "6586.2"
    agent.RadiopharmaceuticalStartTime, agent.RadiopharmaceuticalStartDateTime = "225500.25", "20210614225500.25+0200"
    agent.OperatorsName = "Zwiebel"
    agent.add_new(0x00091010, "LO", "HIDDEN")
    agent.add_new(0x00091001 + 0x0F, "LO", "Kowalska")
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.9.7147.77.1"
    d.RadiopharmaceuticalInformationSequence, d.ReferencedImageSequence = Sequence([agent]), Sequence([reference])
    d.SamplesPerPixel, d.PhotometricInterpretation, d.Rows, d.Columns = 1, "MONOCHROME2", 4, 4
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
    d.PixelData = bytes(range(32))
    d["PixelData"].VR = "OW"


def _add_private_and_unknown(d: Dataset) -> None:
    ge = d.private_block(0x0009, "GEMS_PETD_01", create=True)
    ge.add_new(0x02, "LO", "MRN00421337")
    ge.add_new(0x0D, "DT", "20210614235959.12")
    ge.add_new(0x10, "LO", "Klinikum Lindenhof")
    ge.add_new(0x38, "FL", 371.5)
    ge.add_new(0x3B, "DT", "20210614225500.25")
    other = d.private_block(0x0029, "SOMEBODY", create=True)
    other.add_new(0x01, "UT", base64.b64encode(b"Patient: Kowalska, MRN00421337").decode())
    other.add_new(0x02, "UN", b"Kowalska\0MRN00421337")
    nest = Dataset()
    nest.add_new(0x00290010, "LO", "SOMEBODY")
    nest.add_new(0x00291005, "PN", "Kowalska^Aleksandra")
    other.add_new(0x03, "SQ", [nest])
    d.add_new(0x60001500, "LO", "Kowalska")
    d.add_new(0x60003000, "OW", b"MRN00421337 ")
    d.add_new(0x50002000, "OW", b"Kowalska")
    d.add_new(0x00080777, "LO", "Kowalska")
    d.add_new(0xFFFCFFFC, "OB", b"Kowalska MRN00421337")


def _read_back(d: Dataset, syntax: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, d.SOPClassUID
    meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    meta.SourceApplicationEntityTitle = "LINDENHOF_PACS"
    meta.PrivateInformationCreatorUID, meta.PrivateInformation = "1.2.826.0.1.3680043.9.7147.77", b"Kowalska"
    file = FileDataset("", d, preamble=b"Kowalska MRN00421337".ljust(128, b"\0"), file_meta=meta)
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_no_planted_identifier_is_in_the_written_bytes(tmp_path, syntax):
    source = a_pet_full_of_identifiers(syntax)
    path = tmp_path / "clean.dcm"
    path.write_bytes(written(clean(source)))
    assert scan_file(path, gather(source)) == []
    text = str(pydicom.dcmread(path)) + path.read_bytes().decode("latin-1")
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret


def test_echo_scan_would_have_found_each_of_them(tmp_path):
    source = a_pet_full_of_identifiers()
    search = Searcher(gather(source))
    assert [secret for secret in SECRETS if not search.in_text(f" {secret} ".encode())] == []
    path = tmp_path / "dirty.dcm"
    source.save_as(path, enforce_file_format=True)
    assert {hit.kind for hit in scan_file(path, gather(source))} >= {"name", "id", "uid", "date", "place", "contact"}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_every_suv_input_is_exact_and_every_interval_holds(syntax):
    source = a_pet_full_of_identifiers(syntax)
    cleaned = pydicom.dcmread(io.BytesIO(written(clean(source))))
    for keyword in ("PatientWeight", "PatientSize", "RescaleSlope", "FrameReferenceTime", "ActualFrameDuration"):
        assert cleaned[keyword].value.original_string == source[keyword].value.original_string
    before, after = (one.RadiopharmaceuticalInformationSequence[0] for one in (source, cleaned))
    for keyword in ("RadionuclideTotalDose", "RadionuclideHalfLife"):
        assert after[keyword].value.original_string == before[keyword].value.original_string
    assert cleaned.SeriesTime == "235959.123456"
    assert after.RadiopharmaceuticalStartTime == "225500.25"

    def instant(text: str) -> datetime:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007  (the offset is compared as text)

    moved = instant(after.RadiopharmaceuticalStartDateTime) - instant(before.RadiopharmaceuticalStartDateTime)
    assert moved.seconds == 0
    assert moved.days == KEY.shift_days(PATIENT)
    assert after.RadiopharmaceuticalStartDateTime.endswith(".25+0200")
    ge = cleaned.private_block(0x0009, "GEMS_PETD_01")
    assert ge[0x38].value == pytest.approx(371.5, abs=0)
    assert instant(ge[0x3B].value) - instant("20210614225500") == moved
    assert 0x02 not in ge
    assert 0x10 not in ge
    assert cleaned.PixelData == source.PixelData


def test_every_kept_number_equals_its_source(shared_data):
    paths = [
        shared_data / "flt-pet-slice-1" / "1.dcm",
        next(iter(sorted((shared_data / "sts-001-petctmr" / "raw" / "FDG_PET" / "image").iterdir()))),
        next(iter(sorted((shared_data / "pseudo-phi-body-mr" / "original").iterdir()))),
        Path(get_testdata_file("CT_small.dcm")),
    ]
    for path in paths:
        source, cleaned = read_dataset(path), clean(read_dataset(path)).dataset
        compared = [0]
        _compare_numbers(cleaned, source, compared)
        assert compared[0] > 20


def _compare_numbers(cleaned: Dataset, source: Dataset, compared: list[int]) -> None:
    for element in cleaned:
        if element.tag.group == 0x0012:
            continue
        if element.VR == "SQ":
            for after, before in zip(element.value, source[element.tag].value, strict=True):
                _compare_numbers(after, before, compared)
        elif element.VR in {"DS", "IS", "FD", "FL", "US", "SS", "UL", "SL", "TM"}:
            assert element.value == source[element.tag].value
            compared[0] += 1


def test_real_headers_leave_no_identifier_behind(shared_data, tmp_path):
    for path in sorted((shared_data / "pseudo-phi-body-mr" / "original").iterdir())[:3]:
        source = read_dataset(path)
        target = tmp_path / "out.dcm"
        target.write_bytes(written(clean(source)))
        assert scan_file(target, gather(source)) == []
        assert scan_file(path, gather(source))
        for secret in (b"MILLER", b"BEVERLY", b"555-225", b"WALNUT"):
            assert secret not in target.read_bytes().upper()


def test_file_meta_is_made_anew_and_the_preamble_is_zero():
    data = written(clean(a_pet_full_of_identifiers()))
    assert data[:128] == b"\0" * 128
    meta = pydicom.dcmread(io.BytesIO(data)).file_meta
    assert {element.keyword for element in meta} == {
        "FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID", "TransferSyntaxUID", "ImplementationClassUID", "ImplementationVersionName",
    }  # fmt: skip
    assert meta.MediaStorageSOPInstanceUID == KEY.uid("1.2.826.0.1.3680043.9.7147.77.1")


def test_what_was_done_is_declared_and_nothing_more():
    dataset = clean(a_pet_full_of_identifiers()).dataset
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"
    assert 0 < len(dataset.DeidentificationMethod) <= 64
    codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113103", "113105", "113107", "113108", "113111"]
    plain = a_pet_full_of_identifiers()
    plain.remove_private_tags()
    codes = [item.CodeValue for item in clean(plain).dataset.DeidentificationMethodCodeSequence]
    assert "113111" not in codes


def test_references_still_point_to_what_they_named():
    dataset = clean(a_pet_full_of_identifiers()).dataset
    assert dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert dataset.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert dataset.PatientID == dataset.PatientName == SUBJECT


def test_same_input_gives_the_same_bytes():
    assert written(clean(a_pet_full_of_identifiers())) == written(clean(a_pet_full_of_identifiers()))


def test_missing_age_comes_from_birth_and_study_date_and_birth_date_is_emptied():
    dataset = clean(a_pet_full_of_identifiers()).dataset
    assert dataset.PatientAge == "068Y"
    assert dataset.PatientBirthDate == ""


def test_name_in_the_guise_of_a_code_or_number_goes():
    source = a_pet_full_of_identifiers()
    source.BodyPartExamined = "KOWALSKA"
    source.add(DataElement(0x00180050, "DS", "1.0"))
    source["SliceThickness"]._value = "MRN00421337"
    source.ManufacturerModelName = "Discovery Kowalska"
    dataset = clean(source).dataset
    assert "SliceThickness" not in dataset
    assert dataset.BodyPartExamined == dataset.ConvolutionKernel == ""
    assert dataset.ManufacturerModelName == "Discovery"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"), "DEI-101"),
        (lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.11"), "DEI-101"),
        (lambda d: setattr(d, "BurnedInAnnotation", "YES"), "DEI-102"),
        (lambda d: setattr(d, "SamplesPerPixel", 3), "DEI-102"),
        (lambda d: setattr(d, "EncryptedAttributesSequence", [Dataset()]), "DEI-103"),
        (lambda d: delattr(d, "SOPInstanceUID"), "DEI-104"),
    ],
)
def test_what_can_never_be_clean_is_refused_without_telling_a_value(change, code):
    source = a_pet_full_of_identifiers()
    change(source)
    with pytest.raises(Refused) as refusal:
        clean(source)
    assert refusal.value.finding.code == code
    assert not any(secret.lower() in str(refusal.value).lower() for secret in SECRETS)


def test_broken_elements_go_and_the_rest_stays():
    source = read_dataset(Path(get_testdata_file("CT_small.dcm")))
    source.add_new(0x00180060, "DS", "120")
    raw = source.get_item(0x00180060)
    source._dict[raw.tag] = pydicom.dataelem.RawDataElement(raw.tag, "DS", 4, b"12\xff\xff", 0, False, True)
    cleaned = clean(source)
    assert "KVP" not in cleaned.dataset
    assert cleaned.actions["0018,0060", "unfit"] == 1
    assert cleaned.dataset.Rows == 128
