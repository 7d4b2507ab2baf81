"""Writes a label map for other software: DICOM SEG by highdicom, 3D Slicer's segmentation, ITK-SNAP's label map.

A DICOM SEG refers to images. The source's UIDs never cross the PHI wall, so the UIDs of study, frame of reference, series and
images are made from published names and voxel checksums (UUID-derived, PS3.5 B.2): the same export gives the same UIDs, and
two label maps of one session share study and frame of reference.
"""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umd_curate import __version__
from umd_curate.label.terms import ANATOMY, SCT, SIDES, segment_fields, slicer_colours, slicer_table, snap_labels
from umd_curate.model.catalogue.label import NOT_IN_DICOM
from umd_curate.model.components import Box, boxes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import LPS_TO_RAS, Float64, Volume
from umd_curate.model.labels import Organ
from umd_curate.model.sidecars import LabelSidecar
from umd_curate.store.files import atomic, write_bytes, write_text
from umd_curate.store.lazy import Lazy
from umd_curate.store.nifti import read_volume

hd = Lazy("highdicom")
pydicom = Lazy("pydicom")
sitk = Lazy("SimpleITK")

FORMATS: Final = ("seg", "slicer", "itksnap")
MODALITIES: Final = {"ct": "CT", "mr": "MR", "pet": "PT"}
_SOP_CLASSES: Final = {
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "mr": "1.2.840.10008.5.1.4.1.1.4",
    "pet": "1.2.840.10008.5.1.4.1.1.128",
}
_DAY, _TIME = "19000101", "000000"  # attributes that must have a value; an export knows no date
_SQUARE: Final = 1e-4  # of a cosine: how far rows and columns may be from square to each other
_DERIVED = "2.25."  # root of UUID-derived UIDs


@dataclass(frozen=True, slots=True)
class LabelExport:
    """One label map to write.

    Parameters
    ----------
    name
        Published file name up to the suffix, such as ``sub-7K3QF2_ses-petct1_desc-organs_dseg``.
    subject, session
        Published ids.
    labels
        The label map's file.
    image
        Role of the image on whose grid it stands: ``ct``, ``mr`` or ``pet``.
    image_sha256
        Of the image's voxels or file: the UIDs of the image follow from it.
    sidecar
        Provenance of the label map.
    organs
        The dataset's organs.
    """

    name: str
    subject: str
    session: str
    labels: Path
    image: str
    image_sha256: str
    sidecar: LabelSidecar
    organs: Sequence[Organ]


def export_labels(export: LabelExport, kind: str, folder: Path) -> tuple[Path, ...]:
    """Write one label map in one format below `folder`; returns the files.

    Raises
    ------
    Refused
        The grid cannot be said in DICOM: its rows and columns are not square to each other (LAB-301).
    """
    volume = read_volume(export.labels)
    array = volume.array_kji.astype(np.uint8)
    labels, found = Volume(array, volume.affine), boxes(array)
    present = [organ for organ in export.organs if organ.id in found]
    if kind == "seg":
        path = folder / f"{export.name}.dcm"
        dataset = segmentation(export, labels, present)
        with atomic(path) as temporary:
            dataset.save_as(temporary, enforce_file_format=True)
        return (path,)
    copy = folder / f"{export.name}.nii.gz"
    write_bytes(copy, export.labels.read_bytes())
    if kind == "itksnap":
        table = folder / f"{export.name}.label.txt"
        write_text(table, snap_labels(export.organs))
        return copy, table
    colours, terms, whole = (folder / f"{export.name}{suffix}" for suffix in (".ctbl", ".csv", ".seg.nrrd"))
    write_text(colours, slicer_colours(export.organs))
    write_text(terms, slicer_table(export.organs))
    _write_nrrd(whole, labels, present, found)
    return copy, colours, terms, whole


def _write_nrrd(path: Path, labels: Volume, present: Sequence[Organ], found: Mapping[int, Box]) -> None:
    image = sitk.GetImageFromArray(labels.array_kji)
    lps = LPS_TO_RAS @ labels.affine
    spacing = labels.grid.spacing_mm
    image.SetSpacing(spacing)
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / np.array(spacing)).ravel().tolist())
    extents = {}
    for label, (k, j, i) in found.items():
        extents[label] = tuple(end for axis in (i, j, k) for end in (axis.start, axis.stop - 1))
    for key, value in segment_fields(present, extents).items():
        image.SetMetaData(key, value)
    with atomic(path) as temporary:
        named = temporary.with_name(f"{temporary.name}.seg.nrrd")
        try:
            sitk.WriteImage(image, str(named), useCompression=True)
            named.replace(temporary)
        finally:
            named.unlink(missing_ok=True)


