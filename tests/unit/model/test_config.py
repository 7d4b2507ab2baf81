"""Settings: what does not fit is refused, and every setting explains itself."""

import pytest
from pydantic import BaseModel, ValidationError

from umd_curate.model.config import Relaxation, ReleaseConfig, UmdConfig


def sections():
    for name, entry in UmdConfig.model_fields.items():
        if isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel):
            yield entry.alias or name, entry.annotation


@pytest.mark.parametrize("section", [name for name, _ in sections()])
def test_an_unknown_key_is_refused_in_every_section(section):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        UmdConfig.model_validate({section: {"no_such_setting": 1}})


def test_an_unknown_section_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        UmdConfig.model_validate({"no_such_section": {}})


@pytest.mark.parametrize("shares", [{"train": 0.5}, {"train": 1.5, "test": -0.5}])
def test_splits_must_be_shares_that_sum_to_one(shares):
    with pytest.raises(ValidationError, match="sum to 1"):
        ReleaseConfig(splits=shares)


def test_a_rule_is_not_relaxed_without_a_reason():
    with pytest.raises(ValidationError):
        Relaxation(rule="REL-002", reason="because")


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0-rc1"])
def test_a_dataset_version_has_three_numbers(version):
    with pytest.raises(ValidationError):
        ReleaseConfig(version=version)


def test_every_setting_is_described():
    silent = [
        f"{name}.{key}"
        for name, model in sections()
        for key, entry in model.model_fields.items()
        if not entry.description
    ]
    assert silent == []


def test_settings_cannot_be_changed_after_reading():
    with pytest.raises(ValidationError, match="frozen"):
        UmdConfig().release.version = "2.0.0"
