from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.receipts import Artifact
from umd_curate.release.cases import VolumeFacts
from umd_curate.release.packing import Row, pack

SPLITS = ("train", "validation", "test")


def row(subject: str, session: str, split: str, size: int) -> Row:
    file = Artifact("pet", f"data/{subject}_{session}.nii.gz", "0" * 64, size)
    volume = VolumeFacts("pet", file, "SUVbw", (1, 1, 1), (1.0, 1.0, 1.0), (), 1.0, "0" * 64)
    return Row(subject, session, split, {}, {"pet": volume})


cohorts = st.dictionaries(
    st.text("ABCDEF", min_size=1, max_size=3),
    st.tuples(st.sampled_from(SPLITS), st.lists(st.integers(0, 100), min_size=1, max_size=3)),
    max_size=12,
)


def rows_of(cohort) -> list[Row]:
    return [
        row(subject, f"petct{number}", split, size)
        for subject, (split, sizes) in cohort.items()
        for number, size in enumerate(sizes, 1)
    ]


@given(cohorts, st.integers(1, 300), st.randoms())
def test_every_row_lies_in_one_shard_whatever_the_order(cohort, target, random):
    rows = rows_of(cohort)
    shuffled = list(rows)
    random.shuffle(shuffled)
    shards = pack("petct", rows, SPLITS, target)
    assert pack("petct", shuffled, SPLITS, target) == shards
    packed = [entry for shard in shards for entry in shard.rows]
    assert sorted(packed, key=str) == sorted(rows, key=str)


@given(cohorts, st.integers(1, 300), st.integers(1, 300))
def test_rows_of_two_configurations_are_in_one_order_however_many_shards_each_has(cohort, one, other):
    images, labels = (pack("x", rows_of(cohort), SPLITS, target) for target in (one, other))
    assert [row for shard in images for row in shard.rows] == [row for shard in labels for row in shard.rows]


@given(cohorts, st.integers(1, 300))
def test_no_subject_is_torn_and_the_count_is_a_power_of_two_within_the_target(cohort, target):
    shards = pack("petct", rows_of(cohort), SPLITS, target)
    homes = [(entry.subject, shard.path) for shard in shards for entry in shard.rows]
    assert len(set(homes)) == len({subject for subject, _ in homes})
    for split in SPLITS:
        mine = [shard for shard in shards if shard.split == split]
        subjects = {entry.subject for shard in mine for entry in shard.rows}
        if not mine:
            continue
        assert len(mine).bit_count() == 1
        assert len(mine) <= len(subjects)
        size = sum(entry.size for shard in mine for entry in shard.rows)
        assert size <= target * len(mine) or len(mine) * 2 > len(subjects)


@given(st.integers(2, 40), st.integers(0, 39))
def test_a_subject_that_comes_or_goes_touches_no_shard_but_its_own(n, which):
    rows = [row(f"{1000 + 37 * index}", "petct1", "train", 10) for index in range(n)]
    left = [entry for entry in rows if entry != rows[which % n]]
    before, after = ({shard.path: shard.rows for shard in pack("x", some, SPLITS, 40)} for some in (rows, left))
    if len(before) == len(after):
        assert sum(before[path] != after[path] for path in before) == 1


def test_a_split_that_outgrows_its_shards_divides_each_in_two():
    few, many = ([row(f"{n}", "petct1", "train", 10) for n in range(count)] for count in (64, 65))
    before, after = (pack("x", rows, SPLITS, 160) for rows in (few, many))
    assert (len(before), len(after)) == (4, 8)
    for index, shard in enumerate(before):
        halves = {entry.subject for half in after[2 * index : 2 * index + 2] for entry in half.rows}
        assert {entry.subject for entry in shard.rows} <= halves


def test_shards_are_named_by_split_number_and_total():
    rows = [row(name, "petct1", "train", 60) for name in "ABCD"] + [row("E", "petct1", "test", 1)]
    paths = [shard.path for shard in pack("petct", rows, SPLITS, 120)]
    assert paths == [
        "petct/train-00000-of-00002.parquet",
        "petct/train-00001-of-00002.parquet",
        "petct/test-00000-of-00001.parquet",
    ]
