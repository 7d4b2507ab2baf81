"""Chunks hold all files that may have a say in each other's plan, and no more."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.ingest.chunks import KEYS, chunk_of_rows, parts_of

_codes = st.lists(st.tuples(*[st.integers(0, 6)] * len(KEYS)), min_size=1, max_size=60)


def _by_search(rows):
    """Connected rows, found by walking from each row over every value that it shares."""
    labels = list(range(len(rows)))
    for first in range(len(rows)):
        if labels[first] != first:
            continue
        waiting, seen = [first], {first}
        while waiting:
            here = rows[waiting.pop()]
            for other, there in enumerate(rows):
                if other not in seen and any(a == b != 0 for a, b in zip(here, there, strict=True)):
                    seen.add(other)
                    waiting.append(other)
        for member in seen:
            labels[member] = min(seen)
    return labels


@given(rows=_codes)
def test_rows_that_share_a_value_are_one_chunk_whatever_the_way_between_them(rows):
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    assert chunk_of_rows(columns).tolist() == _by_search(rows)


def test_a_long_chain_is_one_chunk():
    count = 2000
    patients, studies = np.arange(count) // 2 + 1, (np.arange(count) + 1) // 2 + 1
    nothing = np.zeros(count, np.int64)
    assert set(chunk_of_rows([patients, studies, nothing, nothing]).tolist()) == {0}


@given(labels=st.lists(st.integers(0, 9), min_size=1, max_size=50), size=st.integers(1, 20))
def test_parts_hold_every_row_once_and_never_cut_a_chunk(labels, size):
    first = {label: labels.index(label) for label in labels}
    chunks = np.array([first[label] for label in labels], np.int64)
    parts = [part.rows.tolist() for part in parts_of(chunks, size)]
    assert sorted(row for part in parts for row in part) == list(range(len(labels)))
    assert all(part == sorted(part) for part in parts)
    owners = {}
    for number, part in enumerate(parts):
        for row in part:
            assert owners.setdefault(int(chunks[row]), number) == number
    assert all(len(part) >= size for part in parts[:-1])
