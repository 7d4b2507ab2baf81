"""An enhanced PET in the words of a single-frame one; what it does not say stays unsaid."""

import pytest

from tests.convert_builders import REFERENCE, a_header
from umd_curate.convert.enhanced_pet import EnhancedFrame, RealWorldScale, as_single_frame
from umd_curate.model.pet import MappingFault, PetHeader

BARE = PetHeader(weight=70.0, decay_correction_datetime="20250101110000")


def a_frame(*scales: tuple[str, float], **flags: str) -> EnhancedFrame:
    return EnhancedFrame(scales=[RealWorldScale(unit, slope, 0.0) for unit, slope in scales], corrections=flags)


def test_what_a_header_says_itself_is_never_replaced() -> None:
    frame = EnhancedFrame(scales=[RealWorldScale("g/ml{SUVbw}", 9.0, 9.0)], corrections={"DecayCorrected": "NO"})
    assert as_single_frame(REFERENCE, frame) == REFERENCE


def test_time_and_duration_of_the_frame_go_before_those_of_the_header() -> None:
    found = as_single_frame(REFERENCE, EnhancedFrame(corrections={}, acquired="20250101110500", duration_ms=9.0))
    assert (found.acquisition_date, found.acquisition_time) == (None, None)
    assert (found.acquisition_datetime, found.frame_duration_ms) == ("20250101110500", 9.0)


def test_activity_is_taken_before_any_other_unit() -> None:
    found = as_single_frame(BARE, a_frame(("{counts}", 1.0), ("g/ml{SUVbw}", 2.0), ("Bq/ml", 3.0)))
    assert (found.units, found.rescale_slope) == ("BQML", 3.0)


@pytest.mark.parametrize("unit", ["mg/min/ml", "", "BQ/ML", "BQML"])
def test_an_unknown_unit_stays_unknown(unit: str) -> None:
    found = as_single_frame(BARE, a_frame((unit, 3.0)))
    assert (found.units, found.rescale_slope) == (None, None)
    assert found.mapping_fault is MappingFault.UNIT_UNKNOWN
    assert as_single_frame(BARE, a_frame()).mapping_fault is None


@pytest.mark.parametrize(
    ("unit", "meaning"),
    [
        ("Bq/mL", ("BQML", None)),
        ("g/mL{SUVbw}", ("GML", "BW")),
        ("{SUVlbm}g/mL", ("GML", "LBM")),
        ("cm2/mL{SUVbsa}", ("CM2ML", "BSA")),
    ],
)
def test_the_litre_is_written_in_two_ways(unit: str, meaning: tuple[str, str | None]) -> None:
    found = as_single_frame(BARE, a_frame((unit, 3.0)))
    assert (found.units, found.suv_type, found.rescale_slope) == (*meaning, 3.0)


def test_mappings_that_say_the_same_are_one_and_others_of_one_unit_compete() -> None:
    again = as_single_frame(BARE, a_frame(("Bq/ml", 3.0), ("Bq/mL", 3.0)))
    assert (again.rescale_slope, again.mapping_fault) == (3.0, None)
    found = as_single_frame(BARE, a_frame(("Bq/ml", 3.0), ("Bq/mL", 4.0)))
    assert (found.rescale_slope, found.mapping_fault) == (None, MappingFault.COMPETING)
    ranges = [RealWorldScale("Bq/ml", 3.0, 0.0, 0.0, 99.0), RealWorldScale("Bq/ml", 3.0, 0.0, 100.0, 200.0)]
    split = as_single_frame(BARE, EnhancedFrame(scales=ranges, corrections={}))
    assert split.mapping_fault is MappingFault.COMPETING


def test_the_range_of_the_mapping_is_told() -> None:
    scales = [RealWorldScale("g/ml{SUVbw}", 1.0, 0.0, 1.0, 2.0), RealWorldScale("Bq/ml", 3.0, 0.0, 5.0, 99.0)]
    found = as_single_frame(BARE, EnhancedFrame(scales=scales, corrections={}))
    assert (found.mapped_from, found.mapped_to) == (5.0, 99.0)


@pytest.mark.parametrize(
    ("scale", "fault"),
    [
        (RealWorldScale("Bq/ml", 2.0001, 0.0), None),  # 5e-5 off
        (RealWorldScale("Bq/ml", 2.0004, 0.0), MappingFault.CONTRADICTED),  # 2e-4 off
        (RealWorldScale("Bq/mL", 6.0, 0.0), MappingFault.CONTRADICTED),
        (RealWorldScale("Bq/ml", 2.0, 1.0), MappingFault.CONTRADICTED),
        (RealWorldScale("Bq/ml", None, None), MappingFault.CONTRADICTED),  # a table of values
        (RealWorldScale("{counts}", 6.0, 0.0), None),  # of another unit
    ],
)
def test_a_header_with_units_agrees_with_the_mapping_of_that_unit(
    scale: RealWorldScale, fault: MappingFault | None
) -> None:
    header = a_header(rescale_slope=2.0)
    found = as_single_frame(header, EnhancedFrame(scales=[scale], corrections={}))
    assert found == a_header(rescale_slope=2.0, mapping_fault=fault)


def test_a_stored_suv_without_type_is_by_body_weight_where_it_is_compared() -> None:
    header = a_header(units="GML", rescale_slope=2.0)
    for unit, fault in (("g/ml{SUVbw}", MappingFault.CONTRADICTED), ("g/ml{SUVlbm}", None)):
        assert as_single_frame(header, a_frame((unit, 3.0))).mapping_fault is fault


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
