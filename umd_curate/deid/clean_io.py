"""Headers in, clean headers out: the gate before the rules, every element through them, and what a clean header declares.

Pixel data are carried over by reference and never decoded. `HeaderCleaner` takes the headers of one series one after the
other and judges an element anew only where it, or what it is read by, has changed (`memo`). Every judgement is made by
`rules_io` and `gather_io`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID, ImplicitVRLittleEndian

from umd_curate.deid import values
from umd_curate.deid.dates import age_between
from umd_curate.deid.elements_io import context_of, elements_of, raw_of
from umd_curate.deid.gather_io import Gatherer
from umd_curate.deid.identifiers import IdentifierSet
from umd_curate.deid.memo import Memo
from umd_curate.deid.rules import Action, packaged_rules
from umd_curate.deid.rules_io import Cleaner, heeds_words
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
_ENCRYPTED = BaseTag(0x04000500)
_PATIENT_AGE = BaseTag(0x00101010)

Deed = tuple[str, str]  # a tag or class of elements, and what befell it
Judged = tuple[Mapping[BaseTag, DataElement], Mapping[Deed, int]]


@dataclass(frozen=True)
class Cleaned:
    """A clean header and what was done.

    Parameters
    ----------
    dataset
        New dataset with file meta, to be read: the headers of a series share the elements in which they agree. Pixel data
        are the source's, by reference.
    actions
        How often each action befell a tag or class of elements: ``("0008,103E", "text")``, ``("private", "removed")``.
    identifiers
        What the source header told about the patient.
    """

    dataset: FileDataset = field(repr=False)
    actions: Counter[Deed]
    identifiers: IdentifierSet


def clean_dataset(source: Dataset, key: DeidKey, patient: PatientKey, subject: SubjectId) -> Cleaned:
    """Make the clean header of one CT, MR or PET image; see `HeaderCleaner`."""
    return HeaderCleaner(key, patient, subject).clean(source)


class HeaderCleaner:
    """Makes the clean headers of one series.

    Parameters
    ----------
    key
        Secret key: UIDs and the patient's date shift follow from it.
    patient
        Canonical issuer and PatientID, for the shift.
    subject
        Published id, which becomes PatientID and PatientName.
    """

    def __init__(self, key: DeidKey, patient: PatientKey, subject: SubjectId) -> None:
        self._key = key
        self._rules = packaged_rules()
        self._cleaner = Cleaner(key, key.shift_days(patient), subject, frozenset(), self._rules)
        self._gatherer = Gatherer()
        self._memo: Memo[Judged] = Memo()
        self._heeds: dict[int, bool] = {}
        self._pixels = {tag for tag, rule in self._rules.public.items() if rule.action is Action.PIXELS}
        self._declared: dict[frozenset[str], dict[BaseTag, DataElement]] = {}

    def clean(self, source: Dataset) -> Cleaned:
        """Make the clean header of the next image.

        Parameters
        ----------
        source
            Dataset as read; its pixel data may still be unread.

        Raises
        ------
        Refused
            DEI-101 to DEI-104: the object is no such image, shows text in its pixels, is encrypted or lacks its core.
        """
        elements = elements_of(source)
        with quiet():
            _gate(source, self._key)
            identifiers = self._gatherer.gather(source, elements)
            self._heed(identifiers.words())
            self._memo.begin(context_of(source, elements))
            kept: dict[BaseTag, DataElement] = {}
            actions: Counter[Deed] = Counter()
            for tag in sorted(elements):
                element = elements[tag]
                if tag in self._pixels:
                    kept[element.tag] = cast("DataElement", element)
                    continue
                made, done = self._memo.outcome(tag, self._raw(tag, element), partial(self._judged, source, element.tag))
                kept.update(made)
                for action, count in done.items():
                    actions[action] += count
            _complete_age(source, kept, actions)
            kept.update(self._declaration(actions))
            meta = _file_meta(source, kept)
            whole = FileDataset("", kept, preamble=b"\0" * 128, file_meta=meta)
            # pydicom decodes a dataset's pixels and text with what it was read as; the clean one is read the same way.
            whole.set_original_encoding(*source.original_encoding)
        return Cleaned(whole, actions, identifiers)

    def _heed(self, words: frozenset[str]) -> None:
        if words != self._cleaner.banned:
            self._cleaner.banned = words

    def _raw(self, tag: int, element: DataElement | RawDataElement) -> object:
        """What decides over an element: its bytes and, where its text could be the patient's, the patient's words."""
        heeds = self._heeds.get(tag)
        if heeds is None:
            heeds = self._heeds[tag] = heeds_words(element.tag, self._rules)
        raw = raw_of(element)
        return (raw, self._cleaner.banned) if heeds and raw is not None else raw

    def _judged(self, source: Dataset, tag: BaseTag) -> Judged:
        target = Dataset()
        actions = self._cleaner.actions = Counter()
        self._cleaner.clean(source, tag, target)
        return dict(cast("Mapping[BaseTag, DataElement]", target.items())), actions

    def _declaration(self, actions: Counter[Deed]) -> dict[BaseTag, DataElement]:
        """Say what was done, and only that: (0012,0062), (0012,0063), (0012,0064), (0028,0303)."""
        done = {"113100", "113103", "113105", "113107", "113108"}
        if any(tag.startswith("private ") and what == "kept" for tag, what in actions):
            done.add("113111")
        if frozenset(done) not in self._declared:
            dataset = Dataset()
            dataset.PatientIdentityRemoved = "YES"
            dataset.DeidentificationMethod = _METHOD
            dataset.DeidentificationMethodCodeSequence = Sequence([_code(value) for value in sorted(done)])
            dataset.LongitudinalTemporalInformationModified = "MODIFIED"
            self._declared[frozenset(done)] = {element.tag: element for element in dataset}
        return self._declared[frozenset(done)]


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


def _complete_age(source: Dataset, kept: dict[BaseTag, DataElement], actions: Counter[Deed]) -> None:
    """Write PatientAge (0010,1010) from birth and study date where the header has both but no age."""
    if _PATIENT_AGE in kept and kept[_PATIENT_AGE].value:
        return
    try:
        age = age_between(str(source.get("PatientBirthDate") or ""), str(source.get("StudyDate") or ""))
    except READ_FAULTS:
        return
    if age:
        kept[_PATIENT_AGE] = DataElement(_PATIENT_AGE, "AS", age)
        actions["0010,1010", "derived"] += 1


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", _CODES[value]
    return item


def _file_meta(source: Dataset, kept: Mapping[BaseTag, DataElement]) -> FileMetaDataset:
    """File meta made anew (PS3.10 7.1): transfer syntax as read, our implementation, no AE title, nothing private."""
    syntax = str(getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID") or ImplicitVRLittleEndian)
    elements = (
        DataElement(0x00020001, "OB", b"\0\1"),
        DataElement(0x00020002, "UI", UID(str(kept[BaseTag(0x00080016)].value))),
        DataElement(0x00020003, "UI", UID(str(kept[BaseTag(0x00080018)].value))),
        DataElement(0x00020010, "UI", UID(syntax if values.is_dicom_uid(syntax) else ImplicitVRLittleEndian)),
        DataElement(0x00020012, "UI", UID(IMPLEMENTATION_UID)),
        DataElement(0x00020013, "SH", IMPLEMENTATION_NAME),
    )
    return FileMetaDataset({element.tag: element for element in elements})
