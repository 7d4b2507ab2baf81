"""What umd.toml may change of the rules, and what it may not."""

import pytest
from pydantic import ValidationError

from umd_curate.deid.rules import Action, packaged_rules, rules_of
from umd_curate.errors import ConfigError
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_deid import DeidConfig

WHY = "Named in the trial's manual of operations."


def settings(**values):
    return DeidConfig.model_validate(values)


def test_without_settings_the_rules_are_the_packaged_ones():
    assert rules_of(DeidConfig()) is packaged_rules()


def test_a_word_and_a_private_element_are_kept_with_a_reason_that_the_release_repeats():
    chosen = settings(
        words=[{"words": ["Octreoscan"], "reason": WHY}],
        private=[{"creator": "GEMS_PARM_01", "group": "0043", "element": "27", "vr": "DT", "reason": WHY}],
    )
    rules = rules_of(chosen)
    assert "octreoscan" in rules.vocabulary
    assert rules.of_private("GEMS_PARM_01", 0x00431027).action is Action.DATETIME
    assert rules.sha256["umd.toml"]
    reasons = UmdConfig.model_validate({"deid": chosen.model_dump()}).relaxations
    assert [entry.reason for entry in reasons] == [WHY, WHY]
    assert "Octreoscan" not in str([entry.rule for entry in reasons])


@pytest.mark.parametrize(
    "values",
    [
        {"words": [{"words": ["Octreoscan"]}]},
        {"words": [{"words": ["Octreoscan"], "reason": "so"}]},
        {"words": [{"words": ["two words"], "reason": WHY}]},
        {"private": [{"creator": "A", "group": "0042", "element": "27", "vr": "DS", "reason": WHY}]},
        {"private": [{"creator": "A", "group": "0043", "element": "27", "vr": "LO", "reason": WHY}]},
    ],
)
def test_nothing_is_kept_without_a_reason_and_no_free_text_ever(values):
    with pytest.raises(ValidationError):
        settings(**values)


def test_an_element_may_be_given_up_but_not_what_an_image_needs():
    assert 0x00101020 not in rules_of(settings(drop=["0010,1020"])).public
    for tag in ("0028,0010", "0008,0018", "0010,0010"[:5] + "4000"):
        with pytest.raises(ConfigError):
            rules_of(settings(drop=[tag]))


def test_a_packaged_rule_of_a_private_element_cannot_be_changed():
    chosen = settings(
        private=[{"creator": "GEMS_PETD_01", "group": "0009", "element": "0D", "vr": "DS", "reason": WHY}]
    )
    assert rules_of(chosen).of_private("GEMS_PETD_01", 0x0009100D).action is Action.DATETIME
