"""What a user may ask of a synthetic cohort, and the grid sizes behind each answer. Decides no content."""

from dataclasses import dataclass
from enum import StrEnum


class Size(StrEnum):
    """How fine the images are; all sizes cover the body from vertex to mid-thigh."""

    TINY = "tiny"  # seconds: tests
    DEMO = "demo"  # about a minute: demo and tutorials
    CLINICAL = "clinical"  # the matrix of a hospital's CT


class Layout(StrEnum):
    """How the raw folder is arranged."""

    FLAT = "flat"  # one folder, meaningless names, shuffled
    TREE = "tree"  # patient / study / series folders that carry identifiers, as many archives write them
    DICOMDIR = "dicomdir"  # a file-set as a CD holds it: short names and a DICOMDIR (PS3.10 8)
    ZIP = "zip"  # one archive per patient, a tree inside
    TAR = "tar"  # the same as .tar.gz


@dataclass(frozen=True, slots=True)
class SynthOptions:
    """Order for a cohort; equal options give equal bytes.

    Parameters
    ----------
    subjects
        Number of patients, at least one.
    seed
        Any integer; everything random follows from it.
    size, layout
        Fineness of the images, arrangement of the raw folder.
    defects
        ``NAME`` out of `umd_curate.synth.DEFECTS`, planted into the first suitable series, or ``NAME@SUBJECT,SUBJECT``,
        planted into the first suitable series of each of those subjects.
    scanners
        Names of `umd_curate.synth.scanners.Vendor`, dealt out in turn to the studies of their kind; of a kind that none
        is named for, the scanners of the demo.
    mixed
        Draw a scanner and a way of writing the PET for every study, by the seed.
    """

    subjects: int = 2
    seed: int = 1
    size: Size = Size.DEMO
    layout: Layout = Layout.FLAT
    defects: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """A square in-plane matrix and a number of slices over a field of view.

    `fov_mm` is the in-plane width, `length_mm` the extent along z; the voxels follow.
    """

    columns: int
    slices: int
    fov_mm: float
    length_mm: float

    @property
    def pixel_mm(self) -> float:
        """In-plane distance of voxel centres [mm], to the four decimals that the header holds."""
        return round(self.fov_mm / self.columns, 4)

    @property
    def step_mm(self) -> float:
        """Distance of neighbouring slices [mm], to the four decimals that the header holds."""
        return round(self.length_mm / self.slices, 4)


@dataclass(frozen=True, slots=True)
class Matrices:
    """The matrices of one size: CT with its PET, MR with its PET."""

    ct: Matrix
    pet: Matrix
    mr: Matrix
    mr_pet: Matrix


LENGTH_MM = 1050.0  # vertex to mid-thigh of a tall adult with a hand's width of air above the head
_CT_FOV_MM, _PET_FOV_MM, _MR_FOV_MM = 520.0, 560.0, 540.0


def _matrices(ct: tuple[int, int], pet: tuple[int, int], mr: tuple[int, int], mr_pet: tuple[int, int]) -> Matrices:
    return Matrices(
        ct=Matrix(*ct, _CT_FOV_MM, LENGTH_MM),
        pet=Matrix(*pet, _PET_FOV_MM, LENGTH_MM),
        mr=Matrix(*mr, _MR_FOV_MM, LENGTH_MM),
        mr_pet=Matrix(*mr_pet, _PET_FOV_MM, LENGTH_MM),
    )


MATRICES = {
    Size.TINY: _matrices((64, 56), (40, 56), (48, 48), (40, 48)),
    Size.DEMO: _matrices((192, 160), (96, 160), (128, 120), (96, 120)),
    Size.CLINICAL: _matrices((512, 350), (200, 350), (256, 260), (172, 260)),
}
