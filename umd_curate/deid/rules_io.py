"""Elements in, clean elements out: applies the rules to one element of a pydicom dataset, at every level below it.

A new dataset is built from what the keep list allows; nothing is deleted from a copy. What may stay is said by `rules`,
what a value must look like by `values`; whole headers are the work of `clean_io`.
"""

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from umd_curate.deid import values
from umd_curate.deid.coding import is_code
from umd_curate.deid.dates import cap_age, shift_da, shift_dt
from umd_curate.deid.descriptors import clean_text
from umd_curate.deid.identifiers import tells
from umd_curate.deid.rules import Action, Rule, Rules, class_of
from umd_curate.model.ids import SubjectId
from umd_curate.store.dicom import READ_FAULTS
from umd_curate.store.keys import DeidKey

# What becomes of these does not depend on the patient's words.
_BLIND_ACTIONS = frozenset({Action.UID, Action.DATE, Action.DATETIME, Action.AGE, Action.SUBJECT, Action.EMPTY})
_CODE_VALUE, _SCHEME = BaseTag(0x00080100), BaseTag(0x00080102)
_PLACED = frozenset({0x00080008, 0x00089007})  # ImageType, FrameType: the place of a value says what it is
_OTHER = "OTHER"  # for a value of these that is not known
_MAY_BE_EMPTY = frozenset({0x00540016, 0x00540300, 0x00540410, 0x00540414})  # of type 2 in PS3.3 C.8.9: present
_FIXED = frozenset({Action.SUBJECT, Action.EMPTY})
_BLIND_VRS = values.BINARY_VRS | {"DS", "TM"}


def heeds_words(tag: BaseTag, rules: Rules) -> bool:
    """Say whether what becomes of an element can depend on the patient's words."""
    rule = None if tag.is_private else rules.public.get(int(tag))
    if rule is None:
        return bool(tag.is_private)
    return rule.action not in _BLIND_ACTIONS and not (rule.action is Action.KEEP and rule.vrs <= _BLIND_VRS)


@dataclass
class Cleaner:
    """Applies the rules of one patient to an element and to the items of its sequences.

    Parameters
    ----------
    key
        Secret key, for UIDs.
    days
        Whole days by which dates move.
    subject
        Published id.
    banned
        The patient's words, which no text may hold.
    rules
        The rule book.
    actions
        How often each action befell a tag or class of elements: ``("0008,103E", "text")``, ``("private", "removed")``.
    moved
        Days that dates became, as YYYYMMDD.
    """

    key: DeidKey = field(repr=False)
    days: int = field(repr=False)
    subject: SubjectId
    banned: frozenset[str] = field(repr=False)
    rules: Rules = field(repr=False)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved: set[str] = field(default_factory=set, repr=False)

    def clean(self, source: Dataset, tag: BaseTag, target: Dataset) -> None:
        """Write to `target` what may stay of one element that is no pixel data."""
        if tag.is_private:
            self._private(source, tag, target)
            return
        rule = self.rules.public.get(int(tag))
        if rule is None or rule.action is Action.PIXELS:
            self._count_removed(tag)
        else:
            self._public(source, tag, rule, target)

    def _item(self, source: Dataset) -> Dataset | None:
        """New item of a sequence; None where nothing of it is left, and for a coded entry without a code that may stay.

        The meaning of a code says nothing without it.
        """
        target = Dataset()
        for tag in sorted(source.keys()):
            self.clean(source, tag, target)
        if _CODE_VALUE in source and _CODE_VALUE not in target:
            self.actions["coded entry", "removed"] += 1
            return None
        return target if target or not source else None

    def _public(self, source: Dataset, tag: BaseTag, rule: Rule, target: Dataset) -> None:
        try:
            element = source[tag]
            value = self._value(element, rule, source) if element.VR in rule.vrs else None
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
            value = None
            if rule is not None and element is not None and element.VR in rule.vrs:
                value = self._value(element, rule, source)
        except READ_FAULTS:
            value = None
        if value is None:
            self._count_removed(tag)
            return
        target[creator_tag] = DataElement(creator_tag, "LO", creator)
        target[tag] = value
        self.actions[f"private {creator} {tag.element & 0xFF:02X}", "kept"] += 1

    def _value(self, element: DataElement, rule: Rule, source: Dataset) -> DataElement | None:
        if rule.action is Action.SEQUENCE:
            items = [item for one in element.value or () if (item := self._item(one)) is not None]
            if element.value and not items and element.tag not in _MAY_BE_EMPTY:
                return None
            return DataElement(element.tag, "SQ", Sequence(items))
        if rule.action in _FIXED:
            return DataElement(element.tag, element.VR, str(self.subject) if rule.action is Action.SUBJECT else "")
        if rule.action is Action.TERM:
            return self._terms(element)
        if rule.action in {Action.KEEP, Action.CODE}:
            may_stay = self._may_stay(element) if rule.action is Action.KEEP else self._is_code(element, source)
            return element if may_stay else None
        return self._changed(element, self._change_of(rule))

    def _is_code(self, element: DataElement, source: Dataset) -> bool:
        scheme = source.get(_SCHEME)
        name = str((scheme.value if scheme is not None else None) or "")
        return all(is_code(text, name) and not tells(text, self.banned) for text in _texts(element))

    def _change_of(self, rule: Rule) -> Callable[[str], str | None]:
        return {
            Action.UID: self._uid,
            Action.DATE: lambda text: self._moved(shift_da(text, self.days)),
            Action.DATETIME: lambda text: self._moved(shift_dt(text, self.days)),
            Action.AGE: cap_age,
            Action.TEXT: self._descriptor,
        }[rule.action]

    def _changed(self, element: DataElement, change: Callable[[str], str | None]) -> DataElement | None:
        texts = _texts(element)
        changed = [text if not text.strip(" \0") else change(text) for text in texts]
        if any(text is None for text in changed):
            return None
        return DataElement(element.tag, element.VR, changed if len(changed) > 1 else (changed or [""])[0])

    def _moved(self, text: str | None) -> str | None:
        if text:
            self.moved.add(text[:8])
        return text

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

    def _terms(self, element: DataElement) -> DataElement | None:
        """Element of which only known words are left: of a coded string whole values, of other text the words themselves.

        It stays without a value where nothing is left, since many of these must be present (type 2).
        """
        part = self.rules.terms.of(int(element.tag))
        kept: list[str] = []
        for text in _texts(element):
            if element.VR == "CS" and part.unknown(text, self.banned):
                left, dropped = _OTHER if element.tag in _PLACED else "", 1
            elif element.VR == "CS":
                left, dropped = text, 0
            else:
                left, dropped = part.cleaned(text, self.banned)
            if dropped:
                self.actions["descriptor words", "removed"] += dropped
            if left or not dropped:
                kept.append(left)
        return DataElement(element.tag, element.VR, kept if len(kept) > 1 else (kept or [""])[0])

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
