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
    for split in SPLITS:
        names = [(e.subject, e.session) for shard in shards if shard.split == split for e in shard.rows]
        assert names == sorted(names)


@given(cohorts, st.integers(1, 300))
def test_no_subject_is_torn_and_only_a_lone_subject_exceeds_the_target(cohort, target):
    shards = pack("petct", rows_of(cohort), SPLITS, target)
    homes = [(entry.subject, shard.path) for shard in shards for entry in shard.rows]
    assert len(set(homes)) == len({subject for subject, _ in homes})
    for shard in shards:
        size = sum(entry.size for entry in shard.rows)
        assert size <= target or len({entry.subject for entry in shard.rows}) == 1


def test_shards_are_named_by_split_number_and_total():
    rows = [row("A", "petct1", "train", 60), row("B", "petct1", "train", 60), row("C", "petct1", "test", 1)]
    paths = [shard.path for shard in pack("petct", rows, SPLITS, 100)]
    assert paths == [
        "petct/train-00000-of-00002.parquet",
        "petct/train-00001-of-00002.parquet",
        "petct/test-00000-of-00001.parquet",
    ]
