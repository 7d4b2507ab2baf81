"""What a release knows of one session: its images with their grids and checksums, its sidecars, its findings.

Pure values; `io.py` fills them from the files. Which configuration a session belongs to, and which of its files become
which column, is decided here from the dataset's definition.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from umd_curate.errors import ConfigError
from umd_curate.model.checks import SessionChecks
from umd_curate.model.receipts import Artifact, What
from umd_curate.model.sidecars import ImageSidecar, LabelSidecar, PetSidecar


@dataclass(frozen=True, slots=True)
class Subset:
    """One configuration of the dataset: a kind of session and its anatomical partner of the PET, ``ct`` or ``mr``."""

    name: str
    session_kind: str
    anatomical: str
    default: bool = False

    @property
    def images(self) -> dict[str, str]:
        """Image columns and the roles of their files."""
        other = self.anatomical
        return {"pet": What.PET.value, other: other, f"{other}_on_pet": f"space-pet_{other}"}

    @property
    def required(self) -> tuple[str, str]:
        """Columns without which there is no row. CT or MR on the PET grid may be null: some cover too little of it."""
        return "pet", self.anatomical

    @property
    def labels(self) -> dict[str, str]:
        """Label columns and the roles of their files."""
        return {"organs": What.ORGANS.value, "organs_on_pet": What.ORGANS_ON_PET.value}

    @property
    def roles(self) -> dict[str, str]:
        """All columns and the roles of their files."""
        return self.images | self.labels


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """One NIfTI file of a session.

    Parameters
    ----------
    column
        Its column in the configuration.
    file
        The file as the step that wrote it recorded it.
    units
        Of the voxels.
    shape
        (i, j, k).
    spacing_mm
        Along i, j, k [mm].
    affine
        Twelve numbers by row: (i, j, k, 1) to RAS+ mm.
    voxel_volume_ml
        [mL]
    voxel_sha256
        From the sidecar.
    sidecar
        JSON text of the sidecar.
    label_voxels
        For a label map, voxels per id that is present.
    """

    column: str
    file: Artifact
    units: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    affine: tuple[float, ...]
    voxel_volume_ml: float
    voxel_sha256: str
    sidecar: str = "{}"
    label_voxels: Mapping[int, int] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Published name of the file."""
        return self.file.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class CaseFinding:
    """What a step saw about the session."""

    step: str
    code: str
    severity: str
    detail: str = ""
    measured: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One session before the gate. `unfit` names columns whose sidecar is missing or does not fit its schema."""

    subject: str
    session: str
    kind: str
    subset: Subset | None = None
    volumes: Mapping[str, VolumeFacts] = field(default_factory=dict)
    pet: PetSidecar | None = None
    anatomical: ImageSidecar | None = None
    organs: LabelSidecar | None = None
    organs_on_pet: LabelSidecar | None = None
    findings: tuple[CaseFinding, ...] = ()
    unfit: tuple[str, ...] = ()
    checks: SessionChecks | None = None

    @property
    def name(self) -> str:
        """Published name: ``sub-7K3QF2_ses-petct1``."""
        return f"sub-{self.subject}_ses-{self.session}"


def subsets_of(definition: Mapping[str, object]) -> tuple[Subset, ...]:
    """Configurations of a dataset, in the order of its definition.

    Raises
    ------
    ConfigError
        The definition has none.
    """
    entries = definition.get("subsets")
    if not isinstance(entries, list) or not entries:
        message = "The dataset's definition has no subsets."
        raise ConfigError(message, hint="Name at least one [[subsets]] in the definition in manifests/.")
    return tuple(
        Subset(
            name=str(entry["name"]),
            session_kind=str(entry["session_kind"]),
            anatomical=str(entry["anatomical"]),
            default=bool(entry.get("default", False)),
        )
        for entry in entries
    )
