"""What the images of each modality say beyond `header.common`: acquisition, reconstruction, tracer, pixel meaning."""

from umd_curate.synth.header import (
    Header,
    common,
    decimal,
    ge_ct_private,
    ge_pet_private,
    image,
    overlay,
    siemens_private,
)
from umd_curate.synth.imaging import CT_OFFSET_HU
from umd_curate.synth.physics import bed_average_time_s
from umd_curate.synth.schedule import ORIENTATION, Placed, Study, Vendor, clock, late_series_s

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"

_ORIENTATION = [str(int(value)) for value in ORIENTATION]


def ct(
    study: Study, placed: Placed, *, series: str, number: int, description: str, delay_s: float, contrast: bool
) -> Header:
    """Constant part of a CT series."""
    start_s = study.study_s + delay_s
    header = common(
        study, modality="CT", sop_class=CT_CLASS, series=series, number=number, description=description, time_s=start_s
    )
    rows = placed.grid.shape_kji[1]
    is_ge = study.vendor is Vendor.GE_CT
    header |= image(study, rows=rows, columns=rows, image_type=["ORIGINAL", "PRIMARY", "AXIAL"], bits=12, signed=False)
    header |= _stack(placed)
    header |= {
        "AcquisitionDate": study.date,
        "ContentDate": study.date,
        "AcquisitionTime": clock(start_s),
        "ContentTime": clock(start_s + 20),
        "ScanOptions": "HELICAL MODE" if is_ge else "FAST",
        "KVP": 120,
        "DataCollectionDiameter": "500",
        "ReconstructionDiameter": decimal(placed.pixel_mm * rows),
        "DistanceSourceToDetector": "1085.6",
        "DistanceSourceToPatient": "595",
        "GantryDetectorTilt": 0,
        "TableHeight": "152",
        "RotationDirection": "CW",
        "ExposureTime": 500,
        "XRayTubeCurrent": 210 if contrast else 48,
        "Exposure": 105 if contrast else 24,
        "FilterType": "BODY FILTER" if is_ge else "FLAT",
        "GeneratorPower": 25,
        "FocalSpots": "1.2",
        "ConvolutionKernel": "STANDARD" if is_ge else "B30f",
        "AcquisitionNumber": 2 if contrast else 1,
        "RescaleIntercept": -CT_OFFSET_HU,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "WindowCenter": 40,
        "WindowWidth": 400,
        "IrradiationEventUID": study.uid("irradiation", series),
    }
    if contrast:
        header |= {
            "ContrastBolusAgent": "Iomeprol 400",
            "ContrastBolusRoute": "INTRAVENOUS",
            "ContrastBolusVolume": "90",
        }
    header |= ge_ct_private(study) if is_ge else siemens_private(study, start_s)
    if not is_ge and not contrast:
        header |= overlay(study)
    return header


def mr(
    study: Study, placed: Placed, *, series: str, number: int, description: str, image_type: list[str], delay_s: float
) -> Header:
    """Constant part of an MR series of the Dixon sequence."""
    start_s = study.study_s + delay_s
    header = common(
        study, modality="MR", sop_class=MR_CLASS, series=series, number=number, description=description, time_s=start_s
    )
    rows = placed.grid.shape_kji[1]
    opposed = "OPP" in image_type
    header |= image(study, rows=rows, columns=rows, image_type=image_type, bits=12, signed=False)
    header |= _stack(placed)
    header |= {
        "AcquisitionDate": study.date,
        "ContentDate": study.date,
        "AcquisitionTime": clock(start_s),
        "ContentTime": clock(start_s + 20),
        "ScanningSequence": "GR",
        "SequenceVariant": ["SP", "OSP"],
        "ScanOptions": ["PFP", "SAT1"],
        "MRAcquisitionType": "3D",
        "SequenceName": "*fl3d2",
        "AngioFlag": "N",
        "RepetitionTime": "3.6",
        "EchoTime": "1.23" if opposed else "2.46",
        "NumberOfAverages": 1,
        "ImagingFrequency": "123.17",
        "ImagedNucleus": "1H",
        "EchoNumbers": 1 if opposed else 2,
        "MagneticFieldStrength": 3,
        "NumberOfPhaseEncodingSteps": rows,
        "EchoTrainLength": 2,
        "PercentSampling": 100,
        "PercentPhaseFieldOfView": 100,
        "PixelBandwidth": 965,
        "TransmitCoilName": "Body",
        "AcquisitionMatrix": [0, rows, rows, 0],
        "InPlanePhaseEncodingDirection": "ROW",
        "FlipAngle": 10,
        "SAR": "0.04",
        "AcquisitionNumber": 1,
        "WindowCenter": 300,
        "WindowWidth": 800,
    }
    return header | siemens_private(study, start_s)


