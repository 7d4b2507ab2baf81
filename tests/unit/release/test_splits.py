from hypothesis import given
from hypothesis import strategies as st

from umd_curate.release.splits import assign_splits, split_sizes

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
subjects = st.lists(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=6, max_size=6), max_size=60, unique=True)
parts = st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any)


@given(subjects, st.text(max_size=5), st.randoms())
def test_the_order_of_the_subjects_decides_nothing(ids, seed, random):
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert assign_splits(shuffled, SHARES, seed) == assign_splits(ids, SHARES, seed)


@given(subjects, parts)
def test_every_subject_has_one_split_and_sizes_follow_the_shares_within_one(ids, weights):
    shares = {f"s{index}": weight / sum(weights) for index, weight in enumerate(weights)}
    found = assign_splits([*ids, *ids], shares, "seed")
    assert sorted(found) == sorted(ids)
    for name, share in shares.items():
        size = sum(split == name for split in found.values())
        assert abs(size - share * len(ids)) < 1
        assert share > 0 or size == 0


@given(st.integers(0, 2000))
def test_sizes_sum_to_the_subjects(n):
    assert sum(split_sizes(n, SHARES).values()) == n


def test_small_cohorts_get_train_first_and_then_test():
    sizes = [tuple(split_sizes(n, SHARES).values()) for n in (0, 1, 2, 3, 10)]
    assert sizes == [(0, 0, 0), (1, 0, 0), (1, 0, 1), (2, 0, 1), (7, 1, 2)]


def test_another_seed_gives_another_assignment():
    ids = [f"{index:06d}" for index in range(50)]
    assert assign_splits(ids, SHARES, "a") != assign_splits(ids, SHARES, "b")


@given(subjects, st.integers(0, 60))
def test_a_new_version_with_more_subjects_moves_nobody_and_keeps_the_shares(ids, n_old):
    old = assign_splits(ids[:n_old], SHARES, "seed")
    new = assign_splits(ids, SHARES, "seed", old)
    assert {subject: new[subject] for subject in old} == old
    assert sorted(new) == sorted(ids)
    sizes = split_sizes(len(ids), SHARES)
    for name, size in sizes.items():
        kept = sum(split == name for split in old.values())
        assert sum(split == name for split in new.values()) <= max(size, kept)


def test_a_split_that_the_settings_no_longer_know_is_not_kept():
    assert set(assign_splits(["A", "B"], {"train": 1.0}, "seed", {"A": "test"}).values()) == {"train"}


STRATA = st.dictionaries(
    st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=6, max_size=6),
    st.sampled_from(["petct/A/F/040", "petct/A/M/040", "petct/B/F/060", "petmri/C/M/060"]),
    min_size=1,
    max_size=120,
)


@given(STRATA)
def test_each_stratum_is_shared_out_as_the_whole(strata):
    splits = assign_splits(strata, SHARES, "seed")
    sizes = split_sizes(len(strata), SHARES)
    for stratum in set(strata.values()):
        mine = [subject for subject, found in strata.items() if found == stratum]
        for name, size in sizes.items():
            found = sum(splits[subject] == name for subject in mine)
            assert abs(found - size * len(mine) / len(strata)) < 2  # one at either end of the stretch


def test_a_plain_hash_would_not_share_out_each_stratum():
    """What the property above rules out: without strata, the same subjects miss it somewhere."""
    strata = {f"{index:06d}": ("A", "B", "C", "D")[index % 4] for index in range(120)}
    sizes = split_sizes(len(strata), SHARES)
    splits = assign_splits(list(strata), SHARES, "seed")
    worst = max(
        abs(sum(splits[s] == name for s in strata if strata[s] == stratum) - size / 4)
        for stratum in "ABCD"
        for name, size in sizes.items()
    )
    assert worst >= 2
