"""What a release says about itself: the rows of its manifest tables, and ``manifests/release.json``.

Every column is declared here once. A row names files by their published names and subjects by their published ids; shapes
are in the order (i, j, k) of NIfTI and nibabel, so that a reader finds in a table what it finds in the image.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from umd_curate.model.sidecars import Document

UNREVIEWED = "unreviewed"  # no human has judged the row; review verdicts replace it


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """``manifests/subjects.parquet``: one row per released subject."""

    subject_id: str
    split: str
    site: str
    sex: str | None  # (0010,0040): F, M or O
    age_years: int | None  # at the first session; 90 stands for 90 and more
    sessions: tuple[str, ...]
    configs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """``manifests/series.parquet``: one row per source series that is an image of the release.

    A label map and an image that was resampled onto another grid have no series of their own.
    """

    subject_id: str
    session_id: str
    split: str
    config: str
    column: str  # pet, ct or mr
    series: str  # keyed short id of the source series
    n_files: int | None  # source files
    modality: str
    manufacturer: str | None
    model: str | None
    units: str
    tracer: str | None
    radionuclide: str | None
    injected_mbq: float | None  # at injection
    body_weight_kg: float | None
    uptake_s: float | None  # start of the scan after injection
    suv_rule: str | None  # clause that gave the SUV
    suv_factor_min: float | None  # g/mL per stored physical unit
    suv_factor_max: float | None
    kvp: float | None  # kV
    field_strength_t: float | None
    defacing: str | None  # defaced, no-head or retained
    voxel_sha256: str
    init_version: str  # first release that holds the series
    revised_version: str  # release in which its voxels changed last


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRow:
    """``manifests/volumes.parquet``: one row per released NIfTI file, and where its bytes lie."""

    subject_id: str
    session_id: str
    split: str
    config: str
    column: str  # of the configuration: pet, ct, ct_on_pet, organs, ...
    file_name: str  # BIDS-like
    units: str
    shape: tuple[int, ...]  # (i, j, k)
    spacing_mm: tuple[float, ...]  # along i, j, k
    affine: tuple[float, ...]  # twelve numbers by row, (i, j, k, 1) to RAS+ mm
    size: int  # bytes of the .nii.gz
    sha256: str  # of the .nii.gz
    voxel_sha256: str  # of dtype, shape, affine and C-order voxel bytes
    shard: str  # relative to the release folder
    row: int  # within the shard, from 0
    sidecar: str  # the image's JSON sidecar: acquisition, SUV derivation, geometry and defacing receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """``manifests/labels.parquet``: one row per organ mask."""

    subject_id: str
    session_id: str
    split: str
    config: str
    column: str  # organs (on the CT or MR grid) or organs_on_pet
    organ: str
    organ_id: int
    snomed_code: str
    voxels: int
    volume_ml: float
    engine: str
    method: str
    review: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QaRow:
    """``manifests/qa.parquet``: every check of a released session, passed or not, and every finding of the steps.

    `outcome` is ``pass``, ``warn``, ``fail`` or ``n/a`` of a check, ``info``, ``warn`` or ``fail`` of another step's finding.
    """

    subject_id: str
    session_id: str
    split: str
    step: str
    rule: str  # of manifests/qa_rules.toml; empty for a finding of another step
    code: str
    outcome: str
    organ: str  # empty where an image is judged
    title: str
    detail: str
    measured: float | None
    unit: str
    low: float | None  # least allowed value
    high: float | None  # largest allowed value
    review: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionRow:
    """``manifests/exclusions.parquet``: what is not in the release, and why.

    `scope` is ``session`` (a session that the gate holds back), ``unit`` (a piece of work on a session that was
    quarantined) or ``files`` (raw files, counted by reason).
    """

    scope: str
    subject_id: str | None
    session_id: str | None
    step: str
    code: str
    title: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceRow:
    """``manifests/provenance.parquet``: one row per receipt behind the release; no clock, host, user or path."""

    step: str
    step_version: int | None
    unit: str
    key: str  # SHA-256 over step, version, inputs, parameters and settings; empty for steps that read raw files
    parameters: str  # JSON: the settings that the step reads, without texts that a person wrote
    subject_id: str | None
    session_id: str | None
    inputs: tuple[str, ...]  # role:sha256
    outputs: tuple[str, ...]  # role:sha256
    versions: tuple[str, ...]  # name=version


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """``manifests/files.parquet``: one row per file of the release, this table and the checksums over it apart."""

    path: str  # relative to the release folder
    kind: str  # shard, table, schema, figure or document
    config: str | None
    split: str | None
    rows: int | None
    size: int  # bytes
    sha256: str  # of the file; the oid under which Git LFS and the Hub know it
    voxel_sha256: str | None  # of the voxel digests of a shard's images in order, one a line: same images, same value


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRow:
    """``manifests/withdrawals.parquet``: the tombstone of a subject that no later release holds."""

    subject_id: str
    since_version: str  # first release without the subject
    last_version: str | None  # last release that held it; null: none did
    reason: str


TABLES: dict[str, type] = {
    "subjects": SubjectRow,
    "series": SeriesRow,
    "volumes": VolumeRow,
    "labels": LabelRow,
    "qa": QaRow,
    "exclusions": ExclusionRow,
    "provenance": ProvenanceRow,
    "withdrawals": WithdrawalRow,
    "files": FileRow,
}

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ShardEntry(Document):
    """One shard, as its footer says."""

    path: str = Field(description="Relative to the release folder.")
    rows: int
    size: int = Field(description="Bytes of the file.")
    sha256: Sha256


class SplitEntry(Document):
    """One split of a configuration."""

    name: str
    rows: int
    shards: tuple[ShardEntry, ...]


class ConfigEntry(Document):
    """One configuration, which `load_dataset` reads by its name."""

    name: str
    splits: tuple[SplitEntry, ...]
    columns: dict[str, str] = Field(default_factory=dict, description="Type by column; volume: bytes and path.")
    sha256: Sha256 = Field(description="Of the shards' digests in order, one a line.")


class RelaxedRule(Document):
    """A safety rule that this release relaxes."""

    rule: str
    reason: str


class DecidedChoice(Document):
    """A decision of the data manager for a protocol group or one series, by its short id."""

    target: str
    choose: str
    reason: str


class LabelValue(Document):
    """What a value of the label maps means."""

    id: int
    name: str
    snomed_code: str
    side: str | None = None


class ReleaseManifest(Document):
    """``manifests/release.json``: what the release holds, under which rules and made with which versions."""

    schema_version: Literal["1.0"] = "1.0"
    dataset: str
    version: str
    site: str
    licence: str
    stated: dict[str, str] = Field(
        {}, description="The maintainers' own words: authors, citation, contact, consent, ethics."
    )
    split_seed: str
    split_shares: dict[str, float]
    configs: tuple[ConfigEntry, ...]
    labels: tuple[LabelValue, ...] = ()
    previous_version: str | None = Field(None, description="Release with which this one was compared.")
    relaxed: tuple[RelaxedRule, ...] = ()
    decided: tuple[DecidedChoice, ...] = ()
    review: str = UNREVIEWED
    subjects: int
    sessions: int
    excluded_sessions: int
    made_with: dict[str, str] = Field(description="Software and its version.")


class ReleaseRecord(Document):
    """``manifests/releases/<dataset>-<version>.json`` of the repository: one reviewed file per published release."""

    schema_version: Literal["1.0"] = "1.0"
    dataset: str
    version: str
    previous_version: str | None = None
    licence: str
    sums_sha256: Sha256 = Field(description="Of manifests/SHA256SUMS, which pins every file.")
    signed_by: str = Field(description="Fingerprint of the key that signed the checksums.")
    subjects: int
    sessions: int
    excluded_sessions: int
    rows: dict[str, int] = Field(description="By configuration.")
    files: int
    size: int = Field(description="Bytes of all files.")
    relaxed: tuple[RelaxedRule, ...] = ()
    made_with: dict[str, str]
