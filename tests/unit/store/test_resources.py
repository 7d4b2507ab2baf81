"""Packaged data are found from where the tests run; the wheel is tested in tests/architecture."""

import pytest

from umd_curate.errors import ConfigError
from umd_curate.store.resources import definition, organ_table, resource_bytes, resource_folder


def test_manifests_and_schemas_are_found():
    assert (resource_folder("manifests") / "umd.toml").is_file()
    assert resource_folder("schemas").is_dir()


def test_a_missing_folder_or_file_says_that_the_installation_is_incomplete():
    for look in (lambda: resource_folder("no-such-folder"), lambda: resource_bytes("manifests/no-such-file")):
        with pytest.raises(ConfigError, match="missing") as refused:
            look()
        assert "Install" in refused.value.hint


def test_an_unknown_definition_names_the_known_ones():
    with pytest.raises(ConfigError) as refused:
        definition("no-such-dataset")
    assert "umd" in refused.value.hint


def test_the_definition_has_one_default_subset_per_release():
    subsets = definition("umd")["subsets"]
    assert [entry["name"] for entry in subsets] == ["petct", "petmri"]
    assert [entry["name"] for entry in subsets if entry.get("default")] == ["petct"]
    assert len(organ_table("umd")) == 13
