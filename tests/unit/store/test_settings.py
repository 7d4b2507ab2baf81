"""umd.toml: environment above file above default; what does not fit is an error with the setting's name."""

import tomllib

import pytest

from umd_curate.errors import ConfigError, ExitCode
from umd_curate.model.config import UmdConfig
from umd_curate.store.settings import TEMPLATE, load_config, resolved_toml


def written(tmp_path, text):
    path = tmp_path / "umd.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_all_settings_have_their_defaults():
    assert load_config(None, {}) == UmdConfig()


def test_a_file_goes_above_the_default_and_the_environment_above_the_file(tmp_path):
    path = written(tmp_path, '[release]\nversion = "1.2.3"\nsplit_seed = "x"\n')
    config = load_config(path, {"UMD_RELEASE__VERSION": "2.0.0", "UMD_REGISTER__MIN_OVERLAP": "0.25"})
    assert (config.release.version, config.release.split_seed) == ("2.0.0", "x")
    assert config.register_.min_overlap == 0.25


def test_variables_that_name_no_setting_do_not_count(tmp_path):
    path = written(tmp_path, "")
    assert load_config(path, {"UMD_KEY_FILE": "x", "UMD_WORKSPACE": "y", "RELEASE__VERSION": "9.9.9"}) == UmdConfig()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[release]\nverson = '1.0.0'\n", "release.verson"),
        ("[releases]\nversion = '1.0.0'\n", "releases"),
        ("[release]\nversion = 'one'\n", "release.version"),
        ("[qa]\nmax_outside_body = 2\n", "qa.max_outside_body"),
        ("[[release.relax]]\nrule = 'REL-002'\nreason = 'short'\n", "release.relax.0.reason"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(tmp_path, text, named):
    with pytest.raises(ConfigError) as refused:
        load_config(written(tmp_path, text), {})
    assert f"{named}:" in refused.value.message
    assert refused.value.exit_code == ExitCode.CONFIG


def test_an_unknown_setting_of_the_environment_is_an_error():
    with pytest.raises(ConfigError, match=r"release\.verson"):
        load_config(None, {"UMD_RELEASE__VERSON": "1.0.0"})


def test_what_is_no_toml_or_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(written(tmp_path, "= 1"), {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "absent.toml", {})


def test_the_resolved_settings_are_settings_again(tmp_path):
    config = load_config(written(tmp_path, '[workspace]\nprivate = "/x"\n[release]\nshard_mib = 7\n'), {})
    assert load_config(written(tmp_path, resolved_toml(config)), {}) == config


def test_the_template_of_a_new_workspace_fits():
    assert UmdConfig.model_validate(tomllib.loads(TEMPLATE)) == UmdConfig()


@pytest.mark.parametrize("text", ["release = 3\n", "label = 3\n"])
def test_a_section_that_is_no_table_is_named(tmp_path, text):
    with pytest.raises(ConfigError, match=text.split(maxsplit=1)[0]):
        load_config(written(tmp_path, text), {"UMD_RELEASE__VERSION": "2.0.0"})


def test_settings_that_are_no_utf_8_are_an_error(tmp_path):
    path = tmp_path / "umd.toml"
    path.write_bytes(b'[dataset]\nsite = "caf\xe9"\n')
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path, {})
