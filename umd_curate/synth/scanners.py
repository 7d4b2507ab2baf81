"""The scanners of the cohort: maker, model, and the habits of each when it writes a header.

A scanner's habits are values; which elements follow from them is decided in the header files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from umd_curate.synth.writing import F18_HALF_LIFE_GE_S, F18_HALF_LIFE_S, Decay, PetWriting, SeriesClock, Units


class Kind(StrEnum):
    """What a session is."""

    PETCT = "petct"
    PETMRI = "petmri"


class Vendor(StrEnum):
    """Scanner of a study, by the name a user gives it."""

    SIEMENS_CT = "siemens-petct"
    GE_CT = "ge-petct"
    PHILIPS_CT = "philips-petct"
    PHILIPS_COUNTS_CT = "philips-cnts-petct"
    UIH_CT = "uih-petct"
    SIEMENS_MR = "siemens-petmr"
    GE_MR = "ge-petmr"
    UIH_MR = "uih-petmr"


class Maker(StrEnum):
    """Manufacturer (0008,0070), as each writes itself."""

    SIEMENS = "SIEMENS"
    GE = "GE MEDICAL SYSTEMS"
    PHILIPS = "Philips Medical Systems"
    UIH = "UIH"


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner and its habits.

    Parameters
    ----------
    kind
        PET/CT or PET/MR.
    maker, model, software
        (0008,0070), (0008,1090), (0018,1020).
    methods
        ReconstructionMethod (0054,1103) of the plain and the sharper reconstruction.
    corrections
        CorrectedImage (0028,0051) of an attenuation-corrected image, without DECY.
    writing
        How it writes a PET.
    half_life_s
        Of F-18, as it writes it.
    descending
        Whether its CT is stored from the head down.
    fraction_s
        Part of a second to which its clock is read.
    bed_s
        Length of a bed position.
    kernel
        ConvolutionKernel (0018,1210) of a CT.
    """

    kind: Kind
    maker: Maker
    model: str
    software: str
    methods: tuple[str, str]
    corrections: tuple[str, ...]
    writing: PetWriting = field(default_factory=PetWriting)
    half_life_s: float = F18_HALF_LIFE_S
    descending: bool = False
    fraction_s: float = 0.25
    bed_s: float = 120.0
    kernel: str = ""


_MR_WRITING = PetWriting(decay=Decay.ADMIN)
_PHILIPS = ("DTIM", "RADL", "ATTN", "SCAT", "RAN", "NORM", "CLN")

SCANNERS: Mapping[Vendor, Scanner] = {
    Vendor.SIEMENS_CT: Scanner(
        Kind.PETCT, Maker.SIEMENS, "Biograph64", "VG60A", ("3D OSEM 3i21s", "PSF+TOF 2i21s"),
        ("NORM", "DTIM", "ATTN", "SCAT", "RAN"), kernel="B30f",
    ),
    Vendor.GE_CT: Scanner(
        Kind.PETCT, Maker.GE, "Discovery 690", "pet_coreload.44", ("VPFX", "VPFXS"),
        ("ATTN", "SCAT", "DTIM", "RANSNG", "DCAL", "SLSENS", "NORM"),
        PetWriting(series_time=SeriesClock.LATE, is_dated=False),
        F18_HALF_LIFE_GE_S, descending=True, kernel="STANDARD",
    ),
    Vendor.PHILIPS_CT: Scanner(
        Kind.PETCT, Maker.PHILIPS, "Ingenuity TF PET/CT", "4.0.0.19371", ("BLOB-OS-TF", "BLOB-OS-TF PSF"),
        _PHILIPS, PetWriting(), fraction_s=0.0, bed_s=90.0, kernel="B",
    ),
    Vendor.PHILIPS_COUNTS_CT: Scanner(
        Kind.PETCT, Maker.PHILIPS, "GEMINI TF TOF 64", "3.5.2.34100", ("BLOB-OS-TF", "3D-RAMLA"),
        _PHILIPS, PetWriting(units=Units.COUNTS_SUV, is_dated=False), F18_HALF_LIFE_GE_S,
        fraction_s=0.0, bed_s=90.0, kernel="B",
    ),
    Vendor.UIH_CT: Scanner(
        Kind.PETCT, Maker.UIH, "uMI 780", "R002", ("OSEM TOF", "OSEM TOF PSF"),
        ("NORM", "DTIM", "ATTN", "SCAT", "RAN"), bed_s=150.0, kernel="B_SOFT_B",
    ),
    Vendor.SIEMENS_MR: Scanner(
        Kind.PETMRI, Maker.SIEMENS, "Biograph_mMR", "syngo MR E11P", ("OP-OSEM 3i21s", "PSF 3i21s"),
        ("NORM", "DTIM", "ATTN", "SCAT", "RAN"), _MR_WRITING, bed_s=240.0,
    ),
    Vendor.GE_MR: Scanner(
        Kind.PETMRI, Maker.GE, "SIGNA PET/MR", "MP26", ("VPFX", "VPFXS"),
        ("ATTN", "SCAT", "DTIM", "RANSNG", "DCAL", "SLSENS", "NORM"),
        PetWriting(series_time=SeriesClock.LATE, is_dated=False), F18_HALF_LIFE_GE_S, bed_s=240.0,
    ),
    Vendor.UIH_MR: Scanner(
        Kind.PETMRI, Maker.UIH, "uPMR 790", "R001", ("OSEM TOF", "OSEM TOF PSF"),
        ("NORM", "DTIM", "ATTN", "SCAT", "RAN"), bed_s=240.0,
    ),
}  # fmt: skip


def scanners_of(kind: Kind) -> list[Vendor]:
    """All scanners of a kind, in the order of the table."""
    return [vendor for vendor, scanner in SCANNERS.items() if scanner.kind is kind]
