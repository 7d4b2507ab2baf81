"""Makes the series that the benchmarks convert: a noisy CT and a noisy PET with headers as long as a scanner's.

    python -m bench.objects ct FOLDER 600 512

Ninety-odd elements per file, private blocks and nested sequences among them, names and numbers of a person who does not
exist. Pixels: a body of soft tissue, lung and bone in air, with noise, so that gzip finds what it finds in a patient's.
"""

import sys
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.9.7147.99"
CT, PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _common(modality: str, k: int, size: int, spacing_mm: float, step_mm: float) -> dict[str, object]:
    number = {"CT": 3, "PT": 5}[modality]
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY"] + (["AXIAL"] if modality == "CT" else []),
        "InstanceCreationDate": "20210614",
        "InstanceCreationTime": f"1012{k % 60:02d}",
        "SOPClassUID": CT if modality == "CT" else PET,
        "SOPInstanceUID": f"{ROOT}.1.{number}.{k + 1}",
        "StudyDate": "20210614",
        "SeriesDate": "20210614",
        "AcquisitionDate": "20210614",
        "ContentDate": "20210614",
        "StudyTime": "095501",
        "SeriesTime": "100012",
        "AcquisitionTime": f"1000{12 + k // 25:02d}.{k % 25 * 4:02d}",
        "ContentTime": f"1012{k % 60:02d}",
        "AccessionNumber": "ACC7711223",
        "Modality": modality,
        "Manufacturer": "GE MEDICAL SYSTEMS",
        "InstitutionName": "Klinikum Lindenhof",
        "InstitutionAddress": "Ahornweg 9, Neustadt",
        "ReferringPhysicianName": "Zwiebel^Dora",
        "StationName": "ST04711",
        "StudyDescription": "PET CT WHOLE BODY",
        "SeriesDescription": "CT WB 1.25" if modality == "CT" else "PET WB AC",
        "PhysiciansOfRecord": "Zwiebel^Dora",
        "OperatorsName": "Kraut^Anna",
        "ManufacturerModelName": "Discovery 690",
        "ReferencedStudySequence": Sequence(
            [_item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=f"{ROOT}.1.1")]
        ),
        "PatientName": "Kowalska^Aleksandra",
        "PatientID": "MRN00421337",
        "PatientBirthDate": "19530417",
        "PatientSex": "F",
        "PatientAge": "068Y",
        "PatientSize": "1.655",
        "PatientWeight": "61.3",
        "AdditionalPatientHistory": "Known carcinoma, staging",
        "BodyPartExamined": "CHEST",
        "SoftwareVersions": "pet_coreload.44",
        "ProtocolName": "5.1 PET CT WHOLE BODY",
        "DeviceSerialNumber": "SN-77-4242-XQ",
        "PatientPosition": "HFS",
        "StudyInstanceUID": f"{ROOT}.1.1",
        "SeriesInstanceUID": f"{ROOT}.1.{number}",
        "FrameOfReferenceUID": f"{ROOT}.1.9",
        "StudyID": "7711",
        "SeriesNumber": number,
        "AcquisitionNumber": 1,
        "InstanceNumber": k + 1,
        "SliceLocation": f"{-900 + step_mm * k:.3f}",
        "ImagePositionPatient": [
            f"{-spacing_mm * size / 2:.6g}",
            f"{-spacing_mm * size / 2:.6g}",
            f"{-900 + step_mm * k:.3f}",
        ],
        "ImageOrientationPatient": ["1.000000", "0.000000", "0.000000", "0.000000", "1.000000", "0.000000"],
        "PixelSpacing": [f"{spacing_mm:.6f}", f"{spacing_mm:.6f}"],
        "SliceThickness": f"{step_mm:.6f}",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": size,
        "Columns": size,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RequestedProcedureDescription": "PET CT",
        "PerformedProcedureStepStartDate": "20210614",
        "PerformedProcedureStepStartTime": "095501",
        "PerformedProcedureStepID": "PPS7711",
        "RequestAttributesSequence": Sequence(
            [
                _item(
                    ScheduledProcedureStepDescription="PET CT WHOLE BODY",
                    ScheduledProcedureStepID="SPS7711",
                    RequestedProcedureID="RP7711",
                )
            ]
        ),
    }


def _of_ct(k: int) -> dict[str, object]:
    return {
        "KVP": "120",
        "ScanOptions": "HELICAL MODE",
        "ReconstructionDiameter": "500.000000",
        "GantryDetectorTilt": "0.000000",
        "TableHeight": "145.000000",
        "ExposureTime": 570,
        "XRayTubeCurrent": 180 + k % 60,
        "Exposure": 20,
        "FilterType": "BODY FILTER",
        "FocalSpots": "0.700000",
        "ConvolutionKernel": "STANDARD",
        "SpiralPitchFactor": 0.984375,
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "PixelPaddingValue": -2000,
        "WindowCenter": "40",
        "WindowWidth": "400",
    }


