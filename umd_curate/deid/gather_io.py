"""Gathers a patient's identifiers from a source header: every level, private elements, file meta and preamble.

Which element holds which kind of identifier is decided here, by VR and tag; which spellings are looked for is decided by
`identifiers`, the search itself is `audit`'s.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from umd_curate.deid import identifiers as spell
from umd_curate.deid.elements_io import (
    Elements,
    Raws,
    context_of,
    elements_of,
    is_plain_text,
    plain_texts,
    raws_of,
    together,
)
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.kinds import KIND_OF_TAG, KIND_OF_VR, PIXELS
from umd_curate.deid.memo import Memo
from umd_curate.deid.rules import Action, packaged_rules
from umd_curate.store.dicom import READ_FAULTS, quiet

_TEXT_VRS = frozenset({"SH", "LO", "ST", "LT", "UT", "UC", "CS", "UR", "UN", "OB"})
_PLAIN_VRS = frozenset({"ST", "LT", "UT", "UR", "SH", "LO", "UC", "CS", "UI", "DA", "DT", "TM"})
_MAKER_TAGS = (0x00080060, 0x00080070, 0x00081090, 0x00181020)
_MAKER_KINDS = frozenset({Kind.TEXT, Kind.PLACE, Kind.DEVICE})


_MEMORY = 1 << 12  # texts whose spellings are remembered: a patient's name and numbers come again and again

Found = frozenset[tuple[Kind, str]]


def gather(source: Dataset) -> IdentifierSet:
    """All identifiers of one source header: every level, private elements, file meta and preamble.

    Short words and those of the vocabulary of descriptors are left out. The names of maker and model are no place, device
    or text; they stay identifiers where they are the patient's name or id. An element that cannot be read as its VR says
    is read as text.
    """
    elements = elements_of(source)
    return Gatherer().gather(source, elements, raws_of(elements))


class Gatherer:
    """Gathers from the headers of one series; what an element told is remembered while its bytes stay the same."""

    def __init__(self) -> None:
        self._memo: Memo[Found] = Memo()
        self._meta_memo: Memo[Found] = Memo()
        self._makers: tuple[object, frozenset[str]] = (None, frozenset())

    def gather(self, source: Dataset, elements: Elements, raws: Raws) -> IdentifierSet:
        """As the function `gather`; `elements` and `raws` are those of `source` as they were read."""
        common = packaged_rules().common
        meta = getattr(source, "file_meta", None)
        with quiet():
            found = set().union(
                *self._memo.outcomes(
                    context_of(source, raws), raws, lambda tag: _of_tag(source, elements[tag].tag)
                ).values()
            )
            if meta is not None:
                entries = elements_of(meta)
                told = self._meta_memo.outcomes(None, raws_of(entries), lambda tag: _of_tag(meta, entries[tag].tag))
                found = found.union(*told.values())
            makers = self._makers_of(source, raws)
        preamble = bytes(getattr(source, "preamble", None) or b"").strip(b"\0").decode("latin-1")
        found.update((Kind.TEXT, value) for value in spell.from_text(preamble, common, whole=True))
        return IdentifierSet(frozenset(one for one in found if one[0] not in _MAKER_KINDS or one[1] not in makers))

    def _makers_of(self, source: Dataset, raws: Raws) -> frozenset[str]:
        told_by = together(raws, _MAKER_TAGS)
        if told_by is None or told_by != self._makers[0]:
            self._makers = (told_by, frozenset(_makers(source)))
        return self._makers[1]


def _makers(source: Dataset) -> set[str]:
    """Words of maker and model, and the names of the private blocks that have a rule."""
    texts = {spell.normalised(text) for tag in _MAKER_TAGS for text in _texts_of(source, tag)}
    words = {word for text in texts for word in text.split()}
    return texts | words | {creator.lower() for creator, _, _ in packaged_rules().private}


def _of_tag(dataset: Dataset, tag: BaseTag) -> Found:
    return frozenset(_of_level(dataset, tag))


def _of_level(dataset: Dataset, tag: BaseTag) -> Iterator[tuple[Kind, str]]:
    """Identifiers of one element and of all that it holds."""
    if int(tag) in PIXELS:
        return
    raw = dataset.get_item(tag)
    vr = (raw.VR or _public_vr(int(tag))) if isinstance(raw, RawDataElement) else None
    if isinstance(raw, RawDataElement) and vr in _PLAIN_VRS and is_plain_text(raw):
        told = _told_as(int(tag), str(vr))
        if told is not None:
            for text in plain_texts(raw, str(vr)):
                yield from _spelled(*told, text)
        return
    try:
        element = dataset[tag]
        if element.VR == "SQ":
            for item in element.value or ():
                for inner in list(item.keys()):
                    yield from _of_level(item, inner)
        else:
            yield from _of_element(element)
    except READ_FAULTS:
        raw = getattr(dataset.get_item(tag), "value", None)
        text = raw.decode("latin-1").strip("\0 ") if isinstance(raw, bytes) else ""
        yield from _spelled(Kind.TEXT, True, text)


@lru_cache(maxsize=4096)
def _public_vr(tag: int) -> str | None:
    """VR of an element that the standard knows, for files that do not say it; None for private and unknown ones."""
    return dictionary_VR(tag) if not tag >> 16 & 1 and dictionary_has_tag(tag) else None


def _of_element(element: DataElement) -> Iterator[tuple[Kind, str]]:
    told = _told_as(int(element.tag), element.VR)
    if told is not None:
        for text in _texts(element):
            yield from _spelled(*told, text)


@lru_cache(maxsize=4096)
def _told_as(tag: int, vr: str) -> tuple[Kind, bool] | None:
    """Kind of an element's identifiers, and whether nothing of it is kept; None where its VR or its rule says that it holds none."""
    kind = KIND_OF_VR.get(vr) or next((kind for kind, tags in KIND_OF_TAG.items() if tag in tags), Kind.TEXT)
    if kind is not Kind.TEXT:
        return kind, False
    rule = None if tag >> 16 & 1 else packaged_rules().public.get(tag)
    if vr not in _TEXT_VRS or (rule and rule.action in {Action.KEEP, Action.TERM, Action.CODE, Action.PIXELS}):
        return None
    return kind, rule is None


@lru_cache(maxsize=_MEMORY)
def _spelled(kind: Kind, whole: bool, text: str) -> tuple[tuple[Kind, str], ...]:  # noqa: FBT001  (cached by place)
    common = packaged_rules().common
    spellings: Iterable[str]
    match kind:
        case Kind.NAME:
            spellings = spell.from_name(text, common)
        case Kind.UID:
            spellings = spell.from_uid(text)
        case Kind.DATE:
            spellings = spell.from_date(text)
        case Kind.CONTACT:
            spellings = spell.from_contact(text, common)
        case Kind.PLACE:
            spellings = spell.from_place(text, common)
        case Kind.TEXT:
            spellings = spell.from_text(text, common, whole=whole)
        case _:
            spellings = spell.from_id(text, common)
    return tuple({(kind, value) for value in spellings})


def _texts(element: DataElement) -> list[str]:
    value: Any = element.value
    if value is None:
        return []
    if isinstance(value, bytes):
        text = value.strip(b"\0 ").decode("latin-1")
        return [text] if text.isprintable() else []
    return [str(one) for one in (value if element.VM > 1 and not isinstance(value, str) else [value])]


def _texts_of(dataset: Dataset, tag: int) -> list[str]:
    try:
        return _texts(dataset[tag]) if tag in dataset else []
    except READ_FAULTS:
        return []
