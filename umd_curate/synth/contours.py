"""What an observer drew, as a DICOM segmentation (PS3.3 A.51): one binary frame per organ and slice that holds it."""

import numpy as np

from umd_curate.model.labels import Organ, OrganTable
from umd_curate.synth.frames import dimensions
from umd_curate.synth.header import Header, common, cosine, decimal
from umd_curate.synth.header_images import CT_CLASS, MR_CLASS
from umd_curate.synth.paint import Labels
from umd_curate.synth.placing import Placed
from umd_curate.synth.scanners import Kind
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, Series, Slice, held

_SEG_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
_SERIES_NUMBER = 600
_LATER_S = 3600  # after the start of the PET
_SIDES = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
_SEGMENT_INDEX = (0x0062000B, 0x0062000A)  # ReferencedSegmentNumber in SegmentIdentificationSequence
_POSITION_INDEX = (0x00200032, 0x00209113)  # ImagePositionPatient in PlanePositionSequence


def contours(
    study: Study, labels_kji: Labels, placed: Placed, drawn_on: str, organs: OrganTable, expected: Expected
) -> Series:
    """Binary segmentation of the organs on an image series.

    Parameters
    ----------
    study
        The study.
    labels_kji
        Organ ids as drawn, on the grid of the series.
    placed
        That grid.
    drawn_on
        Name of the series within the study.
    organs
        Vocabulary; every organ becomes a segment, its number the organ's id.
    expected
        What should become of the file.
    """
    name = f"contours-{drawn_on.split('-', maxsplit=1)[0]}"
    frames, planes = [], []
    for organ in organs:
        drawn = labels_kji == organ.id
        for k in np.flatnonzero(drawn.any(axis=(1, 2))).tolist():
            frames.append(_frame(study, placed, drawn_on, organ, k))
            planes.append(np.packbits(drawn[k].ravel(), bitorder="little").tobytes())
    header = _header(study, name, drawn_on, placed, organs)
    header["NumberOfFrames"] = len(frames)
    header["PerFrameFunctionalGroupsSequence"] = frames
    own: Header = {"SOPInstanceUID": study.uid("instance", name, 0), "InstanceNumber": 1}
    return Series(name, header, (Slice(own, held(b"".join(planes))),), expected)


def _header(study: Study, name: str, drawn_on: str, placed: Placed, organs: OrganTable) -> Header:
    """All but the frames."""
    header = common(
        study,
        modality="SEG",
        sop_class=_SEG_CLASS,
        series=name,
        number=_SERIES_NUMBER,
        description=f"Konturen {study.person.family}",
        time_s=study.scan_s + _LATER_S,
    )
    _, rows, columns = placed.grid.shape_kji
    return header | {
        "Manufacturer": "Konturwerk",
        "ManufacturerModelName": "Konturwerk Station",
        "SoftwareVersions": "4.2",
        "DeviceSerialNumber": study.names["detector"],
        "ContentDate": header["SeriesDate"],
        "ContentTime": header["SeriesTime"],
        "ContentLabel": "ORGANS",
        "ContentDescription": "Organe",
        "ContentCreatorName": study.person.reader,
        "ImageType": ["DERIVED", "PRIMARY"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 1,
        "BitsStored": 1,
        "HighBit": 0,
        "PixelRepresentation": 0,
        "LossyImageCompression": "00",
        "SegmentationType": "BINARY",
        "SegmentSequence": [_segment(study, organ) for organ in organs],
        "ReferencedSeriesSequence": [_reference(study, drawn_on, len(placed.positions_lps))],
        **dimensions(study.uid("dimensions"), (_SEGMENT_INDEX, _POSITION_INDEX)),
        "SharedFunctionalGroupsSequence": [
            {
                "PlaneOrientationSequence": [
                    {"ImageOrientationPatient": [cosine(value) for value in placed.orientation]}
                ],
                "PixelMeasuresSequence": [
                    {
                        "SliceThickness": decimal(placed.step_mm),
                        "SpacingBetweenSlices": decimal(placed.step_mm),
                        "PixelSpacing": [decimal(value) for value in placed.spacing_mm],
                    }
                ],
            }
        ],
    }


def _frame(study: Study, placed: Placed, drawn_on: str, organ: Organ, k: int) -> Header:
    """Functional groups of one frame."""
    source: Header = _source(study, drawn_on, k) | {
        "PurposeOfReferenceCodeSequence": [_code("121322", "DCM", "Source image for image processing operation")]
    }
    return {
        "DerivationImageSequence": [
            {
                "SourceImageSequence": [source],
                "DerivationCodeSequence": [_code("113076", "DCM", "Segmentation")],
            }
        ],
        "FrameContentSequence": [{"DimensionIndexValues": [organ.id, k + 1]}],
        "PlanePositionSequence": [{"ImagePositionPatient": [decimal(value) for value in placed.positions_lps[k]]}],
        "SegmentIdentificationSequence": [{"ReferencedSegmentNumber": organ.id}],
    }


def _reference(study: Study, drawn_on: str, count: int) -> Header:
    return {
        "SeriesInstanceUID": study.uid("series", drawn_on),
        "ReferencedInstanceSequence": [_source(study, drawn_on, k) for k in range(count)],
    }


def _source(study: Study, drawn_on: str, k: int) -> Header:
    return {
        "ReferencedSOPClassUID": CT_CLASS if study.kind is Kind.PETCT else MR_CLASS,
        "ReferencedSOPInstanceUID": study.uid("instance", drawn_on, k),
    }


def _segment(study: Study, organ: Organ) -> Header:
    kind = _code(organ.snomed_code, "SCT", organ.snomed_meaning)
    if organ.side:
        value, meaning = _SIDES[organ.side]
        kind["SegmentedPropertyTypeModifierCodeSequence"] = [_code(value, "SCT", meaning)]
    return {
        "SegmentNumber": organ.id,
        "SegmentLabel": f"{organ.snomed_meaning}{f' {organ.side}' if organ.side else ''}",
        "SegmentAlgorithmType": "MANUAL",
        "TrackingID": organ.name,
        "TrackingUID": study.uid("segment", organ.id),
        "SegmentedPropertyCategoryCodeSequence": [_code("123037004", "SCT", "Anatomical Structure")],
        "SegmentedPropertyTypeCodeSequence": [kind],
    }


def _code(value: str, scheme: str, meaning: str) -> Header:
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}
