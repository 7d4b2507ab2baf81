"""Decides how an element of a header becomes a typed value: the wanted tags, their names and their kinds.

Works on anything that gives values by keyword; a value of the wrong kind (text where a number belongs) is a missing one.
Which file is read, and how, is for `io`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Protocol

Value = str | int | float | None | tuple[str, ...] | tuple[float, ...]


class Elements(Protocol):
    """A header that gives an element's value by DICOM keyword, None where it is absent or cannot be decoded."""

    def value(self, keyword: str) -> object:
        """Value of an element."""
        ...


def text(value: object) -> str | None:
    """Text without padding; several values are joined by a backslash as DICOM writes them."""
    if value is None:
        return None
    joined = "\\".join(str(part) for part in _parts(value))
    return joined.strip(" \0") or None


def texts(value: object) -> tuple[str, ...]:
    """All values as text without padding."""
    found = tuple(str(part).strip(" \0") for part in _parts(value))
    return found if any(found) else ()


def number(value: object) -> float | None:
    """First value as a finite number."""
    found = [_float(part) for part in _parts(value)]
    return found[0] if found else None


def whole(value: object) -> int | None:
    """First value as a whole number."""
    found = number(value)
    return None if found is None else int(found)


def numbers(value: object) -> tuple[float, ...]:
    """All values as finite numbers; none where one of them is no number."""
    found = [_float(part) for part in _parts(value)]
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else ()


def _parts(value: object) -> list[object]:
    if value is None or value == "":
        return []
    if isinstance(value, bytes):
        return [value.decode("latin-1")]
    if isinstance(value, str | int | float):
        return [value]
    return list(value) if hasattr(value, "__iter__") and not hasattr(value, "components") else [value]


def _float(value: object) -> float | None:
    try:
        found = float(value)  # type: ignore[arg-type]  # a text, a number or a decimal string
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


# Field of InstanceHeader -> DICOM keyword and kind.
FIELDS: Mapping[str, tuple[str, Callable[[object], Value]]] = {
    "sop_class_uid": ("SOPClassUID", text),
    "sop_instance_uid": ("SOPInstanceUID", text),
    "study_uid": ("StudyInstanceUID", text),
    "series_uid": ("SeriesInstanceUID", text),
    "frame_of_reference_uid": ("FrameOfReferenceUID", text),
    "patient_id": ("PatientID", text),
    "patient_id_issuer": ("IssuerOfPatientID", text),
    "patient_name": ("PatientName", text),
    "patient_birth_date": ("PatientBirthDate", text),
    "patient_sex": ("PatientSex", text),
    "patient_weight_kg": ("PatientWeight", number),
    "modality": ("Modality", text),
    "image_type": ("ImageType", texts),
    "manufacturer": ("Manufacturer", text),
    "model": ("ManufacturerModelName", text),
    "study_date": ("StudyDate", text),
    "study_time": ("StudyTime", text),
    "series_date": ("SeriesDate", text),
    "series_time": ("SeriesTime", text),
    "acquisition_date": ("AcquisitionDate", text),
    "acquisition_time": ("AcquisitionTime", text),
    "acquisition_datetime": ("AcquisitionDateTime", text),
    "study_description": ("StudyDescription", text),
    "series_description": ("SeriesDescription", text),
    "protocol_name": ("ProtocolName", text),
    "sequence_name": ("SequenceName", text),
    "series_number": ("SeriesNumber", whole),
    "acquisition_number": ("AcquisitionNumber", whole),
    "instance_number": ("InstanceNumber", whole),
    "body_part": ("BodyPartExamined", text),
    "rows": ("Rows", whole),
    "columns": ("Columns", whole),
    "number_of_frames": ("NumberOfFrames", whole),
    "concatenation_uid": ("ConcatenationUID", text),
    "concatenation_number": ("InConcatenationNumber", whole),
    "concatenation_total": ("InConcatenationTotalNumber", whole),
    "concatenation_offset": ("ConcatenationFrameOffsetNumber", whole),
    "samples_per_pixel": ("SamplesPerPixel", whole),
    "photometric": ("PhotometricInterpretation", text),
    "bits_allocated": ("BitsAllocated", whole),
    "pixel_spacing_mm": ("PixelSpacing", numbers),
    "orientation": ("ImageOrientationPatient", numbers),
    "position_mm": ("ImagePositionPatient", numbers),
    "slice_thickness_mm": ("SliceThickness", number),
    "gantry_tilt_deg": ("GantryDetectorTilt", number),
    "number_of_slices": ("NumberOfSlices", whole),
    "images_in_acquisition": ("ImagesInAcquisition", whole),
    "burned_in_annotation": ("BurnedInAnnotation", text),
    "units": ("Units", text),
    "decay_correction": ("DecayCorrection", text),
    "corrected_image": ("CorrectedImage", texts),
    "series_type": ("SeriesType", texts),
    "frame_reference_time_ms": ("FrameReferenceTime", number),
    "trigger_time_ms": ("TriggerTime", number),
    "reconstruction_method": ("ReconstructionMethod", text),
    "convolution_kernel": ("ConvolutionKernel", text),
    "contrast_agent": ("ContrastBolusAgent", text),
    "echo_time_ms": ("EchoTime", number),
    "echo_number": ("EchoNumbers", whole),
    "b_value": ("DiffusionBValue", number),
}

# Field of InstanceHeader -> sequence and, in its items, the element whose texts are wanted.
NESTED: Mapping[str, tuple[str, str]] = {
    "radiopharmaceutical": ("RadiopharmaceuticalInformationSequence", "Radiopharmaceutical"),
    "referenced_series_uids": ("ReferencedSeriesSequence", "SeriesInstanceUID"),
}
# A structure set names its image deeper: sequences from the outermost to the innermost (PS3.3 C.8.8.5), then the element.
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DRAWN_ON = (
    "ReferencedFrameOfReferenceSequence",
    "RTReferencedStudySequence",
    "RTReferencedSeriesSequence",
    "SeriesInstanceUID",
)


def field_values(header: Elements) -> dict[str, Value]:
    """Values of the plain fields of an `InstanceHeader`."""
    return {name: kind(header.value(keyword)) for name, (keyword, kind) in FIELDS.items()}


def native_bytes(
    rows: int | None,
    columns: int | None,
    samples: int | None,
    frames: int | None,
    bits: int | None,
    photometric: str | None,
) -> int | None:
    """Bytes that uncompressed pixel data needs (PS3.5 8.1.1); None where the header does not tell.

    YBR_FULL_422 holds two samples per pixel (PS3.3 C.7.6.3.1.2); single-bit pixels are packed.
    """
    if not rows or not columns or not bits:
        return None
    per_pixel = 2 if photometric == "YBR_FULL_422" else (samples or 1)
    return (rows * columns * per_pixel * max(frames or 1, 1) * bits + 7) // 8
