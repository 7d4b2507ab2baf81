"""Sets out the receipt of a registration as rows: every field of it stands on the page. Pure."""

from dataclasses import dataclass

from umd_curate.model.receipts import Json
from umd_curate.model.registration import RegistrationReceipt
from umd_curate.qa.report_tables import Row
from umd_curate.qa.words import fixed, key_and_unit, plain, sentence

# Fields that the page shows elsewhere or that say nothing to a reader of the page: tables of their own, and the findings.
_APART = frozenset({"schema_version", "organs", "findings", "motion"})


@dataclass(frozen=True, slots=True)
class FitRow:
    """One organ of a pair: whether it drove the deformation, and the distance of its surfaces [mm]."""

    organ: str
    part: str
    before: str
    after: str
    held_out: str


def receipt_rows(receipt: RegistrationReceipt) -> tuple[Row, ...]:
    """All of a receipt but its organs and findings: one row per field, those of a part under its name."""
    rows: list[Row] = []
    for key, value in receipt.model_dump(mode="json", by_alias=False).items():
        if key not in _APART:
            rows += _rows(key, value)
    if receipt.motion is not None:
        motion = receipt.motion.model_dump(mode="json", by_alias=False)
        regions = motion.pop("regions")
        rows += _rows("motion", motion)
        for region in regions:
            name = region.pop("region")
            rows += _rows(f"motion of {name}", region)
    return tuple(rows)


def fit_rows(receipt: RegistrationReceipt) -> tuple[FitRow, ...]:
    """Organs of a receipt, those that drove the deformation first."""
    return tuple(
        FitRow(
            organ.organ.replace("_", " "),
            organ.part,
            fixed(organ.surface_before_mm, 1),
            fixed(organ.surface_after_mm, 1),
            fixed(organ.held_out_mm, 1),
        )
        for organ in receipt.organs
    )


def _rows(key: str, value: Json) -> list[Row]:
    if isinstance(value, dict):
        return [row for inner, part in value.items() for row in _rows(f"{key}: {inner}", part)]
    if value in ("", None, []):
        return []
    name, _, last = key.rpartition(": ")
    words, unit = key_and_unit(last)
    begin = f"{name.replace('_', ' ')}: " if name else ""
    return [Row(sentence(f"{begin}{words}"), plain(value, unit))]
