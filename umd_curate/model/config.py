"""umd.toml: every setting of a workspace, its default and its limits. Unknown keys are errors."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from umd_curate.model.receipts import Json

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
SplitName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
SemVer = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]


class Section(BaseModel):
    """A table of umd.toml."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Relaxation(Section):
    """A safety rule that this dataset relaxes; the reason is copied into the release manifest."""

    rule: str = Field(description="Code of the rule, such as REL-003.")
    reason: Reason


class WorkspaceConfig(Section):
    """Where the workspace keeps what must not leave the hospital."""

    private: str | None = Field(
        None, description="Folder for private/ outside the workspace, such as an encrypted disk."
    )


class DatasetConfig(Section):
    """Which dataset is made."""

    definition: str = Field("umd", description="Name of the definition in manifests/ (organs, subsets, splits).")
    licence: str = Field("other", description="Licence of the release, an identifier of the Hub.")
    site: str = Field("site-1", description="Published code of the hospital; never its name.", pattern=r"^[a-z0-9-]+$")


class IngestConfig(Section):
    """What is wanted of the raw folder."""

    min_slices: int = Field(3, ge=1, description="A stack with fewer slices is no volume: two show no spacing error.")


class DeidConfig(Section):
    """De-identification. The key never lies in the workspace."""

    key_file: str = Field("~/.config/umd-curate/deid.key", description="Secret key, made at the first run, mode 0600.")
    faces_retained: Reason | None = Field(None, description="Reason why faces stay; without it heads are defaced.")


class ConvertConfig(Section):
    """Conversion to NIfTI and SUV."""

    frames: Literal["static", "4d"] = Field(
        "static", description="Dynamic and gated PET: their mean alone, or the frames as a 4D image beside it (4d)."
    )


class RegisterConfig(Section):
    """PET and CT/MR on one grid."""

    min_overlap: float = Field(0.05, ge=0, le=1, description="Least part of the PET grid that the CT/MR must cover.")


class LabelConfig(Section):
    """Organ labels."""

    engines: tuple[str, ...] = Field(("import", "propagate"), description="Engines by entry-point name, in order.")
    contours: str | None = Field(
        None, description="CSV of the site's own NIfTI label maps: series_uid, path, and map (a TOML of id = organ)."
    )


class QaConfig(Section):
    """Automatic checks."""

    max_outside_body: float = Field(0.05, ge=0, le=1, description="Part of an organ that may lie outside the body.")


class ReleaseConfig(Section):
    """What a release holds."""

    version: SemVer = Field("0.1.0", description="MAJOR.MINOR.PATCH of the dataset.")
    split_seed: str = Field("umd", description="Seed of the subject-level splits.")
    splits: dict[SplitName, float] = Field(
        {"train": 0.7, "validation": 0.1, "test": 0.2}, description="Share of the subjects per split; sums to 1."
    )
    shard_mib: int = Field(512, ge=1, description="Aim for the size of a shard.")
    relax: tuple[Relaxation, ...] = Field((), description="Gate rules that this release relaxes, each with a reason.")

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        if abs(sum(self.splits.values()) - 1) > 1e-9 or any(share < 0 for share in self.splits.values()):
            message = "release.splits must be shares that sum to 1"
            raise ValueError(message)
        return self


class UmdConfig(Section):
    """All of umd.toml."""

    workspace: WorkspaceConfig = WorkspaceConfig()
    dataset: DatasetConfig = DatasetConfig()
    ingest: IngestConfig = IngestConfig()
    deid: DeidConfig = DeidConfig()
    convert: ConvertConfig = ConvertConfig()
    register_: RegisterConfig = Field(RegisterConfig(), alias="register")
    label: LabelConfig = LabelConfig()
    qa: QaConfig = QaConfig()
    release: ReleaseConfig = ReleaseConfig()

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def section(self, name: str) -> Json:
        """Settings of one section as JSON values."""
        dumped: dict[str, Json] = self.model_dump(mode="json", by_alias=True)
        return dumped[name]
