"""Objects that other libraries make: the expert contours as DICOM SEG (highdicom) and the picture of a screen (Pillow)."""

from io import BytesIO

import highdicom as hd
import numpy as np
from PIL import Image, ImageDraw
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from umd_curate.model.labels import Organ, OrganTable
from umd_curate.store.dicom import quiet
from umd_curate.synth.clutter import CAPTURE_SIZE
from umd_curate.synth.paint import Labels
from umd_curate.synth.schedule import Study, clock

_SIDES = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
_SERIES_NUMBER = 600


def contours(study: Study, labels_kji: Labels, images: list[bytes], name: str, organs: OrganTable) -> tuple[str, bytes]:
    """Binary segmentation of the organs on an image series (PS3.3 A.51).

    Parameters
    ----------
    study
        The study.
    labels_kji
        Organ ids on the grid of the images, [k, j, i], in the order of `images`.
    images
        File bytes of the slices on which the organs were drawn.
    name
        Series within the study, from which UIDs follow.
    organs
        Vocabulary; every organ becomes a segment, its number the organ's id.

    Returns
    -------
    SOPInstanceUID and bytes of the file.
    """
    series_uid, sop_uid = study.uid("series", name), study.uid("instance", name, 0)
    with quiet():
        sources = [dcmread(BytesIO(data), stop_before_pixels=True) for data in images]
        segmentation = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=labels_kji,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_segment(study, organ) for organ in organs],
            series_instance_uid=series_uid,
            series_number=_SERIES_NUMBER,
            sop_instance_uid=sop_uid,
            instance_number=1,
            manufacturer="Konturwerk",
            manufacturer_model_name="Konturwerk Station",
            software_versions="4.2",
            device_serial_number=study.names["detector"],
            content_creator_name=study.person.reader,
            content_label="ORGANS",
            content_description="Organe",
            series_description=f"Konturen {study.person.family}",
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
        _settle(segmentation, study)
        for item, organ in zip(segmentation.SegmentSequence, organs, strict=True):
            if organ.side:
                item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
                    _side(organ.side)
                ]
        buffer = BytesIO()
        segmentation.save_as(buffer, enforce_file_format=True)
    return sop_uid, buffer.getvalue()


def picture(lines: list[str]) -> bytes:
    """RGB bytes of a dark screen with lines of text."""
    rows, columns = CAPTURE_SIZE
    canvas = Image.new("RGB", (columns, rows), (12, 16, 40))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((8, 10 + 24 * number), line, fill=(240, 240, 200))
    return np.asarray(canvas, np.uint8).tobytes()


def _segment(study: Study, organ: Organ) -> hd.seg.SegmentDescription:
    side = f" {organ.side}" if organ.side else ""
    return hd.seg.SegmentDescription(
        segment_number=organ.id,
        segment_label=f"{organ.snomed_meaning}{side}",
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=hd.sr.CodedConcept(organ.snomed_code, "SCT", organ.snomed_meaning),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=study.uid("segment", organ.id),
        tracking_id=organ.name,
    )


def _side(side: str) -> Dataset:
    value, meaning = _SIDES[side]
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _settle(segmentation: Dataset, study: Study) -> None:
    """Replace what the library takes from the clock and from chance."""
    for keyword in ("InstanceCreationDate", "ContentDate", "SeriesDate"):
        setattr(segmentation, keyword, study.date)
    for keyword in ("InstanceCreationTime", "ContentTime", "SeriesTime"):
        setattr(segmentation, keyword, clock(study.scan_s + 3600))
    for item in segmentation.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = f"{study.date}{clock(study.scan_s + 3600)}"
    organization = study.uid("dimensions")
    for item in segmentation.DimensionOrganizationSequence:
        item.DimensionOrganizationUID = organization
    for item in segmentation.DimensionIndexSequence:
        item.DimensionOrganizationUID = organization
