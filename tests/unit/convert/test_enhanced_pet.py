"""An enhanced PET in the words of a single-frame one; what it does not say stays unsaid."""

import pytest

from tests.convert_builders import REFERENCE, a_header
from umd_curate.convert.enhanced_pet import EnhancedFrame, RealWorldScale, as_single_frame
from umd_curate.model.pet import PetHeader

BARE = PetHeader(weight=70.0, decay_correction_datetime="20250101110000")


def a_frame(*scales: tuple[str, float], **flags: str) -> EnhancedFrame:
    return EnhancedFrame(scales=[RealWorldScale(unit, slope, 0.0) for unit, slope in scales], corrections=flags)


def test_what_a_header_says_itself_is_never_replaced() -> None:
    frame = EnhancedFrame(
        scales=[RealWorldScale("Bq/ml", 9.0, 9.0)],
        corrections={"DecayCorrected": "NO"},
        acquired="19990101000000",
        duration_ms=9.0,
    )
    assert as_single_frame(REFERENCE, frame) == REFERENCE


def test_activity_is_taken_before_any_other_unit() -> None:
    found = as_single_frame(BARE, a_frame(("{counts}", 1.0), ("g/ml{SUVbw}", 2.0), ("Bq/ml", 3.0)))
    assert (found.units, found.rescale_slope) == ("BQML", 3.0)


@pytest.mark.parametrize("unit", ["mg/min/ml", "", "BQ/ML"])
def test_an_unknown_unit_stays_unknown(unit: str) -> None:
    found = as_single_frame(BARE, a_frame((unit, 3.0)))
    assert (found.units, found.rescale_slope) == (None, None)


@pytest.mark.parametrize(
    ("header", "flags", "mode"),
    [
        (BARE, {"DecayCorrected": "YES"}, "START"),
        (BARE, {"DecayCorrected": "NO"}, "NONE"),
        (BARE, {}, None),
        (PetHeader(), {"DecayCorrected": "YES"}, None),  # to what time, it does not say
    ],
)
def test_the_decay_mode_is_stated_or_unknown(header: PetHeader, flags: dict[str, str], mode: str | None) -> None:
    assert as_single_frame(header, a_frame(**flags)).decay_correction == mode


def test_the_time_of_the_frame_counts_before_that_of_the_whole_acquisition() -> None:
    whole = a_header(acquisition_time=None, acquisition_date=None, acquisition_datetime="20250101100000")
    frame = EnhancedFrame(corrections={}, acquired="20250101110500", duration_ms=120e3)
    assert as_single_frame(whole, frame).acquisition_datetime == "20250101110500"
    assert as_single_frame(whole, EnhancedFrame(corrections={})).acquisition_datetime == "20250101100000"
