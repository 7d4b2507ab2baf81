import yaml
from datasets import Features
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.tables import Column
from umd_curate.release.front_matter import ConfigCard, SplitCard, card_counts, front_matter
from umd_curate.store.shards import Layout

LAYOUT = Layout(
    (
        Column("subject_id", "string", nullable=True),
        Column("age_years", "int64", nullable=True),
        Column("measured", "float64", nullable=True),
        Column("spacing", "list<float64>", nullable=True),
    ),
    ("pet", "ct"),
)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
splits = st.dictionaries(names, st.integers(0, 10**6), min_size=1, max_size=3)


def card_of(counts, title="t") -> str:
    configs = [
        ConfigCard(
            name,
            tuple(SplitCard(split, f"{name}/{split}-*.parquet", rows, 7) for split, rows in found.items()),
            LAYOUT.features,
            "0" * 64,
            9,
        )
        for name, found in counts.items()
    ]
    return front_matter(configs, title=title, licence="other", version="1.2.0", tags=["PET"], rows=3)


@given(st.dictionaries(names, splits, min_size=1, max_size=3))
def test_counts_are_read_back_as_they_were_written(counts):
    found = card_counts(card_of(counts) + "\n# Body\n\nname: x\nnum_examples: 3\n")
    assert found == {(config, split): rows for config, splits_ in counts.items() for split, rows in splits_.items()}


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30))
def test_a_yaml_library_reads_any_title_as_it_was_written(title):
    _, head, _ = card_of({"petct": {"train": 1}}, title).split("---\n")
    assert yaml.safe_load(head)["pretty_name"] == title


def test_the_declared_columns_are_those_of_datasets_itself():
    _, head, _ = card_of({"petct": {"train": 1}}).split("---\n")
    declared = Features._from_yaml_list(yaml.safe_load(head)["dataset_info"][0]["features"])
    assert declared == Features.from_dict(LAYOUT.features)
    assert declared.arrow_schema.remove_metadata() == LAYOUT.schema.remove_metadata()


def test_every_configuration_carries_version_and_digest_against_the_stale_cache():
    _, head, _ = card_of({"petct": {"train": 1}}).split("---\n")
    entry = yaml.safe_load(head)["configs"][0]
    assert (entry["version"], entry["description"]) == ("1.2.0", f"sha256 {'0' * 64}")
