"""The organs of the dataset: ids and codes are compared with the published ones."""

import pytest

from umd_curate.model.labels import normalised
from umd_curate.store.resources import organ_table

# SNOMED CT concepts of DICOM PS3.16 CID 7199 and of its sided concepts.
CODES = {
    "liver": ("10200004", None),
    "brain": ("12738006", None),
    "kidney_left": ("64033007", "left"),
    "kidney_right": ("64033007", "right"),
    "heart": ("80891009", None),
    "spleen": ("78961009", None),
}


def test_thirteen_organs_have_ids_one_to_thirteen():
    assert [organ.id for organ in organ_table()] == list(range(1, 14))


def test_names_and_colours_tell_organs_apart():
    organs = list(organ_table())
    assert len({organ.name for organ in organs}) == len(organs)
    assert len({organ.colour for organ in organs}) == len(organs)
    assert all(0 <= value <= 255 for organ in organs for value in organ.colour)


def test_no_spelling_names_two_organs():
    spellings = [normalised(name) for organ in organ_table() for name in (organ.name, *organ.aliases)]
    assert len(set(spellings)) == len(spellings)


@pytest.mark.parametrize("name", sorted(CODES))
def test_codes_are_those_of_dicom(name):
    code, side = CODES[name]
    organ = organ_table().named(name)
    assert (organ.snomed_code, organ.side) == (code, side)
    assert organ_table().coded(code, side) is organ


def test_a_paired_code_without_a_side_names_no_organ():
    assert organ_table().coded("64033007") is None


def test_a_sided_concept_needs_no_side():
    assert organ_table().coded("18639004").name == "kidney_left"


def test_names_are_compared_without_case_blanks_and_hyphens():
    table = organ_table()
    assert table.named(" Kidney Left ") is table.named("kidney-left")
    assert table.named("no such organ") is None
