"""Two mean corpora: B, scanners' PET, CT and MR beside reports and captures; A, whatever pydicom has for its own tests."""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.mean.people import Person, people
from tests.mean.planter import plant

CLASSES = {"PT": "128", "CT": "2", "MR": "4"}
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
MAKERS = ("GE MEDICAL SYSTEMS", "Philips", "SIEMENS")
SIZE = 16
_DATA = Path(pydicom.__file__).parent / "data"
PYDICOM_FILES = sorted([*(_DATA / "test_files").glob("*.dcm"), *(_DATA / "charset_files").glob("*.dcm")])


@dataclass
class Planted:
    """A corpus: its patients, and what each file is, by path."""

    persons: list[Person]
    kinds: dict[Path, str] = field(default_factory=dict)
    owners: dict[Path, Person] = field(default_factory=dict)

    def secrets(self) -> set[str]:
        return {secret for person in self.persons for secret in person.all()}

    def images(self) -> list[Path]:
        return [path for path, kind in self.kinds.items() if kind in CLASSES]


def corpus_b(
    root: Path, seed: int, patients: int = 8, studies: int = 2, slices: int = 8, *, are_alike: bool = False
) -> Planted:
    """PET (three encodings, three makers), CT, MR, and a capture, a report and a document per study.

    `are_alike`: the slices of a series share encoding and what is planted in them, as a scanner writes it; else each has
    identifiers of its own, and neighbours differ in their encoding.
    """
    planted = Planted(people(patients, seed))
    number = 0
    for n, person in enumerate(planted.persons):
        for study in range(studies):
            study_uid, frame = person.uid(), person.uid()
            for modality in ("PT", "CT", "MR"):
                series, first = person.uid(), None
                for k in range(slices):
                    number += 1
                    dataset = _image(modality, MAKERS[(n + study) % 3], person, k)
                    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (
                        study_uid,
                        series,
                        frame,
                    )
                    if first is None or not are_alike:
                        first = plant(dataset, person, seed * 1000 + number)
                    dataset = _like(first, dataset)
                    syntax = (
                        SYNTAXES[(n + study) % 3] if modality == "PT" else SYNTAXES[(n if are_alike else number) % 2]
                    )
                    _save(dataset, root / f"{n}/{study}/{modality}{k:03d}.dcm", syntax, planted, modality, person)
            for kind in ("SC", "SR", "PDF"):
                dataset = _other(kind, person)
                dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study_uid, person.uid()
                _save(dataset, root / f"{n}/{study}/{kind}.dcm", ExplicitVRLittleEndian, planted, kind, person)
    return planted


def _like(planted: FileDataset, plain: FileDataset) -> FileDataset:
    """A planted header with what makes the slice `plain` itself: its UID, number, place and pixels."""
    made = copy.deepcopy(planted)
    for keyword in ("SOPInstanceUID", "InstanceNumber", "ImageIndex", "ImagePositionPatient", "PixelData"):
        if keyword in plain:
            made[keyword] = plain[keyword]
    return made


def corpus_a(root: Path, seed: int) -> Planted:
    """pydicom's own test and character-set files, planted where that can be written, raw where it cannot."""
    planted = Planted(people(31, seed))
    for n, name in enumerate(PYDICOM_FILES):
        person = planted.persons[n % 31]
        target = root / f"{n:03d}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        data = name.read_bytes()
        try:
            dataset = pydicom.dcmread(name)
            dataset.ImageType = dataset.get("ImageType") or ["ORIGINAL", "PRIMARY"]
            dataset.Modality = dataset.get("Modality") or "OT"
            plant(dataset, person, seed + n)
            dataset.save_as(target, enforce_file_format=True)
        except Exception:  # noqa: BLE001  (whatever pydicom cannot write is taken raw)
            target.write_bytes(data)
        planted.kinds[target], planted.owners[target] = "any", person
    return planted


def a_carrier(person: Person, seed: int) -> FileDataset:
    """A PET with every row of Table E.1-1 that has a value of its VR."""
    dataset = _image("PT", MAKERS[0], person, 0)
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = dataset.FrameOfReferenceUID = person.uid()
    return plant(dataset, person, seed, carrier=True)


def _image(modality: str, maker: str, person: Person, k: int) -> FileDataset:
    dataset = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{CLASSES[modality]}"
    dataset.SOPInstanceUID, dataset.Modality, dataset.Manufacturer = person.uid(), modality, maker
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if modality != "PT" else ["ORIGINAL", "PRIMARY"]
    dataset.PatientSex, dataset.PatientWeight, dataset.PatientSize = person.sex, person.weight, person.size
    dataset.StudyTime, dataset.SeriesTime, dataset.AcquisitionTime, dataset.ContentTime = ("101500.25",) * 4
    dataset.AcquisitionDate = dataset.SeriesDate = dataset.ContentDate = person.study_day
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.PatientPosition = 1, k + 1, "HFS"
    dataset.PositionReferenceIndicator, dataset.StudyID, dataset.ReferringPhysicianName = "", "1", ""
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-30, -30, 4.0 * k], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [4, 4], "4"
    dataset.Rows = dataset.Columns = SIZE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.RescaleIntercept, dataset.RescaleSlope = "0", "1.73205"
    values = np.random.default_rng(k).integers(0, 2000, (SIZE, SIZE)).astype("<i2")
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OW"
    {"PT": _pet, "CT": _ct, "MR": _mr}[modality](dataset, maker, person)
    return dataset


