"""What enhanced and legacy-converted objects of each modality say: modules at the top, functional groups of the frames.

One `Kind` per SOP class. Sources: PS3.3 C.8.15 (enhanced CT), C.8.13 (enhanced MR), C.8.22 (enhanced PET), C.7.6.16.2 (groups).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from umd_curate.synth.header import Header
from umd_curate.synth.schedule import Study
from umd_curate.synth.writing import Decay, Units

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CT_DURATION_MS = 8000.0
_CLASSIC_CT = (
    "ScanOptions", "KVP", "DataCollectionDiameter", "ReconstructionDiameter", "DistanceSourceToDetector", "FilterType",
    "GantryDetectorTilt", "TableHeight", "RotationDirection", "ExposureTime", "XRayTubeCurrent", "Exposure", "GeneratorPower",
    "FocalSpots", "ConvolutionKernel", "DistanceSourceToPatient",
)  # fmt: skip
_CLASSIC_MR = (
    "ScanningSequence", "SequenceVariant", "RepetitionTime", "EchoTime", "EchoNumbers", "NumberOfAverages", "FlipAngle",
    "EchoTrainLength", "PercentSampling", "PixelBandwidth", "AcquisitionMatrix", "InPlanePhaseEncodingDirection", "SAR",
)  # fmt: skip
_PER_PET_FRAME = (
    "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime", "ActualFrameDuration", "ImageIndex", "DecayFactor",
    "DoseCalibrationFactor", "ScatterFractionFactor", "SliceLocation", "InstanceNumber",
)  # fmt: skip
_DIXON = {
    "IN": "IN_PHASE", "OPP": "OUT_OF_PHASE", "F": "FAT", "W": "WATER", "IN_PHASE": "IN_PHASE",
    "OUT_PHASE": "OUT_OF_PHASE", "FAT": "FAT", "WATER": "WATER",
}  # fmt: skip
_UCUM = {
    Units.BQML: ("Bq/ml", "Becquerels/milliliter"),
    Units.GML: ("g/ml{SUVbw}", "Standardized Uptake Value body weight"),
    Units.CM2ML: ("cm2/ml{SUVbsa}", "Standardized Uptake Value body surface area"),
    Units.COUNTS_SUV: ("{counts}", "Counts"),
    Units.COUNTS_ACTIVITY: ("{counts}", "Counts"),
}

Making = Callable[[Header, Study], Header]


@dataclass(frozen=True, slots=True)
class Kind:
    """A multi-frame SOP class: elements at the top, shared groups, groups of a frame; each made of a single image's header."""

    sop_class: str
    top: Making
    shared: Making
    per_frame: Making


def frame_times(whole: Header, study: Study) -> Header:
    """When a frame was acquired: start, most representative time, duration [ms] (PS3.3 C.7.6.16.2.2)."""
    start = _start(whole)
    duration = float(str(whole.get("ActualFrameDuration", _CT_DURATION_MS)))
    delay = whole.get("FrameReferenceTime")
    reference = start if delay is None else study.moment(study.scan_s + float(str(delay)) / 1000.0)
    return {
        "FrameAcquisitionNumber": 1,
        "FrameAcquisitionDateTime": start,
        "FrameReferenceDateTime": reference,
        "FrameAcquisitionDuration": duration,
    }


def _start(whole: Header) -> str:
    """DT of the start of the acquisition."""
    return str(whole["AcquisitionDate"]) + str(whole["AcquisitionTime"])


def _general(image_type: list[str], first: Header) -> Header:
    """Elements of the multi-frame and enhanced image modules that all kinds share."""
    return {
        "ImageType": image_type,
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ContentQualification": "PRODUCT",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "AcquisitionContextSequence": [],
        "AcquisitionDateTime": _start(first),
        "AcquisitionNumber": 1,
    }


def _frame_type(image_type: list[str]) -> Header:
    return {
        "FrameType": image_type,
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }


def _values(whole: Header, kind: str) -> Header:
    """Pixel value transformation (PS3.3 C.7.6.16.2.9)."""
    slope, intercept = whole.get("RescaleSlope", 1), whole.get("RescaleIntercept", 0)
    return {
        "PixelValueTransformationSequence": [
            {"RescaleIntercept": intercept, "RescaleSlope": slope, "RescaleType": kind}
        ]
    }


_CT_TYPE = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def _ct_top(first: Header, _study: Study) -> Header:
    return _general(_CT_TYPE, first) | {"AcquisitionDuration": _CT_DURATION_MS / 1000.0}


