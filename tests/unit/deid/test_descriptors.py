"""Descriptors keep known words only."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.descriptors import clean_text
from umd_curate.deid.rules import packaged_rules

WORDS = packaged_rules().vocabulary


def cleaned(text: str, banned: frozenset[str] = frozenset()) -> str:
    return clean_text(text, WORDS, banned).text


@pytest.mark.parametrize("text", ["PET WB AC", "T1 VIBE Dixon in", "CT Thorax 3.0 mm", "Head & Neck", "F-18 FDG"])
def test_plain_protocol_text_stays_as_written(text):
    assert cleaned(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PET WB Kowalski", "PET WB"),
        ("CT abdomen 19800312", "CT abdomen"),
        ("CT abdomen 12.03.1980", "CT abdomen"),
        ("follow up 3-Mar-21 liver", "follow up liver"),
        ("MRN0042 chest", "chest"),
        ("chest 555 019", "chest 555"),
        ("Łódź MRI", "MRI"),
        ("liver 030/555-0199", "liver"),
    ],
)
def test_names_dates_and_numbers_go(text, left):
    assert cleaned(text) == left


def test_word_of_the_vocabulary_that_is_the_patients_name_goes():
    assert cleaned("PET head neck", frozenset({"head"})) == "PET neck"


@given(st.text(max_size=80))
def test_whatever_stays_is_a_known_word_or_a_small_number(text):
    for word in re.findall(r"[^\W_]+", cleaned(text).lower()):
        assert word in WORDS or re.fullmatch(r"\d{1,3}([a-z]{1,3}\d{0,3})?", word)


@given(st.text(alphabet="abcdefgh XYZ019-./", max_size=60))
def test_cleaning_twice_is_cleaning_once(text):
    assert cleaned(cleaned(text)) == cleaned(text)
