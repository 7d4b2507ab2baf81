"""Whether all parts of a concatenation are there, by what each part says of itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.rows import series
from umd_curate.ingest.concatenation import missing_part, sources_of
from umd_curate.model.headers import InstanceHeader


def parts(sizes: Sequence[int], uid: str = "1.2", **changes: object) -> list[InstanceHeader]:
    """Parts with all that a part may say; `changes` take the place of it in every part."""
    told = [
        {
            "concatenation_uid": uid,
            "concatenation_number": n + 1,
            "concatenation_total": len(sizes),
            "concatenation_offset": sum(sizes[:n]),
        }
        for n in range(len(sizes))
    ]
    rows = series("CT", n=len(sizes), orientation=(), sop_class_uid="1.2.840.10008.5.1.4.1.1.2.1")
    return [
        replace(row, path=f"{row.path}{uid}", number_of_frames=size, **each)
        for row, size, each in zip(rows, sizes, [{**each, **changes} for each in told], strict=True)
    ]


SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=8)
SAID = [{}, {"concatenation_total": None}, {"concatenation_offset": None}]
UNNUMBERED = {"concatenation_number": None, "concatenation_total": None}


@given(SIZES, st.sampled_from([*SAID, UNNUMBERED]), st.randoms(use_true_random=False))
def test_whole_concatenations_have_no_fault_and_keep_the_order_of_their_parts(sizes, changes, noise) -> None:
    whole = parts(sizes, **changes)
    (group,) = sources_of(noise.sample(whole, len(whole)))
    assert group == whole
    assert missing_part(group) is None


@given(st.lists(st.integers(1, 30), min_size=2, max_size=8), st.sampled_from(SAID), st.data())
def test_a_part_that_is_gone_is_missed(sizes, changes, data) -> None:
    last = len(sizes) - (2 if "concatenation_total" in changes else 1)  # without a total nothing tells of the last one
    left = parts(sizes, **changes)
    left.pop(data.draw(st.integers(0, last)))
    fault = missing_part(left)
    assert fault is not None
    assert fault.code.code == "ING-225"


def test_parts_without_numbers_are_judged_by_the_frames_before_them() -> None:
    left = parts((4, 4, 4), **UNNUMBERED)
    del left[1]
    assert missing_part(left).limit == 8


def test_a_part_that_is_there_twice_is_refused() -> None:
    twice = parts((4, 4))
    assert missing_part([*twice, replace(twice[1], path="/raw/other", sop_instance_uid="9")]) is not None


@pytest.mark.parametrize("gone", [0, 1])
def test_each_of_two_concatenations_must_be_whole(gone: int) -> None:
    one, other = parts((4, 4), uid="1.2"), parts((5, 3), uid="1.3")
    assert missing_part([*one, *other]) is None
    del (one, other)[gone][0]
    assert missing_part([*one, *other]) is not None
