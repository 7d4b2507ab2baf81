"""Spellings that the echo scan looks for, and the keyed replacements."""

from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid import identifiers as spell
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.model.ids import PatientKey
from umd_curate.store.keys import MAX_SHIFT_DAYS, MIN_SHIFT_DAYS, DeidKey

COMMON = frozenset({"liver", "brown"})
uids = st.from_regex(r"1\.2\.[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8}){1,5}", fullmatch=True)


@given(st.sets(uids, max_size=40), st.binary(min_size=32, max_size=32))
def test_uid_map_is_one_to_one_and_repeatable(originals, secret):
    key, again = DeidKey(secret), DeidKey(secret)
    mapped = {uid: key.uid(uid) for uid in originals}
    assert len(set(mapped.values())) == len(originals)
    assert mapped == {uid: again.uid(uid) for uid in sorted(originals)}
    assert all(len(uid) <= 64 and uid.startswith("2.25.") for uid in mapped.values())


@given(uids, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_two_keys_share_no_uid(uid, first, second):
    assert first == second or DeidKey(first).uid(uid) != DeidKey(second).uid(uid)


@given(st.text(min_size=1, max_size=20), st.binary(min_size=32, max_size=32))
def test_shift_is_a_year_to_ten_years_back(patient, secret):
    assert -MAX_SHIFT_DAYS <= DeidKey(secret).shift_days(PatientKey(patient)) <= -MIN_SHIFT_DAYS


def test_name_is_known_in_the_orders_in_which_it_is_written():
    spellings = set(spell.from_name("Żółkiewska^Maria Anna^^Dr.", COMMON))
    assert {"żółkiewska", "maria", "żółkiewska^maria anna", "maria anna żółkiewska"} <= spellings
    assert {"zołkiewska", "maria anna zołkiewska"} <= spellings
    assert "dr" not in spellings


def test_short_and_common_words_count_only_inside_a_longer_name():
    spellings = set(spell.from_name("Brown^Li", COMMON))
    assert "brown" not in spellings
    assert "li" not in spellings
    assert {"brown li", "li brown", "brown^li", "librown"} <= spellings


def test_identifier_is_known_without_zeros_and_punctuation():
    assert set(spell.from_id("00-123456", COMMON)) == {"00-123456", "00123456", "123456"}
    assert not set(spell.from_id("0012", COMMON))


def test_day_is_known_in_national_spellings():
    assert {"19800312", "1980-03-12", "12.03.1980", "03/12/1980"} <= set(spell.from_date("19800312"))
    assert "1980-03-12" in set(spell.from_date("19800312143000.5+0100"))


def test_dicoms_own_uids_are_no_identifiers():
    assert not set(spell.from_uid("1.2.840.10008.5.1.4.1.1.2"))
    assert set(spell.from_uid("1.2.840.113619.2.55.3")) == {"1.2.840.113619.2.55.3"}


def test_identifiers_never_show_in_a_repr():
    identifiers = IdentifierSet(frozenset({(Kind.NAME, "kowalski")}))
    assert "kowalski" not in repr(identifiers | IdentifierSet()).lower()
    assert "kowalski" not in str(identifiers)
    assert "ab" * 16 not in repr(DeidKey(bytes.fromhex("ab" * 32)))


def test_short_spelling_tells_only_as_a_word():
    assert spell.tells("Dr. Chan AX", frozenset({"chan"}))
    assert not spell.tells("CHANNEL 4", frozenset({"chan"}))
    assert spell.tells("xKowalskix", frozenset({"kowalski"}))
