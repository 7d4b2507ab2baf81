"""Decides the whole content of a release before a byte is written: rows, shards, manifest tables and numbers.

Once the shards are written, it decides what manifest and card say about them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.config import UmdConfig
from umd_curate.model.labels import OrganTable
from umd_curate.model.release import (
    TABLES,
    ConfigEntry,
    DecidedChoice,
    ExclusionRow,
    RelaxedRule,
    ReleaseManifest,
    ShardEntry,
    SplitEntry,
)
from umd_curate.model.tables import columns_of
from umd_curate.release import card, rows, tables
from umd_curate.release.cases import Subset
from umd_curate.release.front_matter import ConfigCard, SplitCard, front_matter
from umd_curate.release.gate import Decision
from umd_curate.release.packing import Row, Shard, pack
from umd_curate.release.plan import ReleasePlan
from umd_curate.release.splits import assign_splits
from umd_curate.release.summary import Summary, summarise
from umd_curate.store.shards import Footer, Layout

BYTES_PER_MIB = 1 << 20
TAGS = ("medical", "PET", "PET-CT", "PET-MRI", "CT", "MRI", "NIfTI", "segmentation", "whole-body")

# Manifest tables that `load_dataset` offers beside the images: configuration, its one split, and the table.
TABLE_CONFIGS = {"manifest": ("volumes", "volumes"), "qa": ("findings", "qa")}


@dataclass(frozen=True, slots=True)
class ConfigContent:
    """One configuration with volumes."""

    name: str
    layout: Layout
    shards: tuple[Shard, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a release holds, by the names of its files."""

    configs: tuple[ConfigContent, ...]
    tables: Mapping[str, Sequence[object]]
    summary: Summary
    default: str
    splits: Mapping[str, str]  # by subject
    organs: OrganTable
    decided: tuple[DecidedChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A Parquet file that has been written."""

    path: str
    size: int
    sha256: str
    footer: Footer


def compose(
    decision: Decision, plan: ReleasePlan, config: UmdConfig, subsets: Sequence[Subset], organs: OrganTable
) -> Contents:
    """Decide what a release of the released cases holds; there is at least one."""
    cases, settings, site = decision.released, config.release, config.dataset.site
    splits = assign_splits((case.subject for case in cases), settings.splits, settings.split_seed, plan.kept_splits)

    def packed(name: str, layout: Layout, content: Sequence[Row]) -> ConfigContent:
        return ConfigContent(
            name, layout, pack(name, content, tuple(settings.splits), settings.shard_mib * BYTES_PER_MIB)
        )

    images = [packed(s.name, rows.image_layout(s), rows.image_rows(cases, s, splits, site)) for s in subsets]
    labels = [
        packed(f"{rows.LABELS_PREFIX}{s.name}", rows.label_layout(s), rows.label_rows(cases, s, splits, organs))
        for s in subsets
    ]
    present = tuple(content for content in (*images, *labels) if content.shards)
    exclusions = tables.exclusion_rows(decision.held, plan)
    default = next(
        (s.name for s in subsets if s.default and s.name in {content.name for content in present}), present[0].name
    )
    return Contents(
        configs=tuple(sorted(present, key=lambda content: content.name != default)),
        tables={
            "subjects": tables.subject_rows(cases, splits, site),
            "volumes": tables.volume_rows(shard for content in present for shard in content.shards),
            "labels": tables.label_rows(cases, splits, organs, rows.LABELS_PREFIX),
            "qa": tables.qa_rows(cases, splits),
            "exclusions": exclusions,
            "provenance": tables.provenance_rows(plan.receipts),
        },
        summary=summarise(cases, splits, exclusions, {organ.id: organ.name for organ in organs}),
        default=default,
        splits=splits,
        organs=organs,
        decided=plan.decided,
    )


def manifest_of(
    contents: Contents,
    written: Mapping[str, WrittenFile],
    config: UmdConfig,
    versions: Mapping[str, str],
    digest: Mapping[str, str],
) -> ReleaseManifest:
    """``manifests/release.json``.

    Parameters
    ----------
    contents
        What the release holds.
    written
        Every Parquet file by its path.
    config
        Settings of the release.
    versions
        Software that made it.
    digest
        Digest of each configuration's shards.
    """
    return ReleaseManifest(
        dataset=config.dataset.definition,
        version=config.release.version,
        site=config.dataset.site,
        licence=config.dataset.licence,
        split_seed=config.release.split_seed,
        split_shares=config.release.splits,
        configs=tuple(
            ConfigEntry(name=content.name, splits=_split_entries(content, written), sha256=digest[content.name])
            for content in contents.configs
        ),
        relaxed=tuple(RelaxedRule(rule=entry.rule, reason=entry.reason) for entry in config.relaxations),
        decided=contents.decided,
        subjects=contents.summary.subjects,
        sessions=contents.summary.sessions,
        excluded_sessions=len(
            {(row.subject_id, row.session_id) for row in _exclusions(contents) if row.scope == "session"}
        ),
        made_with=dict(sorted(versions.items())),
    )


def readme_of(
    contents: Contents,
    written: Mapping[str, WrittenFile],
    config: UmdConfig,
    versions: Mapping[str, str],
    digest: Mapping[str, str],
    definition: Mapping[str, object],
) -> str:
    """``README.md``: the card, head and body; parameters as in `manifest_of`."""
    title = str(definition.get("title", config.dataset.definition))
    configs = [_config_card(content, contents.default, written, digest) for content in contents.configs]
    configs += [
        _table_card(name, split, table, written, digest)
        for name, (split, table) in TABLE_CONFIGS.items()
        if contents.tables[table]
    ]
    head = front_matter(
        configs,
        title=title,
        licence=config.dataset.licence,
        version=config.release.version,
        tags=TAGS,
        rows=contents.summary.sessions,
    )
    facts = card.CardFacts(
        title=title,
        name=config.dataset.definition,
        version=config.release.version,
        site=config.dataset.site,
        reference=str(definition.get("reference", "")),
        configs=tuple(entry.name for entry in configs),
        organs=contents.organs,
        relaxed=config.relaxations,
        made_with=tuple(f"{name} {version}" for name, version in sorted(versions.items())),
    )
    return f"{head}\n{card.card_body(contents.summary, facts)}"


def table_path(name: str) -> str:
    """Path of a manifest table in the release folder."""
    return f"manifests/{name}.parquet"


def paths_of(contents: Contents) -> dict[str, tuple[str, ...]]:
    """Parquet files of every configuration in the order of its rows."""
    shards = {content.name: tuple(shard.path for shard in content.shards) for content in contents.configs}
    return shards | {name: (table_path(table),) for name, (_, table) in TABLE_CONFIGS.items()}


def _exclusions(contents: Contents) -> list[ExclusionRow]:
    return [row for row in contents.tables["exclusions"] if isinstance(row, ExclusionRow)]


def _split_entries(content: ConfigContent, written: Mapping[str, WrittenFile]) -> tuple[SplitEntry, ...]:
    entries = []
    for split in dict.fromkeys(shard.split for shard in content.shards):
        files = [written[shard.path] for shard in content.shards if shard.split == split]
        shards = tuple(
            ShardEntry(path=file.path, rows=file.footer.rows, size=file.size, sha256=file.sha256) for file in files
        )
        entries.append(SplitEntry(name=split, rows=sum(file.footer.rows for file in files), shards=shards))
    return tuple(entries)


def _config_card(
    content: ConfigContent, default: str, written: Mapping[str, WrittenFile], digest: Mapping[str, str]
) -> ConfigCard:
    splits = []
    for split in dict.fromkeys(shard.split for shard in content.shards):
        files = [written[shard.path] for shard in content.shards if shard.split == split]
        splits.append(
            SplitCard(
                name=split,
                path=f"{content.name}/{split}-*.parquet",
                rows=sum(file.footer.rows for file in files),
                data_bytes=sum(file.footer.data_bytes for file in files),
            )
        )
    return ConfigCard(
        name=content.name,
        splits=tuple(splits),
        features=content.layout.features,
        digest=digest[content.name],
        file_bytes=sum(written[shard.path].size for shard in content.shards),
        default=content.name == default,
    )


def _table_card(
    name: str, split: str, table: str, written: Mapping[str, WrittenFile], digest: Mapping[str, str]
) -> ConfigCard:
    file = written[table_path(table)]
    return ConfigCard(
        name=name,
        splits=(SplitCard(split, file.path, file.footer.rows, file.footer.data_bytes),),
        features=Layout(columns_of(TABLES[table]), ()).features,
        digest=digest[name],
        file_bytes=file.size,
    )
