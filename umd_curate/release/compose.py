"""Decides the whole content of a release before a byte is written: rows, shards, manifest tables and numbers.

Once the shards are written, it decides what manifest and card say about them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.config import UmdConfig
from umd_curate.model.labels import OrganTable
from umd_curate.model.receipts import Json
from umd_curate.model.release import (
    TABLES,
    ConfigEntry,
    DecidedChoice,
    ExclusionRow,
    LabelValue,
    RelaxedRule,
    ReleaseManifest,
    SeriesRow,
    ShardEntry,
    SplitEntry,
)
from umd_curate.model.tables import columns_of
from umd_curate.release import card, rows, tables
from umd_curate.release.cases import Case, Subset
from umd_curate.release.croissant import CroissantConfig, CroissantFacts, CroissantFile, croissant
from umd_curate.release.front_matter import ConfigCard, SplitCard, front_matter
from umd_curate.release.gate import Decision
from umd_curate.release.packing import Row, Shard, pack
from umd_curate.release.plan import PlannedBaseline, ReleasePlan
from umd_curate.release.splits import assign_splits
from umd_curate.release.strata import strata_of
from umd_curate.release.summary import Summary, summarise
from umd_curate.store.shards import Footer, Layout

BYTES_PER_MIB = 1 << 20
TAGS = ("medical", "PET", "PET-CT", "PET-MRI", "CT", "MRI", "NIfTI", "segmentation", "whole-body")

# Manifest tables that `load_dataset` offers beside the images: configuration, its one split, and the table.
TABLE_CONFIGS = {"manifest": ("volumes", "volumes"), "qa": ("checks", "qa")}
PREVIEW_BYTES = 8 << 10  # of a plane, for the number of shards


@dataclass(frozen=True, slots=True)
class ConfigContent:
    """One configuration with volumes, or with pictures of their planes."""

    name: str
    layout: Layout
    shards: tuple[Shard, ...]

    @property
    def n_rows(self) -> int:
        """Rows of all its shards."""
        entries = [row for shard in self.shards for row in shard.rows]
        return sum(map(rows.n_slices, entries)) if self.layout.pictures else len(entries)


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
    baseline: PlannedBaseline | None = None


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
    splits = assign_splits(strata_of(cases), settings.splits, settings.split_seed, plan.kept_splits)

    def packed(name: str, layout: Layout, content: Sequence[Row]) -> ConfigContent:
        return ConfigContent(
            name, layout, pack(name, content, tuple(settings.splits), settings.shard_mib * BYTES_PER_MIB)
        )

    images = [packed(s.name, rows.image_layout(s), rows.image_rows(cases, s, splits, site)) for s in subsets]
    labels = [
        packed(f"{rows.LABELS_PREFIX}{s.name}", rows.label_layout(s), rows.label_rows(cases, s, splits, organs))
        for s in subsets
    ]
    volumes = tuple(content for content in (*images, *labels) if content.shards)
    present = (*volumes, *([_slices(cases, splits, config)] if settings.slices else []))
    exclusions = tables.exclusion_rows(decision.held, plan)
    default = next(
        (s.name for s in subsets if s.default and s.name in {content.name for content in present}), present[0].name
    )
    return Contents(
        configs=tuple(sorted(present, key=lambda content: content.name != default)),
        tables={
            "subjects": tables.subject_rows(cases, splits, site),
            "series": tables.series_rows(cases, splits, settings.version, plan.known_series),
            "volumes": tables.volume_rows(shard for content in volumes for shard in content.shards),
            "labels": tables.label_rows(cases, splits, organs, rows.LABELS_PREFIX),
            "qa": tables.qa_rows(cases, splits, (entry.rule for entry in settings.relax)),
            "exclusions": exclusions,
            "provenance": tables.provenance_rows(plan.receipts, plan.steps),
            "withdrawals": tables.withdrawal_rows(plan.withdrawn),
        },
        summary=summarise(cases, splits, exclusions, {organ.id: organ.name for organ in organs}),
        default=default,
        splits=splits,
        organs=organs,
        decided=plan.decided,
        baseline=plan.baseline,
    )


def _slices(cases: Sequence[Case], splits: Mapping[str, str], config: UmdConfig) -> ConfigContent:
    settings = config.release
    shards = pack(
        rows.SLICES,
        rows.slice_rows(cases, splits),
        tuple(settings.splits),
        settings.shard_mib * BYTES_PER_MIB,
        lambda row: rows.n_slices(row) * PREVIEW_BYTES,
    )
    return ConfigContent(rows.SLICES, rows.slice_layout(), shards)


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
        stated=config.dataset.stated,
        split_seed=config.release.split_seed,
        split_shares=config.release.splits,
        configs=tuple(
            ConfigEntry(
                name=content.name,
                splits=_split_entries(content, written),
                columns=content.layout.types,
                sha256=digest[content.name],
            )
            for content in contents.configs
        ),
        labels=tuple(
            LabelValue(id=organ.id, name=organ.name, snomed_code=organ.snomed_code, side=organ.side)
            for organ in contents.organs
        ),
        previous_version=contents.baseline.version if contents.baseline else None,
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
    figures: Sequence[str] = (),
) -> str:
    """``README.md``: the card, head and body; parameters as in `manifest_of`, and the paths of the figures."""
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
        licence=config.dataset.licence,
        consent=config.dataset.consent,
        ethics=config.dataset.ethics,
        contact=config.dataset.contact,
        citation=citation_of(config, definition),
        previous=contents.baseline.version if contents.baseline else None,
        withdrawn=len(contents.tables["withdrawals"]),
        figures=tuple(figures),
    )
    return f"{head}\n{card.card_body(contents.summary, facts)}"


def citation_of(config: UmdConfig, definition: Mapping[str, object]) -> str:
    """How the dataset is cited: as the settings say, else by title, version and reference."""
    title = str(definition.get("title", config.dataset.definition))
    parts = (
        ", ".join(config.dataset.authors),
        f"{title}, version {config.release.version}",
        definition.get("reference"),
    )
    return config.dataset.citation or ". ".join(str(part) for part in parts if part)


def croissant_of(
    contents: Contents, written: Mapping[str, WrittenFile], config: UmdConfig, definition: Mapping[str, object]
) -> dict[str, Json]:
    """``croissant.json``; parameters as in `manifest_of`."""
    dataset = config.dataset
    facts = CroissantFacts(
        name=dataset.definition,
        title=str(definition.get("title", dataset.definition)),
        version=config.release.version,
        licence=dataset.licence,
        url=str(definition.get("url", "")),
        creators=dataset.authors or (dataset.site,),
        citation=citation_of(config, definition),
        date=dataset.published,
        contact=dataset.contact,
        consent=dataset.consent,
        ethics=dataset.ethics,
    )

    def described(name: str, includes: str, paths: Sequence[str], features: Mapping[str, Json]) -> CroissantConfig:
        files = tuple(CroissantFile(path, written[path].sha256, written[path].size) for path in paths)
        return CroissantConfig(name, includes, files, features)

    configs = [
        described(entry.name, f"{entry.name}/*.parquet", [shard.path for shard in entry.shards], entry.layout.features)
        for entry in contents.configs
    ]
    configs += [
        described(name, table_path(table), [table_path(table)], Layout(columns_of(TABLES[table]), ()).features)
        for name, (_, table) in TABLE_CONFIGS.items()
        if contents.tables[table]
    ]
    return croissant(facts, configs, contents.summary)


def table_path(name: str, suffix: str = ".parquet") -> str:
    """Path of a manifest table in the release folder."""
    return f"manifests/{name}{suffix}"


def kind_of_file(name: str, *, is_shard: bool) -> str:
    """Kind of a file of the release, as the table of files names it."""
    if is_shard:
        return "shard"
    folder = name.partition("/")[0]
    if folder == "manifests" and name.endswith((".parquet", ".jsonl")):
        return "table"
    return {"schemas": "schema", "figures": "figure"}.get(folder, "document")


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


def series_record(contents: Contents) -> dict[str, Json]:
    """What later releases need to know of the series of this one."""
    return {
        tables.series_name(row.subject_id, row.session_id, row.column): {
            "voxel_sha256": row.voxel_sha256,
            "init_version": row.init_version,
            "revised_version": row.revised_version,
        }
        for row in contents.tables["series"]
        if isinstance(row, SeriesRow)
    }
