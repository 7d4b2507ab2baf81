"""What is measured of a session before any rule looks at it: plain numbers, no image. Filled in by `engine`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from umd_curate.model.checks import Confirmation, ImageEntry, OrganEntry
from umd_curate.qa.fit import Fit


@dataclass(frozen=True, slots=True)
class LabelMeasure:
    """A label map beside its image.

    Parameters
    ----------
    organs
        Organs that have voxels, by id.
    corner_error_mm
        Largest corner distance of label map and image [mm]; None where their shapes differ.
    unknown_values
        Number of distinct values that are neither background nor an organ of the dataset.
    is_integer
        Whether the file stores an integer type.
    extent_z_mm
        Lowest and highest z of the image's voxel centres, RAS [mm].
    organ_z_mm
        Lowest and highest z of each organ's voxel box, RAS [mm].
    gaps_mm
        Shortest distance between the surfaces of two organs [mm], for pairs that a rule asks for.
    fit
        Where the labels fit the CT or MR best; None where that cannot be told.
    is_drawn_by_people
        Whether the site drew it; an organ that is not there was then never drawn, or was removed.
    agreement
        Least Dice of any two engines by organ, where several drew.
    """

    organs: tuple[OrganEntry, ...]
    corner_error_mm: float | None
    unknown_values: int
    is_integer: bool
    extent_z_mm: tuple[float, float]
    organ_z_mm: Mapping[str, tuple[float, float]]
    gaps_mm: Mapping[tuple[str, str], float] = field(default_factory=dict)
    fit: Fit | None = None
    is_drawn_by_people: bool = False
    agreement: Mapping[str, float] = field(default_factory=dict)

    def organ(self, name: str) -> OrganEntry | None:
        """Organ of that name, where it has voxels."""
        return next((organ for organ in self.organs if organ.name == name), None)


@dataclass(frozen=True, slots=True)
class PetMeasure:
    """A PET image.

    Parameters
    ----------
    not_finite
        Number of voxels that are NaN or infinite.
    negative
        Part of the voxels below zero.
    body_mean
        Mean over the body mask in the image's unit; None where no CT or MR tells the body.
    label_corner_error_mm
        Largest corner distance of the PET's label map and the PET [mm]; None without label map or on different shapes.
    agreement
        Dice over all organs together of the labels on PET with those on the CT or MR brought to its grid; None without both.
    fit
        Where the labels on PET fit the PET best; None where that cannot be told.
    """

    not_finite: int
    negative: float
    body_mean: float | None
    has_labels: bool = False
    label_corner_error_mm: float | None = None
    agreement: float | None = None
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class PetFacts:
    """What the PET's sidecar says: unit, whether an SUV receipt is there, tracer."""

    units: str
    has_suv: bool
    tracer: str | None

    @property
    def is_suv(self) -> bool:
        """Whether the voxels are SUVbw with a receipt."""
        return self.has_suv and self.units.startswith("SUVbw")


@dataclass(frozen=True, slots=True)
class GeometryFacts:
    """Geometry receipt of one image's sidecar [mm]."""

    role: str
    max_corner_error_mm: float
    tolerance_mm: float


@dataclass(frozen=True, slots=True)
class Measures:
    """All that is measured of one session, and what a reviewer confirmed of the subject."""

    images: tuple[ImageEntry, ...]
    anatomy: str = ""  # ct, mr or empty
    labels: LabelMeasure | None = None
    pet: PetMeasure | None = None
    pet_facts: PetFacts | None = None
    geometry: tuple[GeometryFacts, ...] = ()
    overlap: float | None = None  # part of the PET grid that the CT or MR covers
    confirmed: tuple[Confirmation, ...] = ()
