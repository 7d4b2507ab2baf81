"""The receipt of a registration: which transform, how it was found, what was measured, and the verdict."""

from typing import Literal

from pydantic import Field

from umd_curate.model.sidecars import Document, FindingEntry

CONVENTION = "maps points of the fixed image to points of the moving image, LPS+ mm, as ITK resamples"


class MotionEntry(Document):
    """How far one region of a PET lies from the same region of its CT or MR."""

    region: Literal["head", "pelvis", "head and pelvis", "diaphragm"]
    shift_mm: float = Field(description="Mean distance of the region's points before and after its own rigid fit [mm].")
    angle_deg: float | None = Field(None, description="Of the region's own rigid fit [degrees]; null: shift only.")
    along_mm: tuple[float, float, float] = Field(description="Mean shift to the right, to the front, upwards [mm].")


class MotionReceipt(Document):
    """The motion gate of a scan."""

    verdict: Literal["still", "moved", "moved in parts", "not measured"]
    limit_mm: float
    limit_deg: float
    regions: tuple[MotionEntry, ...] = ()
    corrected: bool = Field(default=False, description="Whether the rigid motion was corrected, as umd.toml allows.")


class AgreementEntry(Document):
    """How alike two images are in the fixed body: normalised mutual information, 1 (independent) to 2 (equal)."""

    before: float
    after: float


class OrganFit(Document):
    """One organ that both images have."""

    organ: str
    part: Literal["driving", "missing", "displaced", "volume"] = Field(
        description="Whether it drove the deformation, or why it was left out."
    )
    surface_before_mm: float | None = Field(None, description="Mean distance of the surfaces after the rigid fit [mm].")
    surface_after_mm: float | None = Field(None, description="The same after the deformation [mm].")
    held_out_mm: float | None = Field(
        None, description="The same after a deformation that this organ did not drive [mm]."
    )


class DeformationReceipt(Document):
    """A deformation, whether it was kept or not."""

    kept: bool
    reason: str = Field("", description="Why the rigid transform was kept instead.")
    jacobian_min: float = Field(description="Least determinant in the trunk; above 0: nothing folds.")
    jacobian_max: float
    inconsistency_mean_mm: float = Field(
        description="Mean distance from itself of a point that goes there and back [mm]."
    )
    displacement_mean_mm: float
    displacement_max_mm: float
    held_out_change: float | None = Field(
        None,
        description="Median relative change of the surface distance of organs that did not drive; below 0: better.",
    )


class CaptureReceipt(Document):
    """Self-check: the rigid fit was repeated from perturbed starts."""

    starts: int
    perturbed_mm: float = Field(description="Mean distance of the perturbed starts from the result, in the body [mm].")
    recovered_mm: float = Field(description="Largest mean distance of the repeated results from the result [mm].")
    limit_mm: float


class RegistrationReceipt(Document):
    """How one image of a subject was brought to another one."""

    schema_version: Literal["1.0"] = "1.0"
    fixed: str = Field(description="Session and role of the fixed image, such as petct1/ct.")
    moving: str
    frame_of_reference: Literal["same", "unequal"]
    method: Literal["identity", "rigid", "deformable", "override"]
    engine: str = ""
    engine_version: str = ""
    threads: int = 1
    convention: str = CONVENTION
    transform: str = Field("", description="File of the rigid transform; empty: the identity.")
    displacement: str = Field(
        "", description="File of the displacement of fixed points before the rigid transform; empty: none."
    )
    inverse: str = Field(
        "", description="File of the way back: displaced to fixed points, after the inverse of the rigid transform."
    )
    angle_deg: float = Field(0.0, description="Rotation of the rigid transform [degrees].")
    shift_mm: float = Field(0.0, description="How far it moves the middle of the fixed body [mm].")
    overlap_part: float = Field(description="Part of the fixed image's grid that the moving image covers, 0 to 1.")
    agreement: AgreementEntry | None = None
    motion: MotionReceipt | None = None
    organs: tuple[OrganFit, ...] = ()
    deformation: DeformationReceipt | None = None
    capture: CaptureReceipt | None = None
    override_reason: str = ""
    verdict: Literal["accepted", "refused", "for a human"]
    reasons: tuple[str, ...] = Field((), description="What led to the verdict.")
    inputs: dict[str, str] = Field(default_factory=dict, description="Role of each input and its SHA-256.")
    findings: tuple[FindingEntry, ...] = ()
