"""Fluent makers of small DICOM series with real pixel data, for the tests of all rooms.

    a_pet_series().of(patient="P1", study="S1").missing("PatientWeight").write(folder)

Every maker returns a new one; the same calls give the same bytes. UIDs are made from the names that are given.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "SR": "1.2.840.10008.5.1.4.1.1.88.67",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
F18_HALF_LIFE_S = 6586.2


def uid(*names: object) -> str:
    """UID made from names: the same names, the same UID."""
    digest = hashlib.sha256("|".join(map(str, names)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def _plane(k: int, rows: int, columns: int) -> np.ndarray:
    j, i = np.mgrid[0:rows, 0:columns]
    return ((k + 1) * 100 + j * 10 + i).astype(np.int16)


@dataclass(frozen=True)
class SeriesBuilder:
    """A series of single-frame images; positions start at `origin_mm` (LPS) and step along the normal."""

    modality: str
    name: str = "series"
    patient: str = "PATIENT-1"
    study: str = "study"
    frame: str | None = "frame"
    slices: int = 5
    rows: int = 8
    columns: int = 10
    spacing_mm: tuple[float, float] = (4.0, 3.0)
    step_mm: float = 5.0
    origin_mm: tuple[float, float, float] = (-15.0, -16.0, -100.0)
    orientation: tuple[float, ...] = AXIAL
    elements: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()
    plane: Callable[[int, int, int], np.ndarray] = _plane
    slopes: tuple[float, ...] = ()

    def of(self, **names: str | None) -> "SeriesBuilder":
        """Name the patient, study, frame or series (``name``)."""
        return replace(self, **names)

    def sized(self, **sizes: Any) -> "SeriesBuilder":
        """Set slices, rows, columns, spacing_mm, step_mm, origin_mm, orientation."""
        return replace(self, **sizes)

    def having(self, **elements: Any) -> "SeriesBuilder":
        """Set elements by keyword in every image."""
        return replace(self, elements={**self.elements, **elements})

    def missing(self, *keywords: str) -> "SeriesBuilder":
        """Leave elements out of every image."""
        return replace(self, absent=(*self.absent, *keywords))

    def without_slice(self, *places: int) -> "SeriesBuilder":
        """Leave images out: a hole in the stack."""
        return replace(self, left_out=(*self.left_out, *places))

    def showing(self, plane: Callable[[int, int, int], np.ndarray]) -> "SeriesBuilder":
        """Set the stored values of slice k as a function of (k, rows, columns)."""
        return replace(self, plane=plane)

    def datasets(self) -> list[FileDataset]:
        """The images, in slice order."""
        return [self._image(k) for k in range(self.slices) if k not in self.left_out]

    def write(self, folder: Path) -> list[Path]:
        """Write the images as DICOM files with names of their own; return the paths in slice order."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for dataset in self.datasets():
            path = folder / f"{self.name}-{int(dataset.InstanceNumber):04d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            paths.append(path)
        return paths

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return uid("series", self.patient, self.study, self.name)

    def _image(self, k: int) -> FileDataset:
        sop_instance = uid("instance", self.series_uid, k)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = SOP_CLASSES[self.modality]
        meta.MediaStorageSOPInstanceUID = sop_instance
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        common = {
            "SOPClassUID": SOP_CLASSES[self.modality],
            "SOPInstanceUID": sop_instance,
            "StudyInstanceUID": uid("study", self.study),
            "SeriesInstanceUID": self.series_uid,
            "Modality": self.modality,
            "PatientID": self.patient,
            "PatientName": f"{self.patient}^Test",
            "PatientBirthDate": "19600101",
            "PatientSex": "F",
            "StudyDate": "20200302",
            "SeriesDate": "20200302",
            "AcquisitionDate": "20200302",
            "StudyTime": "090000",
            "SeriesTime": "100000",
            "AcquisitionTime": "100000",
            "SeriesNumber": 1,
            "SeriesDescription": self.name,
            "Manufacturer": "Maker",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        }
        for keyword, value in {**common, **self._pixels(k), **self.elements}.items():
            setattr(dataset, keyword, value)
        for keyword in self.absent:
            if keyword in dataset:
                delattr(dataset, keyword)
        return dataset

    def _pixels(self, k: int) -> dict[str, Any]:
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        position = np.array(self.origin_mm) + normal * self.step_mm * k
        stored = self.plane(k, self.rows, self.columns)
        found: dict[str, Any] = {
            "InstanceNumber": k + 1,
            "ImagePositionPatient": [round(float(value), 6) for value in position],
            "ImageOrientationPatient": list(self.orientation),
            "PixelSpacing": list(self.spacing_mm),
            "SliceThickness": abs(self.step_mm),
            "Rows": self.rows,
            "Columns": self.columns,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 1,
            "PixelData": stored.astype("<i2").tobytes(),
        }
        if self.frame is not None:
            found["FrameOfReferenceUID"] = uid("frame", self.frame)
        if self.slopes:
            found["RescaleSlope"] = self.slopes[k % len(self.slopes)]
        return found


def a_ct_series() -> SeriesBuilder:
    """A low-dose CT in HU."""
    return SeriesBuilder("CT", name="CT AC", elements={"RescaleSlope": 1, "RescaleIntercept": -1024, "KVP": 120})


def an_mr_series() -> SeriesBuilder:
    """An MR in arbitrary units."""
    return SeriesBuilder("MR", name="T1", elements={"EchoTime": 1.23, "RepetitionTime": 4.0})


def a_pet_series() -> SeriesBuilder:
    """An F-18 FDG PET in Bq/mL, decay corrected to its start, one hour after injection, one slope per slice."""
    tracer = Dataset()
    tracer.Radiopharmaceutical = "Fluorodeoxyglucose"
    tracer.RadiopharmaceuticalStartTime = "090000"
    tracer.RadionuclideTotalDose = 3.5e8
    tracer.RadionuclideHalfLife = F18_HALF_LIFE_S
    elements = {
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "PatientWeight": 70.0,
        "RescaleIntercept": 0,
        "ActualFrameDuration": 120000,
        "FrameReferenceTime": 60000,
        "RadiopharmaceuticalInformationSequence": Sequence([tracer]),
    }
    return SeriesBuilder("PT", name="PET AC", elements=elements, slopes=(2.0, 2.5, 3.0))


def a_page() -> SeriesBuilder:
    """One colour screen capture."""
    return SeriesBuilder(
        "SC",
        name="Screen Save",
        slices=1,
        elements={
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": "RGB",
            "PlanarConfiguration": 0,
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelRepresentation": 0,
        },
        plane=lambda _, rows, columns: np.zeros((rows, columns * 3 // 2), np.int16),
    )


def a_report() -> SeriesBuilder:
    """A dose report: no image."""
    return SeriesBuilder("SR", name="Dose Report", slices=1).missing("PixelData", "Rows", "Columns", "BitsAllocated")


def contours_of(series: SeriesBuilder) -> SeriesBuilder:
    """A DICOM SEG shell that references a series; its segments are empty."""
    reference = Dataset()
    reference.SeriesInstanceUID = series.series_uid
    return replace(
        series,
        modality="SEG",
        name=f"contours of {series.name}",
        slices=1,
        elements={"ReferencedSeriesSequence": Sequence([reference]), "NumberOfFrames": 1},
    )
