"""Headers in, clean headers out: the gate before the rules, every element through them, and what a clean header declares.

Pixel data are carried over by reference and never decoded. `HeaderCleaner` takes the headers of one series one after the
other and judges an element anew only where it, or what it is read by, has changed (`memo`). Every judgement is made by
`rules_io` and `gather_io`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ImplicitVRLittleEndian

from umd_curate.deid import values
from umd_curate.deid.dates import age_between
from umd_curate.deid.elements_io import Raws, context_of, elements_of, raws_of, together
from umd_curate.deid.gather_io import Gatherer
from umd_curate.deid.identifiers import IdentifierSet
from umd_curate.deid.memo import Memo
from umd_curate.deid.profile import OPTION_NAMES
from umd_curate.deid.rules import Action, Rules, packaged_rules
from umd_curate.deid.rules_io import Cleaner, heeds_words
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.findings import FindingCode, Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.store.dicom import READ_FAULTS, quiet
from umd_curate.store.keys import DeidKey

IMAGE_SOP_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
)  # CT, MR and PET images: single-frame, enhanced, legacy converted (PS3.4 annex B.5)

IMPLEMENTATION_UID = "2.25.232094163478212394129735180266481073312"
IMPLEMENTATION_NAME = "UMD_CURATE"
_METHOD = "umd-curate keep list; PS3.15 Basic"  # (0012,0063) is LO: 64 characters
_TEXT_CUT, _FACE_CUT = "113101", "113102"
_CODES = {
    **OPTION_NAMES,
    _TEXT_CUT: "Clean Pixel Data Option",
    _FACE_CUT: "Clean Recognizable Visual Features Option",
}  # PS3.16 CID 7050
_SOP_CLASS, _SOP_INSTANCE, _SYNTAX = BaseTag(0x00080016), BaseTag(0x00080018), BaseTag(0x00020010)
_ENCRYPTED, _BURNED_IN, _SAMPLES = BaseTag(0x04000500), BaseTag(0x00280301), BaseTag(0x00280002)
_GATE_TAGS = (
    *(0x00080016, 0x04000500, 0x00280301, 0x00280002),
    *(group << 16 | element for group in range(0x6000, 0x6020, 2) for element in (0x0102, 0x3000)),
)
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
    moved
        Days, as YYYYMMDD, that the dates of this series became so far.
    """

    dataset: FileDataset = field(repr=False)
    actions: Counter[Deed]
    identifiers: IdentifierSet
    moved: frozenset[str] = field(default=frozenset(), repr=False)


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
    rules
        Rule book; the packaged one where not given.
    """

    def __init__(self, key: DeidKey, patient: PatientKey, subject: SubjectId, rules: Rules | None = None) -> None:
        self._key = key
        self._rules = rules or packaged_rules()
        self._cleaner = Cleaner(key, key.shift_days(patient), subject, frozenset(), self._rules)
        self._gatherer = Gatherer()
        self._memo: Memo[Judged] = Memo()
        self._scratch = Dataset()
        self._passed: object = None
        self._wordy: set[int] = set()
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
        raws = raws_of(elements)
        with quiet():
            self._pass_gate(source, raws)
            identifiers = self._gatherer.gather(source, elements, raws)
            self._heed(identifiers.words())
            pixels = {elements[tag].tag: cast("DataElement", elements[tag]) for tag in self._pixels if tag in elements}
            judged = self._memo.outcomes(
                context_of(source, raws),
                {tag: raws[tag] for tag in sorted(raws) if tag not in self._pixels},
                lambda tag: self._judged(source, elements[tag].tag),
            )
            kept: dict[BaseTag, DataElement] = {}
            actions: Counter[Deed] = Counter()
            for made, done in judged.values():
                kept.update(made)
                for deed, count in done.items():
                    actions[deed] += count
            kept.update(pixels)
            _complete_age(source, kept, actions)
            kept.update(self._declaration(actions))
            meta = _file_meta(source, kept)
            whole = FileDataset("", kept, preamble=b"\0" * 128, file_meta=meta)
            # pydicom decodes a dataset's pixels and text with what it was read as; the clean one is read the same way.
            whole.set_original_encoding(*source.original_encoding)
        return Cleaned(whole, actions, identifiers, frozenset(self._cleaner.moved))

    def _pass_gate(self, source: Dataset, raws: Raws) -> None:
        known = together(raws, _GATE_TAGS)
        if known is None or known != self._passed or not values.is_uid(_text(source, _SOP_INSTANCE)):
            verdict = _gate(source)
            if verdict is not None:
                code, detail = verdict
                raise Refused(code.at(self._key.short_id("i", _text(source, _SOP_INSTANCE)), detail))
            self._passed = known

    def _heed(self, words: frozenset[str]) -> None:
        """Take over the patient's words; what depends on them is judged anew where they have changed."""
        if words != self._cleaner.banned:
            self._cleaner.banned = words
            self._memo.forget(self._wordy)
            self._wordy.clear()

    def _judged(self, source: Dataset, tag: BaseTag) -> Judged:
        if heeds_words(tag, self._rules):
            self._wordy.add(int(tag))
        self._scratch.clear()
        actions = self._cleaner.actions = Counter()
        self._cleaner.clean(source, tag, self._scratch)
        return dict(cast("Mapping[BaseTag, DataElement]", self._scratch.items())), actions

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