def _of_pet(k: int) -> dict[str, object]:
    tracer = _item(
        Radiopharmaceutical="FDG -- fluorodeoxyglucose",
        RadiopharmaceuticalVolume="5",
        RadiopharmaceuticalStartTime="090000.00",
        RadionuclideTotalDose="370123456",
        RadionuclideHalfLife="6586.2",
        RadionuclidePositronFraction="0.97",
        RadionuclideCodeSequence=Sequence(
            [_item(CodeValue="C-111A1", CodingSchemeDesignator="SRT", CodeMeaning="^18^Fluorine")]
        ),
    )
    return {
        "CorrectedImage": ["DECY", "RADL", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
        "ActualFrameDuration": 120000,
        "CollimatorType": "NONE",
        "RescaleIntercept": "0",
        "RescaleSlope": f"{1.5 + 0.37 * np.sin(k / 7):.6f}",
        "RadiopharmaceuticalInformationSequence": Sequence([tracer]),
        "NumberOfSlices": 300,
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "RandomsCorrectionMethod": "SING",
        "AttenuationCorrectionMethod": "measured,, 0.096000 cm-1,",
        "DecayCorrection": "START",
        "ReconstructionMethod": "VPFX",
        "ScatterCorrectionMethod": "Model Based",
        "AxialAcceptance": "4.1",
        "AxialMash": ["4", "5"],
        "FrameReferenceTime": "60000",
        "DecayFactor": f"{1 + 0.0001 * k:.6f}",
        "DoseCalibrationFactor": "1",
        "ScatterFractionFactor": "0.3",
        "DeadTimeFactor": "1.01",
        "ImageIndex": k + 1,
    }


def _add_private(dataset: Dataset, modality: str) -> None:
    ids = dataset.private_block(0x0009, "GEMS_IDEN_01", create=True)
    for element, vr, value in (
        (0x01, "LO", "CT_LIGHTSPEED"),
        (0x02, "SH", "CT01"),
        (0x04, "SH", "Discovery 690"),
        (0x27, "SL", 1623657612),
        (0xE3, "UI", f"{ROOT}.77"),
    ):
        ids.add_new(element, vr, value)
    relations = dataset.private_block(0x0021, "GEMS_RELA_01", create=True)
    for element in (0x03, 0x18, 0x35):
        relations.add_new(element, "SS", element)
    stack = dataset.private_block(0x0027, "GEMS_IMAG_01", create=True)
    for element in (0x10, 0x1C, 0x40):
        stack.add_new(element, "FL", float(element))
    if modality == "PT":
        pet = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
        pet.add_new(0x02, "LO", "MRN00421337")
        pet.add_new(0x0D, "DT", "20210614100012.00")
        pet.add_new(0x3B, "DT", "20210614090000.00")


def _pixels(modality: str, k: int, size: int, n_slices: int, random: np.random.Generator) -> np.ndarray:
    """Stored values: a body with lungs and spine in air; the noise is the detector's."""
    j, i = (np.mgrid[0:size, 0:size] - size / 2) / (size / 2)
    breadth = 0.62 + 0.15 * np.sin(3.1 * k / n_slices)
    body = (i / breadth) ** 2 + (j / (0.65 * breadth)) ** 2 < 1
    lungs = ((np.abs(i) - 0.28) / 0.18) ** 2 + (j / 0.28) ** 2 < 1
    spine = (i / 0.09) ** 2 + ((j - 0.3) / 0.09) ** 2 < 1
    if modality == "CT":
        hu = np.where(body, np.where(spine, 350.0, np.where(lungs, -820.0, 45.0)), -1000.0)
        noisy = hu + random.normal(0, 1, hu.shape) * np.where(body, 22.0, 10.0)
        stored = np.clip(np.round(noisy), -1024, 3071) + 1024
        stored[i**2 + j**2 > 1] = -2000
        return stored.astype("<i2")
    uptake = np.where(body, np.where(lungs, 2000.0, 7000.0), 60.0)
    return random.poisson(uptake).astype("<i2")


def write_series(modality: str, folder: Path, n_slices: int, size: int) -> None:
    """Write one file per slice."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20)
    spacing_mm, step_mm = (500.0 / size, 1.25) if modality == "CT" else (700.0 / size, 2.0)
    for k in range(n_slices):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CT if modality == "CT" else PET
        meta.MediaStorageSOPInstanceUID = f"{ROOT}.1.{3 if modality == 'CT' else 5}.{k + 1}"
        meta.SourceApplicationEntityTitle = "LINDENHOF"
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        own = _of_ct(k) if modality == "CT" else _of_pet(k)
        for keyword, value in {**_common(modality, k, size, spacing_mm, step_mm), **own}.items():
            setattr(dataset, keyword, value)
        _add_private(dataset, modality)
        dataset.PixelData = _pixels(modality, k, size, n_slices, random).tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(folder / f"{modality}{k:04d}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    write_series(sys.argv[1].upper().replace("PET", "PT"), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
