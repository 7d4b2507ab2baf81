"""Headers in, clean headers out: applies the rules to pydicom datasets, at every level.

A new dataset is built from what the keep list allows; nothing is deleted from a copy. Pixel data are carried over by
reference and never decoded. What may stay is said by `rules`, what a value must look like by `values`.
"""

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ImplicitVRLittleEndian

from umd_curate.deid import values
from umd_curate.deid.dates import age_between, cap_age, shift_da, shift_dt
from umd_curate.deid.descriptors import clean_text
from umd_curate.deid.gather_io import gather
from umd_curate.deid.identifiers import IdentifierSet, tells
from umd_curate.deid.rules import Action, Rule, Rules, class_of, packaged_rules
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.store.dicom import READ_FAULTS, quiet
from umd_curate.store.keys import DeidKey

IMAGE_SOP_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
)  # CT, MR and PET images: single-frame, enhanced, legacy converted (PS3.4 annex B.5)

IMPLEMENTATION_UID = "2.25.232094163478212394129735180266481073312"
IMPLEMENTATION_NAME = "UMD_CURATE"
_METHOD = "umd-curate keep list; PS3.15 Basic"  # (0012,0063) is LO: 64 characters
_CODES = {
    "113100": "Basic Application Confidentiality Profile",
    "113103": "Clean Graphics Option",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113111": "Retain Safe Private Option",
}  # PS3.16 CID 7050
_ENCRYPTED = Tag(0x0400, 0x0500)


@dataclass(frozen=True)
class Cleaned:
    """A clean header and what was done.

    Parameters
    ----------
    dataset
        New dataset with file meta; pixel data are the source's, by reference.
    actions
        How often each action befell a tag or class of elements: ``("0008,103E", "text")``, ``("private", "removed")``.
    """

    dataset: FileDataset = field(repr=False)
    actions: Counter[tuple[str, str]]


def clean_dataset(
    source: Dataset, key: DeidKey, patient: PatientKey, subject: SubjectId, identifiers: IdentifierSet | None = None
) -> Cleaned:
    """Make the clean header of one CT, MR or PET image.

    Parameters
    ----------
    source
        Dataset as read; its pixel data may still be unread.
    key
        Secret key: UIDs and the patient's date shift follow from it.
    patient
        Canonical issuer and PatientID, for the shift.
    subject
        Published id, which becomes PatientID and PatientName.
    identifiers
        What `gather` found in `source`, where the caller has it already.

    Raises
    ------
    Refused
        DEI-101 to DEI-104: the object is no such image, shows text in its pixels, is encrypted or lacks its core.
    """
    with quiet():
        _gate(source, key)
        worker = _Cleaner(
            key, key.shift_days(patient), subject, (identifiers or gather(source)).words(), packaged_rules()
        )
        dataset = worker.clean(source, root=True)
        _complete_age(source, dataset, worker.actions)
        _declare(dataset, worker.actions)
        whole = FileDataset("", dataset, preamble=b"\0" * 128, file_meta=_file_meta(source, dataset))
        # pydicom decodes a dataset's pixels and text with what it was read as; the clean one is read the same way.
        whole.set_original_encoding(*source.original_encoding)
    return Cleaned(whole, worker.actions)


def _gate(source: Dataset, key: DeidKey) -> None:
    def text(keyword: str) -> str:
        try:
            return str(source.get(keyword) or "").strip()
        except READ_FAULTS:
            return ""

    place = key.short_id("i", text("SOPInstanceUID"))
    if not (values.is_uid(text("SOPClassUID")) and values.is_uid(text("SOPInstanceUID"))):
        raise Refused(codes.NO_PIXELS.at(place, "(0008,0016), (0008,0018)"))
    if text("SOPClassUID") not in IMAGE_SOP_CLASSES:
        raise Refused(codes.NOT_AN_IMAGE.at(place, "(0008,0016)"))
    if _ENCRYPTED in source:
        raise Refused(codes.ENCRYPTED.at(place, "(0400,0500)"))
    if text("BurnedInAnnotation").upper().startswith("Y"):
        raise Refused(codes.BURNED_IN.at(place, "(0028,0301)"))
    if text("SamplesPerPixel") not in {"", "1"}:
        raise Refused(codes.BURNED_IN.at(place, "(0028,0002)"))


