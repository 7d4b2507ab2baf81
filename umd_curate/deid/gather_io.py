"""Gathers a patient's identifiers from a source header: every level, private elements, file meta and preamble.

Which element holds which kind of identifier is decided here, by VR and tag; which spellings are looked for is decided by
`identifiers`, the search itself is `audit`'s.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from umd_curate.deid import identifiers as spell
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.rules import Action, packaged_rules
from umd_curate.store.dicom import READ_FAULTS, quiet

_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_TEXT_VRS = frozenset({"SH", "LO", "ST", "LT", "UT", "UC", "CS", "UR", "UN", "OB"})
_ID_TAGS = frozenset(
    {0x00080050, 0x00100020, 0x00100021, 0x00101000, 0x00101090, 0x00200010, 0x00380010, 0x00380060}
    | {0x00401001, 0x00402016, 0x00402017, 0x00400009, 0x00400253, 0x00120040, 0x00120042, 0x00080116}
)  # accession, patient, study, admission, visit, order, procedure and trial numbers
_CONTACT_TAGS = frozenset({0x00080081, 0x00080092, 0x00080094, 0x00101040, 0x00102154, 0x00102155, 0x00081190})
_PLACE_TAGS = frozenset({0x00080080, 0x00081040, 0x00380300, 0x00380400, 0x00400242, 0x00400243, 0x00321020})
_DEVICE_TAGS = frozenset(
    {0x00081010, 0x00181000, 0x00181002, 0x00181004, 0x00181005, 0x00181007, 0x00181008, 0x00400241}
)
_KIND_OF_TAG = {
    Kind.ID: _ID_TAGS,
    Kind.CONTACT: _CONTACT_TAGS,
    Kind.PLACE: _PLACE_TAGS,
    Kind.DEVICE: _DEVICE_TAGS,
}
_KIND_OF_VR = {"PN": Kind.NAME, "UI": Kind.UID, "DA": Kind.DATE, "DT": Kind.DATE, "AE": Kind.DEVICE}
_MAKER_KEYWORDS = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "Modality")
_MAKER_KINDS = frozenset({Kind.TEXT, Kind.PLACE, Kind.DEVICE})


def gather(source: Dataset) -> IdentifierSet:
    """All identifiers of one source header: every level, private elements, file meta and preamble.

    Short words and those of the vocabulary of descriptors are left out. The names of maker and model are no place, device
    or text; they stay identifiers where they are the patient's name or id. An element that cannot be read as its VR says
    is read as text.
    """
    book = packaged_rules()
    found: set[tuple[Kind, str]] = set()
    with quiet():
        makers = {spell.normalised(text) for keyword in _MAKER_KEYWORDS for text in _texts_of(source, keyword)}
        for level in (source, getattr(source, "file_meta", None)):
            if level is not None:
                found.update(_of_dataset(level, book.common))
    preamble = bytes(getattr(source, "preamble", None) or b"").strip(b"\0").decode("latin-1")
    found.update((Kind.TEXT, value) for value in spell.from_text(preamble, book.common, whole=True))
    makers |= {word for maker in makers for word in maker.split()}
    makers |= {creator.lower() for creator, _, _ in book.private}
    return IdentifierSet(frozenset(one for one in found if one[0] not in _MAKER_KINDS or one[1] not in makers))


def _of_dataset(dataset: Dataset, common: frozenset[str]) -> Iterator[tuple[Kind, str]]:
    for tag in list(dataset.keys()):
        if int(tag) in _PIXELS:
            continue
        try:
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value or ():
                    yield from _of_dataset(item, common)
            else:
                yield from _of_element(element, common)
        except READ_FAULTS:
            raw = getattr(dataset.get_item(tag), "value", None)
            text = raw.decode("latin-1").strip("\0 ") if isinstance(raw, bytes) else ""
            yield from ((Kind.TEXT, value) for value in spell.from_text(text, common, whole=True))


def _of_element(element: DataElement, common: frozenset[str]) -> Iterator[tuple[Kind, str]]:
    tag, vr = int(element.tag), element.VR
    kind, spellings = _speller(tag, vr, common)
    for text in _texts(element):
        yield from ((kind, value) for value in spellings(text))


def _speller(tag: int, vr: str, common: frozenset[str]) -> tuple[Kind, Callable[[str], Iterator[str]]]:
    spellers: dict[Kind, Callable[[str], Iterator[str]]] = {
        Kind.NAME: lambda text: spell.from_name(text, common),
        Kind.UID: spell.from_uid,
        Kind.DATE: spell.from_date,
        Kind.ID: lambda text: spell.from_id(text, common),
        Kind.CONTACT: lambda text: spell.from_contact(text, common),
        Kind.PLACE: lambda text: spell.from_place(text, common),
        Kind.DEVICE: lambda text: spell.from_id(text, common),
    }
    kind = _KIND_OF_VR.get(vr) or next((kind for kind, tags in _KIND_OF_TAG.items() if tag in tags), Kind.TEXT)
    if kind is not Kind.TEXT:
        return kind, spellers[kind]
    rule = None if tag >> 16 & 1 else packaged_rules().public.get(tag)
    if vr not in _TEXT_VRS or (rule and rule.action in {Action.KEEP, Action.CODE, Action.PIXELS}):
        return kind, lambda _: iter(())
    return kind, lambda text: spell.from_text(text, common, whole=rule is None)


def _texts(element: DataElement) -> list[str]:
    value: Any = element.value
    if value is None:
        return []
    if isinstance(value, bytes):
        text = value.strip(b"\0 ").decode("latin-1")
        return [text] if text.isprintable() else []
    return [str(one) for one in (value if element.VM > 1 and not isinstance(value, str) else [value])]


def _texts_of(dataset: Dataset, keyword: str) -> list[str]:
    try:
        return _texts(dataset[keyword]) if keyword in dataset else []
    except READ_FAULTS:
        return []
