"""Decides which of several volumes of one role a session holds. The ranking is data: one table of criteria per role.

The first criterion is the tier: a volume of a lower tier never stands in for one of a higher tier that is unusable, so no
NAC PET replaces a broken AC PET, and no knee replaces a broken body. An unusable volume that ranks before the selected one
was wanted: it is quarantined. All others are excluded. PET volumes that nothing tells apart are refused, never drawn by lot.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from umd_curate.ingest.candidates import Candidate, n_slices
from umd_curate.ingest.dixon import words_of
from umd_curate.ingest.stack import Fault
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.dixon import FAT, IN, OPPOSED, WATER
from umd_curate.model.findings import FindingCode
from umd_curate.model.ids import ShortId
from umd_curate.model.study import Role

Range = tuple[float, float]

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


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing by which volumes are ranked; the smaller value is better.

    `value` takes the volume and the height [mm, RAS+ z] that it should cover, None where that is unknown.
    """

    name: str
    value: Callable[[Candidate, Range | None], float]


def coverage_mm(candidate: Candidate) -> float:
    """Height of the volume along the body [mm], in steps of a centimetre; 0 where unknown."""
    height = candidate.height_mm
    return 0.0 if height is None else round((height[1] - height[0]) / COVERAGE_STEP_MM) * COVERAGE_STEP_MM


def covered_part(height: Range | None, wanted: Range | None) -> float:
    """Part of a height that a volume covers, 0 to 1; 1 where either is unknown."""
    if height is None or wanted is None or wanted[1] <= wanted[0]:
        return 1.0
    return max(0.0, min(height[1], wanted[1]) - max(height[0], wanted[0])) / (wanted[1] - wanted[0])


def _is_original(candidate: Candidate) -> bool:
    return "ORIGINAL" in candidate.first.image_type[:1]


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


_COVERS = Criterion("covers at least half of the PET", lambda c, to: float(covered_part(c.height_mm, to) < COVERS_PART))
_LARGEST = Criterion("largest coverage", lambda c, _: -coverage_mm(c))
_ORIGINAL = Criterion("original before derived", lambda c, _: float(not _is_original(c)))
_NUMBER = Criterion("lowest series number", lambda c, _: float(c.first.series_number or 0))

CRITERIA: dict[Role, tuple[Criterion, ...]] = {
    Role.PET: (
        Criterion("attenuation corrected", lambda c, _: float(not c.is_attenuation_corrected)),
        _LARGEST,
        _ORIGINAL,
        Criterion("Bq/mL before other units", lambda c, _: float(c.first.units != "BQML")),
        _NUMBER,
    ),
    Role.CT: (
        _COVERS,
        Criterion("low-dose for attenuation correction before contrast", lambda c, _: _ct_role(c)),
        Criterion("soft kernel", lambda c, _: _kernel(c)),
        _LARGEST,
        Criterion("most slices", lambda c, _: -float(n_slices(c.stack))),
        _ORIGINAL,
        _NUMBER,
    ),
    Role.MR: (
        _COVERS,
        Criterion("composed in-phase, then in-phase", lambda c, _: _phase(c)),
        Criterion("image before parameter map", lambda c, _: float(_is_map(c))),
        _LARGEST,
        Criterion("largest part of the PET", lambda c, to: -round(covered_part(c.height_mm, to), 1)),
        Criterion("Dixon channel", lambda c, _: float(_CHANNEL_ORDER.index(c.first.dixon_channel))),
        _ORIGINAL,
        _NUMBER,
    ),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What selection decided: the volume to use, the wanted but unusable ones, and the others with a reason.

    `decided_by` has for each of the others the name of the first criterion that told it from the best, and that best.
    """

    selected: Candidate | None = None
    refused: tuple[tuple[Candidate, Fault], ...] = ()
    excluded: tuple[tuple[Candidate, FindingCode], ...] = ()
    decided_by: Mapping[ShortId, tuple[str, ShortId]] = field(default_factory=dict)

    @property
    def is_second_best(self) -> bool:
        """A volume that ranks before the selected one was set aside."""
        return bool(self.refused)


def choose(candidates: Sequence[Candidate], cover: Range | None = None) -> Choice:
    """Select one of several volumes of one role.

    Parameters
    ----------
    candidates
        Volumes of one role in one frame of reference.
    cover
        Height of the PET, RAS+ z [mm]; without it, of all candidates together.
    """
    if not candidates:
        return Choice()
    role = candidates[0].role
    wanted = cover or _union([c.height_mm for c in candidates])
    keys = {c.series: tuple(criterion.value(c, wanted) for criterion in CRITERIA[role]) for c in candidates}
    ranked = sorted(candidates, key=lambda c: (keys[c.series], c.series_uid, c.series))
    tier = keys[ranked[0].series][0]
    usable = [c for c in ranked if c.fault is None and keys[c.series][0] == tier]
    equals = [c for c in usable if keys[c.series] == keys[usable[0].series]]
    if role is Role.PET and len(equals) > 1:
        return _all_refused(ranked, usable)
    selected = usable[0] if usable else None
    before = ranked[: ranked.index(selected)] if selected else [c for c in ranked if keys[c.series][0] == tier]
    if ranked[0].fault is not None and ranked[0].fault.code is codes.TWO_PATIENTS:
        before = ranked[:1]  # the whole study has this fault: no other volume of it could have stood in
    refused = tuple((c, c.fault) for c in before if c.fault)
    gone = {c.series for c, _ in refused} | ({selected.series} if selected else set())
    best = selected or ranked[0]
    rest = tuple((c, _reason(c, best)) for c in ranked if c.series not in gone)
    names = [criterion.name for criterion in CRITERIA[role]]
    decided_by = {
        c.series: (
            next(name for name, a, b in zip(names, keys[c.series], keys[best.series], strict=True) if a != b),
            best.series,
        )
        for c, _ in rest
        if keys[c.series] != keys[best.series]
    }
    return Choice(selected, refused, rest, decided_by)


def _all_refused(ranked: Sequence[Candidate], usable: Sequence[Candidate]) -> Choice:
    names = {c.series for c in usable}
    refused = tuple((c, Fault(codes.AMBIGUOUS, "volumes", float(len(usable)), 1.0)) for c in usable)
    return Choice(None, refused, tuple((c, _reason(c, usable[0])) for c in ranked if c.series not in names))


def _reason(candidate: Candidate, best: Candidate) -> FindingCode:
    """Why a volume is not the one that ranks first."""
    if candidate.role is Role.PET:
        nac = best.is_attenuation_corrected and not candidate.is_attenuation_corrected
        return codes.PET_NAC if nac else codes.PET_NOT_SELECTED
    if candidate.role is Role.CT:
        return codes.CT_NOT_SELECTED
    channels = candidate.first.dixon_channel, best.first.dixon_channel
    if None not in channels and channels[0] != channels[1]:
        return codes.DIXON_NOT_SELECTED
    return codes.MR_NOT_SELECTED


def _union(heights: Sequence[Range | None]) -> Range | None:
    known = [height for height in heights if height is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None
