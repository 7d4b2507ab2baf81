"""Elements that scanners fill from lists hold words of those lists and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.coding import is_code
from umd_curate.deid.rules import Action, packaged_rules

RULES = packaged_rules()
TERMS = RULES.terms
NOBODY: frozenset[str] = frozenset()
MODEL, MAKER, KERNEL, SOFTWARE, CHARSET = 0x00081090, 0x00080070, 0x00181210, 0x00181020, 0x00080005


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (MAKER, "GE MEDICAL SYSTEMS"), (MAKER, "Siemens HealthCare GmbH"), (MAKER, "UIH"), (MAKER, "Philips Medical Systems"),
        (MODEL, "Biograph64_mCT"), (MODEL, "Discovery ST"), (MODEL, "SOMATOM Definition AS"), (MODEL, "1094"), (MODEL, "uMR 770"),
        (MODEL, "LightSpeed16"), (MODEL, "Ingenuity TF PET/CT"), (MODEL, "SIGNA PET/MR"), (MODEL, "Biograph_mMR"),
        (KERNEL, "Br38f"), (KERNEL, "B30f"), (KERNEL, "I31f"), (KERNEL, "STANDARD"), (KERNEL, "XYZ Gauss5.00"), (KERNEL, "B_SOFT_B"), (KERNEL, "FC08"),
        (SOFTWARE, "syngo MR E11"), (SOFTWARE, "VG60A"), (SOFTWARE, "5.3.0.3"), (SOFTWARE, "41.04"), (SOFTWARE, "V4.0"),
        (CHARSET, "ISO_IR 100"), (CHARSET, "ISO 2022 IR 87"), (CHARSET, "ISO_IR 192"), (CHARSET, "GB18030"),
        (0x00541103, "PSF+TOF 4i5s"), (0x00541103, "OSEM2D 2i8s"), (0x00541101, "measured,AC_CT FLT"), (0x00180024, "*epfid2d1_64"),
        (0x00541001, "BQML"), (0x00185100, "HFS"), (0x00280051, "ATTN"), (0x00180022, "HELICAL MODE"), (0x00080060, "PT"),
    ],
)  # fmt: skip
def test_what_scanners_write_stays_as_written(tag, text):
    assert TERMS.of(tag).cleaned(text, NOBODY) == (text, 0)


@pytest.mark.parametrize(
    "tag", [MODEL, MAKER, KERNEL, SOFTWARE, 0x00541103, 0x00180024, 0x00080008, 0x00180015, 0x00181250]
)
@pytest.mark.parametrize(
    "text",
    [
        "Kowalska",
        "Lindenhof Klinikum",
        "MRN00421337",
        "19530417",
        "ACC998877",
        "Łódź",
        "0301234567",
        "a.zwiebel@klinik.example",
    ],
)
def test_a_name_a_place_or_a_number_never_stays(tag, text):
    left, dropped = TERMS.of(tag).cleaned(text, NOBODY)
    assert dropped
    assert not re.search(r"kowalska|lindenhof|klinik|zwiebel|\d{4}|ł", left.lower())


@given(
    st.sampled_from(sorted(tag for tag, rule in RULES.public.items() if rule.action is Action.TERM)),
    st.text(max_size=64),
)
def test_whatever_stays_was_known_and_stays_when_cleaned_again(tag, text):
    part = TERMS.of(tag)
    left, _ = part.cleaned(text, NOBODY)
    assert left.isascii()
    assert not part.unknown(left, NOBODY)
    assert part.cleaned(left, NOBODY) == (left.strip(" \0"), 0)


@given(
    st.sampled_from(sorted(tag for tag, rule in RULES.public.items() if rule.action is Action.TERM)),
    st.integers(10**5, 10**12),
)
def test_no_long_number_is_a_term(tag, number):
    assert TERMS.of(tag).unknown(str(number), NOBODY)


def test_a_word_that_is_the_patients_name_goes():
    assert TERMS.of(MODEL).cleaned("Discovery Force", frozenset({"force"})) == ("Discovery", 1)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("85756007", "SCT"), ("10200004", "SCT"), ("C-111A1", "SRT"), ("Y-X1743", "SNM3"), ("{SUVbw}g/ml", "UCUM"), ("Bq/ml", "UCUM"),
        ("113100", "DCM"), ("1", "UCUM"), ("10*-6.mm2/s", "UCUM"), ("C0000726", "UMLS"), ("F-10450", "99SDM"),
    ],
)  # fmt: skip
def test_codes_of_known_schemes_are_codes(value, scheme):
    assert is_code(value, scheme)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("85756008", "SCT"),
        ("421337", "SCT"),
        ("Kowalska", "UCUM"),
        ("MRN0042", "DCM"),
        ("85756007", ""),
        ("KOWALSKA", "99LOCAL"),
        ("1234567", "DCM"),
    ],
)
def test_anything_else_is_none(value, scheme):
    assert not is_code(value, scheme)


@given(st.integers(10**5, 10**17), st.integers(1, 9))
def test_a_changed_digit_makes_no_snomed_code(number, change):
    """Verhoeff's check digit catches every single wrong digit."""
    digits = str(number)
    if is_code(digits, "SCT"):
        wrong = digits[:-1] + str((int(digits[-1]) + change) % 10)
        assert not is_code(wrong, "SCT")
