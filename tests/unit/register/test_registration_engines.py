"""Every installed registration engine keeps the contract; the names lead to them."""

import pytest

from tests.contracts import RegistrationEngineContract
from umd_curate.errors import EngineError
from umd_curate.register.registry import engine_names, load_engine


class TestSimpleItk(RegistrationEngineContract):
    @pytest.fixture
    def engine(self):
        return load_engine("simpleitk")


def test_the_built_in_engine_is_found_by_its_entry_point():
    assert "simpleitk" in engine_names()


def test_an_engine_that_is_not_installed_is_named_with_those_that_are():
    with pytest.raises(EngineError) as caught:
        load_engine("elsewhere")
    assert "simpleitk" in caught.value.hint
