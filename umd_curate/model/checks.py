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


class OrganEntry(Document):
    """One organ of the label map, in patient coordinates; intensities where the image has them."""

    name: str
    id: int
    volume_ml: float
    pieces: int = Field(description="Connected components, 26 neighbours.")
    largest_piece: float = Field(description="Volume of the largest piece over the whole.")
    truncated: bool = Field(description="Touches the first or last slice of the image.")
    centroid_ras_mm: tuple[float, float, float]
    outside_body: float | None = Field(None, description="Part of the voxels outside the body mask.")
    median_hu: float | None = None
    mean_suv: float | None = Field(None, description="On the PET grid [g/mL].")
    max_suv: float | None = Field(None, description="On the PET grid [g/mL].")


class ImageEntry(Document):
    """One image file of the session, as it was read back."""

    role: str
    shape_ijk: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    sha256: str = Field(description="Of the .nii.gz file.")


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
    figures: tuple[FigureEntry, ...]


def heaviest(outcomes: list[Outcome]) -> Outcome:
    """Fail before warn before pass; `n/a` where nothing could be judged."""
    order = (Outcome.FAIL, Outcome.WARN, Outcome.PASS)
    return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_APPLICABLE)
