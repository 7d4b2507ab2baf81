import pytest

from tests.convert_builders import REFERENCE, a_header
from umd_curate.convert.derivation import SuvFactor
from umd_curate.convert.suv import derive_suv
from umd_curate.model.findings import Refused


def suv(**changes: object) -> SuvFactor:
    return derive_suv(a_header(**changes), "s-X")


WANTED = derive_suv(REFERENCE, "s-X").factor


def test_a_missing_acquisition_date_is_the_day_nearest_to_the_series() -> None:
    found = suv(acquisition_date=None)
    assert found.factor == WANTED
    assert [finding.code for finding in found.findings] == ["SUV-308"]


def test_a_missing_acquisition_date_after_midnight_is_the_next_day() -> None:
    found = suv(
        series_time="235500",
        acquisition_date=None,
        acquisition_time="000500",
        injection_time="225500",
        injection_datetime=None,
    )
    assert found.factor == WANTED
    assert found.scan_start_s == 4200.0


def test_a_missing_series_date_is_the_day_nearest_to_the_acquisition() -> None:
    found = suv(series_date=None)
    assert found.factor == WANTED
    assert [finding.code for finding in found.findings] == ["SUV-308"]


def test_a_series_time_before_the_start_that_the_frame_tells_is_doubted() -> None:
    """A series time that was copied from the study's, half an hour before the scan: what PS3.3 calls the start stands."""
    found = suv(series_time="103000")
    assert found.rule == "BQML/START/SeriesTime"
    (doubt,) = [finding for finding in found.findings if finding.code == "SUV-319"]
    assert doubt.measured == pytest.approx(1800.0, abs=0.5)  # the average time of a frame is a little before its middle


@pytest.mark.parametrize(
    ("acquisition_time", "reference_ms", "duration_ms"),
    [
        ("104830.351370", 38513.36, 74324.0),  # Siemens
        ("141336", 1755000.0, 180000.0),  # Philips, in counts
        ("110156", 1328700.0, 120700.0),  # Philips: later than the frame
        ("112011", 1215000.0, 240000.0),  # GE: all beds have the first one's acquisition time
        ("095621", 0.0, 120000.0),  # GE
    ],
)
def test_the_times_of_real_scanners_raise_no_doubt(
    acquisition_time: str, reference_ms: float, duration_ms: float
) -> None:
    """Times of series that were published, beside the series time of each."""
    series = {"104830.351370": "104829", "141336": "134551", "110156": "110155"}.get(acquisition_time, acquisition_time)
    found = suv(
        series_time=series,
        acquisition_time=acquisition_time,
        frame_reference_time_ms=reference_ms,
        frame_duration_ms=duration_ms,
        injection_time="093000",
        injection_datetime=None,
    )
    assert [finding.code for finding in found.findings if finding.code == "SUV-319"] == []


def test_without_any_date_of_the_scan_the_suv_is_refused() -> None:
    with pytest.raises(Refused, match=r"SUV-209 \(0008,0032\)"):
        suv(acquisition_date=None, series_date=None)
    with pytest.raises(Refused, match=r"SUV-209 \(0008,0032\)"):
        suv(acquisition_date=None, series_date=None, decay_correction="NONE")


def test_an_acquisition_without_series_time_is_dated_by_the_series_date() -> None:
    found = suv(acquisition_date=None, series_time=None)
    assert found.factor == pytest.approx(WANTED, rel=1e-4)
    assert found.rule == "BQML/START/FrameReferenceTime"


def test_a_combined_acquisition_date_and_time_does_as_well() -> None:
    assert suv(acquisition_date=None, acquisition_time=None, acquisition_datetime="20250101110000").factor == WANTED


def test_a_stated_reference_needs_no_acquisition_time() -> None:
    found = suv(acquisition_time=None, decay_correction_datetime="20250101110000")
    assert found.factor == WANTED
    assert found.scan_start_s is None


def test_an_uncorrected_image_needs_its_acquisition_time() -> None:
    with pytest.raises(Refused, match="SUV-209"):
        suv(acquisition_time=None, decay_correction="NONE")


def test_ges_own_injection_time_gives_the_date() -> None:
    found = suv(injection_datetime=None, ge_injection_datetime="20250101100000.00", half_life_s=45000.0)
    assert found.decay_reference_s == 3600.0
    assert "GEAdministrationDateTime" in found.inputs


def test_an_offset_that_the_scanner_does_not_share_is_noted() -> None:
    found = suv(injection_datetime="20250101100000+0100")
    assert found.factor == WANTED
    assert [finding.code for finding in found.findings] == ["SUV-309"]


def test_an_injection_time_within_a_minute_of_the_other_is_the_same() -> None:
    assert suv(injection_time="100030").factor == WANTED


def test_two_injection_times_either_side_of_midnight_are_close() -> None:
    header = {"injection_datetime": "20241231235950", "injection_time": "000010", "series_time": "005950"}
    assert suv(**header, acquisition_time="005950").factor == WANTED


def test_an_image_corrected_to_an_injection_after_the_scan_is_refused() -> None:
    with pytest.raises(Refused, match="SUV-207"):
        suv(decay_correction="ADMIN", injection_datetime="20250101120000", injection_time=None)


def test_an_image_corrected_to_the_injection_needs_no_times() -> None:
    bare = {"injection_datetime": None, "injection_time": None, "acquisition_time": None, "half_life_s": None}
    assert suv(decay_correction="ADMIN", **bare).scan_start_s is None
    assert suv(decay_correction="ADMIN", half_life_s=6586.2, **{k: v for k, v in bare.items() if k != "half_life_s"})


def test_a_height_that_does_not_fit_the_weight_is_refused() -> None:
    with pytest.raises(Refused, match=r"SUV-211 \(0010,1020\)"):
        suv(units="GML", suv_type="LBM", size=0.5, weight=200.0)


def gml(**changes: object) -> SuvFactor:
    return suv(units="GML", decay_correction="ADMIN", **changes)


@pytest.mark.parametrize(
    ("injection", "measured"),
    [
        ("20250102100000", -82800.0),  # a day too late, as one of the IBSI's patients has it: 23 h after the scan
        ("20241231100000", 90000.0),  # a day too early: 13.7 half-lives of F-18
        ("20250101103000", 1800.0),  # half an hour off (0018,1072)
    ],
)
def test_a_stored_suv_with_an_impossible_injection_time_stands_without_a_scan_start(
    injection: str, measured: float
) -> None:
    found = gml(injection_datetime=injection)
    assert found.factor == 1.0
    assert found.scan_start_s is None
    assert [(finding.code, finding.measured) for finding in found.findings] == [("SUV-310", measured)]


def test_a_stored_suv_with_a_sound_injection_time_has_a_scan_start_and_no_finding() -> None:
    found = gml()
    assert (found.scan_start_s, found.findings) == (3600.0, ())


def test_a_stored_suv_without_any_injection_time_has_no_scan_start_and_no_finding() -> None:
    found = gml(injection_time=None, injection_datetime=None)
    assert (found.scan_start_s, found.findings) == (None, ())
