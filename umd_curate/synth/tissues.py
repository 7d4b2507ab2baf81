"""What each tissue looks like: CT number, MR water and fat signal, FDG uptake. Typical values of adult anatomy."""

from dataclasses import dataclass
from enum import StrEnum


class Tissue(StrEnum):
    """Every material of the standard body."""

    AIR = "air"
    GAS = "gas"
    LUNG = "lung"
    FAT = "fat"
    SKIN = "skin"
    MUSCLE = "muscle"
    SOFT = "soft"
    CORTEX = "cortex"
    MARROW = "marrow"
    DISC = "disc"
    CORD = "cord"
    GREY = "grey"
    WHITE = "white"
    CSF = "csf"
    EYE = "eye"
    LIVER = "liver"
    BILE = "bile"
    SPLEEN = "spleen"
    KIDNEY = "kidney"
    PELVIS = "pelvis"
    BLOOD = "blood"
    MYOCARDIUM = "myocardium"
    URINE = "urine"
    STOMACH = "stomach"
    CONTENT = "content"
    COLON = "colon"
    STOOL = "stool"
    PANCREAS = "pancreas"
    ESOPHAGUS = "esophagus"
    BOWEL = "bowel"
    PROSTATE = "prostate"
    LESION = "lesion"


@dataclass(frozen=True, slots=True)
class Look:
    """Appearance of one tissue.

    Parameters
    ----------
    hu, hu_contrast
        CT number [HU], without and in the portal-venous phase of iodine contrast.
    water, fat
        Signal of the water and the fat image of a Dixon sequence, arbitrary units up to about 1000.
    suv
        Uptake an hour after FDG, SUVbw [g/mL].
    """

    hu: float
    hu_contrast: float
    water: float
    fat: float
    suv: float


LOOKS: dict[Tissue, Look] = {
    Tissue.AIR: Look(-1000, -1000, 0, 0, 0.0),
    Tissue.GAS: Look(-960, -960, 8, 2, 0.2),
    Tissue.LUNG: Look(-830, -815, 45, 4, 0.45),
    Tissue.FAT: Look(-105, -103, 40, 760, 0.25),
    Tissue.SKIN: Look(10, 25, 230, 120, 0.5),
    Tissue.MUSCLE: Look(55, 68, 330, 25, 0.7),
    Tissue.SOFT: Look(30, 45, 260, 130, 0.9),
    Tissue.CORTEX: Look(850, 855, 30, 10, 0.5),
    Tissue.MARROW: Look(210, 220, 150, 330, 1.4),
    Tissue.DISC: Look(85, 90, 420, 20, 0.7),
    Tissue.CORD: Look(30, 35, 480, 20, 1.6),
    Tissue.GREY: Look(38, 46, 500, 10, 9.5),
    Tissue.WHITE: Look(29, 33, 430, 30, 4.0),
    Tissue.CSF: Look(6, 6, 210, 0, 1.0),
    Tissue.EYE: Look(10, 12, 240, 0, 0.8),
    Tissue.LIVER: Look(58, 112, 520, 35, 2.3),
    Tissue.BILE: Look(8, 10, 260, 5, 0.8),
    Tissue.SPLEEN: Look(50, 122, 410, 10, 1.9),
    Tissue.KIDNEY: Look(33, 178, 400, 10, 3.1),
    Tissue.PELVIS: Look(8, 60, 260, 60, 11.0),
    Tissue.BLOOD: Look(42, 152, 300, 5, 1.7),
    Tissue.MYOCARDIUM: Look(48, 105, 380, 8, 4.6),
    Tissue.URINE: Look(6, 9, 190, 0, 24.0),
    Tissue.STOMACH: Look(40, 82, 380, 15, 2.1),
    Tissue.CONTENT: Look(18, 20, 280, 20, 0.6),
    Tissue.COLON: Look(38, 75, 360, 30, 1.5),
    Tissue.STOOL: Look(-20, -18, 240, 120, 0.9),
    Tissue.PANCREAS: Look(36, 92, 560, 60, 1.7),
    Tissue.ESOPHAGUS: Look(40, 62, 360, 15, 1.6),
    Tissue.BOWEL: Look(32, 72, 370, 25, 1.3),
    Tissue.PROSTATE: Look(40, 70, 370, 20, 1.5),
    Tissue.LESION: Look(42, 78, 430, 10, 8.0),
}
