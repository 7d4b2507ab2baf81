"""Everything derived from the key: repeatable with it, out of reach without it."""

import itertools
import stat

import pydicom.uid
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.errors import WorkspaceError
from umd_curate.store.keys import (
    KEY_BYTES,
    MAX_SHIFT_DAYS,
    MIN_SHIFT_DAYS,
    SHORT_ID_LENGTH,
    DeidKey,
    key_path,
    load_key,
    make_key,
)

keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).map(DeidKey)
uids = st.lists(st.integers(0, 10**9), min_size=2, max_size=6).map(lambda parts: ".".join(map(str, parts)))
KEY = DeidKey(bytes(range(KEY_BYTES)))


@given(keys, st.sets(uids, min_size=2, max_size=50))
def test_the_uid_map_is_one_to_one_repeatable_and_valid(key, sources):
    replaced = [key.uid(source) for source in sorted(sources)]
    assert len(set(replaced)) == len(sources)
    assert replaced == [DeidKey(key.secret).uid(source) for source in sorted(sources)]
    assert all(pydicom.uid.UID(uid).is_valid for uid in replaced)
    assert not sources & set(replaced)


@given(keys, keys, uids, st.text(min_size=1))
def test_two_keys_share_no_answer(first, second, uid, patient):
    if first == second:
        return
    assert first.uid(uid) != second.uid(uid)
    assert first.short_id("f", patient) != second.short_id("f", patient)
    assert first.fingerprint != second.fingerprint


@given(keys, st.text(min_size=1))
def test_dates_move_back_by_one_to_ten_years(key, patient):
    days = key.shift_days(patient)
    assert -MAX_SHIFT_DAYS <= days <= -MIN_SHIFT_DAYS
    assert days == key.shift_days(patient)


def test_date_shifts_of_many_patients_fill_the_range():
    days = [KEY.shift_days(f"patient-{n}") for n in range(3000)]
    assert min(days) < -MAX_SHIFT_DAYS + 50
    assert max(days) > -MIN_SHIFT_DAYS - 50
    assert len(set(days)) > 1500


def test_purposes_never_share_a_digest():
    purposes = ("uid", "date", "short-f", "short-s", "fingerprint")
    digests = [KEY.digest(purpose, "1.2.3") for purpose in purposes]
    assert all(one != other for one, other in itertools.combinations(digests, 2))


@given(keys, st.sampled_from(["f", "s"]), st.text())
def test_a_short_id_is_its_kind_and_base_32(key, kind, value):
    head, _, tail = key.short_id(kind, value).partition("-")
    assert head == kind
    assert len(tail) == SHORT_ID_LENGTH
    assert set(tail) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@given(keys)
def test_a_key_never_shows_itself(key):
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_a_new_key_is_random_private_and_kept(tmp_path):
    first, second = make_key(tmp_path / "one" / "deid.key"), make_key(tmp_path / "two" / "deid.key")
    assert first != second
    assert len(first.secret) == KEY_BYTES
    assert stat.S_IMODE((tmp_path / "one" / "deid.key").stat().st_mode) == 0o600
    assert make_key(tmp_path / "one" / "deid.key") == first


@pytest.mark.parametrize("content", [None, b"", b"ab" * 16, b"zz" * 32, b"\xff" * 64])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path, content):
    path = tmp_path / "secret-name.key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WorkspaceError) as refused:
        load_key(path)
    assert "secret-name" not in refused.value.message + refused.value.hint


def test_the_environment_names_the_key_before_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("UMD_KEY_FILE", str(tmp_path / "of-environment"))
    assert key_path("~/of-settings") == tmp_path / "of-environment"
    monkeypatch.delenv("UMD_KEY_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert key_path("~/of-settings") == tmp_path / "of-settings"
