"""Decides what each criterion of a ranking sees in a volume. In which order they count stands in umd.toml (`RankConfig`).

Before the criteria of umd.toml come a decision for the series itself, the tier (attenuation corrected; covers the PET) and a
decision for its protocol group. Choosing by them is for `select`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.dixon import words_of
from umd_curate.model.config import CriterionName, Decision, IngestConfig, RankBy
from umd_curate.model.dixon import FAT, IN, OPPOSED, WATER
from umd_curate.model.study import Role

Range = tuple[float, float]
Value = Callable[[Candidate, Range | None], float]

COVERS_PART = 0.5  # of the PET's height; whole-body CT and MR cover all of it, a region scan a third at most
COVERAGE_STEP_MM = 10.0  # heights that differ by less are equal

_AC_WORDS = re.compile(r"\b(ac|acct|ctac|ac ct|low ?dose|ld|ldct|attenuation)\b")
_CONTRAST_WORDS = re.compile(r"\b(contrast|cect|ce|kontrast|km|iv|venous|arterial|portal)\b")
_SOFT_WORDS = re.compile(r"^(standard|soft|a|b|c|fc0\d|fc1\d|ac|b[1-3]\d[a-z]?|[bq]r[1-4]\d.*|i[1-3]\d.*|b[ef]\d\d.*)$")
_SHARP_WORDS = re.compile(
    r"^(lung|bone|bone ?plus|edge|detail|d|e|l|yb|yc|fc[358]\d|b[5-9]\d[a-z]?|[bh]r[5-9]\d.*|i[5-9]\d.*)$"
)
_MAPS = {"ADC", "FA", "TRACEW", "TENSOR", "T1 MAP", "T2 MAP", "FRACTION", "R2STAR", "PHASE", "P", "SUBTRACTION"}
_CHANNEL_ORDER = (IN, WATER, None, OPPOSED, FAT)
_CHOICES = {"first": -1.0, "last": 1.0}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing by which volumes are ranked; the smaller value is better.

    `value` takes the volume and the height [mm, RAS+ z] that it should cover, None where that is unknown. `said` names the
    values in words; numbers without a word of their own stand as they are. A last resort tells volumes apart that are
    alike: where it decides, the choice is a tie.
    """

    title: str
    value: Value
    said: Callable[[float], str] = lambda value: f"{value:g}"
    is_last_resort: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The criteria of each role in their order, and the decisions by id of series or protocol group."""

    criteria: Mapping[Role, tuple[Criterion, ...]]
    decisions: Mapping[str, Decision]

    def of(self, volume: Candidate) -> tuple[Decision, ...]:
        """Decisions about a volume: its own first, then that of its protocol group."""
        found = (self.decisions.get(volume.series), self.decisions.get(volume.group))
        return tuple(entry for entry in found if entry is not None)


TIER = 1  # place of the tier among the criteria
N_FIXED = 3  # criteria before those of umd.toml


def rules_of(config: IngestConfig) -> Rules:
    """Rules of the settings."""
    decisions = {entry.target: entry for entry in config.decide}
    tiers = {Role.PET: _ATTENUATION_CORRECTED, Role.CT: _COVERS, Role.MR: _COVERS}
    chosen = {Role.PET: config.rank.pet, Role.CT: config.rank.ct, Role.MR: config.rank.mr}
    return Rules(
        {
            role: (
                _decided("decision for the series", decisions, lambda c: c.series),
                tier,
                _decided("decision for the protocol group", decisions, lambda c: c.group),
                *(_configured(entry) for entry in chosen[role]),
            )
            for role, tier in tiers.items()
        },
        decisions,
    )


def coverage_mm(candidate: Candidate) -> float:
    """Height of the volume along the body [mm], in steps of a centimetre; 0 where unknown."""
    height = candidate.height_mm
    return 0.0 if height is None else round((height[1] - height[0]) / COVERAGE_STEP_MM) * COVERAGE_STEP_MM


def covered_part(height: Range | None, wanted: Range | None) -> float:
    """Part of a height that a volume covers, 0 to 1; 1 where either is unknown."""
    if height is None or wanted is None or wanted[1] <= wanted[0]:
        return 1.0
    return max(0.0, min(height[1], wanted[1]) - max(height[0], wanted[0])) / (wanted[1] - wanted[0])


def _words(*names: str) -> Callable[[float], str]:
    return lambda value: names[int(value)]


_NO_YES = _words("yes", "no")


def _decided(title: str, decisions: Mapping[str, Decision], target: Callable[[Candidate], str]) -> Criterion:
    def value(candidate: Candidate, _: Range | None) -> float:
        entry = decisions.get(target(candidate))
        return _CHOICES.get(entry.choose, 0.0) if entry else 0.0

    return Criterion(title, value, lambda value: {-1.0: "first", 1.0: "last"}.get(value, "none"))


def _ct_role(candidate: Candidate) -> float:
    words = words_of(candidate.first.series_description)
    if candidate.first.contrast_agent or _CONTRAST_WORDS.search(words):
        return 2.0
    return 0.0 if _AC_WORDS.search(words) else 1.0


def _kernel(candidate: Candidate) -> float:
    words = words_of(candidate.first.convolution_kernel)
    if _SHARP_WORDS.match(words):
        return 2.0
    return 0.0 if _SOFT_WORDS.match(words) else 1.0


def _phase(candidate: Candidate) -> float:
    if candidate.first.dixon_channel != IN:
        return 2.0
    return 0.0 if candidate.is_composed else 1.0


def _is_map(candidate: Candidate) -> bool:
    return bool({value.strip().upper() for value in candidate.first.image_type} & _MAPS)


_ATTENUATION_CORRECTED = Criterion("attenuation corrected", lambda c, _: float(not c.is_attenuation_corrected), _NO_YES)
_COVERS = Criterion(
    "covers at least half of the PET", lambda c, to: float(covered_part(c.height_mm, to) < COVERS_PART), _NO_YES
)

_CRITERIA: dict[CriterionName, Criterion] = {
    "static": Criterion("static before dynamic or gated", lambda c, _: float(not c.is_static), _NO_YES),
    "largest-coverage": Criterion("largest coverage", lambda c, _: -coverage_mm(c), lambda value: f"{-value:g} mm"),
    "original": Criterion(
        "original before derived",
        lambda c, _: float("ORIGINAL" not in c.first.image_type[:1]),
        _words("original", "derived"),
    ),
    "bqml": Criterion(
        "Bq/mL before other units", lambda c, _: float(c.first.units != "BQML"), _words("Bq/mL", "another unit")
    ),
    "attenuation-ct": Criterion(
        "low-dose for attenuation correction before contrast",
        lambda c, _: _ct_role(c),
        _words("named so", "neither named", "contrast"),
    ),
    "contrast": Criterion(
        "contrast-enhanced first", lambda c, _: float(_ct_role(c) != 2.0), _words("contrast", "none named")
    ),
    "soft-kernel": Criterion("soft kernel", lambda c, _: _kernel(c), _words("soft", "unknown", "sharp")),
    "most-slices": Criterion("most slices", lambda c, _: -float(c.n_slices), lambda value: f"{-value:g}"),
    "in-phase": Criterion(
        "composed in-phase, then in-phase", lambda c, _: _phase(c), _words("in-phase, composed", "in-phase", "no")
    ),
    "no-map": Criterion("image before parameter map", lambda c, _: float(_is_map(c)), _words("image", "map")),
    "largest-part": Criterion(
        "largest part of the PET",
        lambda c, to: -round(covered_part(c.height_mm, to), 1),
        lambda value: f"{-value:.0%}",
    ),
    "dixon-channel": Criterion(
        "Dixon channel",
        lambda c, _: float(_CHANNEL_ORDER.index(c.first.dixon_channel)),
        lambda value: _CHANNEL_ORDER[int(value)] or "none",
    ),
    "finest-pixels": Criterion(
        "finest pixels",
        lambda c, _: round(min(c.first.pixel_spacing_mm, default=float("inf")), 2),
        lambda v: f"{v:g} mm",
    ),
    "lowest-series-number": Criterion(
        "lowest series number", lambda c, _: float(c.first.series_number or 0), is_last_resort=True
    ),
    "highest-series-number": Criterion(
        "highest series number",
        lambda c, _: -float(c.first.series_number or 0),
        lambda v: f"{-v:g}",
        is_last_resort=True,
    ),
}
_TEXTS: dict[CriterionName, Callable[[Candidate], str | None]] = {
    "description": lambda c: c.first.series_description,
    "protocol": lambda c: c.first.protocol_name,
    "kernel": lambda c: c.first.convolution_kernel,
    "reconstruction": lambda c: c.first.reconstruction_method,
}


def _configured(entry: RankBy) -> Criterion:
    if entry.by not in _TEXTS:
        return _CRITERIA[entry.by]
    text, sought = _TEXTS[entry.by], [f" {words_of(word)} " for word in entry.words]

    def value(candidate: Candidate, _: Range | None) -> float:
        words = f" {words_of(text(candidate))} "
        return float(next((place for place, word in enumerate(sought) if word in words), len(sought)))

    return Criterion(f"words of the {entry.by}", value, _words(*entry.words, "none of the words"))


def union(heights: Sequence[Range | None]) -> Range | None:
    """Height from the lowest to the highest of several; None where all are unknown."""
    known = [height for height in heights if height is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None
