"""``<stem>_checks.json``: what the automatic checks measured and found in one session. Written by qa, read by release.

An outcome is the checks' own; a verdict is a reviewer's and stands elsewhere.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from umd_curate.model.sidecars import Document


class Outcome(StrEnum):
    """What a rule says of a case; `n/a` where it could not be applied, with the reason in the entry's detail."""

    PASS = "pass"  # noqa: S105  (an outcome, not a password)
    WARN = "warn"
    FAIL = "fail"
    NOT_APPLICABLE = "n/a"


class CheckEntry(Document):
    """One rule applied to one session, or to one organ of it."""

    rule: str = Field(description="Id in manifests/qa_rules.toml, such as P5.")
    code: str = Field(description="Finding code, such as QA-205.")
    outcome: Outcome
    organ: str = Field("", description="Organ or pair of organs; empty where the rule is about an image.")
    measured: float | None = None
    unit: str = ""
    low: float | None = Field(None, description="Least allowed value: of `fail` for a fail, else of `warn`.")
    high: float | None = Field(None, description="Largest allowed value, likewise.")
    detail: str = ""


class Intensities(Document):
    """The values of one organ's voxels in one image, in the image's unit."""

    voxels: int = Field(description="Voxels of the organ with a finite value.")
    mean: float
    sd: float = Field(description="Standard deviation of the voxels, not of the mean (divisor n).")
    least: float
    p5: float
    p25: float
    median: float
    p75: float
    p95: float
    greatest: float


class OrganEntry(Document):
    """One organ of the label map, in patient coordinates; intensities where the image has them."""

    name: str
    id: int
    volume_ml: float = Field(
        description="Of all voxels, on the CT or MR; of a truncated organ, of what the image shows."
    )
    pieces: int = Field(description="Connected components, 26 neighbours.")
    specks: int = Field(0, description="Pieces beyond those that count as the organ, more than two voxels from it.")
    largest_piece: float = Field(
        description="Volume of the piece or pieces that count as the organ over the whole; a gap of two voxels joins."
    )
    truncated: bool = Field(description="Touches the first or last slice of the image, or the edge of a slice.")
    is_complete: bool = Field(True, description="An empty slice lies above and below it.")
    margin_voxels: int = Field(0, description="Empty voxel layers between it and the nearest face of the image.")
    blunt_end: float = Field(
        0.0, description="Cross-section of its most abrupt end over its largest one, within the image."
    )
    hole_part: float = Field(0.0, description="Volume of the holes that it encloses over its own.")
    centroid_ras_mm: tuple[float, float, float]
    outside_body: float | None = Field(None, description="Part of the voxels outside the body mask.")
    tissue_part: float | None = Field(None, description="Part of the voxels with a CT number that its tissue can have.")
    image: Intensities | None = Field(None, description="On the CT [HU] or the MR [arbitrary].")
    suv: Intensities | None = Field(None, description="On the PET grid [g/mL].")
    volume_on_pet_ml: float | None = Field(None, description="Of the organ's voxels on the PET grid.")
    suv_peak: float | None = Field(
        None, description="Largest mean over a sphere of 1 mL around a voxel of the organ [g/mL] (IBSI 0F91)."
    )
    tlg: float | None = Field(None, description="Total glycolysis: mean SUV times volume, both on the PET grid [g].")


class ImageEntry(Document):
    """One image file of the session, as it was read back."""

    role: str
    shape_ijk: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    sha256: str = Field(description="Of the .nii.gz file.")


class FitEntry(Document):
    """Where a label map would fit its image best: every shift on a grid was tried."""

    image: str = Field(description="Role of the image.")
    offset_mm: tuple[float, float, float] = Field(description="Shift of the labels that fits best, RAS+.")
    distance_mm: float = Field(description="Length of that shift.")
    explained: float = Field(description="Part of the image's variance that the labels explain where they lie.")
    explained_best: float = Field(description="The same at the best shift.")
    contrast: float = Field(
        description="Loss of explained variance over the shifts tried; low: the image has no edges."
    )


class Confirmation(Document):
    """What a reviewer confirmed of a subject's anatomy: the rules that it explains pass."""

    variant: str = Field(description="Name in manifests/qa_rules.toml, such as nephrectomy.")
    organs: tuple[str, ...]
    reviewer: str = Field(description="Code of the reviewer.")
    reason: str
    date: str = Field(description="Of the confirmation.")


class FigureEntry(Document):
    """One figure of the session."""

    name: str
    caption: str
    width: int
    height: int


class SessionChecks(Document):
    """All that qa says of one session."""

    schema_version: Literal["1.0"] = "1.0"
    subject: str
    session: str
    kind: str
    rules_version: str
    outcome: Outcome = Field(description="The heaviest of the checks.")
    images: tuple[ImageEntry, ...]
    organs: tuple[OrganEntry, ...]
    checks: tuple[CheckEntry, ...]
    fits: tuple[FitEntry, ...] = ()
    confirmed: tuple[Confirmation, ...] = ()
    figures: tuple[FigureEntry, ...]


def heaviest(outcomes: list[Outcome]) -> Outcome:
    """Fail before warn before pass; `n/a` where nothing could be judged."""
    order = (Outcome.FAIL, Outcome.WARN, Outcome.PASS)
    return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_APPLICABLE)