@dataclass
class _Cleaner:
    """Applies the rules of one patient to a dataset and to the items of its sequences."""

    key: DeidKey = field(repr=False)
    days: int = field(repr=False)
    subject: SubjectId
    banned: frozenset[str] = field(repr=False)
    rules: Rules = field(repr=False)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def clean(self, source: Dataset, *, root: bool = False) -> Dataset:
        """New dataset of what may stay of `source`."""
        target = Dataset()
        for tag in sorted(source.keys()):
            if tag.is_private:
                self._private(source, tag, target)
                continue
            rule = self.rules.public.get(int(tag))
            if rule is None or (rule.action is Action.PIXELS and not root):
                self._count_removed(tag)
            elif rule.action is Action.PIXELS:
                target[tag] = source.get_item(tag)
            else:
                self._public(source, tag, rule, target)
        return target

    def _public(self, source: Dataset, tag: BaseTag, rule: Rule, target: Dataset) -> None:
        try:
            element = source[tag]
            value = self._value(element, rule) if element.VR in rule.vrs else None
        except READ_FAULTS:
            value = None
        if value is None:
            self._count_removed(tag, "unfit")
            return
        target[tag] = value
        self.actions[class_of(int(tag), known=True), rule.action.value] += 1

    def _private(self, source: Dataset, tag: BaseTag, target: Dataset) -> None:
        if tag.is_private_creator:
            return  # written together with an element of its block
        try:
            creator_tag = Tag(tag.group, tag.element >> 8)
            creator = str(source[creator_tag].value).strip() if creator_tag in source else ""
            rule = self.rules.of_private(creator, int(tag))
            element = _typed(source[tag], rule) if rule else None
            value = self._value(element, rule) if rule and element is not None and element.VR in rule.vrs else None
        except READ_FAULTS:
            value = None
        if value is None:
            self._count_removed(tag)
            return
        target[creator_tag] = DataElement(creator_tag, "LO", creator)
        target[tag] = value
        self.actions[f"private {creator} {tag.element & 0xFF:02X}", "kept"] += 1

    def _value(self, element: DataElement, rule: Rule) -> DataElement | None:
        if rule.action is Action.SEQUENCE:
            items = [self.clean(item) for item in element.value or ()]
            return DataElement(element.tag, "SQ", Sequence(items))
        if rule.action is Action.EMPTY:
            return DataElement(element.tag, element.VR, "")
        if rule.action is Action.SUBJECT:
            return DataElement(element.tag, element.VR, str(self.subject))
        if rule.action is Action.KEEP:
            return element if self._may_stay(element) else None
        return self._changed(element, self._change_of(rule))

    def _change_of(self, rule: Rule) -> Callable[[str], str | None]:
        return {
            Action.UID: self._uid,
            Action.DATE: lambda text: shift_da(text, self.days),
            Action.DATETIME: lambda text: shift_dt(text, self.days),
            Action.AGE: cap_age,
            Action.TEXT: self._descriptor,
            Action.CODE: lambda text: text if values.fits("CODE", [text]) and not tells(text, self.banned) else None,
        }[rule.action]

    def _changed(self, element: DataElement, change: Callable[[str], str | None]) -> DataElement | None:
        texts = _texts(element)
        changed = [text if not text.strip(" \0") else change(text) for text in texts]
        if any(text is None for text in changed):
            return None
        return DataElement(element.tag, element.VR, changed if len(changed) > 1 else (changed or [""])[0])

    def _uid(self, text: str) -> str | None:
        uid = text.strip(" \0")
        if not values.is_uid(uid):
            return None
        return uid if values.is_dicom_uid(uid) else self.key.uid(uid)

    def _descriptor(self, text: str) -> str:
        cleaned = clean_text(text, self.rules.vocabulary, self.banned)
        if cleaned.dropped:
            self.actions["descriptor words", "removed"] += cleaned.dropped
        return cleaned.text

    def _may_stay(self, element: DataElement) -> bool:
        if element.VR in values.BINARY_VRS:
            return True
        texts = _texts(element)
        if not values.fits(element.VR, texts):
            return False
        if element.VR == "IS":
            return not any(len(text) >= values.TELLING_DIGITS and text.strip() in self.banned for text in texts)
        return element.VR not in values.TEXT_VRS or not any(tells(text, self.banned) for text in texts)

    def _count_removed(self, tag: BaseTag, what: str = "removed") -> None:
        self.actions[class_of(int(tag), known=dictionary_has_tag(tag)), what] += 1


def _typed(element: DataElement, rule: Rule) -> DataElement:
    """Give a safe private element of VR UN, as implicit VR and some archives write it, the VR of its rule."""
    if element.VR != "UN" or not isinstance(element.value, bytes):
        return element
    (vr,) = rule.vrs
    if vr == "FL":
        return DataElement(element.tag, vr, struct.unpack("<f", element.value)[0])
    return DataElement(element.tag, vr, element.value.decode("ascii").strip(" \0"))


def _texts(element: DataElement) -> list[str]:
    value: Any = element.value
    if value is None:
        return []
    if isinstance(value, bytes):
        message = "bytes where text belongs"
        raise ValueError(message)  # noqa: TRY004  (a fault of the data)
    many = value if element.VM > 1 and not isinstance(value, str) else [value]
    return [getattr(one, "original_string", None) or str(one) for one in many]


def _complete_age(source: Dataset, dataset: Dataset, actions: Counter[tuple[str, str]]) -> None:
    """Write PatientAge (0010,1010) from birth and study date where the header has both but no age."""
    if dataset.get("PatientAge"):
        return
    try:
        age = age_between(str(source.get("PatientBirthDate") or ""), str(source.get("StudyDate") or ""))
    except READ_FAULTS:
        return
    if age:
        dataset.PatientAge = age
        actions["0010,1010", "derived"] += 1


def _declare(dataset: Dataset, actions: Counter[tuple[str, str]]) -> None:
    """Say what was done, and only that: (0012,0062), (0012,0063), (0012,0064), (0028,0303)."""
    done = {"113100", "113103", "113105", "113107", "113108"}
    if any(tag.startswith("private ") and what == "kept" for tag, what in actions):
        done.add("113111")
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = _METHOD
    dataset.DeidentificationMethodCodeSequence = Sequence([_code(value) for value in sorted(done)])
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", _CODES[value]
    return item


def _file_meta(source: Dataset, dataset: Dataset) -> FileMetaDataset:
    """File meta made anew (PS3.10 7.1): transfer syntax as read, our implementation, no AE title, nothing private."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(str(dataset.SOPClassUID))
    meta.MediaStorageSOPInstanceUID = UID(str(dataset.SOPInstanceUID))
    syntax = str(getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID") or ImplicitVRLittleEndian)
    meta.TransferSyntaxUID = UID(syntax if values.is_dicom_uid(syntax) else ImplicitVRLittleEndian)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    return meta
