"""Plants a patient's identifiers wherever an element can hold one, and where none should be.

Places: every row of PS3.15 Table E.1-1 by its VR, unknown and UN elements, repeating groups 50xx and 60xx, trailing
padding, private blocks nested four deep, base64 and hex in text, descriptors, coded entries and coded strings, file meta,
preamble, and unsafe neighbours of safe private elements. What an SUV needs stays as it was.
"""

import base64
import csv
import random
import struct
from pathlib import Path

import pydicom
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from tests.mean.people import Person, digits

_TABLE = Path(__file__).parents[2] / "manifests" / "deid" / "ps3.15-e1-1.csv"
# What carries the study and its SUV is planted by other means than a text in its place.
_SPARED = {
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "StudyDate", "SeriesDate",
    "AcquisitionDate", "ContentDate", "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "SOPInstanceUID", "StudyInstanceUID",
    "SeriesInstanceUID", "FrameOfReferenceUID", "RadiopharmaceuticalStartTime", "RadiopharmaceuticalStopTime",
    "RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStopDateTime", "AcquisitionDateTime", "DecayCorrectionDateTime",
    "EncryptedAttributesSequence", "MediaStorageSOPInstanceUID", "SeriesDescription", "ProtocolName", "StudyDescription",
    "TimezoneOffsetFromUTC", "IssuerOfPatientID",
}  # fmt: skip
_LENGTHS = {"SH": 16, "CS": 16, "AE": 16, "LO": 64, "ST": 200, "LT": 200, "UT": 200, "UC": 200}


def table_rows() -> list[tuple[int, str]]:
    """Tags of Table E.1-1 with a group and element of their own, and their VR where the dictionary knows it."""
    rows = []
    for row in csv.DictReader(_TABLE.read_text(encoding="utf-8").splitlines()):
        text = row["tag"].replace(",", "")
        try:
            tag = int(text, 16)
            rows.append((tag, dictionary_VR(tag).split(" or ")[0]))
        except (ValueError, KeyError):
            continue
    return rows


def plant(dataset: FileDataset, person: Person, seed: int, *, carrier: bool = False) -> FileDataset:
    """Plant in one header; `carrier` plants every row of the table, not one in eight."""
    random_ = random.Random(seed)  # noqa: S311  (planting)
    dataset.SpecificCharacterSet = [""] * person.charset.startswith("ISO 2022") + [person.charset]
    dataset.PatientName, dataset.PatientID = person.name, person.patient_id
    dataset.IssuerOfPatientID = person.issuer
    dataset.PatientBirthDate, dataset.OtherPatientNames = person.birth, f"{person.given} {person.family}"
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        if keyword in dataset or keyword == "StudyDate":
            setattr(dataset, keyword, person.study_day)
    _plant_table(dataset, person, random_, every=carrier)
    _plant_texts(dataset, person, random_)
    _plant_odd_groups(dataset, person, random_)
    _plant_private(dataset, person, random_)
    return dataset


def _plant_table(dataset: Dataset, person: Person, random_: random.Random, *, every: bool) -> None:
    for tag, vr in table_rows():
        keyword = pydicom.datadict.keyword_for_tag(tag)
        if tag >> 16 < 8 or keyword in _SPARED or tag in dataset or not (every or random_.random() < 0.125):
            continue
        value = _value(vr, person, random_)
        if value is not None:
            several = dictionary_VM(tag) not in {"1", "1-n", "2-2n"} and vr in {"DS", "IS"}
            dataset.add_new(tag, vr, [value] * int(dictionary_VM(tag)[0]) if several else value)


def _value(vr: str, person: Person, random_: random.Random) -> object:
    if vr in _LENGTHS:
        return _text(vr, person, random_)[: _LENGTHS[vr]]
    if vr == "PN":
        return f"{person.secret('name', 'Xq' + ''.join(random_.choice('bcdfghkm') for _ in range(8)))}^{person.given}"
    if vr == "SQ":
        item = Dataset()
        item.PatientName, item.PatientComments = person.name, f"{person.patient_id} {person.birth}"
        item.InstitutionName = person.secret("place", f"Wqx{digits(random_, 7)} Klinik")
        inner = Dataset()
        inner.OperatorsName, inner.ReferencedSOPInstanceUID = person.name, person.uid()
        item.ReferencedImageSequence = Sequence([inner])
        return Sequence([item])
    made = {
        "UI": person.uid, "DA": lambda: person.birth, "DT": lambda: f"{person.birth}101112.5", "TM": lambda: "101112.5",
        "UR": lambda: f"https://pacs.example/{person.patient_id}?{person.uid()}", "AS": lambda: "095Y",
        "IS": lambda: person.secret("id", digits(random_, 9)), "DS": lambda: person.secret("id", digits(random_, 9)),
        "UN": lambda: person.patient_id.encode() + b"\0" * (len(person.patient_id) % 2), "OB": lambda: person.patient_id.encode().ljust(12, b"\0"),
        "OW": lambda: person.patient_id.encode().ljust(12, b"\0"),
    }.get(vr)  # fmt: skip
    return made() if made else None


