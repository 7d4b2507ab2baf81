"""Decides what one file is, from its header alone: a wanted image or contours, or an expected object that is never wanted.

Whether a wanted image is usable, unique and selected is left to the files beside this one. The SOP class (PS3.4 B.5) is
believed before the modality; descriptions are read only for localizers, reformats and attenuation maps, which vendors
do not mark otherwise.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from umd_curate.ingest.dixon import words_of
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import FindingCode
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.study import Role

_STORAGE = "1.2.840.10008.5.1.4.1.1."
ROLE_OF_CLASS = {
    _STORAGE + "2": Role.CT,
    _STORAGE + "2.1": Role.CT,  # enhanced
    _STORAGE + "2.2": Role.CT,  # legacy converted enhanced
    _STORAGE + "4": Role.MR,
    _STORAGE + "4.1": Role.MR,
    _STORAGE + "4.4": Role.MR,
    _STORAGE + "128": Role.PET,
    _STORAGE + "130": Role.PET,
    _STORAGE + "128.1": Role.PET,
    _STORAGE + "66.4": Role.CONTOURS,
    _STORAGE + "481.3": Role.CONTOURS,
}
_ENHANCED_CLASSES = {_STORAGE + tail for tail in ("2.1", "2.2", "4.1", "4.4", "130", "128.1")}
ROLE_OF_MODALITY = {"CT": Role.CT, "MR": Role.MR, "PT": Role.PET, "SEG": Role.CONTOURS, "RTSTRUCT": Role.CONTOURS}

_UNWANTED_CLASSES: tuple[tuple[str, FindingCode], ...] = (  # by beginning of the SOP class, first match wins
    ("1.2.840.10008.1.3.10", codes.DIRECTORY),
    (_STORAGE + "7", codes.PAGE),
    (_STORAGE + "88", codes.REPORT),
    (_STORAGE + "11", codes.PRESENTATION),
    (_STORAGE + "104", codes.DOCUMENT),
    (_STORAGE + "9", codes.WAVEFORM),
    *((_STORAGE + tail, codes.OTHER_MODALITY) for tail in ("1", "3", "5", "6", "12", "13", "14", "20", "77")),
)
_RAW_DATA = _STORAGE + "66"  # itself alone: what stands below it are registrations and segmentations
_STANDARD = "1.2.840.10008."
_UNWANTED_MODALITIES = {
    "SR": codes.REPORT,
    "KO": codes.REPORT,
    "PR": codes.PRESENTATION,
    "DOC": codes.DOCUMENT,
    "OT": codes.PAGE,
    "SC": codes.PAGE,
}
_LOCALIZER_TYPES = {"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "REF_SURVIEW"}
_LOCALIZER_WORDS = re.compile(r"\b(locali[sz]ers?|scout|topogram|scanogram|surview|survey|scano)\b")
_PAGE_TYPES = {"PATIENT_INFO", "SCREEN SAVE", "SCREENSAVE", "DOSE_INFO", "PROTOCOL", "EXAM_SUMMARY", "GRAPH"}
_PAGE_WORDS = re.compile(
    r"\b(dose (report|info|page|record)|screen ?(save|shot|capture)s?|patient protocol|exam(ination)? (protocol|summary)|protocol page|report)\b"
)
_REFORMAT_TYPES = {"MIP", "MPR", "MNIP", "MINIP", "REFORMATTED", "PROJECTION IMAGE", "VOLREN", "VRT", "CPR", "FUSED"}
_REFORMAT_WORDS = re.compile(r"\b(mips?|mnip|minip|mprs?|vrt|fused|fusion)\b")
_MU_MAP_WORDS = re.compile(r"\b(u|mu|µ|μ) ?map\b|\bmumap\b|\battenuation ?map\b|\bac ?map\b|\bpseudo ?ct\b")
_MRAC_WORDS = re.compile(r"\bmrac\b")
_MOSAIC_TYPES = {"MOSAIC", "VFRAME"}  # Siemens; United Imaging
_COMPOSED_WORDS = re.compile(r"\bcompos")
_COMPOSED_TYPE = re.compile(r"^(COMP_|COMPOS)")
_COLOURS = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR"}


def role_of(header: InstanceHeader) -> Role | None:
    """Role of a DICOM object by its SOP class, by its modality where it has none; None where it is never wanted."""
    if header.sop_class_uid is None:
        return ROLE_OF_MODALITY.get(header.modality or "")
    return ROLE_OF_CLASS.get(header.sop_class_uid)


def unwanted(header: InstanceHeader) -> FindingCode | None:
    """Say why a file is expected and never wanted; None for wanted images and contours, readable or not."""
    if header.kind is FileKind.NOT_DICOM:
        return codes.NOT_DICOM
    if header.sop_class_uid is None and header.modality is None:
        return codes.OTHER_OBJECT if header.kind is FileKind.DICOM else None
    role = role_of(header)
    if role is None:
        return _unwanted_object(header)
    return None if role is Role.CONTOURS else _unwanted_image(header)


def _unwanted_object(header: InstanceHeader) -> FindingCode:
    sop_class = header.sop_class_uid or ""
    if sop_class == _RAW_DATA:
        return codes.RAW_DATA
    if sop_class and not sop_class.startswith(_STANDARD):
        return codes.PRIVATE_CLASS
    for beginning, code in _UNWANTED_CLASSES:
        if sop_class == beginning or sop_class.startswith(beginning + "."):
            return code
    if sop_class:
        return codes.OTHER_OBJECT
    return _UNWANTED_MODALITIES.get(header.modality or "", codes.OTHER_OBJECT)


def _unwanted_image(header: InstanceHeader) -> FindingCode | None:
    types = _types(header.image_type)
    said = _said(header.series_description)
    is_page = bool(types & _PAGE_TYPES) or ("SECONDARY" in types and said.page)
    if (header.samples_per_pixel or 1) > 1 or (header.photometric or "") in _COLOURS or is_page:
        return codes.PAGE
    if header.modality is not None and ROLE_OF_MODALITY.get(header.modality) is not role_of(header):
        return None if header.modality == "NM" and role_of(header) is Role.PET else codes.OTHER_OBJECT
    if types & _LOCALIZER_TYPES or said.localizer:
        return codes.LOCALIZER
    if said.mu_map or (said.mrac and header.dixon_channel is None and role_of(header) is Role.MR):
        return (
            codes.MU_MAP
        )  # Siemens calls Dixon images of attenuation correction MRAC too; with a channel they are anatomy
    if (types & _REFORMAT_TYPES or said.reformat) and not is_composed(header):
        return codes.REFORMAT
    return None


class _Said(NamedTuple):
    """What a series description says of its images."""

    localizer: bool
    mu_map: bool
    mrac: bool
    reformat: bool
    composed: bool
    page: bool


@lru_cache(maxsize=4096)  # a series has one description and many slices
def _said(description: str | None) -> _Said:
    words = words_of(description)
    patterns = (_LOCALIZER_WORDS, _MU_MAP_WORDS, _MRAC_WORDS, _REFORMAT_WORDS, _COMPOSED_WORDS, _PAGE_WORDS)
    return _Said(*(pattern.search(words) is not None for pattern in patterns))


@lru_cache(maxsize=4096)
def _types(image_type: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.strip().upper() for value in image_type)


def is_enhanced(header: InstanceHeader) -> bool:
    """Say whether an image is of a class that holds its slices as frames, however few they are."""
    return header.sop_class_uid in _ENHANCED_CLASSES


def is_composed(header: InstanceHeader) -> bool:
    """Say whether an MR image was composed of several stations, by ImageType (0008,0008) or description."""
    composed = any(_COMPOSED_TYPE.match(value) for value in _types(header.image_type))
    return composed or _said(header.series_description).composed


def is_mosaic(header: InstanceHeader) -> bool:
    """Say whether an MR image holds all slices of a volume as tiles, by ImageType (0008,0008)."""
    return role_of(header) is Role.MR and bool(_types(header.image_type) & _MOSAIC_TYPES)
