"""The flat reader gives what pydicom gives, or declines: on real files, on made ones, and on broken ones. Never anything else."""

import io
import struct
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.builders import a_ct_series, a_pet_series, a_report, an_mr_series, contours_of
from umd_curate.ingest.elements import FIELDS, NESTED
from umd_curate.ingest.flat import FlatReader
from umd_curate.ingest.header import BrokenHeader
from umd_curate.ingest.io import WANTED, read_flat
from umd_curate.ingest.pydicom_io import SEQUENCES, read_by_pydicom
from umd_curate.ingest.steps import Declined, TooShort, element_at
from umd_curate.ingest.tags import TAGS

READ, DECLINED = "read", "declined"
BLOCKS = (8192, 700)  # bytes that are read first: most headers at once, or in many turns


class Memory(io.BytesIO):
    """A file in memory; pydicom asks for its name."""

    name = ""


def outcome(data: bytes, first: int = 8192) -> str:
    """Read a file both ways and compare; what the flat reader did."""
    handle = io.BytesIO(data)
    flat = read_flat(handle, len(data), handle.read(first))
    if flat is None:
        return DECLINED
    try:
        other = read_by_pydicom(Memory(data), len(data))
    except BrokenHeader:
        pytest.fail("pydicom cannot read what the flat reader read")
    assert _present(flat.values) == _present(other.values)
    assert (flat.end, flat.is_implicit, other.is_little_endian) == (other.end, other.is_implicit, True)
    return READ


def _present(values):
    found = {name: value for name, value in values.items() if value not in {None, ()}}
    return {name: (value, type(value) in {int, float}) for name, value in found.items()}


def _files(folder: Path):
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _assert_equal_on(paths, least: float) -> None:
    """Compare on files with a preamble; at least a part of them must be read, or the test would show nothing."""
    outcomes = []
    for path in paths:
        data = path.read_bytes()
        if data[128:132] == b"DICM":
            outcomes.append(outcome(data))
    assert outcomes.count(READ) >= least * len(outcomes) > 0


def test_every_field_has_a_tag_and_vr_that_are_those_of_the_dictionary():
    keywords = {keyword for keyword, _ in FIELDS.values()} | {word for pair in NESTED.values() for word in pair}
    assert set(TAGS) == keywords
    assert {word: (tag_for_keyword(word), DicomDictionary[tag_for_keyword(word)][0]) for word in TAGS} == dict(TAGS)


def test_values_are_those_of_pydicom_on_its_own_test_files():
    folder = Path(pydicom.__file__).parent / "data"
    _assert_equal_on([*_files(folder / "test_files"), *_files(folder / "charset_files")], least=0.7)


def test_values_are_those_of_pydicom_on_pydicom_data():
    data_store = pytest.importorskip("data_store", reason="pydicom-data is not installed")
    _assert_equal_on(_files(Path(data_store.__file__).parent), least=0.7)


def test_values_are_those_of_pydicom_on_real_images(shared_data):
    _assert_equal_on(_files(shared_data)[::3], least=0.95)


@pytest.mark.slow
def test_values_are_those_of_pydicom_on_all_real_images(shared_data):
    _assert_equal_on(_files(shared_data), least=0.95)


def _written(dataset: pydicom.Dataset, syntax: str) -> bytes:
    plain = pydicom.Dataset(dict(dataset.items()))
    plain.file_meta = dataset.file_meta
    plain.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, plain, enforce_file_format=True)
    return buffer.getvalue()


def _examples() -> list[bytes]:
    ct = a_ct_series()
    made = [
        a_pet_series().datasets()[0],
        ct.datasets()[0],
        an_mr_series().datasets()[0],
        a_report().datasets()[0],
        contours_of(ct).datasets()[0],
    ]
    return [_written(one, syntax) for one in made for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)]


EXAMPLES = _examples()


@pytest.mark.parametrize("first", BLOCKS)
def test_made_images_are_read_and_not_declined(first):
    assert [outcome(data, first) for data in EXAMPLES] == [READ] * len(EXAMPLES)


