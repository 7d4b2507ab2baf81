"""What a kept value may look like."""

import pytest

from umd_curate.deid.values import fits


@pytest.mark.parametrize("text", ["Bq/ml", "g/ml{SUVbw}", "cm2/ml", "110852", "T-D3000", "C-111A1", "99SDM", "F-18"])
def test_a_code_or_a_unit_of_a_scheme_stays(text):
    assert fits("CODE", [text])


@pytest.mark.parametrize(
    "text", ["1960/01/02", "02.01.1960", "1960-01-02", "Doe/John{1960}", "John Doe", "a@b.de", "12345678"]
)
def test_a_date_or_a_name_in_the_guise_of_a_code_goes(text):
    assert not fits("CODE", [text])
