"""The table [register] of umd.toml."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from umd_curate.model.config_section import Reason, Section


class TransformOverride(Section):
    """A rigid transform that a reviewer gives for one pair, instead of what the product would use."""

    pair: str = Field(
        description="Session or pair as `umd-curate register --dry-run` names it.",
        pattern=r"^sub-[0-9A-Z]+_ses-[a-z0-9-]+(_from-[a-z0-9-]+)?$",
    )
    transform: str = Field(description="ITK .tfm (LPS), or a text of 4 x 4 numbers (RAS); fixed to moving points, mm.")
    reason: Reason = Field(description="Why; it is published with the receipt, so it must name no person.")


class RegisterConfig(Section):
    """PET and CT/MR on one grid, and the sessions of one subject on each other."""

    apart: ClassVar[frozenset[str]] = frozenset({"between", "override"})  # they stand in the units' parameters

    min_overlap: float = Field(0.05, ge=0, le=1, description="Least part of the PET grid that the CT/MR must cover.")
    grids: tuple[Literal["pet", "anatomy"], ...] = Field(
        ("pet",),
        description="Grids of a scan that get the other image too: the PET's (CT/MR on it), the CT/MR's (PET on it).",
    )
    motion: Literal["measure", "correct", "off"] = Field(
        "measure",
        description="Motion between PET and CT/MR of a scan: measured, corrected where head and pelvis moved together, or not looked at.",
    )
    between: Literal["off", "rigid", "deformable"] = Field(
        "off", description="Bring the PET/MR session of a subject onto its PET/CT session, and how far."
    )
    engine: str = Field("simpleitk", description="Registration engine by entry-point name.")
    override: tuple[TransformOverride, ...] = Field(
        (), description="Transforms that reviewers give, each with a reason."
    )

    @model_validator(mode="after")
    def _overridden_once(self) -> Self:
        pairs = [entry.pair for entry in self.override]
        if len(set(pairs)) < len(pairs):
            message = "register.override names a pair twice"
            raise ValueError(message)
        return self
