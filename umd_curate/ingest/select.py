"""Decides which of several volumes of one role a session holds, by the criteria of `criteria`, in the user's order.

The tier comes before all that may stand in: a volume of a lower tier never replaces one of a higher tier that is unusable,
so no NAC PET replaces a broken AC PET, and no knee replaces a broken body. An unusable volume that ranks before the selected
one was wanted: it is quarantined. All others are excluded. Volumes that only a last resort tells apart are a tie, which is
told and decided once per protocol group; PET volumes that nothing tells apart are refused, never drawn by lot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.criteria import TIER, Criterion, Range, Rules, union
from umd_curate.ingest.stack import Fault
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import Finding, FindingCode
from umd_curate.model.ids import ShortId
from umd_curate.model.study import Disposition, Ranked, Ranking, Role

_Key = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What selection decided: the volume to use, the wanted but unusable ones, and the others with a reason.

    `decided_by` has for each of the others the name of the first criterion that told it from the best, and that best.
    """

    selected: Candidate | None = None
    refused: tuple[tuple[Candidate, Fault], ...] = ()
    excluded: tuple[tuple[Candidate, FindingCode], ...] = ()
    decided_by: Mapping[ShortId, tuple[str, ShortId]] = field(default_factory=dict)
    ranking: Ranking | None = None

    def findings(self) -> list[Finding]:
        """What is to be known of the selected volume: a better one was set aside, there was a tie, a decision took part."""
        if self.selected is None or self.ranking is None:
            return []
        place, found = self.selected.series, []
        if self.refused:
            found.append(codes.SECOND_BEST.at(place, f"role {self.selected.role}"))
        if self.ranking.tied > 1:
            groups = dict.fromkeys(entry.group for entry in self._tied())
            detail = f"volumes of role {self.selected.role}, of the protocol groups {', '.join(groups)}"
            found.append(codes.TIED.at(place, detail, measured=float(self.ranking.tied), limit=1.0))
        found += [
            codes.DECIDED.at(place, f"{target} {choice}: {reason}") for target, choice, reason in self.ranking.reasons
        ]
        return found

    def _tied(self) -> list[Ranked]:
        ranking = self.ranking
        usable = (
            [entry for entry in ranking.entries if entry.disposition is not Disposition.QUARANTINED] if ranking else []
        )
        return usable[: ranking.tied] if ranking else []


def choose(candidates: Sequence[Candidate], rules: Rules, cover: Range | None = None) -> Choice:
    """Select one of several volumes of one role.

    Parameters
    ----------
    candidates
        Volumes of one role in one frame of reference.
    rules
        Criteria and decisions.
    cover
        Height of the PET, RAS+ z [mm]; without it, of all candidates together.
    """
    if not candidates:
        return Choice()
    criteria = rules.criteria[candidates[0].role]
    wanted = cover or union([c.height_mm for c in candidates])
    keys = {c.series: tuple(criterion.value(c, wanted) for criterion in criteria) for c in candidates}
    ranked = sorted(candidates, key=lambda c: (keys[c.series], c.series_uid, c.series))
    tier = keys[ranked[0].series][TIER]
    usable = [c for c in ranked if c.fault is None and keys[c.series][TIER] == tier]
    selected = usable[0] if usable else None
    heads = {c.series: _before_last_resort(keys[c.series], criteria) for c in usable}
    alike = {
        c.series_uid for c in usable if heads[c.series] == heads[usable[0].series]
    }  # parts of one series are no tie
    refused = _set_aside(ranked, selected, [c for c in ranked if keys[c.series][TIER] == tier])
    if selected and selected.role is Role.PET:
        equals = [c for c in usable if keys[c.series] == keys[selected.series]]
        if len(equals) > 1:
            selected = None
            refused = tuple((c, Fault(codes.AMBIGUOUS, "volumes", float(len(usable)), 1.0)) for c in usable)
    best = selected or (usable or ranked)[0]
    gone = {c.series for c, _ in refused} | {c.series for c in (selected,) if c}
    rest = tuple((c, _reason(c, best)) for c in ranked if c.series not in gone)
    return Choice(
        selected,
        refused,
        rest,
        {
            c.series: (by, best.series)
            for c, _ in rest
            if (by := _first_difference(criteria, keys[c.series], keys[best.series]))
        },
        _ranking(ranked, keys, criteria, rules, (selected, refused, rest), tied=max(1, len(alike)) if selected else 1),
    )


def _set_aside(
    ranked: Sequence[Candidate], selected: Candidate | None, tier: Sequence[Candidate]
) -> tuple[tuple[Candidate, Fault], ...]:
    """Volumes that were wanted and are unusable: those before the selected one; all of the tier where none is usable."""
    before = list(ranked[: ranked.index(selected)]) if selected else list(tier)
    if ranked[0].fault is not None and ranked[0].fault.code in {codes.TWO_PATIENTS, codes.CONTRADICTORY_PATIENT}:
        before = [ranked[0]]  # the whole study has this fault: no other volume of it could have stood in
    return tuple((c, c.fault) for c in before if c.fault)


def _before_last_resort(key: _Key, criteria: Sequence[Criterion]) -> _Key:
    places = [place for place, criterion in enumerate(criteria) if criterion.is_last_resort]
    return key[: places[0]] if places else key


def _first_difference(criteria: Sequence[Criterion], one: _Key, other: _Key) -> str:
    """Title of the first criterion that tells two keys apart; empty where none does."""
    return next((each.title for each, a, b in zip(criteria, one, other, strict=True) if a != b), "")


def _ranking(
    ranked: Sequence[Candidate],
    keys: Mapping[ShortId, _Key],
    criteria: Sequence[Criterion],
    rules: Rules,
    outcome: tuple[Candidate | None, Sequence[tuple[Candidate, Fault]], Sequence[tuple[Candidate, FindingCode]]],
    tied: int,
) -> Ranking:
    selected, refused, rest = outcome
    ends: dict[ShortId, tuple[Disposition, str]] = {
        c.series: (Disposition.QUARANTINED, f.code.code) for c, f in refused
    }
    ends |= {c.series: (Disposition.EXCLUDED, code.code) for c, code in rest}
    if selected:
        ends[selected.series] = (Disposition.USED, "")
    entries = tuple(
        Ranked(
            c.series,
            c.group,
            c.label,
            len(c.stack.instances),
            tuple(each.said(value) for each, value in zip(criteria, keys[c.series], strict=True)),
            *ends[c.series],
        )
        for c in ranked
    )
    decisions = {entry.target: entry for c in ranked for entry in rules.of(c)} if len(ranked) > 1 else {}
    reasons = tuple((target, decisions[target].choose, decisions[target].reason) for target in sorted(decisions))
    return Ranking(ranked[0].role, tuple(each.title for each in criteria), entries, tied, reasons)


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
