"""What a kept value may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.values import fits, is_dicom_uid, is_uid


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("DS", "2.429034"),
        ("DS", "-1.5E-3"),
        ("IS", "12"),
        ("TM", "235959.123456"),
        ("LO", "Head & Neck"),
        ("CS", "ISO_IR 100"),
        ("UI", "1.2.3"),
    ],
)
def test_a_value_of_its_vr_stays(vr, text):
    assert fits(vr, [text])


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("DS", "MRN0042"),
        ("IS", "1.5"),
        ("TM", "noon"),
        ("LO", "02.01.1960"),
        ("SH", "1960/01/02"),
        ("LO", "a@b.de"),
        ("CS", "12345678"),
        ("UT", "x"),
    ],
)
def test_a_date_an_address_or_a_number_in_the_guise_of_another_value_goes(vr, text):
    assert not fits(vr, [text])


@given(st.from_regex(r"1\.2\.840\.10008(\.[1-9]\d{0,3}){1,6}", fullmatch=True))
def test_uids_of_the_standard_are_told_from_others(text):
    assert is_uid(text)
    assert is_dicom_uid(text)
    assert not is_dicom_uid("2.25." + text.replace(".", ""))
