"""The report of de-identification: what was removed and kept, why, by which rule of which edition, and who signs for it."""

from typing import Literal

from pydantic import Field

from umd_curate.model.sidecars import Document


class RuleSet(Document):
    """A list by which headers were judged, with its digest."""

    name: str = Field(description="Name of the list, such as keep or ps3.15-e1-1.")
    edition: str = Field("", description="Edition of the standard, for the table of PS3.15.")
    sha256: str = Field(description="Digest of the list's bytes.")


class DeclaredOption(Document):
    """A profile or option of PS3.15 that the cleaned headers declare (CID 7050)."""

    code: str
    name: str
    headers: str = Field(description="Which headers declare it.")


class ElementCount(Document):
    """What befell one element, or one class of elements, in all headers together."""

    tag: str = Field(description="Tag, or class of elements such as private or 60xx overlay.")
    name: str = Field(description="Keyword of the element; the meaning of a private one.")
    action: str = Field(description="What was done.")
    why: str = Field(description="Row of Table E.1-1 with its letters, option code, or the keep list.")
    count: int = Field(ge=0, description="How often, over all headers and levels.")


class ReasonCount(Document):
    """Files that were not used, by finding code."""

    disposition: Literal["excluded", "quarantined", "duplicate"]
    code: str
    reason: str
    files: int


class Relaxed(Document):
    """What this dataset keeps beyond the packaged lists, and why."""

    rule: str
    reason: str


class DeidReport(Document):
    """Report of de-identification of a workspace; it holds no value of any header."""

    schema_version: Literal["1.0"] = "1.0"
    made_with: str = Field(description="Program and version.")
    site: str
    profile: str
    key_fingerprint: str = Field(description="Public name of the secret key; it does not lead back to it.")
    headers: int = Field(description="Headers that were cleaned.")
    rules: tuple[RuleSet, ...]
    options: tuple[DeclaredOption, ...]
    relaxed: tuple[Relaxed, ...]
    dropped_by_choice: tuple[str, ...] = Field(description="Elements of the keep list that deid.drop gives up.")
    kept: tuple[ElementCount, ...]
    private_kept: tuple[ElementCount, ...]
    removed: tuple[ElementCount, ...]
    words_removed: int = Field(description="Words of descriptors and terms that went.")
    entries_removed: int = Field(description="Coded entries without a code of a known scheme.")
    ages_derived: int = Field(description="Ages written from birth and study date where the header had none.")
    not_used: tuple[ReasonCount, ...]
    units_quarantined: tuple[ReasonCount, ...] = Field(
        description="Volumes and series set aside while they were cleaned."
    )
    faces: dict[str, int] = Field(description="Sessions by what was done about faces.")
    faces_retained_reason: str
    searched: dict[str, int] = Field(description="Files searched below the PHI wall, identifiers looked for, and hits.")
    dicom: dict[str, int] = Field(description="DICOM files written on request, and what was asked about them.")
    signed_off: str = Field("", description="Left empty: who is answerable signs the page by hand.")