def _ct_shared(first: Header, _study: Study) -> Header:
    return {
        "CTImageFrameTypeSequence": [_frame_type(_CT_TYPE)],
        "FrameAnatomySequence": [_anatomy()],
        "CTAcquisitionTypeSequence": [
            {"AcquisitionType": "SPIRAL", "TubeAngle": 0.0, "ConstantVolumeFlag": "NO", "FluoroscopyFlag": "NO"}
        ],
        "CTAcquisitionDetailsSequence": [
            {
                "RotationDirection": "CW",
                "RevolutionTime": 0.5,
                "SingleCollimationWidth": 0.6,
                "TotalCollimationWidth": 38.4,
                "TableHeight": 152.0,
                "GantryDetectorTilt": float(str(first["GantryDetectorTilt"])),
                "DataCollectionDiameter": 500.0,
            }
        ],
        "CTReconstructionSequence": [
            {
                "ReconstructionAlgorithm": "FILTER_BACK_PROJ",
                "ConvolutionKernel": first["ConvolutionKernel"],
                "ConvolutionKernelGroup": "SOFT_TISSUE",
                "ReconstructionDiameter": float(str(first["ReconstructionDiameter"])),
                "ReconstructionAngle": 360.0,
            }
        ],
        "CTExposureSequence": [
            {
                "ExposureTimeInms": float(str(first["ExposureTime"])),
                "XRayTubeCurrentInmA": float(str(first["XRayTubeCurrent"])),
                "ExposureInmAs": float(str(first["Exposure"])),
                "ExposureModulationType": "NONE",
            }
        ],
        "CTXRayDetailsSequence": [
            {"KVP": first["KVP"], "FocalSpots": [1.2], "FilterType": "NONE", "FilterMaterial": "NONE"}
        ],
        **_values(first, "HU"),
    }


def _mr_type(first: Header) -> list[str]:
    values = first["ImageType"]
    assert isinstance(values, list)  # noqa: S101  (headers are ours)
    channel = [_DIXON[str(value)] for value in values[2:] if str(value) in _DIXON]
    return [str(values[0]), "PRIMARY", "DIXON", *channel]


def _mr_top(first: Header, _study: Study) -> Header:
    return _general(_mr_type(first), first) | {
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": "T1",
        "AcquisitionDuration": 18.0,
        "ResonantNucleus": "1H",
        "PulseSequenceName": first["SequenceName"],
        "EchoPulseSequence": "GRADIENT",
        "KSpaceFiltering": "NONE",
        "ApplicableSafetyStandardAgency": "IEC",
    }


def _mr_shared(first: Header, _study: Study) -> Header:
    rows, columns = first["Rows"], first["Columns"]
    frame_type = _frame_type(_mr_type(first)) | {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "T1"}
    return {
        "MRImageFrameTypeSequence": [frame_type],
        "FrameAnatomySequence": [_anatomy()],
        "MRTimingAndRelatedParametersSequence": [
            {
                "RepetitionTime": first["RepetitionTime"],
                "FlipAngle": first["FlipAngle"],
                "EchoTrainLength": first["EchoTrainLength"],
                "RFEchoTrainLength": 0,
                "GradientEchoTrainLength": 2,
            }
        ],
        "MREchoSequence": [{"EffectiveEchoTime": float(str(first["EchoTime"]))}],
        "MRAveragesSequence": [{"NumberOfAverages": 1}],
        "MRFOVGeometrySequence": [
            {
                "InPlanePhaseEncodingDirection": "ROW",
                "MRAcquisitionFrequencyEncodingSteps": columns,
                "MRAcquisitionPhaseEncodingStepsInPlane": rows,
                "PercentSampling": "100",
                "PercentPhaseFieldOfView": "100",
            }
        ],
        **_values(first, "US"),
    }


_PET_TYPE = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def _pet_top(first: Header, study: Study) -> Header:
    corrections = first["CorrectedImage"]
    assert isinstance(corrections, list)  # noqa: S101  (headers are ours)
    done = {str(value) for value in corrections}
    is_decayed = study.writing.decay is not Decay.NONE
    tracer = first["RadiopharmaceuticalInformationSequence"]
    assert isinstance(tracer, list)  # noqa: S101
    assert isinstance(tracer[0], dict)  # noqa: S101
    agent = tracer[0] | {
        "RadiopharmaceuticalAgentNumber": 1,
        "AdministrationRouteCodeSequence": [_code("47625008", "SCT", "Intravenous route")],
        "RadiopharmaceuticalStartDateTime": study.moment(study.injected_s),
    }
    found = _general(_PET_TYPE, first) | {
        "AcquisitionDuration": study.frame_s * study.beds,
        "TableMotion": "STATIC",
        "TimeOfFlightInformationUsed": "TRUE",
        "ViewCodeSequence": [_code("24422004", "SCT", "Axial")],
        "RadiopharmaceuticalInformationSequence": [agent],
        "DecayCorrected": _yes(is_decayed),
        "AttenuationCorrected": _yes("ATTN" in done),
        "ScatterCorrected": _yes("SCAT" in done),
        "DeadTimeCorrected": _yes("DTIM" in done),
        "RandomsCorrected": _yes(bool(done & {"RAN", "RANSNG"})),
        "DetectorNormalizationCorrection": _yes("NORM" in done),
        "GantryMotionCorrected": "NO",
        "PatientMotionCorrected": "NO",
        "CountLossNormalizationCorrected": "YES",
        "NonUniformRadialSamplingCorrected": "NO",
        "SensitivityCalibrated": "YES",
    }
    if is_decayed:
        corrected_s = study.scan_s if study.writing.decay is Decay.START else study.injected_s
        found["DecayCorrectionDateTime"] = study.moment(corrected_s)
    return found


