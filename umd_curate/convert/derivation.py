"""The record of one SUV derivation: every input with its tag, value and unit, every intermediate value, every inference.

It keeps what `suv.py` and its siblings decide and decides nothing itself. Times are seconds after injection, so that the
record may stand below the PHI wall; no date and no clock time ever enters it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from umd_curate.model.findings import Finding, FindingCode, Refused
from umd_curate.model.receipts import Json


@dataclass(slots=True)
class Derivation:
    """A derivation under way; `place` is the short id that its findings name."""

    place: str
    inputs: dict[str, Json] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def take(self, name: str, tag: str, value: float | str, unit: str = "") -> None:
        """Record an input: the DICOM keyword, its tag, the value in the unit given."""
        self.inputs[name] = {"tag": tag, "value": value, "unit": unit}

    def compute(self, name: str, value: float) -> float:
        """Record an intermediate value, its unit in the name, and hand it back."""
        self.steps[name] = value
        return value

    def note(self, code: FindingCode, detail: str, *, measured: float | None = None) -> None:
        """Record an inference or a doubt."""
        self.findings.append(code.at(self.place, detail, measured=measured))

    def refusal(self, code: FindingCode, detail: str, *, measured: float | None = None) -> Refused:
        """Make the refusal to raise; `detail` names the tag."""
        return Refused(code.at(self.place, detail, measured=measured))


@dataclass(frozen=True, slots=True)
class SuvFactor:
    """How the pixels of one slice become SUVbw: (stored value x RescaleSlope) x `factor`, in g/mL.

    Parameters
    ----------
    factor
        SUVbw per rescaled unit; for Bq/mL in g/Bq.
    rule
        Clause that was used, such as ``BQML/START/SeriesTime``.
    decay_reference_s
        Seconds after injection to which the pixels are corrected; None where the image was already normalised.
    decay_factor
        Activity left at the reference time, as part of the injected; None likewise.
    scan_start_s
        Start of this slice's acquisition in seconds after injection, where it is known.
    inputs, steps
        Inputs with tag, value and unit; intermediate values. Free of dates.
    findings
        One per inferred unit, date or formula.
    """

    factor: float
    rule: str
    decay_reference_s: float | None
    decay_factor: float | None
    scan_start_s: float | None
    inputs: Mapping[str, Json]
    steps: Mapping[str, float]
    findings: tuple[Finding, ...] = ()

    def explain(self) -> str:
        """Derivation as text: inputs with tag, value and unit, then intermediate values, then the factor."""
        lines = [f"rule     {self.rule}"]
        for name, entry in self.inputs.items():
            assert isinstance(entry, dict)  # noqa: S101  (made by Derivation.take)
            lines.append(f"input    {name} {entry['tag']} = {entry['value']} {entry['unit']}".rstrip())
        lines += [f"step     {name} = {value!r}" for name, value in self.steps.items()]
        lines += [f"finding  {finding.code} {finding.detail}" for finding in self.findings]
        return "\n".join([*lines, f"factor   {self.factor!r} SUVbw per rescaled unit"])
