import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.convert_builders import REFERENCE, a_header
from umd_curate.convert.derivation import SuvFactor
from umd_curate.convert.suv import derive_suv, same_suv
from umd_curate.model.findings import Refused, Severity
from umd_curate.model.pet import PetContext, PetHeader

WEIGHTS = st.floats(3.0, 300.0)
WAITS_S = st.integers(0, 4 * 3600)


def suv(header: PetHeader) -> SuvFactor:
    return derive_suv(header, "s-TESTTEST")


def refusal_of(header: PetHeader) -> Refused:
    with pytest.raises(Refused) as caught:
        suv(header)
    return caught.value


def codes(header: PetHeader) -> list[str]:
    return [finding.code for finding in suv(header).findings]


# --- properties ----------------------------------------------------------------------------------------------------


@given(WEIGHTS)
def test_doubling_the_weight_doubles_the_suv(weight: float) -> None:
    assert suv(a_header(weight=2 * weight)).factor == 2 * suv(a_header(weight=weight)).factor


@given(st.integers(-3650, 3650))
def test_moving_all_dates_by_whole_days_changes_no_bit(days: int) -> None:
    import datetime as dt

    moved = (dt.date(2025, 1, 1) + dt.timedelta(days=days)).strftime("%Y%m%d")
    header = a_header(series_time="105959.713", acquisition_time="110000.25", injection_time="100000.5")
    header = PetHeader(**{**_fields(header), "injection_datetime": "20250101100000.5"})
    after = PetHeader(
        **{
            **_fields(header),
            "series_date": moved,
            "acquisition_date": moved,
            "injection_datetime": f"{moved}100000.5",
        }
    )
    assert suv(after).factor == suv(header).factor
    assert same_suv(header, after)


@given(WAITS_S)
def test_admin_equals_start_once_decayed(wait_s: int) -> None:
    clock = f"{10 + wait_s // 3600:02d}{wait_s % 3600 // 60:02d}{wait_s % 60:02d}"
    start = suv(a_header(series_time=clock, acquisition_time=clock)).factor
    admin = suv(a_header(series_time=clock, acquisition_time=clock, decay_correction="ADMIN")).factor
    assert start == pytest.approx(admin * math.exp(math.log(2) * wait_s / 6586.2), rel=1e-12)


@given(st.floats(2e5, 9e9))
def test_the_suv_falls_with_the_injected_activity(dose: float) -> None:
    assert suv(a_header(total_dose=dose)).factor * dose == pytest.approx(70e3 / math.exp2(-3600 / 6586.2), rel=1e-12)


@given(st.integers(1, 600_000))
def test_fractional_seconds_are_kept(microseconds: int) -> None:
    whole = suv(a_header()).factor
    later = suv(a_header(series_time=f"110000.{microseconds:06d}", acquisition_time="110001")).factor
    assert later / whole == pytest.approx(math.exp2(microseconds / 1e6 / 6586.2), rel=1e-13)


def _fields(header: PetHeader) -> dict[str, object]:
    return {name: getattr(header, name) for name in PetHeader.__slots__}


# --- the rules -----------------------------------------------------------------------------------------------------


def test_the_reference_case_gives_suv_one_at_3600_bq_per_ml() -> None:
    found = suv(REFERENCE)
    assert found.factor * 3600 == pytest.approx(1.0, abs=5e-6)
    assert found.rule == "BQML/START/SeriesTime"
    assert (found.decay_reference_s, found.findings) == (3600.0, ())


def test_pixels_corrected_to_the_injection_use_the_whole_activity() -> None:
    found = suv(a_header(decay_correction="ADMIN"))
    assert found.factor == pytest.approx(70e3 / 368.08e6, rel=1e-15)
    assert (found.decay_reference_s, found.decay_factor) == (0.0, 1.0)


def test_uncorrected_pixels_are_means_over_their_frame() -> None:
    decay = math.log(2) / 6586.2
    mean = math.exp(-decay * 3600) * (1 - math.exp(-decay * 300)) / (decay * 300)
    header = a_header(decay_correction="NONE", corrected_image=("ATTN",))
    assert suv(header).factor == pytest.approx(70e3 / (368.08e6 * mean), rel=1e-12)
    assert codes(header) == []


def test_a_series_time_after_the_acquisition_is_not_taken_for_the_start_of_the_scan() -> None:
    late = a_header(series_time="114000")
    assert suv(late).factor == pytest.approx(suv(REFERENCE).factor, rel=1e-4)
    assert codes(late) == ["SUV-306"]


def test_later_beds_of_one_scan_have_one_factor() -> None:
    first = suv(a_header())
    later = suv(a_header(acquisition_time="111500", frame_reference_time_ms=1_050_000.0))
    assert later.factor == first.factor
    assert later.scan_start_s == 4500.0


def test_a_cropped_series_gets_the_start_of_its_scan_from_the_frame_times() -> None:
    cropped = a_header(series_time="120000", acquisition_time="111500", frame_reference_time_ms=1_050_000.0)
    assert suv(cropped).factor == pytest.approx(suv(REFERENCE).factor, rel=1e-4)