def _pet_shared(_first: Header, _study: Study) -> Header:
    return {
        "PETFrameTypeSequence": [_frame_type(_PET_TYPE)],
        "FrameAnatomySequence": [_anatomy()],
        "PETReconstructionSequence": [
            {"ReconstructionType": "3D", "ReconstructionAlgorithm": "ITERATIVE", "IterativeReconstructionMethod": "YES"}
        ],
        "RadiopharmaceuticalUsageSequence": [{"RadiopharmaceuticalAgentNumber": 1}],
    }


def _pet_frame(whole: Header, study: Study) -> Header:
    code, meaning = _UCUM[study.writing.units]
    mapping: Header = {
        (0x00409216, "SS"): 0,
        (0x00409211, "SS"): 32767,
        "RealWorldValueIntercept": 0.0,
        "RealWorldValueSlope": float(str(whole["RescaleSlope"])),
        "LUTLabel": "VALUE",
        "LUTExplanation": meaning[:64],
        "MeasurementUnitsCodeSequence": [_code(code, "UCUM", meaning)],
    }
    factors: Header = {
        "DecayFactor": whole["DecayFactor"],
        "ScatterFractionFactor": whole["ScatterFractionFactor"],
    }
    return _values(whole, "US") | {
        "PETFrameCorrectionFactorsSequence": [factors],
        "RealWorldValueMappingSequence": [mapping],
    }


def _no_groups(_whole: Header, _study: Study) -> Header:
    """Nothing that differs from frame to frame."""
    return {}


def _anatomy() -> Header:
    return {"FrameLaterality": "U", "AnatomicRegionSequence": [_code("38266002", "SCT", "Entire body")]}


def _code(value: str, scheme: str, meaning: str) -> Header:
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def _yes(truth: bool) -> str:  # noqa: FBT001  (a converter)
    return "YES" if truth else "NO"


def _legacy_top(first: Header, _study: Study) -> Header:
    values = first["ImageType"]
    assert isinstance(values, list)  # noqa: S101  (headers are ours)
    return _general([str(value) for value in values], first)


def _legacy_shared(first: Header, names: tuple[str, ...]) -> Header:
    rest: Header = {name: first[name] for name in names if name in first}
    found: Header = {"UnassignedSharedConvertedAttributesSequence": [rest]}
    if "RescaleType" in first:
        found |= _values(first, "HU")
    return found


def _legacy_frame(whole: Header, _study: Study) -> Header:
    source: Header = {
        "ReferencedSOPClassUID": whole["SOPClassUID"],
        "ReferencedSOPInstanceUID": whole["SOPInstanceUID"],
    }
    rest: Header = {name: whole[name] for name in _PER_PET_FRAME if name in whole}
    found: Header = {
        "ConversionSourceAttributesSequence": [source],
        "UnassignedPerFrameConvertedAttributesSequence": [rest],
    }
    return found if "RescaleType" in whole else found | _values(whole, "US")


ENHANCED: Mapping[str, Kind] = {
    "CT": Kind(_STORAGE + "2.1", _ct_top, _ct_shared, _no_groups),
    "MR": Kind(_STORAGE + "4.1", _mr_top, _mr_shared, _no_groups),
    "PT": Kind(_STORAGE + "130", _pet_top, _pet_shared, _pet_frame),
}
LEGACY: Mapping[str, Kind] = {
    "CT": Kind(_STORAGE + "2.2", _legacy_top, lambda first, _: _legacy_shared(first, _CLASSIC_CT), _legacy_frame),
    "MR": Kind(_STORAGE + "4.4", _legacy_top, lambda first, _: _legacy_shared(first, _CLASSIC_MR), _legacy_frame),
    "PT": Kind(_STORAGE + "128.1", _legacy_top, lambda first, _: _legacy_shared(first, ()), _legacy_frame),
}
CLASSIC = frozenset((*_CLASSIC_CT, *_CLASSIC_MR))  # elements of single CT and MR images that groups take over
