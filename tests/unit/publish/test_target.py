"""What a target's name means, and on what grounds a repository may be open."""

import pytest

from umd_curate.errors import ExitCode, PublishError, UsageError
from umd_curate.model.config import UmdConfig
from umd_curate.publish.target import Target, Visibility, missing_grounds, refuse_open, target_of

GROUNDS = {
    "licence": "cc-by-nc-4.0",
    "ethics": "Board of the university, 2026-17",
    "consent": "Broad consent to research use",
}


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ORG/umd", Target("hub", "ORG/umd")),
        ("hf://datasets/ORG/umd", Target("hub", "ORG/umd")),
        ("s3://bucket/a/b/", Target("bucket", "s3://bucket/a/b")),
        ("./ORG/umd", Target("folder", "./ORG/umd")),
        ("/disk/out", Target("folder", "/disk/out")),
        ("file:///disk/out", Target("folder", "/disk/out")),
    ],
)
def test_a_name_says_its_kind(text, target):
    assert target_of(text) == target


@pytest.mark.parametrize("text", ["umd", "a/b/c", "", "ORG/umd?x"])
def test_another_name_is_refused_without_being_shown(text):
    with pytest.raises(UsageError) as error:
        target_of(text)
    assert not text or text not in error.value.message


@pytest.mark.parametrize("wanted", [Visibility(is_public=True), Visibility(gate="none"), Visibility(True, "none")])
@pytest.mark.parametrize("missing", sorted(GROUNDS))
def test_an_open_repository_needs_each_ground(wanted, missing):
    given = {name: value for name, value in GROUNDS.items() if name != missing}
    config = UmdConfig.model_validate({"dataset": given})
    assert missing_grounds(config.dataset) == [f"dataset.{missing}"]
    with pytest.raises(PublishError, match=missing) as error:
        refuse_open(wanted, config.dataset)
    assert error.value.exit_code is ExitCode.PUBLISH


def test_with_all_grounds_it_may_be_open_and_a_closed_one_needs_none():
    config = UmdConfig.model_validate({"dataset": GROUNDS})
    refuse_open(Visibility(is_public=True, gate="none"), config.dataset)
    refuse_open(Visibility(), UmdConfig().dataset)
