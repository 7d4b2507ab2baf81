"""What the images of each modality say beyond `header.common`: acquisition, reconstruction, tracer, pixel meaning."""

from umd_curate.synth.header import Header, common, cosine, decimal, image, overlay
from umd_curate.synth.header_private import ct_private, mr_private, pet_private
from umd_curate.synth.imaging import CT_OFFSET_HU
from umd_curate.synth.physics import bed_average_time_s
from umd_curate.synth.placing import TILT_DEG, Form, Placed
from umd_curate.synth.scanners import Kind, Maker
from umd_curate.synth.schedule import Study
from umd_curate.synth.writing import FDG, Decay, Units

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"

_ATTENUATION = frozenset(("ATTN", "SCAT"))  # corrections that a NAC image lacks


def ct(
    study: Study, placed: Placed, *, series: str, number: int, description: str, delay_s: float, contrast: bool
) -> Header:
    """Constant part of a CT series."""
    start_s = study.study_s + delay_s
    date, time = study.stamp(start_s)
    header = common(
        study, modality="CT", sop_class=CT_CLASS, series=series, number=number, description=description, time_s=start_s
    )
    slices, rows, columns = placed.grid.shape_kji
    scanner = study.scanner
    is_ge = scanner.maker is Maker.GE
    header |= image(
        study, rows=rows, columns=columns, image_type=["ORIGINAL", "PRIMARY", "AXIAL"], bits=12, signed=False
    )
    header |= _stack(placed)
    header |= {
        "AcquisitionDate": date,
        "ContentDate": date,
        "AcquisitionTime": time,
        "ContentTime": study.stamp(start_s + 20)[1],
        "ScanOptions": "HELICAL MODE" if is_ge else "FAST",
        "KVP": 120,
        "DataCollectionDiameter": "500",
        "ReconstructionDiameter": decimal(placed.spacing_mm[1] * columns),
        "DistanceSourceToDetector": "1085.6",
        "DistanceSourceToPatient": "595",
        "GantryDetectorTilt": decimal(TILT_DEG) if study.form is Form.TILTED else 0,
        "TableHeight": "152",
        "RotationDirection": "CW",
        "ExposureTime": 500,
        "XRayTubeCurrent": 210 if contrast else 48,
        "Exposure": 105 if contrast else 24,
        "FilterType": "BODY FILTER" if is_ge else "FLAT",
        "GeneratorPower": 25,
        "FocalSpots": "1.2",
        "ConvolutionKernel": scanner.kernel,
        "AcquisitionNumber": 2 if contrast else 1,
        "ImagesInAcquisition": slices,
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
    header |= ct_private(study)
    if scanner.maker is Maker.SIEMENS and not contrast:
        header |= overlay(study)
    return header


def mr(
    study: Study, placed: Placed, *, series: str, number: int, description: str, image_type: list[str], delay_s: float
) -> Header:
    """Constant part of an MR series of the Dixon sequence."""
    start_s = study.study_s + delay_s
    date, time = study.stamp(start_s)
    header = common(
        study, modality="MR", sop_class=MR_CLASS, series=series, number=number, description=description, time_s=start_s
    )
    _, rows, columns = placed.grid.shape_kji
    opposed = "OPP" in image_type
    header |= image(study, rows=rows, columns=columns, image_type=image_type, bits=12, signed=False)
    header |= _stack(placed)
    header |= {
        "AcquisitionDate": date,
        "ContentDate": date,
        "AcquisitionTime": time,
        "ContentTime": study.stamp(start_s + 20)[1],
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
        "AcquisitionMatrix": [0, columns, rows, 0],
        "InPlanePhaseEncodingDirection": "ROW",
        "FlipAngle": 10,
        "SAR": "0.04",
        "AcquisitionNumber": 1,
        "ImagesInAcquisition": len(placed.positions_lps),
        "WindowCenter": 300,
        "WindowWidth": 800,
    }
    return header | mr_private(study)


def pet(
    study: Study, placed: Placed, *, series: str, number: int, description: str, corrected: bool, method: str
) -> Header:
    """Constant part of a PET series; `corrected` says whether attenuation was corrected."""
    writing, scanner = study.writing, study.scanner
    header = common(
        study,
        modality="PT",
        sop_class=PET_CLASS,
        series=series,
        number=number,
        description=description,
        time_s=study.series_s,
    )
    slices, rows, columns = placed.grid.shape_kji
    is_mr = scanner.kind is Kind.PETMRI
    header |= image(study, rows=rows, columns=columns, image_type=["ORIGINAL", "PRIMARY"], bits=16, signed=True)
    header |= _stack(placed)
    corrections = [one for one in scanner.corrections if corrected or one not in _ATTENUATION]
    header |= {
        "AcquisitionDate": study.stamp(study.scan_s)[0],
        "ContentDate": study.stamp(study.scan_s)[0],
        "ActualFrameDuration": int(study.frame_s * 1000),
        "CollimatorType": "NONE",
        "CorrectedImage": corrections if writing.decay is Decay.NONE else [*corrections, "DECY"],
        "RescaleIntercept": 0,
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "Units": writing.units.element,
        "CountsSource": "EMISSION",
        "RandomsCorrectionMethod": "DLYD",
        "DecayCorrection": str(writing.decay),
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
    if writing.units is Units.GML:
        header["SUVType"] = "BW"
    return header | pet_private(study)


def pet_slice(study: Study, placed: Placed, k: int, slope: str) -> Header:
    """What differs from PET slice to slice: bed position, its times, RescaleSlope."""
    bed = bed_of_slice(study, placed, k)
    start_s = study.scan_s + bed * study.frame_s
    middle_s = start_s - study.scan_s + bed_average_time_s(study.injection.half_life_s, study.frame_s)
    corrected_s = {Decay.START: middle_s, Decay.ADMIN: middle_s + study.scan_s - study.injected_s, Decay.NONE: 0.0}
    return {
        "AcquisitionTime": study.stamp(start_s)[1],
        "ContentTime": study.stamp(start_s + study.frame_s)[1],
        "FrameReferenceTime": f"{middle_s * 1000:.3f}",
        "RescaleSlope": slope,
        "ImageIndex": len(placed.positions_lps) - k,
        "DecayFactor": f"{2.0 ** (corrected_s[study.writing.decay] / study.injection.half_life_s):.6f}",
        "DoseCalibrationFactor": "1",
        "ScatterFractionFactor": "0.31",
    }


def bed_of_slice(study: Study, placed: Placed, k: int) -> int:
    """Bed position (from 0, the head) in which a PET slice was taken."""
    return study.bed_of(placed.positions_lps[-1][2] - placed.positions_lps[k][2])


def _tracer(study: Study) -> Header:
    """Item of RadiopharmaceuticalInformationSequence (0054,0016)."""
    injection, writing, tracer = study.injection, study.writing, study.writing.tracer
    is_ge = study.scanner.maker is Maker.GE
    dose = injection.activity_bq / (1e6 if writing.dose_in_mbq else 1.0)
    item: Header = {
        "Radiopharmaceutical": f"FDG -- {tracer.text.lower()}" if is_ge and tracer is FDG else tracer.text,
        "RadiopharmaceuticalVolume": "0",
        "RadiopharmaceuticalStartTime": study.stamp(study.injected_s)[1],
        "RadionuclideTotalDose": f"{dose:.10g}",
        "RadionuclideHalfLife": f"{injection.half_life_s:g}",
        "RadionuclidePositronFraction": tracer.positron_fraction,
        "RadiopharmaceuticalRoute": study.names["batch"],
        **tracer.codes(),
    }
    if writing.is_dated:
        item["RadiopharmaceuticalStartDateTime"] = study.moment(study.injected_s)
    return item


def _stack(placed: Placed) -> Header:
    return {
        "SliceThickness": decimal(placed.step_mm),
        "SpacingBetweenSlices": decimal(placed.step_mm),
        "ImageOrientationPatient": [cosine(value) for value in placed.orientation],
        "PixelSpacing": [decimal(value) for value in placed.spacing_mm],
    }


def _code(value: str, meaning: str) -> Header:
    return {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}
