"""An analytic phantom as DICOM: a function of the place in the patient, so every voxel can be checked where it lies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
OBLIQUE = ((0.8, 0.6, 0.0), (-0.36, 0.48, 0.8))
TILT_DEG = 12.0
TILTED = ((1.0, 0.0, 0.0), (0.0, float(np.cos(np.radians(TILT_DEG))), float(np.sin(np.radians(TILT_DEG)))))
SERIES, STUDY, FRAME = "1.2.3.1", "1.2.3.2", "1.2.3.3"
ROWS, COLUMNS, SLICES = 32, 36, 20


def phantom(points_lps_mm: np.ndarray) -> np.ndarray:
    """Value at places in the patient [HU]; a step of one voxel along any axis changes it by far more than rounding."""
    x, y, z = np.moveaxis(points_lps_mm, -1, 0)
    return 350 * np.sin(x / 21 + 0.4) + 250 * np.sin(y / 17 + z / 61) + 300 * np.cos(z / 23 + x / 90)


@dataclass
class Stack:
    """The phantom as slices: where each is, and what its file is changed by before it is written."""

    axes: tuple[tuple[float, ...], tuple[float, ...]] = AXIAL
    spacing: tuple[float, float] = (2.0, 2.5)  # between rows, between columns
    heights: Sequence[float] = tuple(np.arange(SLICES) * 3.0)
    step: tuple[float, float, float] | None = None  # per mm of height; the normal where None
    syntax: str = ExplicitVRLittleEndian
    edits: dict[int, Callable[[FileDataset], None]] = field(default_factory=dict)

    def positions(self) -> np.ndarray:
        step = np.cross(*self.axes) if self.step is None else np.array(self.step)
        return np.array([-55.0, -35.0, -90.0]) + np.outer(self.heights, step)

    def pixels(self, position: np.ndarray) -> np.ndarray:
        """Stored values [j, i]: HU + 1024, rounded."""
        i, j = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
        row, column = (np.array(axis) for axis in self.axes)
        points = position + i[..., None] * row * self.spacing[1] + j[..., None] * column * self.spacing[0]
        return np.rint(phantom(points) + 1024).astype("<u2")

    def files(self) -> Iterator[FileDataset]:
        for number, position in enumerate(self.positions()):
            dataset = instance(self.pixels(position), number)
            dataset.ImagePositionPatient = [float(f"{value:.8f}") for value in position]
            dataset.ImageOrientationPatient = [float(f"{value:.10f}") for value in (*self.axes[0], *self.axes[1])]
            dataset.PixelSpacing = list(self.spacing)
            dataset.SliceThickness = "3"
            self.edits.get(number, lambda _: None)(dataset)
            yield dataset


def instance(stored: np.ndarray, number: int) -> FileDataset:
    dataset = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = f"{SERIES}.{number + 1}"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.PatientID, dataset.PatientName, dataset.StudyDate = "PHANTOM", "Phantom^Analytic", "20250101"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber, dataset.SeriesNumber = number + 1, 3
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation, dataset.SamplesPerPixel = 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", "-1024", "HU"
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def save(dataset: FileDataset, path: Path, syntax: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if syntax in {RLELossless, JPEG2000Lossless, JPEGLSLossless}:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dcmwrite(path, dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    else:
        dataset.save_as(path, enforce_file_format=False)


def enhanced(stack: Stack, order: Sequence[int]) -> FileDataset:
    """The slices as frames of one Enhanced CT object, stored in the order given."""
    positions = stack.positions()
    dataset = instance(np.stack([stack.pixels(positions[k]) for k in order]), 0)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(order)
    shared, measures, plane, value = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = list(stack.spacing), "3"
    plane.ImageOrientationPatient = [*stack.axes[0], *stack.axes[1]]
    value.RescaleSlope, value.RescaleIntercept, value.RescaleType = "1", "-1024", "HU"
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Items([measures]), Items([plane])
    shared.PixelValueTransformationSequence = Items([value])
    del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType
    frames = []
    for k in order:
        frame, at = Dataset(), Dataset()
        at.ImagePositionPatient = [float(f"{value:.8f}") for value in positions[k]]
        frame.PlanePositionSequence = Items([at])
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = Items([shared]), Items(frames)
    return dataset
