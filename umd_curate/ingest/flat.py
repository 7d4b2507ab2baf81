"""Reads the wanted elements of a plain header from its first bytes, without a DICOM library, and declines all others.

A header is plain when it follows PS3.5 to the letter: preamble, file meta, explicit or implicit VR little endian, known VRs,
elements that end where their lengths say. What a general reader would have to guess, repair or look up is declined, never
read differently: the caller then asks pydicom. Files of one series have most bytes in common; `template` uses that.
"""

from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from umd_curate.ingest.elements import STRUCTURE_SET, Value, text
from umd_curate.ingest.plain_values import ASCII_ONLY, Decoder, decode_text, decoder_of, is_plain_text, plain_codec
from umd_curate.ingest.steps import (
    CHARACTER_SET,
    COMMANDS,
    DELIMITERS,
    LONG_VRS,
    PIXELS,
    SHORT_VRS,
    TEXT_VRS,
    UNDEFINED,
    Declined,
    Implicit,
    TooShort,
    after_element,
    after_items,
    length_at,
    looks_like_vr,
)
from umd_curate.ingest.template import START, Template, template_of

_PREAMBLE = 132
_META = b"\x02\x00"
_SYNTAX, _META_CLASS = b"\x02\x00\x10\x00UI", b"\x02\x00\x02\x00UI"
_NEEDED = frozenset({_SYNTAX[:4], _META_CLASS[:4], CHARACTER_SET, b"\x08\x00\x16\x00"})
_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_ENCAPSULATED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")  # explicit VR little endian (PS3.5 A.4)
_UNDEFINED_LENGTH = b"\xff\xff\xff\xff"
_PIECES = range(1, 12)  # bytes that are no whole element of pixel data
_MOST_KEYS = 8192  # tags that are remembered; private blocks would fill the memory otherwise
_MOST_VALUES = 4096  # values per element that are remembered
_TEMPLATES = 4  # series that may alternate
_PATIENCE = 8  # headers that are read plainly before another template is made

_SKIP, _SKIP_LONG, _SKIP_SEQUENCE, _STOP, _DECLINE = -1, -2, -3, -4, -5


@dataclass(frozen=True, slots=True)
class Wanted:
    """An element to be read: its field, tag, VR by the dictionary, and the kind of value that the field holds.

    With `inside`, the tag of a sequence, the values of all its items are wanted, as one tuple of text.
    """

    field: str
    tag: int
    vr: str
    kind: Callable[[object], Value]
    inside: int | None = None


@dataclass(frozen=True, slots=True)
class FlatHeader:
    """Values of the fields that are present, where the header ends [byte], and how it is encoded."""

    values: dict[str, Value]
    end: int
    is_implicit: bool


