"""The search: every encoding is seen, noise is not."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.audit import Searcher
from umd_curate.deid.identifiers import IdentifierSet, Kind

ENTRIES = frozenset(
    {
        (Kind.NAME, "kowalska"),
        (Kind.NAME, "müller-lüdenscheidt"),
        (Kind.NAME, "chan"),
        (Kind.ID, "mrn00421337"),
        (Kind.ID, "4711233"),
        (Kind.UID, "1.2.826.0.1.3680043.9.7147.42"),
        (Kind.DATE, "19800312"),
    }
)
SEARCH = Searcher(IdentifierSet(ENTRIES))


def kinds(found: set[tuple[Kind, str]]) -> set[Kind]:
    return {kind for kind, _ in found}


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("value", [value for kind, value in sorted(ENTRIES) if kind is not Kind.DATE])
def test_identifier_is_found_in_every_encoding_and_case(value, encoding, case):
    data = b"\0\1some text " + case(value).encode(encoding) + b" and more"
    assert kinds(SEARCH.in_text(data))


@given(st.binary(max_size=40), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, bytes.hex]))
def test_identifier_is_found_inside_base64_and_hex_at_any_alignment(before, encode):
    packed = encode(before + b"; KOWALSKA, room 4")
    packed = packed.encode() if isinstance(packed, str) else packed
    assert Kind.NAME in kinds(SEARCH.in_text(b'{"blob": "' + packed + b'"}'))


@pytest.mark.parametrize("text", ["born 19800312.", '"19800312"', "id=4711233;", "MRN 4711233", "Dr Chan"])
def test_number_or_short_word_that_stands_alone_is_found(text):
    assert SEARCH.in_text(text.encode())


@pytest.mark.parametrize("text", ["a19800312f0", "0.4711233", "47112334", "119800312", "channel", "1.4711233e-5"])
def test_number_inside_a_longer_number_and_word_inside_a_word_are_not(text):
    assert not SEARCH.in_text(text.encode())


def test_noise_raises_no_hit():
    noise = np.random.default_rng(5).bytes(1 << 22)
    assert not SEARCH.in_payload(noise)
    assert not SEARCH.in_text(noise)


def test_checksums_that_spell_a_short_word_are_no_hit():
    assert not SEARCH.in_text(b'{"sha256": "9f63' + b" chan ".hex().encode() + b'e1d80a77c3f9e2b4a6d1c0"}')


def test_voxels_that_spell_a_date_are_no_hit_but_a_long_name_is():
    voxels = np.random.default_rng(6).integers(-1000, 1000, 1 << 16, np.int16).tobytes()
    assert not SEARCH.in_payload(voxels + b"19800312" + voxels)
    assert SEARCH.in_payload(voxels + b"Kowalska" + voxels) == {(Kind.NAME, "utf-8")}


def test_hit_at_the_seam_of_two_blocks_is_found():
    for place in range((1 << 24) - 9, (1 << 24) + 2, 3):
        data = bytearray(b" " * ((1 << 24) + 64))
        data[place : place + 8] = b"kowalska"
        assert SEARCH.in_payload(bytes(data))


def test_empty_set_finds_nothing():
    assert not Searcher(IdentifierSet()).in_text(b"kowalska 19800312")