# The parts of which headers are made. A tag is wanted, or known, or private; values are right, odd or wrong.
_PLAIN_TAGS = sorted(TAGS[keyword][0] for keyword, _ in FIELDS.values())
_OTHER_TAGS = [0x00080005, 0x00080050, 0x00081140, 0x00091001, 0x00091002, 0x00290010, 0x00540300, 0x00080008]
_VRS = sorted({DicomDictionary[tag][0] for tag in _PLAIN_TAGS} | {"UN", "OB", "OW", "UT", "FD", "LT", "AE"})
_TEXTS = st.sampled_from(
    [
        b"",
        b" ",
        b"\0",
        b"CT",
        b"1.2.3\0",
        b" 1.2 ",
        b"12",
        b"-3.5e2 ",
        b"1\\2\\3",
        b"1\\\\3",
        b"A\\B ",
        b"nan",
        b"1_0",
        b"abc",
        b"M\xfcller^A",
        b"M\xc3\xbcller",
        b"\xcd\xf5^\xd0\xa1",
        b"Y^T=\x1b$B;3ED\x1b(B",
        b"A^B=C=",
        b"\x1b-A",
        b"2.0",
        b"ORIGINAL\\PRIMARY\\ \\M ",
        b"20240101",
        b"101010.25 ",
        b"\t5",
        b"99999999999999999999",
        b"1e999",
        b"\xa05",
    ]
)
_SETS = st.sampled_from(
    [
        b"",
        b"ISO_IR 100",
        b"ISO_IR 192",
        b"ISO_IR 6 ",
        b"GB18030 ",
        b"ISO_IR 144",
        b"ISO_IR 13 ",
        b"\\ISO 2022 IR 87",
        b"ISO 2022 IR 6\\ISO 2022 IR 149",
        b"utf_16",
        b"rot13 ",
        b"ISO-IR 100",
        b"ISO_IR 999",
        b"ISO_IR 100\\ISO_IR 192",
    ]
)


def _u2(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}H", *numbers)


def _element(tag: int, vr: str | None, value: bytes, length: int | None = None) -> bytes:
    head = _u2(tag >> 16, tag & 0xFFFF)
    size = len(value) if length is None else length
    if vr is None:
        return head + struct.pack("<L", size) + value
    if vr in {"SQ", "UN", "OB", "OW", "UT", "UC", "UR"}:
        return head + vr.encode() + b"\0\0" + struct.pack("<L", size) + value
    return head + vr.encode() + _u2(size & 0xFFFF) + value


@st.composite
def _elements(draw, explicit: bool, depth: int = 0) -> bytes:
    parts = []
    for _ in range(draw(st.integers(0, 5 if depth else 12))):
        kind = draw(
            st.sampled_from(["wanted", "wanted", "wanted", "other", "odd", "sequence" if depth < 3 else "other"])
        )
        if kind == "sequence":
            parts.append(draw(_sequence(explicit, depth)))
            continue
        tag = draw(st.sampled_from(_PLAIN_TAGS if kind != "other" else _OTHER_TAGS))
        vr = DicomDictionary[tag][0] if tag in DicomDictionary else "LO"
        vr = vr if len(vr) == 2 and vr != "SQ" else "UN"
        value = draw(_SETS if tag == 0x00080005 else _TEXTS)
        if vr == "US":
            value = draw(st.sampled_from([b"", _u2(512), _u2(1, 2), b"\1"]))
        if kind == "odd":
            vr = draw(st.sampled_from(_VRS))
        parts.append(_element(tag, vr if explicit else None, value))
    return b"".join(sorted(parts, key=lambda part: struct.unpack("<HH", part[:4])) if draw(st.booleans()) else parts)


@st.composite
def _sequence(draw, explicit: bool, depth: int) -> bytes:
    tag = draw(st.sampled_from([0x00540016, 0x00081115, 0x00081140, 0x00091002, 0x00081111]))
    items = []
    for _ in range(draw(st.integers(0, 2))):
        inner = draw(_elements(explicit, depth + 1))
        wanted = 0x00180031 if tag == 0x00540016 else 0x0020000E
        if draw(st.booleans()):
            vr = "LO" if wanted == 0x00180031 else "UI"
            inner += _element(wanted, vr if explicit else None, draw(_TEXTS))
        if draw(st.booleans()):
            items.append(b"\xfe\xff\0\xe0" + struct.pack("<L", len(inner)) + inner)
        else:
            items.append(b"\xfe\xff\0\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0")
    value = b"".join(items)
    if draw(st.booleans()):
        return _element(tag, "SQ" if explicit else None, value)
    return _element(tag, "SQ" if explicit else None, value + b"\xfe\xff\xdd\xe0\0\0\0\0", 0xFFFFFFFF)