def test_a_series_time_that_is_late_for_some_slice_is_late_for_all() -> None:
    between = {"series_time": "110700", "acquisition_time": "111500", "frame_reference_time_ms": 1_050_000.0}
    alone, whole = a_header(**between), a_header(**between, context=PetContext(late_series_time=True))
    assert suv(alone).rule == "BQML/START/SeriesTime"
    assert suv(whole).rule == "BQML/START/FrameReferenceTime"
    assert suv(whole).factor == pytest.approx(suv(REFERENCE).factor, rel=1e-4)


def test_the_scan_time_that_ge_keeps_wins_over_a_late_series_time() -> None:
    found = suv(a_header(series_time="114000", ge_scan_datetime="20250101110000.00"))
    assert found.factor == suv(REFERENCE).factor
    assert found.rule == "BQML/START/GEScanDateTime"


def test_the_decay_time_that_siemens_keeps_wins_over_a_late_series_time() -> None:
    found = suv(a_header(series_time="114000", siemens_decay_datetime="20250101110000.000000"))
    assert found.factor == suv(REFERENCE).factor


def test_an_injection_before_midnight_is_of_the_day_before() -> None:
    header = a_header(injection_datetime=None, injection_time="233000", series_time="003000", acquisition_time="003000")
    assert suv(header).factor == suv(REFERENCE).factor
    assert codes(header) == ["SUV-304"]


def test_a_scan_over_midnight_keeps_one_injection() -> None:
    first = a_header(injection_datetime=None, injection_time="225800", series_time="235800", acquisition_time="235800")
    later = PetHeader(**{**_fields(first), "acquisition_date": "20250102", "acquisition_time": "000200"})
    assert suv(later).factor == suv(first).factor == suv(REFERENCE).factor


def test_a_start_date_and_time_with_another_offset_is_read_in_the_scanners_time() -> None:
    header = a_header(injection_datetime="20250101090000+0000", utc_offset="+0100")
    assert suv(header).factor == suv(REFERENCE).factor
    assert codes(header) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"total_dose": 368.08}, "SUV-301"), ({"weight": 70000.0}, "SUV-302")],
)
def test_an_inferred_unit_is_a_finding_and_gives_the_same_suv(change: dict[str, float], code: str) -> None:
    assert suv(a_header(**change)).factor == pytest.approx(suv(REFERENCE).factor, rel=1e-12)
    assert codes(a_header(**change)) == [code]


@pytest.mark.parametrize("dose", [368080.0, 0.368])  # kBq, GBq
def test_an_activity_that_no_scan_is_made_with_is_doubted(dose: float) -> None:
    assert "SUV-320" in codes(a_header(total_dose=dose))


def test_an_enhanced_pet_has_its_activity_in_mbq_without_a_finding() -> None:
    assert suv(a_header(total_dose=368.08, dose_is_mbq=True)).factor == pytest.approx(suv(REFERENCE).factor, rel=1e-12)
    assert codes(a_header(total_dose=368.08, dose_is_mbq=True)) == []
    assert codes(a_header(dose_is_mbq=True)) == ["SUV-317"]


def test_suv_by_body_weight_needs_nothing_more() -> None:
    bare = a_header(units="GML", weight=None, total_dose=None, injection_time=None, injection_datetime=None)
    assert suv(bare).factor == 1.0


# Expected masses: the formulas of the SUV manual worked out by hand for 70 kg and 175 cm.
@pytest.mark.parametrize(
    ("suv_type", "sex", "mass"),
    [
        ("LBM", "M", 77.0 - 120 * 0.16),
        ("LBMJAMES128", "M", 77.0 - 128 * 0.16),
        ("LBMJAMES128", "F", 74.9 - 148 * 0.16),
        ("LBMJANMA", "M", 648900 / (6680 + 216 * 22.857142857142858)),
        ("LBMJANMA", "F", 648900 / (8780 + 244 * 22.857142857142858)),
        ("IBW", "M", 72.38),
        ("IBW", "F", 66.43),
        ("IBW", "O", 69.405),
    ],
)
def test_an_suv_by_another_mass_goes_back_to_body_weight(suv_type: str, sex: str, mass: float) -> None:
    found = suv(a_header(units="GML", suv_type=suv_type, sex=sex))
    assert found.factor == pytest.approx(70 / mass, rel=1e-12)
    assert [finding.code for finding in found.findings] == (["SUV-305"] if sex == "O" else [])


def test_an_suv_by_surface_goes_back_to_body_weight_and_cm_are_noticed() -> None:
    surface_m2 = 0.007184 * 175**0.725 * 70**0.425
    found = suv(a_header(units="CM2ML", size=175.0))
    assert found.factor == pytest.approx(70e3 / (surface_m2 * 1e4), rel=1e-12)
    assert [finding.code for finding in found.findings] == ["SUV-303"]


def test_counts_take_the_makers_suv_factor_first() -> None:
    both = a_header(units="CNTS", philips_suv_factor=0.000728, philips_activity_factor=4.7)
    assert suv(both).factor == 0.000728


