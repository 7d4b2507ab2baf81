"""The filter of the search finds what a plain search finds, wherever it stands and whatever its length."""

from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.windows import COMPARED, WIDTH, Windows

LETTERS = st.binary(min_size=WIDTH, max_size=14).map(lambda data: bytes(b"ab.1\0"[byte % 5] for byte in data))


def plainly(data: bytes, strings: list[bytes]) -> set[tuple[int, int]]:
    return {
        (place, number)
        for number, string in enumerate(strings)
        for place in range(len(data) - len(string) + 1)
        if data[place : place + len(string)].lower() == string
    }


@given(st.lists(LETTERS, max_size=6, unique=True), st.binary(max_size=120), st.randoms(use_true_random=False))
def test_every_string_is_found_where_a_plain_search_finds_it(strings, noise, rng):
    data = bytes(b"ab.1\0AB"[byte % 7] for byte in noise)
    for string in strings:
        place = rng.randint(0, len(data))
        data = data[:place] + (string.upper() if rng.random() < 0.5 else string) + data[place:]
    found = set(Windows(strings).candidates(data, short=True))
    assert plainly(data, strings) <= found
    heads = [string[:COMPARED] for string in strings]
    assert all(data[place : place + len(heads[number])].lower() == heads[number] for place, number in found)


@given(st.lists(LETTERS, max_size=6, unique=True), st.binary(max_size=80))
def test_short_strings_are_left_out_where_only_long_ones_are_wanted(strings, data):
    found = {number for _, number in Windows(strings).candidates(data + b"".join(strings), short=False)}
    assert found >= {number for number, string in enumerate(strings) if len(string) >= 7}
    assert not found & {number for number, string in enumerate(strings) if len(string) < 7}


def test_no_strings_and_no_bytes_give_nothing():
    assert list(Windows([]).candidates(b"anything", short=True)) == []
    assert list(Windows([b"anything"]).candidates(b"", short=True)) == []