@st.composite
def _headers(draw) -> bytes:
    """Files with preamble: explicit or implicit VR, wanted and other elements, sequences, pixel data or none."""
    explicit = draw(st.booleans())
    syntax = b"1.2.840.10008.1.2.1\0" if explicit else b"1.2.840.10008.1.2\0"
    if draw(st.integers(0, 9)) == 0:
        syntax = draw(
            st.sampled_from([b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2\0", b"1.2.840.10008.1.2.4.70", b"1.9", b""])
        )
    meta = _element(0x00020002, "UI", b"1.2.840.10008.5.1.4.1.1.2\0") + _element(0x00020010, "UI", syntax)
    data = bytes(128) + b"DICM" + meta + draw(_elements(explicit))
    if draw(st.booleans()):
        data += _element(0x7FE00010, "OW" if explicit else None, bytes(draw(st.integers(0, 20))))
    return data


@settings(max_examples=200)
@given(data=_headers(), first=st.sampled_from(BLOCKS))
def test_made_headers_are_read_as_pydicom_reads_them_or_declined(data, first):
    outcome(data, first)


@settings(max_examples=80)
@given(one=_headers(), other=_headers())
def test_what_was_read_before_changes_nothing(one, other):
    """Values, actions and templates are remembered: any order of headers must give what a fresh reader gives."""
    reader = FlatReader(WANTED, SEQUENCES)
    for data in (one, other, one, EXAMPLES[0], other, EXAMPLES[0], one):
        assert _read_by(reader, data) == _read_by(FlatReader(WANTED, SEQUENCES), data)


def _read_by(reader: FlatReader, data: bytes):
    try:
        found = reader.read(data, len(data))
    except (Declined, TooShort) as error:
        return type(error)
    return _present(found.values), found.end, found.is_implicit


@settings(max_examples=300)
@given(number=st.integers(0, len(EXAMPLES) - 1), noise=st.randoms(use_true_random=False), hits=st.integers(0, 4))
def test_damaged_headers_are_read_as_pydicom_reads_them_or_declined(number, noise, hits):
    content = bytearray(EXAMPLES[number])
    header = min(len(content), 1500)
    for _ in range(hits):
        place = noise.randrange(128, header)
        match noise.randrange(4):
            case 0:
                content[place] = noise.randrange(256)
            case 1:
                del content[place : place + noise.randrange(1, 9)]
            case 2:
                content[place:place] = bytes(noise.randrange(256) for _ in range(noise.randrange(1, 9)))
            case _:
                content[place : place + 4] = noise.choice(
                    [b"\xff\xff\xff\xff", b"\xfe\xff\0\xe0", b"\xe0\x7f\x10\0", b"\0\0\0\0"]
                )
    end = noise.choice([len(content), len(content), noise.randrange(128, len(content))])
    outcome(bytes(content[:end]))


@settings(max_examples=60)
@given(number=st.integers(0, len(EXAMPLES) - 1), noise=st.randoms(use_true_random=False))
def test_a_template_never_hides_damage(number, noise):
    """Files of one series, then one of them damaged: what fits the series' template is read as pydicom reads it."""
    reader = FlatReader(WANTED, SEQUENCES)
    whole = EXAMPLES[number]
    sop = pydicom.dcmread(io.BytesIO(whole)).SOPInstanceUID.encode()
    for digit in b"123456":
        reader.read(whole.replace(sop, sop[:-1] + bytes([digit])), len(whole))
    content = bytearray(whole)
    content[noise.randrange(132, min(len(content), 1200))] ^= 1 << noise.randrange(8)
    data = bytes(content)
    found = _read_by(reader, data)
    if isinstance(found, tuple):
        other = read_by_pydicom(Memory(data), len(data))
        assert found == (_present(other.values), other.end, other.is_implicit)


@pytest.mark.parametrize("vr", ["SQ", "OB", "UT"])
def test_a_length_beyond_the_bytes_asks_for_more_and_not_for_less(vr):
    with pytest.raises(IndexError):
        element_at(b"\x08\0\x05\0" + vr.encode() + b"\0\0\1", 0, None)


@pytest.mark.parametrize(
    ("name", "raw"),
    [("ISO_IR 100", "Müller^A".encode("latin-1")), ("ISO_IR 192", "Müller^山".encode()), ("GB18030", "王^小东".encode("gb18030"))],
)  # fmt: skip
def test_names_of_plain_character_sets_are_read_without_pydicom(name, raw):
    dataset = a_ct_series().datasets()[0]
    dataset.SpecificCharacterSet = name
    dataset.PatientName = raw.decode({"ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8", "GB18030": "gb18030"}[name])
    assert outcome(_written(dataset, ExplicitVRLittleEndian)) == READ


def test_names_of_several_character_sets_go_to_pydicom():
    dataset = a_ct_series().datasets()[0]
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.PatientName = "Yamada^Tarou=山田^太郎"
    assert outcome(_written(dataset, ExplicitVRLittleEndian)) == DECLINED
