"""``qa/organs.parquet``: the numbers of every organ of every session, one row each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganQuantityRow:
    """One organ of one session. Numbers on the CT or MR stand first, then those on the PET grid; null where there is none."""

    subject_id: str
    session_id: str
    kind: str
    organ: str
    organ_id: int
    volume_ml: float  # on the CT or MR; of a truncated organ, of what the image shows
    is_truncated: bool  # touches a face of the image
    is_complete: bool  # an empty slice lies above and below (arXiv 2406.14486, rule 1)
    is_one_piece: bool  # one connected component, 26 neighbours (rule 2)
    is_on_its_side: bool | None  # of a paired organ: right of left, by centre of mass (rule 3); null without a partner
    is_5_ml: bool  # rule 4
    volume_robust_z: float | None  # of the log volume in the sessions of its modality and sex; null below 20 sessions
    image_mean: float | None  # HU on CT, arbitrary on MR
    image_sd: float | None
    image_p5: float | None
    image_p25: float | None
    image_median: float | None
    image_p75: float | None
    image_p95: float | None
    suv_mean: float | None  # SUVbw [g/mL]
    suv_sd: float | None
    suv_p5: float | None
    suv_p25: float | None
    suv_median: float | None
    suv_p75: float | None
    suv_p95: float | None
    suv_max: float | None
    suv_peak: float | None  # largest mean over a sphere of 1 mL (IBSI 0F91)
    volume_on_pet_ml: float | None
    tlg: float | None  # suv_mean x volume_on_pet_ml [g]