def segmentation(export: LabelExport, labels: Volume, present: Sequence[Organ]) -> Any:  # noqa: ANN401  (highdicom is untyped)
    """DICOM SEG, BINARY, one segment per organ with its SNOMED CT code, side and colour (PS3.3 A.51).

    Parameters
    ----------
    export
        Names and provenance.
    labels
        uint8 label map.
    present
        Organs that it holds; segments are numbered from 1 in their order.
    """
    sources = _source_images(export, labels)
    numbers = np.zeros(256, np.uint8)
    for number, organ in enumerate(present, start=1):
        numbers[organ.id] = number
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about attributes that an export without source DICOM cannot have
        seg = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=numbers[labels.array_kji],
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_segment(n, organ, export.sidecar) for n, organ in enumerate(present, start=1)],
            series_instance_uid=_uid(export, "seg-series", export.name, export.sidecar.voxel_sha256),
            series_number=900,
            sop_instance_uid=_uid(export, "seg", export.name, export.sidecar.voxel_sha256),
            instance_number=1,
            manufacturer="umd-curate",
            manufacturer_model_name="umd-curate",
            software_versions=__version__,
            device_serial_number="0",
            content_label="ORGANS",
            content_description=export.name[:64],
            content_creator_name="",
            series_description=f"Organs on {MODALITIES[export.image]}",
        )
    dimensions = _uid(export, "dimensions", export.name, export.sidecar.voxel_sha256)
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    for item in seg.get("ContributingEquipmentSequence", []):  # highdicom's own entry
        item.ContributionDateTime = _DAY
    for keyword in ("ContentDate", "InstanceCreationDate", "SeriesDate"):
        setattr(seg, keyword, _DAY)
    for keyword in ("ContentTime", "InstanceCreationTime", "SeriesTime"):
        setattr(seg, keyword, _TIME)
    return seg


def _segment(number: int, organ: Organ, sidecar: LabelSidecar) -> Any:  # noqa: ANN401  (highdicom is untyped)
    Code = pydicom.sr.coding.Code  # noqa: N806  (a class)
    by_people = sidecar.method == "site-contours"
    name = f"{sidecar.engine} {sidecar.engine_version}".strip()
    family = (
        Code("123109", "DCM", "Manual Processing") if by_people else Code("123110", "DCM", "Artificial Intelligence")
    )
    found = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=organ.name,
        segmented_property_category=Code(ANATOMY[0], SCT, ANATOMY[1]),
        segmented_property_type=Code(organ.snomed_code, SCT, organ.snomed_meaning),
        algorithm_type="MANUAL" if by_people else "AUTOMATIC",
        algorithm_identification=None
        if by_people
        else hd.AlgorithmIdentificationSequence(
            name=name or "unknown", family=family, version=sidecar.engine_version or "0"
        ),
        display_color=hd.color.CIELabColor.from_rgb(*organ.colour),
    )
    if organ.side is not None:
        modifier = pydicom.dataset.Dataset()
        modifier.CodeValue, modifier.CodeMeaning = SIDES[organ.side]
        modifier.CodingSchemeDesignator = SCT
        kind = found.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = pydicom.sequence.Sequence([modifier])
    return found


def _source_images(export: LabelExport, labels: Volume) -> list[Any]:
    """Headers of the images on which the labels stand: one per slice, with the geometry of the label map's grid."""
    lps: Float64 = np.asarray(LPS_TO_RAS @ labels.affine, np.float64)
    i_mm, j_mm, k_mm = labels.grid.spacing_mm
    row, column = lps[:3, 0] / i_mm, lps[:3, 1] / j_mm
    if abs(float(row @ column)) > _SQUARE:
        raise Refused(
            NOT_IN_DICOM.at(export.name, "cosine of rows and columns", measured=abs(float(row @ column)), limit=_SQUARE)
        )
    normal = np.cross(row, column)
    apart = abs(float(normal @ lps[:3, 2]))
    n_k, n_j, n_i = labels.grid.shape_kji
    series = _uid(export, "series", export.image, export.image_sha256)
    images = []
    for k in range(n_k):
        image = pydicom.dataset.Dataset()
        image.SOPClassUID = _SOP_CLASSES[export.image]
        image.SOPInstanceUID = _uid(export, "image", export.image, export.image_sha256, str(k))
        image.StudyInstanceUID, image.SeriesInstanceUID = _uid(export, "study"), series
        image.FrameOfReferenceUID, image.PositionReferenceIndicator = _uid(export, "frame"), ""
        image.Modality, image.SeriesNumber, image.InstanceNumber = MODALITIES[export.image], 1, k + 1
        image.PatientID, image.PatientName = export.subject, f"{export.subject}^"
        image.PatientBirthDate, image.PatientSex, image.AccessionNumber = "", "", ""
        image.PatientIdentityRemoved, image.DeidentificationMethod = "YES", "umd-curate"
        image.StudyID, image.StudyDate, image.StudyTime, image.ReferringPhysicianName = export.session, "", "", ""
        image.Manufacturer = ""
        image.Rows, image.Columns = n_j, n_i
        image.ImageOrientationPatient = _decimals((*row, *column))
        image.ImagePositionPatient = _decimals(lps[:3, 3] + k * lps[:3, 2])
        image.PixelSpacing = _decimals((j_mm, i_mm))
        image.SliceThickness = image.SpacingBetweenSlices = _decimals((apart if n_k > 1 else k_mm,))[0]
        image.file_meta = pydicom.dataset.FileMetaDataset()
        image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        images.append(image)
    return images


def _decimals(values: Sequence[float] | NDArray[np.float64]) -> list[str]:
    """Numbers as DS of at most 16 characters."""
    return [pydicom.valuerep.format_number_as_ds(float(value)) for value in values]


def _uid(export: LabelExport, *what: str) -> str:
    """UID of something of a session: an integer of 128 bits behind the root of UUIDs."""
    text = "\n".join(("umd-curate", export.subject, export.session, *what))
    return _DERIVED + str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))
