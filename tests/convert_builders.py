"""Datasets and headers for the tests of the convert room: small, complete, and changed by keyword."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from umd_curate.convert.geometry import SlicePlace
from umd_curate.model.pet import PetHeader
from umd_curate.model.study import Role, VolumeOrder

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SOP_CLASSES = {
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
}
ENHANCED_CLASSES = {
    "PT": "1.2.840.10008.5.1.4.1.1.130",
    "CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4.1",
}
FACTOR = 70e3 / (
    368.08e6 * 2 ** (-3600 / 6586.2)
)  # SUV per Bq/mL of the reference case, apart from the code under test

# The reference objects' own case: 368.08 MBq an hour before the scan leave 252 MBq; 70 kg; so 3600 Bq/mL is SUV 1.00.
REFERENCE = PetHeader(
    units="BQML",
    rescale_slope=1.0,
    rescale_intercept=0.0,
    corrected_image=("NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"),
    decay_correction="START",
    weight=70.0,
    size=1.75,
    sex="M",
    radiopharmaceuticals=1,
    total_dose=368.08e6,
    half_life_s=6586.2,
    injection_time="100000.000000",
    injection_datetime="20250101100000.000000",
    series_date="20250101",
    series_time="110000.000000",
    acquisition_date="20250101",
    acquisition_time="110000.000000",
    frame_reference_time_ms=150000.0,
    frame_duration_ms=300000.0,
)


def a_header(**changes: Any) -> PetHeader:
    return replace(REFERENCE, **changes)


def an_order(role: Role, label: str = "", **changes: Any) -> VolumeOrder:
    order = VolumeOrder(
        unit=f"sub-7K3QF2_ses-petct1_{role}",
        subject="7K3QF2",
        session="petct1",
        kind="petct",
        role=role,
        label=label,
        series="s-TESTTEST",
        patient="",
        files=(),
        header_sha256="",
    )
    return replace(order, **changes)


def a_slice(modality: str, stored: np.ndarray, position: Sequence[float], **changes: Any) -> FileDataset:
    """One slice; `changes` set elements by keyword, None removes one."""
    dataset = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = SOP_CLASSES[modality]
    dataset.Modality = modality
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelSpacing = [2.0, 3.0]
    dataset.SliceThickness = "5"
    dataset.ImageOrientationPatient = list(AXIAL)
    dataset.ImagePositionPatient = [float(f"{number:.8f}") for number in position]
    dataset.PixelData = stored.tobytes()
    if modality in {"CT", "PT"}:
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024" if modality == "CT" else "0"
    if modality == "PT":
        _add_pet(dataset)
    for keyword, value in changes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return dataset


def _add_pet(dataset: Dataset) -> None:
    dataset.Units = "BQML"
    dataset.DecayCorrection = "START"
    dataset.CorrectedImage = list(REFERENCE.corrected_image)
    dataset.PatientWeight, dataset.PatientSize, dataset.PatientSex = "70", "1.75", "M"
    dataset.SeriesDate = dataset.AcquisitionDate = "20250101"
    dataset.SeriesTime = dataset.AcquisitionTime = "110000.000000"
    dataset.FrameReferenceTime, dataset.ActualFrameDuration = "150000", "300000"
    drug = Dataset()
    drug.Radiopharmaceutical = "FDG"
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "368080000", "6586.2"
    drug.RadiopharmaceuticalStartTime = "100000.000000"
    drug.RadiopharmaceuticalStartDateTime = "20250101100000.000000"
    dataset.RadiopharmaceuticalInformationSequence = pydicom.Sequence([drug])


def a_stack(modality: str, stored: np.ndarray, step: Sequence[float] = (0, 0, 5), **changes: Any) -> list[FileDataset]:
    """Slices of a [k, j, i] array from (-100, -80, -300) mm on, LPS."""
    start = np.array([-100.0, -80.0, -300.0])
    return [a_slice(modality, plane, start + k * np.array(step, float), **changes) for k, plane in enumerate(stored)]


def an_item(**elements: Any) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def a_multi_frame(
    modality: str, stored: np.ndarray, frames: Sequence[dict[str, dict[str, Any]]], **changes: Any
) -> FileDataset:
    """Multi-frame object: frame n holds ``stored[n]`` and the macros ``frames[n]`` (sequence keyword -> elements)."""
    plain = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    dataset = a_slice(modality, stored[0], (0, 0, 0), **plain)
    dataset.SOPClassUID = ENHANCED_CLASSES[modality]
    dataset.NumberOfFrames, dataset.PixelData = len(frames), stored.tobytes()
    shared = an_item(
        PlaneOrientationSequence=[an_item(ImageOrientationPatient=list(AXIAL))],
        PixelMeasuresSequence=[an_item(PixelSpacing=[2, 3], SliceThickness="5")],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [
        an_item(**{name: [an_item(**elements)] for name, elements in macros.items()}) for macros in frames
    ]
    for keyword, value in changes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return dataset


def a_frame(k: int, **macros: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Macros of a frame on slice `k` of `a_stack`."""
    return {"PlanePositionSequence": {"ImagePositionPatient": [-100, -80, -300 + 5 * k]}, **macros}


def places_of(datasets: Sequence[Dataset]) -> list[SlicePlace]:
    return [
        SlicePlace(
            d.Rows,
            d.Columns,
            tuple(map(float, d.ImagePositionPatient)),
            tuple(map(float, d.ImageOrientationPatient)),
            tuple(map(float, d.PixelSpacing)),
            float(d.SliceThickness) if "SliceThickness" in d else None,
        )
        for d in datasets
    ]


def some_pixels(shape: tuple[int, int, int] = (4, 6, 5), dtype: str = "<i2", high: int = 3000) -> np.ndarray:
    return np.random.default_rng(7).integers(0, high, shape).astype(dtype)
