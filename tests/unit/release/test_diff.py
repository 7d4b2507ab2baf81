"""What a comparison of two releases says, and which part of a version must rise for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.errors import GateRefused
from umd_curate.model.changes import Bump, OrganChange, ReleaseChanges
from umd_curate.release.diff import ImageFacts, Snapshot, bump_of, compare, is_enough, next_version, required_bump
from umd_curate.release.gate import refuse_small_bump
from umd_curate.release.notes import changelog, in_words, sections_of

ORGANS = (OrganChange(organ="liver", dice=0.999, before_ml=1.0, after_ml=1.1, voxels_changed=1),)

subjects = st.sampled_from("ABCD")
keys = st.tuples(
    st.sampled_from(["petct", "labels-petct"]),
    subjects,
    st.sampled_from(["s1", "s2"]),
    st.sampled_from(["pet", "organs"]),
)
facts = st.builds(
    ImageFacts,
    st.sampled_from("12"),
    st.sampled_from("12"),
    st.sampled_from(['{"A": 1}', '{"A": 2}', '{"B": {"C": 1}}']),
)


@st.composite
def snapshots(draw):
    images = draw(st.dictionaries(keys, facts, max_size=8))
    present = sorted({key[1] for key in images})
    return Snapshot(
        version="1.0.0",
        splits={subject: draw(st.sampled_from(["train", "test"])) for subject in present},
        images=images,
        cells={f"sub-{subject}": {"sex": draw(st.sampled_from("FM"))} for subject in present},
        columns=draw(
            st.dictionaries(st.tuples(st.just("petct"), st.sampled_from("xy")), st.sampled_from(["string", "int64"]))
        ),
        label_values=draw(st.dictionaries(st.integers(1, 2), st.sampled_from(["liver", "brain"]))),
    )


def compared(before: Snapshot, after: Snapshot) -> ReleaseChanges:
    return compare(before, after, lambda key: ORGANS)


@given(snapshots())
def test_a_release_does_not_differ_from_itself(one):
    changes = compared(one, one)
    assert changes.required is Bump.NONE
    assert sections_of(changes) == []


@given(snapshots(), snapshots())
def test_the_way_back_undoes_the_way_there(one, other):
    there, back = compared(one, other), compared(other, one)
    for name in ("subjects", "sessions", "images"):
        assert getattr(there, f"{name}_added") == getattr(back, f"{name}_removed")
        assert getattr(there, f"{name}_removed") == getattr(back, f"{name}_added")
    for name in ("images_changed", "headers_changed"):
        assert getattr(there, name) == getattr(back, name)
    for name in ("cells_changed", "splits_changed", "columns_changed", "label_values_changed"):
        turned = [
            entry.model_copy(update={"before": entry.after, "after": entry.before}) for entry in getattr(back, name)
        ]
        assert list(getattr(there, name)) == turned


@given(snapshots(), snapshots())
def test_something_changed_exactly_where_a_bump_is_required(one, other):
    changes = compared(one, other)
    assert (changes.required is Bump.NONE) == (sections_of(changes) == [])


@pytest.mark.parametrize(
    ("field", "entry", "expected"),
    [
        ("subjects_added", "A", Bump.MINOR),
        ("subjects_removed", "A", Bump.MINOR),
        ("images_changed", {"config": "c", "subject": "A", "session": "s", "column": "pet"}, Bump.PATCH),
        ("headers_changed", {"config": "c", "subject": "A", "session": "s", "column": "pet"}, Bump.PATCH),
        ("splits_changed", {"subject": "A", "before": "train", "after": "test"}, Bump.MAJOR),
        ("columns_changed", {"config": "c", "column": "x", "before": None, "after": "string"}, Bump.MINOR),
        ("columns_changed", {"config": "c", "column": "x", "before": "string", "after": None}, Bump.MAJOR),
        ("columns_changed", {"config": "c", "column": "x", "before": "string", "after": "int64"}, Bump.MAJOR),
        ("label_values_changed", {"id": 1, "before": "liver", "after": "spleen"}, Bump.MAJOR),
        ("label_values_changed", {"id": 14, "before": None, "after": "prostate"}, Bump.MINOR),
        ("cells_changed", {"place": "sub-A", "cell": "sex", "before": '"F"', "after": '"M"'}, Bump.PATCH),
    ],
)
def test_what_each_kind_of_change_requires(field, entry, expected):
    changes = ReleaseChanges.model_validate({"before": "1.0.0", "after": "1.0.1", "required": "none", field: [entry]})
    assert required_bump(changes) is expected
    assert len(sections_of(changes)) == 1


versions = st.tuples(*[st.integers(0, 12)] * 3).map(lambda parts: ".".join(map(str, parts)))


@given(versions, st.sampled_from(Bump))
def test_the_next_version_rises_just_so_far(version, bump):
    assert bump_of(version, next_version(version, bump)) is bump


@given(versions, versions)
def test_a_version_that_does_not_rise_is_never_enough_for_a_change(one, other):
    given_bump = bump_of(one, other)
    rises = tuple(map(int, other.split("."))) > tuple(map(int, one.split(".")))
    assert is_enough(given_bump, Bump.PATCH) == rises
    assert is_enough(given_bump, Bump.NONE)


def test_a_version_that_rises_too_little_is_refused_with_the_one_that_will_do():
    changes = ReleaseChanges(before="1.2.3", after="1.2.4", required=Bump.MINOR, subjects_added=("A",))
    with pytest.raises(GateRefused, match="needs a minor version") as refused:
        refuse_small_bump(changes)
    assert "1.3.0" in refused.value.hint
    refuse_small_bump(changes.model_copy(update={"after": "1.3.0"}))


def test_the_words_name_twenty_of_a_kind_and_count_the_rest():
    many = ReleaseChanges(
        before="1.0.0", after="1.1.0", required=Bump.MINOR, subjects_added=tuple(f"{n:06d}" for n in range(30))
    )
    words = in_words(many)
    assert words[0] == "1.0.0 to 1.1.0: something came or went; needs minor."
    assert words[1] == "Subjects added: 30"
    assert words[-1] == "  and 10 more: manifests/changes.json"


def test_the_changelog_keeps_the_notes_of_the_releases_before(summary_of_nothing):
    first = changelog(summary_of_nothing, "1.0.0", None, "")
    changes = ReleaseChanges(before="1.0.0", after="1.0.1", required=Bump.NONE)
    second = changelog(summary_of_nothing, "1.0.1", changes, first)
    assert second.index("## 1.0.1") < second.index("## 1.0.0")
    assert second.count("# Changelog") == 1


@pytest.fixture
def summary_of_nothing():
    from umd_curate.release.summary import summarise

    return summarise([], {}, [], {})
