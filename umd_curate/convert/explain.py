"""The derivation of an SUV in words: what was read, by which rule each value follows, what was noted, what came of it.

Makes rows of text from a derivation, for the command line; the derivation itself is that of `pet_series.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from umd_curate.convert.pet_series import PetSeries
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.pet import PetContext, PetHeader
from umd_curate.model.receipts import Json
from umd_curate.model.sidecars import SuvReceipt


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the SUV of one series follows from its headers, or why there is none.

    `receipt` is None where there is no SUV; `refusal` is the finding that forbids the image, or the SUV alone.
    """

    series: str
    slices: int
    units: str
    receipt: SuvReceipt | None
    findings: tuple[Finding, ...]
    refusal: Finding | None = None

    @property
    def outcome(self) -> str:
        """What came of it, in a sentence."""
        if self.receipt is not None:
            return f"SUVbw by the rule {self.receipt.rule}"
        return "no SUV: kept in Bq/mL" if self.units else "refused: no image is made"


def explain_series(
    headers: Sequence[PetHeader], series: str, context: PetContext, types: Sequence[str] = ()
) -> Explanation:
    """Derive the SUV of a series slice by slice and keep every word of it.

    Parameters
    ----------
    headers
        Of the slices, in ascending k.
    series
        Short id or name under which the series is shown.
    context
        What the SUV needs beyond the headers.
    types
        Further types of SUV that are wanted.
    """
    state = PetSeries(series, context, types)
    try:
        for header in headers:
            state.rescale(header)
    except Refused as refusal:
        return Explanation(series, len(headers), "", None, state.findings, refusal.finding)
    without = state.verdict if isinstance(state.verdict, Finding) else None
    return Explanation(series, len(headers), state.units, state.receipt(), state.findings, without)


def input_rows(receipt: SuvReceipt) -> list[tuple[str, str, str, str]]:
    """Inputs: what it is, tag, value with unit, source."""
    rows = []
    for name, entry in receipt.inputs.items():
        if not isinstance(entry, dict):
            continue
        value = _said(entry.get("value"))
        if "value_last" in entry and entry["value_last"] != entry.get("value"):
            value = f"{value} to {_said(entry['value_last'])}"
        source = f"supplement: {entry['source']}" if "source" in entry else "header"
        rows.append((name, str(entry.get("tag", "")), f"{value} {entry.get('unit', '')}".strip(), source))
    return rows


def step_rows(receipt: SuvReceipt) -> list[tuple[str, str, str, str]]:
    """Intermediate values: what it is, value with unit, rule, tags."""
    return [
        (step.name, f"{_said(step.value)} {step.unit}".strip(), step.rule, " ".join(step.tags))
        for step in receipt.steps
    ]


def result_rows(receipt: SuvReceipt) -> list[tuple[str, str]]:
    """What comes out: the factor over the slices, and the further types."""
    rows = [("SUVbw", f"(stored x RescaleSlope) x {_said(receipt.factor_min)}")]
    if receipt.slice_factors is not None:
        rows = [
            (
                "SUVbw",
                f"(stored x RescaleSlope) x {_said(receipt.factor_min)} to {_said(receipt.factor_max)}, by slice",
            )
        ]
    rows += [
        (name, f"SUVbw x {_said(entry.ratio)} {entry.unit}, by {_said(entry.normaliser)} {entry.normaliser_unit}")
        for name, entry in receipt.types.items()
    ]
    return rows


def finding_rows(explanation: Explanation) -> list[tuple[str, str, str, str]]:
    """Findings: severity, code, title with detail, what to do."""
    refusal = (explanation.refusal,) if explanation.refusal is not None else ()
    found = dict.fromkeys((*refusal, *explanation.findings))
    return [
        (entry.severity.value, entry.code, f"{CATALOGUE[entry.code].title}: {_detail(entry)}", CATALOGUE[entry.code].action)
        for entry in found
    ]  # fmt: skip


def as_document(explanation: Explanation) -> dict[str, Json]:
    """All of it as JSON."""
    receipt = explanation.receipt
    findings: list[Json] = [
        {"severity": severity, "code": code, "what": what, "action": action}
        for severity, code, what, action in finding_rows(explanation)
    ]
    return {
        "series": explanation.series,
        "slices": explanation.slices,
        "outcome": explanation.outcome,
        "units": explanation.units or None,
        "suv": None if receipt is None else receipt.model_dump(mode="json", by_alias=True),
        "findings": findings,
    }


def _detail(finding: Finding) -> str:
    return finding.detail if finding.measured is None else f"{finding.detail} ({_said(finding.measured)})"


def _said(value: Json) -> str:
    """A number with as many digits as tell it from its neighbours in a receipt; text as it is."""
    return f"{value:.9g}" if isinstance(value, float) else str(value)