def declare_pixels_cut(dataset: Dataset, *, face: bool, text: bool) -> None:
    """Add to a cleaned header that its pixels were changed: 113102 and (0028,0302) for a face, 113101 and (0028,0301) for text.

    The headers of a series share their elements, so new ones take the places of those that change.
    """
    tag = Tag("DeidentificationMethodCodeSequence")
    done = {str(item.CodeValue) for item in dataset[tag].value}
    for is_so, code, keyword in (
        (face, _FACE_CUT, "RecognizableVisualFeatures"),
        (text, _TEXT_CUT, "BurnedInAnnotation"),
    ):
        if is_so:
            done.add(code)
            dataset[keyword] = DataElement(Tag(keyword), "CS", "NO")
    dataset[tag] = DataElement(tag, "SQ", Sequence([_code(value) for value in sorted(done)]))


def _gate(source: Dataset) -> tuple[FindingCode, str] | None:
    """Why an object can never be clean, and by which element; None for an image of CT, MR or PET."""
    sop_class = _text(source, _SOP_CLASS)
    if not (values.is_uid(sop_class) and values.is_uid(_text(source, _SOP_INSTANCE))):
        return codes.NO_PIXELS, "(0008,0016), (0008,0018)"
    if sop_class not in IMAGE_SOP_CLASSES:
        return codes.NOT_AN_IMAGE, "(0008,0016)"
    seen = (
        (_ENCRYPTED in source, codes.ENCRYPTED, "(0400,0500)"),
        (_text(source, _BURNED_IN).upper().startswith("Y"), codes.BURNED_IN, "(0028,0301)"),
        (any(_text(source, tag) not in {"", "0"} for tag in _overlay_bits(source)), codes.HIDDEN_BITS, "(60xx,0102)"),
        (_text(source, _SAMPLES) not in {"", "1"}, codes.BURNED_IN, "(0028,0002)"),
    )
    return next(((code, detail) for is_so, code, detail in seen if is_so), None)


def _overlay_bits(source: Dataset) -> list[BaseTag]:
    """OverlayBitPosition (60xx,0102) of overlays that have no data of their own: they lie in the pixels (retired, PS3.3 C.9.2)."""
    tags = (BaseTag(group << 16 | 0x0102) for group in range(0x6000, 0x6020, 2))
    return [tag for tag in tags if tag in source and BaseTag(tag & 0xFFFF0000 | 0x3000) not in source]


def _text(source: Dataset, tag: BaseTag) -> str:
    try:
        element = source.get(tag)
        return str((element.value if element is not None else None) or "").strip()
    except READ_FAULTS:
        return ""


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
    syntax = _text(getattr(source, "file_meta", Dataset()), _SYNTAX) or str(ImplicitVRLittleEndian)
    instance = DataElement(BaseTag(0x00020003), "UI", UID(str(kept[_SOP_INSTANCE].value)))
    return FileMetaDataset({**_constant_meta(str(kept[_SOP_CLASS].value), syntax), instance.tag: instance})


@lru_cache(maxsize=64)
def _constant_meta(sop_class: str, syntax: str) -> Mapping[BaseTag, DataElement]:
    """What the file meta of a series' images share."""
    elements = (
        DataElement(0x00020001, "OB", b"\0\1"),
        DataElement(0x00020002, "UI", UID(sop_class)),
        DataElement(0x00020010, "UI", UID(syntax if values.is_dicom_uid(syntax) else ImplicitVRLittleEndian)),
        DataElement(0x00020012, "UI", UID(IMPLEMENTATION_UID)),
        DataElement(0x00020013, "SH", IMPLEMENTATION_NAME),
    )
    return {element.tag: element for element in elements}
