"""No value of an input shows where a person or a log may see it: in a repr, in a refusal, in an error."""

import dataclasses
import inspect

import pytest

from umd_curate import errors
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.errors import CurateError
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.pet import PetHeader
from umd_curate.store.keys import DeidKey, load_key
from umd_curate.store.settings import load_config
from umd_curate.store.workspace import open_workspace

CANARY = "CANARY^PATIENT"


def test_a_key_hides_its_bytes():
    secret = CANARY.encode().ljust(32, b"!")
    for shown in (repr(DeidKey(secret)), str(DeidKey(secret)), f"{DeidKey(secret)}"):
        assert CANARY not in shown
        assert secret.hex() not in shown


def test_the_identifiers_of_a_patient_hide_themselves():
    found = IdentifierSet(frozenset({(Kind.NAME, CANARY.lower()), (Kind.ID, CANARY)}))
    assert "CANARY" not in repr(found).upper()
    assert len(found) == 2


def test_the_values_of_a_pet_header_hide_themselves():
    texts = {
        entry.name: CANARY
        for entry in dataclasses.fields(PetHeader)
        if entry.type == "str | None" or entry.type == str | None
    }
    assert texts
    assert CANARY not in repr(PetHeader(**texts))


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_refusal_says_code_and_detail_but_not_its_place(code):
    refusal = Refused(CATALOGUE[code].at(CANARY, "(0010,1030)"))
    assert CANARY not in str(refusal)
    assert CANARY not in repr(refusal)


def test_a_finding_holds_no_object_of_the_input():
    kinds = {entry.name: entry.type for entry in dataclasses.fields(Finding)}
    assert set(kinds) == {"code", "severity", "place", "detail", "measured", "limit"}


@pytest.mark.parametrize(
    "attempt",
    [
        lambda folder: load_key(folder / f"{CANARY}.key"),
        lambda folder: open_workspace(folder / CANARY),
        lambda folder: load_config(folder / f"{CANARY}.toml", {}),
        lambda _: load_config(None, {"UMD_RELEASE__VERSION": CANARY}),
    ],
)  # fmt: skip
def test_an_error_names_neither_path_nor_value(tmp_path, attempt):
    with pytest.raises(CurateError) as refused:
        attempt(tmp_path)
    assert CANARY not in f"{refused.value.message}{refused.value.hint}{refused.value!r}"


def test_no_error_has_a_place_for_an_input_value():
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, CurateError):
            assert list(inspect.signature(kind).parameters) == ["message", "hint"]