def pet(
    study: Study, placed: Placed, *, series: str, number: int, description: str, corrected: bool, method: str
) -> Header:
    """Constant part of a PET series in Bq/mL; `corrected` says whether attenuation was corrected."""
    series_s = late_series_s(study)
    header = common(
        study,
        modality="PT",
        sop_class=PET_CLASS,
        series=series,
        number=number,
        description=description,
        time_s=series_s,
    )
    slices, rows, _ = placed.grid.shape_kji
    is_mr = study.vendor is Vendor.SIEMENS_MR
    header |= image(study, rows=rows, columns=rows, image_type=["ORIGINAL", "PRIMARY"], bits=16, signed=True)
    header |= _stack(placed)
    corrections = ["NORM", "DTIM", *(["ATTN", "SCAT"] if corrected else []), "RAN", "DECY"]
    header |= {
        "AcquisitionDate": study.date,
        "ContentDate": study.date,
        "ActualFrameDuration": int(study.frame_s * 1000),
        "CollimatorType": "NONE",
        "CorrectedImage": corrections,
        "RescaleIntercept": 0,
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "RandomsCorrectionMethod": "DLYD",
        "DecayCorrection": "ADMIN" if is_mr else "START",
        "ReconstructionMethod": method,
        "DetectorLinesOfResponseUsed": "",
        "ScatterCorrectionMethod": "Model-based" if corrected else "",
        "AxialAcceptance": 38,
        "NumberOfSlices": slices,
        "NumberOfRRIntervals": "",
        "TriggerSourceOrType": "",
        "PatientOrientationCodeSequence": [_code("102538003", "recumbent")],
        "PatientGantryRelationshipCodeSequence": [_code("102540001", "headfirst")],
        "RadiopharmaceuticalInformationSequence": [_tracer(study)],
    }
    if corrected:
        header["AttenuationCorrectionMethod"] = "MRAC" if is_mr else "CT-derived mu-map"
    header |= ge_pet_private(study) if study.vendor is Vendor.GE_CT else siemens_private(study, series_s)
    return header


def pet_slice(study: Study, placed: Placed, k: int, slope: str) -> Header:
    """What differs from PET slice to slice: bed position, its times, RescaleSlope."""
    bed = study.bed_of(placed.positions_lps[-1][2] - placed.positions_lps[k][2])
    start_s = study.scan_s + bed * study.frame_s
    middle_s = start_s - study.scan_s + bed_average_time_s(study.injection.half_life_s, study.frame_s)
    return {
        "AcquisitionTime": clock(start_s),
        "ContentTime": clock(start_s + study.frame_s),
        "FrameReferenceTime": f"{middle_s * 1000:.3f}",
        "RescaleSlope": slope,
        "ImageIndex": len(placed.positions_lps) - k,
        "DecayFactor": f"{2.0 ** (middle_s / study.injection.half_life_s):.6f}",
        "DoseCalibrationFactor": "1",
        "ScatterFractionFactor": "0.31",
    }


def _tracer(study: Study) -> Header:
    """Item of RadiopharmaceuticalInformationSequence (0054,0016)."""
    item: Header = {
        "Radiopharmaceutical": "FDG -- fluorodeoxyglucose" if study.vendor is Vendor.GE_CT else "Fluorodeoxyglucose",
        "RadiopharmaceuticalVolume": "0",
        "RadiopharmaceuticalStartTime": clock(study.injected_s),
        "RadionuclideTotalDose": f"{study.injection.activity_bq:.0f}",
        "RadionuclideHalfLife": f"{study.injection.half_life_s:g}",
        "RadionuclidePositronFraction": "0.9673",
        "RadiopharmaceuticalRoute": study.names["batch"],
        "RadionuclideCodeSequence": [
            {"CodeValue": "C-111A1", "CodingSchemeDesignator": "SRT", "CodeMeaning": "^18^Fluorine"}
        ],
        "RadiopharmaceuticalCodeSequence": [
            {"CodeValue": "C-B1031", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Fluorodeoxyglucose F^18^"}
        ],
    }
    if study.vendor is not Vendor.GE_CT:
        text = clock(study.injected_s)
        item["RadiopharmaceuticalStartDateTime"] = study.date + (text if "." in text else f"{text}.00")
    return item


def _stack(placed: Placed) -> Header:
    return {
        "SliceThickness": decimal(placed.step_mm),
        "SpacingBetweenSlices": decimal(placed.step_mm),
        "ImageOrientationPatient": list(_ORIENTATION),
        "PixelSpacing": [decimal(placed.pixel_mm)] * 2,
    }


def _code(value: str, meaning: str) -> Header:
    return {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}