def _ct(dataset: FileDataset, maker: str, person: Person) -> None:
    dataset.KVP, dataset.RescaleIntercept, dataset.RescaleType, dataset.AcquisitionNumber = "120", "-1024", "HU", 1


def _mr(dataset: FileDataset, maker: str, person: Person) -> None:
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions, dataset.MRAcquisitionType = (
        "GR",
        "SP",
        "",
        "3D",
    )
    dataset.EchoTime, dataset.RepetitionTime, dataset.EchoTrainLength = "2.46", "4.1", "1"
    del dataset.RescaleIntercept, dataset.RescaleSlope


def _pet(dataset: FileDataset, maker: str, person: Person) -> None:
    dataset.Units, dataset.DecayCorrection, dataset.CorrectedImage = "BQML", "START", ["ATTN", "DECY", "SCAT"]
    dataset.SeriesType, dataset.CountsSource, dataset.RandomsCorrectionMethod = (
        ["WHOLE BODY", "IMAGE"],
        "EMISSION",
        "DLYD",
    )
    dataset.CollimatorType, dataset.NumberOfSlices, dataset.ImageIndex = "NONE", 8, dataset.InstanceNumber
    dataset.FrameReferenceTime, dataset.ActualFrameDuration, dataset.DecayFactor = "90000", "180000", "1.0095"
    agent = Dataset()
    agent.Radiopharmaceutical, agent.RadionuclideTotalDose, agent.RadionuclideHalfLife = "FDG", "368080000.5", "6586.2"
    agent.RadiopharmaceuticalStartTime = "091000.5"
    agent.RadiopharmaceuticalStartDateTime = f"{person.study_day}091000.50+0100"
    agent.RadionuclidePositronFraction = "0.967"
    nuclide = Dataset()
    nuclide.CodeValue, nuclide.CodingSchemeDesignator, nuclide.CodeMeaning = "C-111A1", "SRT", "^18^Fluorine"
    agent.RadionuclideCodeSequence = Sequence([nuclide])
    agent.OperatorsName = person.name
    dataset.RadiopharmaceuticalInformationSequence = Sequence([agent])
    dataset.PatientOrientationCodeSequence = dataset.PatientGantryRelationshipCodeSequence = Sequence()
    if maker.startswith("GE"):
        block = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
        block.add_new(0x0D, "DT", f"{person.study_day}101500.25")
        block.add_new(0x38, "FL", 380.5)
        block.add_new(0x39, "DT", f"{person.study_day}090000.00")
        block.add_new(0x3B, "DT", f"{person.study_day}091000.50")
        block.add_new(0x3C, "FL", 3.25)
        block.add_new(0x3D, "DT", f"{person.study_day}091200.00")
    elif maker == "Philips":
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", "0.000387")
        block.add_new(0x09, "DS", "1.73205")
    else:
        block = dataset.private_block(0x0071, "SIEMENS MED PT", create=True)
        block.add_new(0x22, "DT", f"{person.study_day}101500.250000")


def _other(kind: str, person: Person) -> FileDataset:
    tails = {"SC": "7", "SR": "88.11", "PDF": "104.1"}
    dataset = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = f"1.2.840.10008.5.1.4.1.1.{tails[kind]}", person.uid()
    dataset.Modality, dataset.PatientID, dataset.PatientName = (
        {"PDF": "DOC"}.get(kind, kind),
        person.patient_id,
        person.name,
    )
    dataset.SpecificCharacterSet = [""] * person.charset.startswith("ISO 2022") + [person.charset]
    if kind == "SC":
        dataset.Rows = dataset.Columns = 64
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.BurnedInAnnotation, dataset.ImageType = 7, "YES", ["DERIVED", "SECONDARY"]
        dataset.PixelData = bytes(64 * 64)
        dataset["PixelData"].VR = "OB"
    elif kind == "SR":
        item = Dataset()
        item.ValueType, item.TextValue = "TEXT", f"{person.family} {person.patient_id}"
        dataset.ContentSequence = Sequence([item])
    else:
        text = f"%PDF {person.family}".encode()
        dataset.EncapsulatedDocument = text + b" " * (len(text) % 2)
    return dataset


def _save(dataset: FileDataset, path: Path, syntax: str, planted: Planted, kind: str, person: Person) -> None:
    dataset.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    planted.kinds[path], planted.owners[path] = kind, person


def with_private_elements(count: int) -> FileDataset:
    """An XA-like multi-frame header: `count` private elements spread over items of nested sequences."""
    dataset = _image("CT", "SIEMENS", people(1, 1)[0], 0)
    items = []
    for n in range(count // 11):
        item = Dataset()
        block = item.private_block(0x0021, "SIEMENS XA PART", create=True)
        for element in range(10):
            block.add_new(element, "LO", f"value {n} {element}")
        items.append(item)
    dataset.private_block(0x0021, "SIEMENS XA PART", create=True).add_new(0x10, "SQ", Sequence(items))
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.9.1"
    return dataset
