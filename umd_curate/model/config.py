"""umd.toml: every setting of a workspace, its default and its limits. Unknown keys are errors."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from umd_curate.model.config_deid import DeidConfig
from umd_curate.model.config_labels import LabelConfig, QaConfig
from umd_curate.model.config_publish import PublishConfig
from umd_curate.model.config_register import RegisterConfig
from umd_curate.model.config_run import RunConfig, WorkspaceConfig
from umd_curate.model.config_section import Reason, Relaxation, Section
from umd_curate.model.receipts import Json

SplitName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
SemVer = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]


class DatasetConfig(Section):
    """Which dataset is made."""

    definition: str = Field("umd", description="Name of the definition in manifests/ (organs, subsets, splits).")
    licence: str = Field("other", description="Licence of the release, an identifier of the Hub.")
    authors: tuple[str, ...] = Field((), description="Who is cited as the maker of the dataset.")
    citation: str | None = Field(None, description="How to cite the dataset, such as a DOI or a reference in one line.")
    contact: str | None = Field(
        None, description="Where a person or a user asks for a withdrawal or reports an identifier; published."
    )
    published: str | None = Field(
        None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="Date of publication, for citations; no clock is read for it."
    )
    consent: str | None = Field(
        None, description="On what the use of the images rests, such as broad consent; published."
    )
    ethics: str | None = Field(None, description="Ethics committee and the number of its vote; published.")
    site: str = Field("site-1", description="Published code of the hospital; never its name.", pattern=r"^[a-z0-9-]+$")

    @property
    def stated(self) -> dict[str, str]:
        """What the maintainers say of themselves in their own words, by setting; a release publishes it."""
        texts = {
            "authors": "; ".join(self.authors),
            "citation": self.citation,
            "contact": self.contact,
            "consent": self.consent,
            "ethics": self.ethics,
        }
        return {name: text for name, text in texts.items() if text}


CriterionName = Literal[
    "static", "largest-coverage", "original", "bqml", "attenuation-ct", "contrast", "soft-kernel", "most-slices", "in-phase", "no-map",
    "largest-part", "dixon-channel", "finest-pixels", "description", "protocol", "kernel", "reconstruction", "lowest-series-number",
    "highest-series-number",
]  # fmt: skip
WORD_CRITERIA = frozenset({"description", "protocol", "kernel", "reconstruction"})


class RankBy(Section):
    """One criterion of a ranking. Those that look for words prefer the volume that has the earliest of `words`."""

    by: CriterionName = Field(description="Name of the criterion.")
    words: tuple[str, ...] = Field((), description="For description, protocol, kernel and reconstruction: best first.")

    @model_validator(mode="after")
    def _words_where_needed(self) -> Self:
        if bool(self.words) != (self.by in WORD_CRITERIA):
            message = f"{self.by} " + ("needs words" if self.by in WORD_CRITERIA else "takes no words")
            raise ValueError(message)
        return self


def _ranks(*names: CriterionName) -> tuple[RankBy, ...]:
    return tuple(RankBy(by=name) for name in names)


class RankConfig(Section):
    """Which volume of a role a session holds: criteria in order.

    Before all of them an attenuation-corrected PET, and a CT or MR that covers at least half of the PET; what
    [[ingest.decide]] says of a protocol group comes next.
    """

    pet: tuple[RankBy, ...] = Field(
        _ranks("static", "largest-coverage", "original", "bqml", "lowest-series-number"), description="For PET."
    )
    ct: tuple[RankBy, ...] = Field(
        _ranks("attenuation-ct", "soft-kernel", "largest-coverage", "most-slices", "original", "lowest-series-number"), description="For CT.",
    )  # fmt: skip
    mr: tuple[RankBy, ...] = Field(
        _ranks("in-phase", "no-map", "largest-coverage", "largest-part", "dixon-channel", "original", "lowest-series-number"), description="For MR.",
    )  # fmt: skip


class Decision(Section):
    """What the data manager decided for all volumes of a protocol group, or for one series."""

    group: str | None = Field(
        None, pattern=r"^g-\S+$", description="Protocol group, as `umd-curate scan groups` names it."
    )
    series: str | None = Field(None, pattern=r"^s-\S+$", description="Short id of one series, instead of a group.")
    choose: Literal["first", "last", "never"] = Field(
        description="Before the others of its role, after them, or never."
    )
    reason: Reason = Field(description="Why; it is published with the release, so it must name no person.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.group is None) == (self.series is None):
            message = "a decision needs either group or series"
            raise ValueError(message)
        return self

    @property
    def target(self) -> str:
        """Id of what is decided."""
        return self.group or self.series or ""


class IngestConfig(Section):
    """What is wanted of the raw folder."""

    min_slices: int = Field(3, ge=1, description="A stack with fewer slices is no volume: two show no spacing error.")
    patients: str | None = Field(
        None, description="CSV with the columns issuer, id, person: PatientIDs that are one person's."
    )
    rank: RankConfig = Field(RankConfig(), description="Criteria by which a PET, CT or MR is preferred, in order.")
    decide: tuple[Decision, ...] = Field((), description="Decisions for protocol groups and single series.")

    @model_validator(mode="after")
    def _decided_once(self) -> Self:
        targets = [entry.target for entry in self.decide]
        twice = sorted({target for target in targets if targets.count(target) > 1})
        if twice:
            message = f"decided twice: {', '.join(twice)}"
            raise ValueError(message)
        return self


SuvTypeName = Literal["SUVbw", "SUL-james", "SUL-janma", "SUVbsa", "SUVibw"]


class ConvertConfig(Section):
    """Conversion to NIfTI and SUV, and the second opinion on it."""

    # Settings that change no converted file (of the supplement its content counts, which stands in the work orders).
    apart: ClassVar[frozenset[str]] = frozenset({"referee", "referee_engine", "referee_overruled", "supplement"})

    fill: bool = Field(
        False, description="Interpolate a missing slice between its neighbours instead of setting the series aside."
    )
    resample_uneven: bool = Field(
        False, description="Interpolate a stack of two spacings to the finer one instead of setting it aside."
    )
    referee: Literal["group", "all", "none"] = Field(
        "group", description="Which series a second converter converts too: one per protocol group, all, or none."
    )
    referee_engine: Literal["dicom2nifti", "dcm2niix"] = Field(
        "dicom2nifti", description="The second converter; dcm2niix where it is installed."
    )
    referee_overruled: dict[str, Reason] = Field(
        {}, description="Series by short id on which the second converter is known to be wrong, each with the reason."
    )

    suv_types: tuple[SuvTypeName, ...] = Field(
        ("SUVbw",), description="Types of SUV whose ratio to SUVbw goes into the PET's sidecar."
    )
    suv_images: tuple[Literal["SUL-james", "SUL-janma", "SUVbsa", "SUVibw"], ...] = Field(
        (), description="Types of `suv_types` of which an image is written beside the PET too."
    )
    supplement: str | None = Field(
        None,
        description="CSV of what the site's records know and headers lack (weight, injected activity ...), by series or study.",
    )

    @model_validator(mode="after")
    def _has_ratios(self) -> Self:
        if not set(self.suv_images) <= set(self.suv_types):
            message = "convert.suv_images may only name types of convert.suv_types"
            raise ValueError(message)
        return self

    contour_names: dict[str, str] = Field(
        {}, description="Organ of each name that the site gives a segment or structure, such as Leber = liver."
    )
    frames: Literal["static", "4d"] = Field(
        "static", description="Dynamic and gated PET: their mean alone, or the frames as a 4D image beside it (4d)."
    )


class ReleaseConfig(Section):
    """What a release holds."""

    apart: ClassVar[frozenset[str]] = frozenset({"signing_key", "baseline"})  # the baseline's content is an input

    version: SemVer = Field("0.1.0", description="MAJOR.MINOR.PATCH of the dataset.")
    split_seed: str = Field("umd", description="Seed of the subject-level splits.")
    splits: dict[SplitName, float] = Field(
        {"train": 0.7, "validation": 0.1, "test": 0.2}, description="Share of the subjects per split; sums to 1."
    )
    shard_mib: int = Field(512, ge=1, description="Aim for the size of a shard.")
    slices: bool = Field(True, description="Make the configuration of single planes too, each with a preview.")
    signing_key: str = Field(
        "~/.config/umd-curate/signing.key", description="Secret Ed25519 key, made at the first release, mode 0600."
    )
    baseline: str | None = Field(
        None,
        description="Folder of the release before this one, where it is not in releases/: for its splits, the notes and the "
        "check of the version number.",
    )
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
    run: RunConfig = RunConfig()
    dataset: DatasetConfig = DatasetConfig()
    ingest: IngestConfig = IngestConfig()
    deid: DeidConfig = DeidConfig()
    convert: ConvertConfig = ConvertConfig()
    register_: RegisterConfig = Field(RegisterConfig(), alias="register")
    label: LabelConfig = LabelConfig()
    qa: QaConfig = QaConfig()
    release: ReleaseConfig = ReleaseConfig()
    publish: PublishConfig = PublishConfig()

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @property
    def relaxations(self) -> tuple[Relaxation, ...]:
        """Every rule that this dataset relaxes, with its reason: those of the gate, and those of de-identification."""
        return (*self.release.relax, *self.deid.relaxations())

    def changed(self, sections: Mapping[str, Mapping[str, Json]]) -> Self:
        """These settings with others in some sections, by the names that umd.toml has for them."""
        fields = {info.alias or field: field for field, info in type(self).model_fields.items()}
        update = {
            fields[name]: getattr(self, fields[name]).model_copy(update=dict(own)) for name, own in sections.items()
        }
        return self.model_copy(update=update)

    def section(self, name: str) -> Json:
        """Settings of one section as JSON values, without those that decide no output."""
        for field, info in type(self).model_fields.items():
            if name in {field, info.alias}:
                section: Section = getattr(self, field)
                dumped: dict[str, Json] = section.model_dump(mode="json", by_alias=True, exclude=set(section.apart))
                return dumped
        raise KeyError(name)
