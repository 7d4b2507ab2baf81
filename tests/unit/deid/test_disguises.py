"""What hides a text is undone: every encoding that Python itself can make is led back."""

import base64
import json
import quopri
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.disguises import places_of, undone, without_separators

NAMED = "Żółkiewska, Łucja"
before, after = st.binary(max_size=30), st.binary(max_size=30)


def under(name: str, data: bytes) -> bytes:
    return dict(undone(data)).get(name, b"")


@given(before, after, st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes]))
def test_base64_is_undone_at_every_alignment_and_over_line_ends(head, tail, encode):
    packed = encode(head + NAMED.encode() + tail)
    assert NAMED.encode() in under("base64", b'{"x": "' + packed + b'"}')


@given(before, after, st.sampled_from(["", " ", ":", "-", ", "]), st.booleans())
def test_hex_is_undone_whatever_parts_its_bytes(head, tail, joint, upper):
    packed = (head + NAMED.encode() + tail).hex(joint) if len(joint) == 1 else (head + NAMED.encode() + tail).hex()
    packed = packed.upper() if upper else packed
    assert NAMED.encode() in under("hex", f"<{packed}>".encode())


def test_hex_of_a_program_s_text_is_undone():
    listed = ", ".join(f"0x{byte:02x}" for byte in NAMED.encode())
    escaped = "".join(f"\\x{byte:02x}" for byte in NAMED.encode())
    assert NAMED.encode() in under("hex", listed.encode())
    assert NAMED.encode() in under("hex", escaped.encode())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_escapes_of_json_links_mails_and_pages_are_undone(text):
    whole = f"of {text} {NAMED} "
    assert NAMED.encode() in under("escapes", json.dumps(whole).encode())
    assert NAMED.encode() in under("percent", quote(whole).encode())
    assert NAMED.encode() in under("quoted-printable", quopri.encodestring(whole.encode()))
    entities = "".join(f"&#{ord(character)};" if ord(character) > 127 else character for character in whole)
    assert NAMED.encode() in under("entities", entities.encode())
    assert "Müller".encode() in under("entities", b"<b>M&uuml;ller</b>")


@given(st.binary(max_size=200))
def test_any_bytes_can_be_undone(data):
    assert {name for name, _ in undone(data)} >= {"base64", "hex"}


@pytest.mark.parametrize("word", [b"identification", b"Identification", b"1234567890123"])
def test_plain_words_and_numbers_are_no_base64(word):
    assert under("base64", word) == b""


@given(st.binary(max_size=60))
def test_every_byte_without_separators_is_led_back(data):
    bare = without_separators(data)
    assert bytes(data[place] for place in places_of(data).tolist()) == bare
