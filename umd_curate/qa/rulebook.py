"""The table of rules as values: limits, expected numbers of organs, pairs. The numbers stand in manifests/qa_rules.toml.

Decides how a measured number is judged against limits; which number a rule looks at is said in `image_rules`,
`label_rules`, `place_rules` and `cohort`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from umd_curate.model.checks import CheckEntry, Outcome

DIGITS = 6  # significant digits of a published check
PRECISE_DIGITS = 10  # of a published quantity of an organ


class _Entry(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Limits(_Entry):
    """Allowed values, both ends included; an open end is None."""

    low: float | None = None
    high: float | None = None

    def hold(self, value: float) -> bool:
        """Say whether `value` lies inside."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Rule(_Entry):
    """One row of the table; `severity` is the heaviest outcome that it can give."""

    id: str
    code: str
    what: str
    why: str
    unit: str
    severity: Literal["warn", "fail"]
    source: str
    warn: Limits = Limits()
    fail: Limits = Limits()


class OrganNorms(_Entry):
    """What is expected of one organ.

    `median_hu` holds the median CT number, `tissue_hu` nearly every voxel. `tapers` says that its cross-section shrinks towards its upper and lower end.
    """

    median_hu: tuple[float, float] | None = None
    tissue_hu: tuple[float, float] | None = None
    volume_ml: tuple[float, float] | None = None
    tapers: bool = True
    may_break: bool = False


class Sides(_Entry):
    """A pair of organs, the one further to the patient's left first."""

    left: str
    right: str


class Order(_Entry):
    """A pair of organs, the one nearer to the head first."""

    upper: str
    lower: str


class Reach(_Entry):
    """When an organ must be in the image.

    Either the image reaches more than `reach_mm` beyond the edge of `beyond`, or the organs of `within`, between or beside
    which it lies, are there and complete; of incomplete ones `reach_mm` must be in the image for the organ to be missed.
    """

    organ: str
    beyond: str = ""
    direction: Literal["up", "down"] = "up"
    reach_mm: float = 0.0
    within: tuple[str, ...] = ()


class Neighbours(_Entry):
    """Two organs whose surfaces are at most `within_mm` apart, or at least `apart_mm`."""

    organs: tuple[str, str]
    within_mm: float | None = None
    apart_mm: float | None = None

    @property
    def limits(self) -> Limits:
        """The distances as limits."""
        return Limits(low=self.apart_mm, high=self.within_mm)


class Variant(_Entry):
    """A variant of anatomy or a state after surgery: which rules it explains, and for which organs it can be confirmed."""

    name: str
    organs: tuple[str, ...]
    rules: tuple[str, ...]
    why: str


class Uptake(_Entry):
    """Plausible mean SUV of an organ for some tracers, or its ratio to another organ's; no second number: no upper end."""

    tracers: tuple[str, ...]
    organ: str
    over: str = ""
    range: tuple[float, ...] = Field(min_length=1, max_length=2)
    source: str

    @property
    def limits(self) -> Limits:
        """The range as limits."""
        return Limits(low=self.range[0], high=self.range[1] if len(self.range) > 1 else None)


class _Table(_Entry):
    version: str
    rules: tuple[Rule, ...]
    organs: dict[str, OrganNorms]
    laterality: tuple[Sides, ...]
    order: tuple[Order, ...]
    field_of_view: tuple[Reach, ...]
    neighbours: tuple[Neighbours, ...]
    uptake: tuple[Uptake, ...]
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules and norms of one version of the table."""

    version: str
    rules: Mapping[str, Rule]
    organs: Mapping[str, OrganNorms]
    sides: tuple[Sides, ...]
    orders: tuple[Order, ...]
    reaches: tuple[Reach, ...]
    neighbours: tuple[Neighbours, ...]
    uptakes: tuple[Uptake, ...]
    variants: Mapping[str, Variant]

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> "Rulebook":
        """Check the TOML's content and make the rulebook of it.

        Raises
        ------
        pydantic.ValidationError
            A key is unknown, missing or of the wrong type.
        """
        checked = _Table.model_validate(table)
        return cls(
            version=checked.version,
            rules={rule.id: rule for rule in checked.rules},
            organs=checked.organs,
            sides=checked.laterality,
            orders=checked.order,
            reaches=checked.field_of_view,
            neighbours=checked.neighbours,
            uptakes=checked.uptake,
            variants={variant.name: variant for variant in checked.variants},
        )

    def norms(self, organ: str) -> OrganNorms:
        """Norms of an organ; the defaults where the table has none."""
        return self.organs.get(organ, OrganNorms())

    def with_fail(self, rule: str, limits: Limits) -> "Rulebook":
        """Copy of the rulebook in which `rule` fails outside `limits`."""
        changed = self.rules[rule].model_copy(update={"fail": limits})
        return replace(self, rules={**self.rules, rule: changed})

    def judge(
        self,
        rule_id: str,
        measured: float,
        *,
        organ: str = "",
        warn: Limits | None = None,
        fail: Limits | None = None,
        detail: str = "",
        unit: str | None = None,
    ) -> CheckEntry:
        """Compare a number with a rule's limits, or with the given ones where they belong to an organ."""
        rule = self.rules[rule_id]
        warn, fail = warn or rule.warn, fail or rule.fail
        if not fail.hold(measured):
            outcome, limits = Outcome.FAIL, fail
        elif not warn.hold(measured):
            outcome, limits = Outcome.WARN, warn
        else:
            outcome, limits = Outcome.PASS, warn if warn != Limits() else fail
        return CheckEntry(
            rule=rule.id,
            code=rule.code,
            outcome=outcome,
            organ=organ,
            measured=rounded(measured),
            unit=rule.unit if unit is None else unit,
            low=limits.low,
            high=limits.high,
            detail=detail,
        )

    def state(self, rule_id: str, outcome: Outcome, detail: str, *, organ: str = "") -> CheckEntry:
        """Entry of a rule that is judged without a number, or that could not be applied."""
        rule = self.rules[rule_id]
        return CheckEntry(rule=rule.id, code=rule.code, outcome=outcome, organ=organ, unit="", detail=detail)

    def skip(self, rule_id: str, why: str, *, organ: str = "") -> CheckEntry:
        """Entry of a rule that does not apply, with the reason."""
        return self.state(rule_id, Outcome.NOT_APPLICABLE, why, organ=organ)


def rounded(value: float) -> float:
    """Round to six significant digits, so that published numbers do not carry the noise of the last bits."""
    return float(f"{value:.{DIGITS}g}")


def precise(value: float) -> float:
    """Round to ten significant digits: far finer than any check needs, and the same on every processor."""
    return float(f"{value:.{PRECISE_DIGITS}g}")
