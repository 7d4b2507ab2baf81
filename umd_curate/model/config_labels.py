"""The tables of umd.toml that decide organ labels and their checks."""

import datetime as dt
from typing import ClassVar, Literal

from pydantic import Field

from umd_curate.model.config_section import Reason, Section


class TidyConfig(Section):
    """What is tidied in the labels of a model; labels that people drew stay as they are."""

    specks: bool = Field(True, description="Remove pieces smaller than `speck_ml` beside the organ.")
    islands: bool = Field(
        True,
        description="Remove pieces beyond those that anatomy gives an organ, smaller than `island_part` of its largest.",
    )
    holes: bool = Field(True, description="Fill holes up to `hole_ml` that one organ encloses.")
    speck_ml: float = Field(0.2, ge=0, description="[mL]")
    island_part: float = Field(0.1, ge=0, le=1, description="Of the largest piece.")
    hole_ml: float = Field(5.0, ge=0, description="[mL]")


class TotalSegmentatorConfig(Section):
    """The engine `totalsegmentator`."""

    models: Literal["fast", "full"] = Field(
        "fast", description="fast: one network at 3 mm; full: the set at 1.5 mm, which is not practical without a GPU."
    )
    device: Literal["cpu", "gpu", "mps"] = Field("cpu", description="Where the network runs.")


class WeightFile(Section):
    """A file that an engine of [[label.command]] needs."""

    path: str = Field(description="The file.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="What it must hold.")


class CommandEngine(Section):
    """An engine of the site: any program that writes a label map of one image."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="As label.engines names it.")
    version: str = Field(description="Of the program and its weights; raise it when they give other labels.")
    argv: tuple[str, ...] = Field(
        min_length=1,
        description="Program and arguments. {image} is the image, {folder} a folder with it alone as case_0000.nii.gz, "
        "{out} the folder for the result, {target} ct or mr, {device} the setting below.",
    )
    targets: tuple[Literal["ct", "mr"], ...] = Field(min_length=1, description="Images that it labels.")
    labels: str = Field("**/*.nii.gz", description="Pattern below {out} that exactly one file fits: the label map.")
    map: str | None = Field(
        None, description="TOML of id = organ, all that the model can give; without it the ids are the dataset's own."
    )
    device: str = Field("cpu", description="What {device} stands for.")
    environment: dict[str, str] = Field({}, description="Variables that the program needs.")
    weights: tuple[WeightFile, ...] = Field((), description="Files without which it is not started.")
    licence: str = Field("unknown", description="Of the program and its weights.")


class LabelConfig(Section):
    """Organ labels."""

    apart: ClassVar[frozenset[str]] = frozenset({"engine_folder", "minutes", "memory_gib"})  # they decide no label

    engines: tuple[str, ...] = Field(
        ("import", "propagate"), description="Engines by name, in order; the first that succeeds on an image is taken."
    )
    engine_folder: str = Field(
        "~/.local/share/umd-curate/engines",
        description="Environments and weights of the engines that `umd-curate engines install` made.",
    )
    minutes: float = Field(60, gt=0, description="What a model may take for one image.")
    memory_gib: float = Field(16, gt=0, description="Memory that a model with all its processes may take [GiB].")
    totalsegmentator: TotalSegmentatorConfig = Field(
        TotalSegmentatorConfig(), description="Settings of the engine `totalsegmentator`."
    )
    command: tuple[CommandEngine, ...] = Field((), description="Engines of the site.")
    consensus: tuple[str, ...] = Field((), description="Engines whose majority the engine `consensus` takes.")
    tidy: TidyConfig = Field(TidyConfig(), description="What is tidied in the labels of a model.")
    contours: str | None = Field(
        None, description="CSV of the site's own NIfTI label maps: series_uid, path, and map (a TOML of id = organ)."
    )


class Confirm(Section):
    """A variant of a subject's anatomy that a reviewer has confirmed: the checks that it explains pass."""

    subject: str = Field(pattern=r"^[0-9A-Z]{6}$", description="Published id of the subject.")
    session: str = Field("", description="One session, such as petct1; empty for all of the subject.")
    variant: str = Field(pattern=r"^[a-z-]+$", description="Name of the variant, such as nephrectomy.")
    organs: tuple[str, ...] = Field((), description="Organs that it is about; empty for all that the variant can have.")
    reviewer: str = Field(pattern=r"^[a-z0-9-]{1,20}$", description="Published code of the reviewer; never a name.")
    reason: Reason = Field(description="Why; it is published with the release, so it must name no person.")
    date: dt.date = Field(description="Day of the confirmation.")


class QaConfig(Section):
    """Automatic checks."""

    apart: ClassVar[frozenset[str]] = frozenset({"confirm"})  # stands in the units of the subjects that it is about

    max_outside_body: float = Field(0.05, ge=0, le=1, description="Part of an organ that may lie outside the body.")
    confirm: tuple[Confirm, ...] = Field((), description="Variants of anatomy that a reviewer has confirmed.")
