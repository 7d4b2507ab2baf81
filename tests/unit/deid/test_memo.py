"""The memo answers what the rule walk would have answered, whatever came before."""

from hypothesis import given
from hypothesis import strategies as st

from umd_curate.deid.memo import Memo

RAWS = st.dictionaries(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 2)), max_size=5)
HEADERS = st.lists(st.tuples(st.integers(0, 1), RAWS, st.sets(st.integers(0, 4))), max_size=12)


@given(HEADERS)
def test_every_outcome_is_the_one_that_judging_anew_gives(headers):
    memo: Memo[tuple] = Memo()
    for context, raws, forgotten in headers:
        memo.forget(forgotten)
        found = memo.outcomes(context, raws, lambda tag, c=context, r=raws: (c, tag, r[tag]))
        assert found == {tag: (context, tag, raw) for tag, raw in raws.items()}


def test_what_stays_the_same_is_judged_once_and_what_is_not_known_each_time():
    memo: Memo[int] = Memo()
    judged = []
    for raws in ({1: "a", 2: None}, {1: "a", 2: None}, {1: "b", 2: None}):
        memo.outcomes("context", raws, judged.append)
    assert judged == [1, 2, 2, 1, 2]
    memo.outcomes("another context", {1: "b"}, judged.append)
    memo.forget([1])
    memo.outcomes("another context", {1: "b"}, judged.append)
    assert judged[5:] == [1, 1]
