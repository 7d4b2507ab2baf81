import hashlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes as dictionary

from tests.convert_builders import a_header
from umd_curate.convert.radionuclides import radionuclide_table
from umd_curate.convert.suv import derive_suv
from umd_curate.model.findings import Refused
from umd_curate.store.resources import resource_bytes

TABLE = radionuclide_table()


def found(**changes: object) -> list[tuple[str, float | None]]:
    return [(finding.code, finding.measured) for finding in derive_suv(a_header(**changes), "s-X").findings]


def test_the_table_holds_all_radionuclides_of_the_context_group_under_their_codes() -> None:
    group = dictionary.cid4020
    for keyword in group.dir():
        concept = getattr(group, keyword)
        coded, named = TABLE.coded(concept.value), TABLE.named(concept.meaning)
        assert coded is not None, keyword
        assert coded == named, keyword


def test_the_table_is_the_one_that_was_reviewed() -> None:
    sources = tomllib.loads(resource_bytes("manifests/pet/SOURCES.toml").decode())
    for name, source in sources.items():
        assert hashlib.sha256(resource_bytes(f"manifests/pet/{name}")).hexdigest() == source["sha256"]


@pytest.mark.parametrize(
    ("name", "half_life_s"),  # the SUV manual's table of 3433 real series, in whole seconds
    [("13N", 598), ("C-11", 1223), ("^68^Gallium", 4057), ("F-18", 6586), ("F^18^[^18^Fluorine]", 6588), ("Ge 68", 23400000)],
)  # fmt: skip
def test_half_lives_of_real_series_agree_with_the_table(name: str, half_life_s: float) -> None:
    entry = TABLE.named(name)
    assert entry is not None
    assert half_life_s / entry.half_life_s == pytest.approx(1, abs=0.002)


@given(st.text())
def test_any_name_is_read_without_a_fault(name: str) -> None:
    assert TABLE.named(name) is None or name


@pytest.mark.parametrize("name", [None, "", "Fluorodeoxyglucose", "F-19", "99mTc", "18", "FDG F 18 mCi 12"])
def test_a_name_without_a_known_radionuclide_is_none(name: str | None) -> None:
    assert TABLE.named(name) == (TABLE.named("F-18") if name and "F 18" in name else None)


@pytest.mark.parametrize("half_life_s", [6586.2, 6588.0, 6584.0])
def test_a_half_life_of_its_radionuclide_needs_no_word(half_life_s: float) -> None:
    assert found(half_life_s=half_life_s, radionuclide_code="77004003", radionuclide_name="^18^Fluorine") == []


def test_a_half_life_that_is_odd_is_noted_and_used() -> None:
    (finding,) = found(half_life_s=6480.0, radionuclide_code="C-111A1")
    assert finding == ("SUV-311", pytest.approx(6480 / 6586.2))
    assert derive_suv(a_header(half_life_s=6480.0, radionuclide_code="C-111A1"), "s-X").decay_factor == 2 ** (
        -3600 / 6480
    )


@pytest.mark.parametrize("half_life_s", [4057.7, 109.77 * 6, 65862.0])
def test_a_half_life_of_another_radionuclide_is_refused(half_life_s: float) -> None:
    with pytest.raises(Refused, match=r"SUV-216 .*\(0018,1075\).*\(0054,0300\)"):
        derive_suv(a_header(half_life_s=half_life_s, radionuclide_name="F-18"), "s-X")


def test_a_code_and_a_name_that_differ_leave_the_one_that_fits() -> None:
    ga68 = {"half_life_s": 4057.7, "radionuclide_code": "C-131A1", "radionuclide_name": "^68^Gallium"}
    assert found(**ga68) == [("SUV-318", None)]


def test_a_half_life_without_a_radionuclide_is_held_against_all() -> None:
    assert found(half_life_s=4057.7) == []
    assert found(half_life_s=9000.0) == [("SUV-312", 9000.0)]
    assert found(half_life_s=9000.0, radionuclide_name="a radionuclide of tomorrow") == []