@dataclass(slots=True)
class _Raw:
    """Raw values of a header: by number of the wanted element, and begin and end of wanted sequences by tag."""

    found: dict[int, bytes]
    sequences: dict[bytes, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Known:
    """A template with the header it was made of, and the values that all its headers share."""

    template: Template
    header: bytes
    values: Mapping[str, Value]
    codec: str


@dataclass(frozen=True, slots=True)
class _Last:
    """The header that was read plainly last."""

    header: bytes
    series: Value
    implicit: Implicit


class FlatReader:
    """Reads wanted elements; remembers what it has seen, so that what a series repeats is decoded once.

    Parameters
    ----------
    wanted
        Elements to read. Their fields must be distinct.
    sequences
        Holds the tags (`tag_bytes`) that the dictionary (PS3.6) knows as sequences.
    """

    def __init__(self, wanted: tuple[Wanted, ...], sequences: Container[bytes]) -> None:
        plain = [element for element in wanted if element.inside is None]
        self._sequences = sequences
        self._fields = [element.field for element in plain]
        self._decoders: list[Decoder] = [decoder_of(element.vr, element.kind) for element in plain]
        self._is_text = [element.vr.encode() in TEXT_VRS for element in plain]
        self._is_name = [element.vr == "PN" for element in plain]
        self._values_of: list[dict[bytes, Value]] = [{} for _ in plain]
        self._nested = {tag_bytes(element.inside): element for element in wanted if element.inside is not None}
        self._charset_at = len(plain)
        keys = [(tag_bytes(element.tag), element.vr.encode()) for element in plain] + [(CHARACTER_SET, b"CS")]
        self._explicit = {tag + vr: at for at, (tag, vr) in enumerate(keys)}
        self._implicit = {tag: at for at, (tag, _) in enumerate(keys)}
        self._actions = dict(self._explicit)
        self._templates: deque[_Known] = deque(maxlen=_TEMPLATES)
        self._last: _Last | None = None
        self._plain_reads = 0

    def read(self, data: bytes, size: int) -> FlatHeader:
        """Read a header.

        Parameters
        ----------
        data
            The first bytes of the file.
        size
            Bytes of the whole file.

        Raises
        ------
        TooShort
            The header goes beyond `data`.
        Declined
            The header is not plain.
        """
        try:
            return self._by_template(data, size) or self._plainly(data, size)
        except IndexError:
            raise (TooShort if len(data) < size else Declined) from None
        except (ValueError, OverflowError):  # no number where one belongs
            raise Declined from None

    def _by_template(self, data: bytes, size: int) -> FlatHeader | None:
        """A header of which a template is known, the one that fitted last first."""
        for known in self._templates:
            fitted = known.template.fit(data)
            if fitted is not None:
                break
        else:
            return None
        if known is not self._templates[0]:
            self._templates.remove(known)
            self._templates.appendleft(known)
        elements, end = fitted
        if size - end in _PIECES:
            raise Declined
        implicit = known.template.implicit
        raw = _Raw({}, {})
        action_of = self._explicit if implicit is None else self._implicit
        for key, start, stop in elements:
            action = action_of.get(key)
            if action is not None:
                raw.found[action] = data[start:stop]
            elif key[:4] in self._nested:
                raw.sequences[key[:4]] = start, stop
        values = {**known.values, **self._values(raw.found, known.codec)}
        self._add_nested(values, data, raw.sequences, known.codec, implicit)
        return FlatHeader(values, end, implicit is not None)

    def _plainly(self, data: bytes, size: int) -> FlatHeader:
        if data[START:_PREAMBLE] != b"DICM":
            raise Declined
        place, meta = _file_meta(data)
        syntax = decode_text(meta.get(_SYNTAX, b""))
        if syntax not in {_IMPLICIT, _EXPLICIT} and not (syntax or "").startswith(_ENCAPSULATED):
            raise Declined
        implicit = self._sequences if syntax == _IMPLICIT else None
        raw = _Raw({}, {})
        end = (self._walk_explicit if implicit is None else self._walk_implicit)(data, size, place, raw)
        if end == place or size - end in _PIECES:
            raise Declined
        codec = plain_codec(raw.found.pop(self._charset_at, b""))
        values = self._values(raw.found, codec)
        self._add_nested(values, data, raw.sequences, codec, implicit)
        values["transfer_syntax_uid"] = syntax
        if values.get("sop_class_uid") is None:
            values["sop_class_uid"] = decode_text(meta.get(_META_CLASS, b""))
        if values.get("sop_class_uid") == STRUCTURE_SET:  # names its image in sequences within sequences
            raise Declined
        if end < size:
            self._learn(data[: end + 4], values, codec, implicit)
        return FlatHeader(values, end, implicit is not None)

    def _learn(self, header: bytes, values: Mapping[str, Value], codec: str, implicit: Implicit) -> None:
        """Make a template of a header that none fitted, by what it has in common with another one of its series.

        Where series alternate more than there are templates, two headers of different series will do after a while.
        """
        self._plain_reads += 1
        series = values.get("series_uid")
        alike = [known for known in self._templates if known.template.implicit is implicit]
        old = next((known for known in alike if series and known.values.get("series_uid") == series), None)
        last, self._last = self._last, _Last(header, series, implicit)
        if old is not None:
            other, varying = old.header, frozenset(key for _, key, _ in old.template.runs)
        elif last and last.implicit is implicit and (last.series == series or self._plain_reads >= _PATIENCE):
            other, varying = last.header, frozenset[bytes]()
        else:
            return
        self._plain_reads = 0
        template = template_of(header, other, implicit, _NEEDED, varying)
        if template is None:
            return
        if old is not None:
            self._templates.remove(old)
        differing = {key[:4] for _, key, _ in template.runs}
        fields = {self._fields[at] for tag, at in self._implicit.items() if tag in differing}
        fields |= {element.field for tag, element in self._nested.items() if tag in differing}
        shared = {field: value for field, value in values.items() if field not in fields}
        self._templates.appendleft(_Known(template, header, shared, codec))

    def _walk_explicit(self, data: bytes, size: int, place: int, raw: _Raw) -> int:
        """Step from element to element up to the pixel data or the end."""
        found, known = raw.found, self._actions.get
        while True:
            key = data[place : place + 6]
            action = known(key)
            if action is None:
                action = self._action(key)
            if action >= _SKIP:
                start = place + 8
                place = start + (data[place + 6] | data[place + 7] << 8)
                if action >= 0:
                    found[action] = data[start:place]
            elif action == _SKIP_LONG:
                length = length_at(data, place + 8)
                if length == UNDEFINED:
                    raise Declined
                place += 12 + length
            elif action == _SKIP_SEQUENCE:
                start, place, _ = after_element(data, place, None)
                if key[:4] in self._nested:
                    raw.sequences[key[:4]] = start, place
            elif action == _STOP:
                return place
            else:
                return _at_the_end(data, size, place)

    def _action(self, key: bytes) -> int:
        """What to do at an element that has not been seen yet: its four bytes of tag and two of VR decide."""
        tag, vr = key[:4], key[4:]
        if tag in PIXELS and len(key) == 6:
            return _STOP
        is_unusual = tag in self._implicit or (tag in self._nested and vr != b"SQ")  # a wanted element, another VR
        if is_unusual or len(key) < 6 or key[:2] in {COMMANDS, DELIMITERS}:
            return _DECLINE
        if vr in SHORT_VRS:
            action = _SKIP
        elif vr == b"SQ":
            action = _SKIP_SEQUENCE
        else:
            action = _SKIP_LONG if vr in LONG_VRS else _DECLINE
        if action != _DECLINE:
            if len(self._actions) >= _MOST_KEYS:
                self._actions = dict(self._explicit)
            self._actions[key] = action
        return action

    def _walk_implicit(self, data: bytes, size: int, place: int, raw: _Raw) -> int:
        """As `_walk_explicit`; a VR where none belongs means that the file names the wrong transfer syntax."""
        if looks_like_vr(data[place + 4 : place + 6]):
            raise Declined
        while True:
            tag = data[place : place + 4]
            if tag in PIXELS:
                return place
            if len(tag) < 4 or tag[:2] == COMMANDS:
                return _at_the_end(data, size, place)
            start, place, _ = after_element(data, place, self._sequences)
            if tag in self._nested:
                raw.sequences[tag] = start, place
            elif tag in self._implicit:
                raw.found[self._implicit[tag]] = data[start:place]

    def _values(self, found: Mapping[int, bytes], codec: str) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for at, raw in found.items():
            known = self._values_of[at]
            if raw in known and codec != ASCII_ONLY:
                values[self._fields[at]] = known[raw]
            elif raw:
                if self._is_text[at] and not is_plain_text(raw, codec, is_name=self._is_name[at]):
                    raise Declined
                value = values[self._fields[at]] = self._decoders[at](raw, codec)
                if raw.isascii():  # the same in all character sets
                    if len(known) >= _MOST_VALUES:
                        known.clear()
                    known[raw] = value
        return values

    def _add_nested(
        self,
        values: dict[str, Value],
        data: bytes,
        sequences: Mapping[bytes, tuple[int, int]],
        codec: str,
        implicit: Implicit,
    ) -> None:
        """Texts of the wanted elements in the items of sequences."""
        for tag, (start, end) in sequences.items():
            element = self._nested[tag]
            raws: list[bytes] = []
            last = None if data[start - 4 : start] == _UNDEFINED_LENGTH else end
            after_items(data, start, last, implicit, (tag_bytes(element.tag), element.vr.encode(), raws))
            values[element.field] = _texts(raws, element.vr, codec)


def _texts(raws: list[bytes], vr: str, codec: str) -> tuple[str, ...]:
    """Texts of raw values; empty ones are left out. Beyond ASCII, an item may stand under another character set."""
    if not all(raw.isascii() and is_plain_text(raw, codec, is_name=False) for raw in raws):
        raise Declined
    decode = decoder_of(vr, text)
    return tuple(str(value) for value in (decode(raw, codec) for raw in raws if raw) if value)


def tag_bytes(tag: int | None) -> bytes:
    """Bytes of a tag as a file in little endian has them."""
    number = tag or 0
    return bytes((number >> 16 & 0xFF, number >> 24, number & 0xFF, number >> 8 & 0xFF))


def _at_the_end(data: bytes, size: int, place: int) -> int:
    """A header without pixel data must end where the file ends."""
    if place == size == len(data):
        return place
    raise TooShort if place + 8 > len(data) and place <= size and len(data) < size else Declined


def _file_meta(data: bytes) -> tuple[int, Mapping[bytes, bytes]]:
    """Step over group 0002 (PS3.10 7.1), which is always explicit VR little endian; where it ends, and its raw values."""
    values: dict[bytes, bytes] = {}
    place = _PREAMBLE
    while data[place : place + 2] == _META:
        key = data[place : place + 6]
        start, place, vr = after_element(data, place, None)
        if key[:4] in {_SYNTAX[:4], _META_CLASS[:4]} and vr != b"UI":
            raise Declined
        values[key] = data[start:place]
    if place + 8 > len(data):
        raise IndexError
    return place, values
