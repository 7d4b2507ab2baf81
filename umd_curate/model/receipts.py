"""What a step leaves behind: artifacts with their checksums, and a receipt with what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from umd_curate.model.findings import Finding, Severity

Json = JsonValue


class State(StrEnum):
    """How one unit of work ended."""

    DONE = "done"
    QUARANTINED = "quarantined"  # wanted, but unusable: a finding says why
    FAILED = "failed"  # a bug


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a step wrote.

    Parameters
    ----------
    what
        Its role in the session, such as ``pet``, ``space-pet_ct`` or ``desc-organs_dseg``; see `What`.
    path
        Relative to the workspace, with ``/``; ``private/...`` leads into the private folder wherever that lies.
    sha256, size
        Of the file's bytes.
    """

    what: str
    path: str
    sha256: str
    size: int


class What(StrEnum):
    """Roles of a session's artifacts. Images stand as .nii.gz; each has a sidecar of role ``<role>.json``."""

    PET = "pet"
    CT = "ct"
    MR = "mr"
    DYNAMIC_PET = "desc-dynamic_pet"  # time frames of which PET is the mean; 4D, on request
    GATED_PET = "desc-gated_pet"  # gates likewise
    CT_ON_PET = "space-pet_ct"
    MR_ON_PET = "space-pet_mr"
    PET_ON_CT = "space-ct_pet"  # on request
    PET_ON_MR = "space-mr_pet"
    TO_ANATOMY = "space-pet_xfm"  # rigid transform, PET points to CT or MR points; absent where it is the identity
    ORGANS = "desc-organs_dseg"  # on the CT or MR grid
    ORGANS_ON_PET = "space-pet_desc-organs_dseg"
    RAW_ORGANS = "desc-raw_dseg"  # what the engine gave, where tidying changed it: its own ids and names
    RAW_ORGANS_ON_PET = "space-pet_desc-raw_dseg"
    DISAGREEMENT = "desc-disagreement_mask"  # engines that gave another label than the consensus, on the CT or MR grid
    STAGED_PET = "staged-pet"  # private: headers clean, faces still there
    STAGED_CT = "staged-ct"
    STAGED_MR = "staged-mr"
    STAGED_DYNAMIC_PET = "staged-desc-dynamic_pet"
    STAGED_GATED_PET = "staged-desc-gated_pet"
    STAGED_CONTOURS = "staged-contours"  # private: label map of the site's own contours on the CT or MR grid
    FIGURE = "figure"
    CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one unit of work took, made, measured and found. Deterministic: no clock, no host, no user.

    `measured` holds JSON values with the unit in the name; `versions` what ran.
    """

    step: str
    unit: str
    key: str
    state: State
    subject: str = ""
    session: str = ""
    inputs: tuple[Artifact, ...] = ()
    outputs: tuple[Artifact, ...] = ()
    findings: tuple[Finding, ...] = ()
    measured: Mapping[str, Json] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def worst(self) -> Severity | None:
        """Heaviest severity among the findings."""
        order = [Severity.FAIL, Severity.WARN, Severity.INFO]
        found = {finding.severity for finding in self.findings}
        return next((severity for severity in order if severity in found), None)
