"""``manifests/changes.json``: what a release changes against the one before it, and the part of its number that must rise."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from umd_curate.model.sidecars import Document


class Bump(StrEnum):
    """Part of a version; `none` where nothing changed."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class ImageName(Document):
    """An image by its published names."""

    config: str
    subject: str
    session: str
    column: str

    @property
    def text(self) -> str:
        """``petct/sub-7K3QF2_ses-petct1/pet``."""
        return f"{self.config}/sub-{self.subject}_ses-{self.session}/{self.column}"


class SessionName(Document):
    """A session by its published names."""

    config: str
    subject: str
    session: str

    @property
    def text(self) -> str:
        """``petct/sub-7K3QF2_ses-petct1``."""
        return f"{self.config}/sub-{self.subject}_ses-{self.session}"


class OrganChange(Document):
    """One organ of a label map that was drawn anew."""

    organ: str
    dice: float | None = Field(description="Overlap of before and after, 0 to 1; null: the grids differ.")
    before_ml: float
    after_ml: float
    voxels_changed: int | None = Field(description="Voxels that are the organ's before or after, not both.")


class LabelChange(Document):
    """A label map whose voxels changed, with the organs that differ."""

    image: ImageName
    organs: tuple[OrganChange, ...]


class CellChange(Document):
    """A value about an image, a session or a subject that changed; as JSON texts."""

    place: str = Field(description="Subject, session or image.")
    cell: str = Field(description="Column, or path in the sidecar.")
    before: str | None
    after: str | None


class SplitChange(Document):
    """A subject that moved to another split."""

    subject: str
    before: str
    after: str


class ColumnChange(Document):
    """A column that came, went or changed its type."""

    config: str
    column: str
    before: str | None = Field(description="Type; null: there was none.")
    after: str | None


class LabelValueChange(Document):
    """A value of the label maps that changed its meaning."""

    id: int
    before: str | None
    after: str | None


class ReleaseChanges(Document):
    """All that differs between two releases of a dataset."""

    schema_version: Literal["1.0"] = "1.0"
    before: str = Field(description="Version.")
    after: str
    required: Bump = Field(description="Least part of the version that must rise.")
    subjects_added: tuple[str, ...] = ()
    subjects_removed: tuple[str, ...] = ()
    subjects_withdrawn: tuple[str, ...] = Field((), description="Of those removed, the ones with a tombstone.")
    sessions_added: tuple[SessionName, ...] = Field((), description="Of subjects that both releases hold.")
    sessions_removed: tuple[SessionName, ...] = ()
    images_added: tuple[ImageName, ...] = Field((), description="Of sessions that both releases hold.")
    images_removed: tuple[ImageName, ...] = ()
    images_changed: tuple[ImageName, ...] = Field((), description="Other voxels, or another place in space.")
    headers_changed: tuple[ImageName, ...] = Field((), description="Other file bytes, equal voxels.")
    labels_changed: tuple[LabelChange, ...] = ()
    cells_changed: tuple[CellChange, ...] = ()
    splits_changed: tuple[SplitChange, ...] = ()
    columns_changed: tuple[ColumnChange, ...] = ()
    label_values_changed: tuple[LabelValueChange, ...] = ()
