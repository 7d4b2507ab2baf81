from dataclasses import replace
from typing import Any

import pytest

from tests.convert_builders import REFERENCE, a_header
from umd_curate.convert.derivation import SuvFactor
from umd_curate.convert.suv import derive_suv
from umd_curate.model.findings import Refused
from umd_curate.model.pet import PetContext, PetHeader, Supplement

WANTED = derive_suv(REFERENCE, "s-X").factor
RIS = Supplement(
    source="ris",
    weight_kg=70.0,
    height_m=1.75,
    sex="M",
    injected_bq=368.08e6,
    injection_datetime="20250101100000",
    half_life_s=6586.2,
)
NO_TIMES = {"injection_time": None, "injection_datetime": None}


def suv(header: PetHeader, supplement: Supplement | None = RIS) -> SuvFactor:
    return derive_suv(replace(header, context=PetContext(supplement=supplement)), "s-X")


def codes(found: SuvFactor) -> list[tuple[str, str]]:
    return [(finding.code, finding.detail) for finding in found.findings]


@pytest.mark.parametrize(
    ("missing", "tag", "name"),
    [
        ({"weight": None}, "(0010,1030)", "PatientWeight"),
        ({"weight": 0.0}, "(0010,1030)", "PatientWeight"),
        ({"total_dose": None}, "(0018,1074)", "RadionuclideTotalDose"),
        ({"half_life_s": None}, "(0018,1075)", "RadionuclideHalfLife"),
        (NO_TIMES, "(0018,1078)", "RadiopharmaceuticalStartDateTime"),
    ],
)
def test_a_missing_input_comes_from_the_site_and_names_its_source(missing: dict[str, Any], tag: str, name: str) -> None:
    with pytest.raises(Refused):
        suv(a_header(**missing), None)
    found = suv(a_header(**missing))
    assert found.factor == WANTED
    assert codes(found) == [("SUV-314", tag)]
    assert found.inputs[name]["source"] == "ris"
    assert [entry for entry in found.inputs.values() if "source" in entry] == [found.inputs[name]]


def test_a_header_that_lacks_nothing_takes_nothing() -> None:
    found = suv(REFERENCE)
    assert (found.factor, found.findings) == (WANTED, ())
    assert all("source" not in entry for entry in found.inputs.values())


def test_a_site_that_does_not_know_either_leaves_it_refused() -> None:
    with pytest.raises(Refused, match="SUV-201"):
        suv(a_header(weight=None), Supplement(source="ris", injected_bq=1e8))


CONTRADICTIONS = [
    ({"weight_kg": 77.0}, "(0010,1030)", 1.1, 1.1),
    ({"injected_bq": 184.04e6}, "(0018,1074)", 0.5, 2.0),
    ({"injection_datetime": "20250101090000"}, "(0018,1078)", -3600.0, 2 ** (3600 / 6586.2)),
]


@pytest.mark.parametrize(("change", "tag", "measured", "_ratio"), CONTRADICTIONS)
def test_the_header_wins_over_a_site_that_contradicts_it(
    change: dict[str, Any], tag: str, measured: float, _ratio: float
) -> None:
    found = suv(REFERENCE, replace(RIS, **change))
    assert found.factor == WANTED
    assert codes(found) == [("SUV-315", tag)]
    assert found.findings[0].measured == pytest.approx(measured)


@pytest.mark.parametrize(("change", "tag", "measured", "ratio"), CONTRADICTIONS)
def test_an_override_wins_over_the_header_and_says_so(
    change: dict[str, Any], tag: str, measured: float, ratio: float
) -> None:
    found = suv(REFERENCE, replace(RIS, override=True, **change))
    assert found.factor / WANTED == pytest.approx(ratio, rel=1e-12)
    assert codes(found) == [("SUV-316", tag)]
    assert found.findings[0].measured == pytest.approx(measured)


@pytest.mark.parametrize(
    "change", [{"weight_kg": 70.4}, {"injected_bq": 368e6}, {"injection_datetime": "20250101100042"}]
)
def test_values_that_differ_by_rounding_only_are_no_contradiction(change: dict[str, Any]) -> None:
    found = suv(REFERENCE, replace(RIS, **change))
    assert (found.factor, found.findings) == (WANTED, ())


def test_a_header_in_mbq_and_g_agrees_with_a_site_in_bq_and_kg() -> None:
    found = suv(a_header(total_dose=368.08, weight=70000.0))
    assert [code for code, _ in codes(found)] == ["SUV-302", "SUV-301"]


def test_a_header_that_knows_the_time_alone_gets_the_date() -> None:
    long_lived = a_header(injection_datetime=None, half_life_s=45720.0)
    with pytest.raises(Refused, match="SUV-206"):
        suv(long_lived, None)
    found = suv(long_lived, replace(RIS, half_life_s=None, injection_datetime="20241231100000"))
    assert found.decay_reference_s == 25 * 3600.0
    assert codes(found) == [("SUV-314", "(0018,1078)")]


def test_a_time_that_differs_from_the_header_s_is_a_contradiction_in_seconds() -> None:
    found = suv(a_header(injection_datetime=None), replace(RIS, injection_datetime="20250101093000"))
    assert codes(found)[0] == ("SUV-315", "(0018,1078)")
    assert found.findings[0].measured == -1800.0
    assert found.decay_reference_s == 3600.0


def test_an_override_heals_two_times_that_contradict_each_other() -> None:
    torn = a_header(injection_time="093000")
    with pytest.raises(Refused, match="SUV-210"):
        suv(torn, None)
    assert suv(torn, replace(RIS, injection_datetime="20250101093000", override=True)).decay_reference_s == 5400.0


def test_an_enhanced_pet_in_mbq_takes_the_sites_becquerels() -> None:
    assert suv(a_header(total_dose=None, dose_is_mbq=True)).factor == WANTED
    assert suv(a_header(total_dose=368.08, dose_is_mbq=True)).findings == ()


def test_no_value_of_the_site_shows_in_a_repr() -> None:
    assert "1987" not in repr(replace(RIS, injection_datetime="19870101100000"))
    assert "1987" not in repr(PetContext(supplement=replace(RIS, injection_datetime="19870101100000")))
