"""Rows of ``qa/organs.parquet`` out of a session's checks, with the four published rules for segmentations beside them. Pure.

The rules are those of Krishnaswamy et al. 2024 (arXiv 2406.14486), as the Imaging Data Commons applies them: an empty slice
above and below, one connected component, the right one of a pair to the right of the left by centre of mass, 5 mL.
"""

from collections.abc import Mapping

from umd_curate.model.checks import Intensities, OrganEntry, SessionChecks
from umd_curate.model.labels import OrganTable
from umd_curate.model.quantities import OrganQuantityRow

LEAST_ML = 5.0
LEFT, RIGHT = "left", "right"


def organ_rows(checks: SessionChecks, table: OrganTable, scores: Mapping[str, float]) -> list[OrganQuantityRow]:
    """One row per organ of a session; `scores` are the robust z of its volumes by organ."""
    found = {organ.name: organ for organ in checks.organs}
    return [
        OrganQuantityRow(
            subject_id=checks.subject,
            session_id=checks.session,
            kind=checks.kind,
            organ=organ.name,
            organ_id=organ.id,
            volume_ml=organ.volume_ml,
            is_truncated=organ.truncated,
            is_complete=organ.is_complete,
            is_one_piece=organ.pieces == 1,
            is_on_its_side=is_on_its_side(organ, found, table),
            is_5_ml=organ.volume_ml >= LEAST_ML,
            volume_robust_z=scores.get(organ.name),
            **_image(organ.image),
            **_suv(organ.suv),
            suv_peak=organ.suv_peak,
            volume_on_pet_ml=organ.volume_on_pet_ml,
            tlg=organ.tlg,
        )
        for organ in checks.organs
    ]


def is_on_its_side(organ: OrganEntry, found: Mapping[str, OrganEntry], table: OrganTable) -> bool | None:
    """Say whether an organ of a pair lies on its own side of its partner; None where it has none."""
    own = table.named(organ.name)
    if own is None or own.side not in {LEFT, RIGHT}:
        return None
    partner = next((o for o in table if o.snomed_code == own.snomed_code and o.side not in {own.side, None}), None)
    other = found.get(partner.name) if partner is not None else None
    if other is None:
        return None
    further_right = organ.centroid_ras_mm[0] - other.centroid_ras_mm[0]
    return further_right > 0 if own.side == RIGHT else further_right < 0


def _image(image: Intensities | None) -> dict[str, float | None]:
    names = ("mean", "sd", "p5", "p25", "median", "p75", "p95")
    return {f"image_{name}": getattr(image, name) if image is not None else None for name in names}


def _suv(suv: Intensities | None) -> dict[str, float | None]:
    names = ("mean", "sd", "p5", "p25", "median", "p75", "p95")
    found = {f"suv_{name}": getattr(suv, name) if suv is not None else None for name in names}
    return {**found, "suv_max": suv.greatest if suv is not None else None}