def test_counts_without_suv_factor_become_activity_by_the_other() -> None:
    header = a_header(units="CNTS", philips_suv_factor=0.0, philips_activity_factor=4.7)
    assert suv(header).factor == pytest.approx(4.7 * suv(REFERENCE).factor, rel=1e-12)


def test_contradicting_decay_flags_are_noted() -> None:
    assert codes(a_header(corrected_image=("ATTN",))) == ["SUV-307"]


# --- refusals ------------------------------------------------------------------------------------------------------

FORBIDS_IMAGE = [
    ({"units": None}, "SUV-101", "(0054,1001)"),
    ({"units": "PROPCPS"}, "SUV-101", "(0054,1001)"),
    ({"units": "1CM"}, "SUV-101", "(0054,1001)"),
    ({"rescale_intercept": -3.0}, "SUV-102", "(0028,1052)"),
    ({"rescale_slope": None}, "SUV-103", "(0028,1053)"),
    ({"rescale_slope": 0.0}, "SUV-103", "(0028,1053)"),
    ({"corrected_image": ("DECY", "NORM")}, "SUV-104", "(0028,0051)"),
    ({"corrected_image": ()}, "SUV-104", "(0028,0051)"),
]
FORBIDS_SUV = [
    ({"weight": None}, "SUV-201", "(0010,1030)"),
    ({"weight": 0.0}, "SUV-201", "(0010,1030)"),
    ({"total_dose": None}, "SUV-202", "(0018,1074)"),
    ({"total_dose": 0.0}, "SUV-202", "(0018,1074)"),
    ({"half_life_s": None}, "SUV-203", "(0018,1075)"),
    ({"half_life_s": 0.0}, "SUV-203", "(0018,1075)"),
    ({"injection_time": None, "injection_datetime": None}, "SUV-204", "(0018,1078)"),
    ({"decay_correction": None}, "SUV-205", "(0054,1102)"),
    ({"injection_datetime": None, "half_life_s": 45000.0}, "SUV-206", "(0018,1078)"),
    ({"injection_datetime": "20250101113000", "injection_time": None}, "SUV-207", "(0018,1078)"),
    ({"injection_datetime": "20241231100000", "injection_time": None}, "SUV-208", "(0018,1078)"),
    ({"acquisition_time": None}, "SUV-209", "(0008,0032)"),
    ({"series_time": "114000", "frame_reference_time_ms": None}, "SUV-209", "(0054,1300)"),
    ({"series_time": "114000", "frame_duration_ms": 0.0}, "SUV-209", "(0018,1242)"),
    ({"decay_correction": "NONE", "frame_duration_ms": None}, "SUV-209", "(0018,1242)"),
    ({"injection_time": "093000"}, "SUV-210", "(0018,1072)"),
    ({"units": "GML", "suv_type": "LBM", "size": None}, "SUV-211", "(0010,1020)"),
    ({"units": "GML", "suv_type": "IBW", "sex": None}, "SUV-211", "(0010,0040)"),
    ({"units": "CM2ML", "size": 0.0}, "SUV-211", "(0010,1020)"),
    ({"units": "CNTS"}, "SUV-212", "(7053,1000)"),
    ({"units": "CNTS", "philips_suv_factor": 0.0, "philips_activity_factor": 0.0}, "SUV-212", "(7053,1009)"),
    ({"units": "GML", "suv_type": "BSA"}, "SUV-213", "(0054,1006)"),
    ({"units": "CM2ML", "suv_type": "BW"}, "SUV-213", "(0054,1006)"),
    ({"radiopharmaceuticals": 2}, "SUV-214", "(0054,0016)"),
]


@pytest.mark.parametrize(("change", "code", "tag"), FORBIDS_IMAGE)
def test_an_unsound_image_is_refused_by_the_tag(change: dict[str, object], code: str, tag: str) -> None:
    finding = refusal_of(a_header(**change)).finding
    assert (finding.code, finding.severity) == (code, Severity.FAIL)
    assert tag in finding.detail


@pytest.mark.parametrize(("change", "code", "tag"), FORBIDS_SUV)
def test_a_missing_or_contradictory_input_is_refused_by_the_tag(change: dict[str, object], code: str, tag: str) -> None:
    finding = refusal_of(a_header(**change)).finding
    assert (finding.code, finding.severity) == (code, Severity.WARN)
    assert tag in finding.detail


def test_a_refusal_and_a_header_show_no_value() -> None:
    header = a_header(weight=None, injection_datetime="19871103100000", sex="CANARY", units="CANARY")
    shown = f"{refusal_of(header)!r} {refusal_of(header)} {refusal_of(header).finding!r} {header!r}"
    assert "CANARY" not in shown
    assert "1987" not in shown


# --- invariance and explanation ------------------------------------------------------------------------------------


def test_a_lost_minute_is_not_the_same_suv() -> None:
    assert not same_suv(REFERENCE, a_header(series_time="105900"))


def test_an_suv_is_not_the_same_as_none() -> None:
    assert not same_suv(REFERENCE, a_header(weight=None))
    assert same_suv(a_header(weight=None), a_header(weight=0.0))