def _text(vr: str, person: Person, random_: random.Random) -> str:
    if vr == "CS":
        return person.patient_id
    if vr == "AE":
        return "AE" + person.secret("device", digits(random_, 9))
    if vr == "SH":
        return person.secret("id", f"Q{digits(random_, 9)}")
    return f"{person.secret('id', 'Z' + digits(random_, 10))} {person.family}, {person.given}"


def _plant_texts(dataset: Dataset, person: Person, random_: random.Random) -> None:
    """Free text of scanners and descriptors, coded strings and coded entries."""
    dataset.StudyDescription = f"PET WB {person.family} {person.patient_id}"
    dataset.SeriesDescription = f"{dataset.Modality} WB {person.study_day} {person.given}"
    dataset.ProtocolName = f"{person.given} whole body"
    dataset.ManufacturerModelName = f"{dataset.get('ManufacturerModelName', 'Discovery')} {person.family}"
    dataset.SoftwareVersions = f"5.3 {person.patient_id}"
    dataset.BodyPartExamined = person.patient_id
    dataset.ConvolutionKernel = f"SOFT {person.given}"[:16]
    dataset.ImageType = [*dataset.ImageType[:3], person.patient_id]
    dataset.AccessionNumber = person.secret("id", f"AC{digits(random_, 9)}")
    dataset.InstitutionName = person.secret("place", f"Hospital Qxv{digits(random_, 6)}")
    dataset.PatientTelephoneNumbers = person.secret("contact", f"0{digits(random_, 9)}")
    dataset.ImageComments = base64.b64encode(f"{person.family} {person.given} {person.patient_id}".encode()).decode()
    dataset.PatientComments = f"{person.patient_id} {person.family}".encode().hex()
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = person.patient_id, "99LOCAL", person.family
    dataset.AnatomicRegionSequence = Sequence([item])


def _plant_odd_groups(dataset: FileDataset, person: Person, random_: random.Random) -> None:
    text = f"{person.family} {person.patient_id}".encode()
    even = text + b" " * (len(text) % 2)
    dataset.add_new(0x00080777, "LO", f"{person.given} {person.patient_id}")
    dataset.add_new(0x00100FFF, "UN", even)
    for group in (0x5000, 0x5012):
        dataset.add_new(group << 16 | 0x0022, "LO", person.family)
        dataset.add_new(group << 16 | 0x3000, "OW", even)
    for group in (0x6000, 0x601E):
        dataset.add_new(group << 16 | 0x0022, "LO", person.given)
        dataset.add_new(group << 16 | 0x1500, "LO", person.name)
        dataset.add_new(group << 16 | 0x3000, "OW", even)
    dataset.add_new(0xFFFCFFFC, "OB", even)
    dataset.RetrieveURL = f"http://{person.secret('place', 'pacs' + digits(random_, 7))}.example/{person.patient_id}"
    modified = Dataset()
    modified.PatientName, modified.PatientID = person.name, person.patient_id
    original = Dataset()
    original.ModifiedAttributesSequence = Sequence([modified])
    original.SourceOfPreviousValues, original.ModifyingSystem = person.family, "PACS"
    dataset.OriginalAttributesSequence = Sequence([original])
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.PixelData = even
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = Sequence([icon])
    dataset.preamble = even[:128].ljust(128, b"\0")
    meta = dataset.file_meta
    meta.SourceApplicationEntityTitle = f"AE{digits(random_, 8)}"
    person.secret("device", str(meta.SourceApplicationEntityTitle))
    meta.PrivateInformationCreatorUID, meta.PrivateInformation = person.uid(), even


def _plant_private(dataset: Dataset, person: Person, random_: random.Random) -> None:
    """A block of strange elements, one nested four deep, and the unsafe neighbours of safe ones."""
    block = dataset.private_block(0x0029, "SOMEBODY HEADER", create=True)
    secret = f"{person.given} {person.patient_id} {person.birth}"
    block.add_new(0x01, "UT", base64.b64encode(secret.encode()).decode())
    block.add_new(0x02, "LT", secret.encode("utf-16-le").hex())
    block.add_new(0x03, "UN", secret.encode("utf-16-le"))
    block.add_new(0x04, "FD", float(digits(random_, 9)))
    inner = Dataset()
    inner.PatientName = person.name
    for _ in range(4):
        outer = Dataset()
        outer.private_block(0x0029, "SOMEBODY HEADER", create=True).add_new(0x05, "SQ", Sequence([inner]))
        outer.PatientID = person.patient_id
        inner = outer
    block.add_new(0x05, "SQ", Sequence([inner]))
    ge = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
    ge.add_new(0x02, "LO", person.patient_id)
    ge.add_new(0x0F, "LO", f"scan of {person.family}")
    ge.add_new(0x10, "LO", person.family)
    philips = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    philips.add_new(0x03, "ST", f"{person.patient_id}.img")
    philips.add_new(0x05, "UN", struct.pack("<d", 1.0) + person.patient_id.encode().ljust(12, b" "))
    fake = dataset.private_block(0x0019, "PHILIPS MR/PART", create=True)
    fake.add_new(0x00, "LO", person.name)
