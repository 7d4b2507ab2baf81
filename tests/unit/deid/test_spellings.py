"""In which bytes an identifier is looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.audit import Searcher
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.spellings import bare_patterns_of, patterns_of

NAMES = {
    "müller-lüdenscheidt": ["utf-8", "latin-1", "iso8859-15", "cp1252", "utf-16-le", "utf-16-be"],
    "żółkiewska": ["utf-8", "iso8859-2", "cp1250"],
    "иванова": ["utf-8", "iso8859-5", "koi8-r", "cp1251"],
    "παπαδοπούλου": ["utf-8", "iso8859-7", "cp1253"],
    "ישראלי": ["utf-8", "iso8859-8"],
    "السعيد": ["utf-8", "iso8859-6"],
    "yılmazoğlu": ["utf-8", "iso8859-9"],  # noqa: RUF001  (a name)
    "山田太郎": ["utf-8", "iso2022-jp", "iso2022-jp-2", "shift-jis", "euc-jp", "gb18030", "utf-16-le"],
    "ﾔﾏﾀﾞﾀﾛｳ": ["utf-8", "shift-jis"],
    "김희중길": ["utf-8", "euc-kr"],
    "王小东明": ["utf-8", "gb2312", "gbk", "gb18030"],
    "สมชายใจดี": ["utf-8", "tis-620"],
}


@pytest.mark.parametrize(("name", "codec"), [(name, codec) for name, codecs in NAMES.items() for codec in codecs])
def test_a_name_is_found_in_the_code_pages_of_dicom(name, codec):
    search = Searcher(IdentifierSet(frozenset({(Kind.NAME, name)})))
    for form in (name, name.upper(), name.title()):
        assert search.in_text(b"\0\1 seen today: " + form.encode(codec) + b" in the ward")


@pytest.mark.parametrize(
    "written", ["12-34-56-78", "1234.5678", "12/345/678", "1_2_3_4_5_6_7_8", "MRN 12-34-56-78, ok"]
)
def test_a_number_is_found_with_other_separators(written):
    search = Searcher(IdentifierSet(frozenset({(Kind.ID, "12345678")})))
    assert search.in_text(written.encode()) == {(Kind.ID, "separated")}


@pytest.mark.parametrize("written", ["(030) 1234-567", "030 12 34 567", "+030.123.4567", "030/1234567"])
def test_a_telephone_number_is_found_as_people_write_it(written):
    search = Searcher(IdentifierSet(frozenset({(Kind.CONTACT, "0301234567")})))
    assert search.in_text(f"call {written}!".encode()) == {(Kind.CONTACT, "separated")}


@pytest.mark.parametrize("written", ["ab-12 34_56", "AB.123456", "(ab)123456"])
def test_an_id_of_letters_and_digits_is_found_with_other_separators(written):
    search = Searcher(IdentifierSet(frozenset({(Kind.ID, "ab123456")})))
    assert search.in_text(f"id {written};".encode())


@pytest.mark.parametrize(
    "written", ["1234 5678", "112-34-56-78", "12-34-56-789", "1234, 5678", "12-34---56-78", "0.1234.5678", "1234\n5678"]
)
def test_neighbours_in_a_table_are_no_number_with_separators(written):
    search = Searcher(IdentifierSet(frozenset({(Kind.ID, "12345678")})))
    assert search.in_text(written.encode()) == set()


uids = st.lists(st.integers(0, 10**9), min_size=4, max_size=6).map(lambda parts: "1.2.840." + ".".join(map(str, parts)))


@given(st.sets(uids, min_size=1, max_size=8), st.data())
def test_uids_of_one_root_are_told_apart_by_their_last_component(known, data):
    search = Searcher(IdentifierSet(frozenset((Kind.UID, uid) for uid in known)))
    uid = data.draw(st.sampled_from(sorted(known)))
    root, _, tail = uid.rpartition(".")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        assert search.in_text(f'"{uid}"'.encode(encoding))
        assert search.in_payload(f'"{uid}"'.encode()) if encoding == "utf-8" else True
    other = f"{root}.7{tail}"
    if not any(other.startswith(one) for one in known):
        assert search.in_text(f'"{other}"'.encode()) == set()


def test_the_instances_of_a_series_are_one_pattern():
    entries = [(Kind.UID, f"1.2.840.113619.2.55.3.4242.{n}") for n in range(1000)]
    assert len(patterns_of(entries)) == 2  # in one byte and in two bytes per character


def test_short_numbers_and_words_have_no_bare_form():
    assert bare_patterns_of([(Kind.ID, "123456"), (Kind.NAME, "kowalska1"), (Kind.ID, "abcdefgh")]) == []


def test_no_hit_in_noise_and_in_random_numbers():
    import numpy as np

    rng = np.random.default_rng(3)
    entries = {(Kind.NAME, name) for name in NAMES} | {(Kind.ID, str(rng.integers(10**6, 10**8))) for _ in range(200)}
    entries |= {
        (Kind.DATE, f"19{rng.integers(20, 99)}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}") for _ in range(100)
    }
    entries |= {(Kind.UID, f"1.2.840.113619.2.55.3.{rng.integers(10**8)}.{n}") for n in range(200)}
    search = Searcher(IdentifierSet(frozenset(entries)))
    numbers = "\n".join(f"{value:.9g}" for value in rng.normal(0, 1000, 20_000)).encode()
    assert search.in_text(rng.bytes(1 << 21)) == set()
    assert search.in_payload(rng.bytes(1 << 22)) == set()
    assert search.in_text(numbers) == set()
