import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.convert_builders import a_header
from umd_curate.convert.derivation import Derivation
from umd_curate.convert.pet_series import PetSeries
from umd_curate.convert.suv import derive_suv
from umd_curate.convert.suv_types import DICOM_TYPE, suv_types
from umd_curate.model.pet import PetContext, Supplement

NAMES = tuple(DICOM_TYPE)
WEIGHTS, HEIGHTS = st.floats(40.0, 150.0), st.floats(1.4, 2.1)


def ratios(**changes: object) -> tuple[dict[str, float], list[str]]:
    derivation = Derivation("s-X")
    found = suv_types(a_header(**changes), NAMES, derivation)
    return {entry.name: entry.ratio for entry in found}, [finding.code for finding in derivation.findings]


def wanted(weight: float, height: float, sex: str) -> dict[str, float]:
    """The published formulas, written out: James 1976, Janmahasatian 2005, Du Bois 1916, and ideal weight."""
    h, bmi = 100 * height, weight / height**2
    james = 1.10 * weight - 128 * (weight / h) ** 2 if sex == "M" else 1.07 * weight - 148 * (weight / h) ** 2
    janma = 9270 * weight / (6680 + 216 * bmi) if sex == "M" else 9270 * weight / (8780 + 244 * bmi)
    ideal = 48.0 + 1.06 * (h - 152) if sex == "M" else 45.5 + 0.91 * (h - 152)
    surface_cm2 = 1e4 * 0.007184 * weight**0.425 * h**0.725
    return {
        "SUL-james": james / weight,
        "SUL-janma": janma / weight,
        "SUVbsa": surface_cm2 / (1000 * weight),
        "SUVibw": ideal / weight,
    }


@given(WEIGHTS, HEIGHTS, st.sampled_from("MF"))
def test_each_ratio_is_that_of_its_formula(weight: float, height: float, sex: str) -> None:
    found, _ = ratios(weight=weight, size=height, sex=sex)
    expected = wanted(weight, height, sex)
    for name, ratio in found.items():
        assert ratio == pytest.approx(expected[name], rel=1e-9)
    assert set(NAMES) - set(found) == {name for name in NAMES if expected[name] <= 0}


@given(WEIGHTS, HEIGHTS)
def test_sex_o_is_the_mean_of_both_and_flagged(weight: float, height: float) -> None:
    found, codes = ratios(weight=weight, size=height, sex="O")
    men, women = wanted(weight, height, "M"), wanted(weight, height, "F")
    for name, ratio in found.items():
        assert ratio == pytest.approx((men[name] + women[name]) / 2, rel=1e-9)
    assert "SUV-305" in codes


@given(WEIGHTS, HEIGHTS, st.sampled_from("MF"), st.sampled_from(["SUL-james", "SUL-janma", "SUVibw"]))
def test_the_way_there_undoes_the_way_back(weight: float, height: float, sex: str, name: str) -> None:
    body = {"weight": weight, "size": height, "sex": sex}
    found, _ = ratios(**body)
    if name in found:
        back = derive_suv(a_header(units="GML", suv_type=DICOM_TYPE[name], **body), "s-X").factor
        assert found[name] * back == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "left", "tag"),
    [
        ({"size": None}, [], "(0010,1020)"),
        ({"sex": None}, ["SUVbsa"], "(0010,0040)"),
        ({"weight": None}, [], "(0010,1030)"),
    ],
)
def test_a_type_that_lacks_an_input_is_left_out_and_names_the_tag(change: dict, left: list[str], tag: str) -> None:
    derivation = Derivation("s-X")
    assert [entry.name for entry in suv_types(a_header(**change), NAMES, derivation)] == left
    assert {finding.code for finding in derivation.findings} == {"SUV-313"}
    assert all(tag in finding.detail for finding in derivation.findings)


def test_the_receipt_holds_the_wanted_types_and_no_other() -> None:
    series = PetSeries("s-X", types=("SUVbw", "SUL-janma"))
    series.rescale(a_header())
    receipt = series.receipt()
    assert receipt is not None
    assert list(receipt.types) == ["SUL-janma"]
    assert receipt.types["SUL-janma"].ratio == pytest.approx(wanted(70.0, 1.75, "M")["SUL-janma"], rel=1e-12)


def test_a_height_from_the_site_makes_a_type_possible() -> None:
    context = PetContext(supplement=Supplement(source="ris", height_m=1.75))
    series = PetSeries("s-X", context, ("SUVbsa",))
    series.rescale(a_header(size=None))
    receipt = series.receipt()
    assert receipt is not None
    assert receipt.types["SUVbsa"].ratio == pytest.approx(wanted(70.0, 1.75, "M")["SUVbsa"], rel=1e-12)
    assert [(finding.code, finding.detail) for finding in series.findings] == [("SUV-314", "(0010,1020)")]


def test_without_suvbw_there_is_no_other_type() -> None:
    series = PetSeries("s-X", types=NAMES)
    series.rescale(a_header(total_dose=None))
    assert series.receipt() is None
    assert series.further == ()
