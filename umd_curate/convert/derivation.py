"""The record of one SUV derivation: every input with its tag, value and unit, every intermediate value, every inference.

It keeps what `suv.py` and its siblings decide and decides nothing itself. Times are seconds after injection, so that the
record may stand below the PHI wall; no date and no clock time ever enters it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from umd_curate.model.findings import Finding, FindingCode, Refused
from umd_curate.model.receipts import Json


@dataclass(frozen=True, slots=True)
class DerivedValue:
    """One intermediate value: its name, value and unit, the rule that gave it, and the tags that went in."""

    name: str
    value: float
    unit: str
    rule: str
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Derivation:
    """A derivation under way; `place` is the short id that its findings name.

    `supplied` names the source of each tag whose value the header lacks and the site's records gave.
    """

    place: str
    inputs: dict[str, Json] = field(default_factory=dict)
    steps: list[DerivedValue] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    supplied: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, tag: str, value: float | str, unit: str = "") -> None:
        """Record an input: the DICOM keyword, its tag, the value in the unit given, and its source if that is no header."""
        entry: dict[str, Json] = {"tag": tag, "value": value, "unit": unit}
        if tag in self.supplied:
            entry["source"] = self.supplied[tag]
        self.inputs[name] = entry

    def compute(self, name: str, value: float, unit: str, rule: str, *tags: str) -> float:
        """Record an intermediate value with its unit, the rule and the tags that gave it, and hand it back."""
        self.steps.append(DerivedValue(name, value, unit, rule, tags))
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
        Inputs with tag, value and unit; intermediate values in their order. Free of dates.
    findings
        One per inferred unit, date or formula.
    """

    factor: float
    rule: str
    decay_reference_s: float | None
    decay_factor: float | None
    scan_start_s: float | None
    inputs: Mapping[str, Json]
    steps: tuple[DerivedValue, ...]
    findings: tuple[Finding, ...] = ()
