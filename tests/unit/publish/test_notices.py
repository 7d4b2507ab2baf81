"""Notices of versions that were taken back: on the card's page, below its head, and never in the way of its checksum."""

from hypothesis import given
from hypothesis import strategies as st

from umd_curate.publish.index import Index, index_of
from umd_curate.publish.notices import Notice, noted, notices_in, tombstone, with_notices, without_notices

CARDS = st.sampled_from(["---\nlicense: x\n---\n\n# UMD\n\nText.\n", "# UMD\n", "", "---\na: b\n---\n"])
REASONS = st.sampled_from(
    ["consent was withdrawn", "SUV of (one) scanner: wrong", "see **1.1.0** > and purged: all of it"]
)
NOTICES = st.lists(
    st.builds(Notice, st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]), REASONS, st.booleans()),
    unique_by=lambda notice: notice.version,
)


@given(CARDS, NOTICES)
def test_a_card_tells_its_notices_and_is_itself_without_them(card, notices):
    told = with_notices(card, notices)
    assert notices_in(told) == tuple(notices)
    assert without_notices(told) == card


@given(CARDS, NOTICES, NOTICES)
def test_notices_replace_those_before(card, before, after):
    assert with_notices(with_notices(card, before), after) == with_notices(card, after)


def test_the_head_stays_the_head_and_the_notice_comes_before_the_text():
    told = with_notices("---\nlicense: x\n---\n\n# UMD\n", [Notice("1.0.0", "a wrong scanner", is_purged=False)])
    assert told.startswith("---\nlicense: x\n---\n")
    assert told.index("1.0.0") < told.index("# UMD")


@given(NOTICES, NOTICES)
def test_a_version_has_one_notice_and_the_newest_counts(before, after):
    found = {notice.version: notice for notice in noted(before, after)}
    assert found == {notice.version: notice for notice in (*before, *after)}
    assert list(found) == sorted(found)


def test_a_tombstone_says_that_nothing_is_left():
    notices = [Notice("1.0.0", "consent was withdrawn", is_purged=True)]
    assert notices_in(tombstone("umd", notices)) == tuple(notices)
    assert "No version" in tombstone("umd", notices)


@given(st.dictionaries(st.sampled_from(["0.9.0", "0.10.0", "1.0.0"]), st.just("a" * 64)), NOTICES)
def test_an_index_comes_back_as_it_was_and_the_highest_number_is_the_latest(versions, notices):
    index = Index(versions, tuple(notices))
    assert index_of(index.as_json()) == index
    order = ["0.9.0", "0.10.0", "1.0.0"]
    assert index.latest == (max(versions, key=order.index) if versions else None)
