"""Says in words why ingest chose, passed over, excluded or quarantined a series or a file, and lists protocol groups.

Everything is read from the plan: nothing is decided here. What is said is free of identifiers, but for the parameters of a
protocol group, which show the data manager his own protocols.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.config import Decision
from umd_curate.model.findings import Finding
from umd_curate.model.ids import ShortId
from umd_curate.model.receipts import Json
from umd_curate.model.study import Disposition, IngestPlan, Ranked, Ranking, Role, SessionPlan, SourceVolume

NameOf = Callable[[str, str], ShortId]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a thing is where it is: sentences, the ranking that decided where there was one, and what to write in umd.toml."""

    id: str
    sentences: tuple[str, ...]
    ranking: Ranking | None = None
    advice: tuple[str, ...] = ()


@dataclass(slots=True)
class GroupSummary:
    """A protocol group over all chunks: its volumes by what became of them, one of them, and the groups it ties with."""

    id: str
    role: Role
    parameters: Mapping[str, str]
    volumes: Counter[Disposition] = field(default_factory=Counter)
    exemplar: str = ""
    ties: Counter[str] = field(default_factory=Counter)
    decision: Decision | None = None

    def as_json(self) -> dict[str, Json]:
        """The group as JSON values."""
        return {
            "id": self.id,
            "role": self.role.value,
            "parameters": dict(self.parameters),
            "volumes": {kind.value: self.volumes[kind] for kind in Disposition if self.volumes[kind]},
            "exemplar": self.exemplar,
            "ties": dict(sorted(self.ties.items())),
            "decision": {"choose": self.decision.choose, "reason": self.decision.reason} if self.decision else None,
        }


def group_summaries(plan: IngestPlan, decisions: Sequence[Decision]) -> list[GroupSummary]:
    """Protocol groups with ties first, then by number of volumes."""
    decided = {entry.target: entry for entry in decisions}
    found = {
        group.id: GroupSummary(
            group.id,
            group.role,
            {name: value for name, value in group.parameters if value},
            decision=decided.get(group.id),
        )
        for group in plan.protocols
    }
    used = {volume.series for session in plan.sessions for volume in session.volumes}
    for ranking in plan.rankings:
        tied = dict.fromkeys(entry.group for entry in _usable(ranking)[: ranking.tied]) if ranking.tied > 1 else {}
        for entry in ranking.entries:
            own = found[entry.group]
            own.volumes[entry.disposition] += 1
            if not own.exemplar or (entry.disposition is Disposition.USED and own.exemplar not in used):
                own.exemplar = entry.series
        for name in tied:
            found[name].ties.update(other for other in tied if other != name or len(tied) == 1)
    named = {str(name): group for name, group in found.items()}
    ranked = {entry.series for ranking in plan.rankings for entry in ranking.entries}
    for volume in plan.passed_over:
        group = named.get(volume.group)
        if volume.series not in ranked and group is not None:  # stations of a composed series
            group.volumes[Disposition.EXCLUDED] += 1
            group.exemplar = group.exemplar or volume.series
    return sorted(found.values(), key=lambda group: (not group.ties, -group.volumes.total(), group.id))


def idle_decisions(plan: IngestPlan, decisions: Sequence[Decision]) -> list[str]:
    """Ids of decisions that name no series and no protocol group of the plan."""
    known = {group.id for group in plan.protocols} | {decision.series for decision in plan.decisions}
    return [entry.target for entry in decisions if entry.target not in known]


def explain(
    plan: IngestPlan, name: str, decisions: Sequence[Decision], short_id: NameOf, units: Mapping[str, str]
) -> Explanation | None:
    """Explain a file (``f-``), a series (``s-``), a protocol group (``g-``), or a unit, session or subject of the orders.

    Parameters
    ----------
    plan
        What ingest planned.
    name
        The id.
    decisions
        Of umd.toml.
    short_id
        Keyed name of a kind and value; finds the file behind an id.
    units
        Series of each unit, as the work orders have them.

    Returns
    -------
    Explanation or None
        None where nothing has this id.
    """
    if name.startswith("f-"):
        return _file(plan, name, decisions, short_id)
    if name.startswith("g-"):
        return _group(plan, name, decisions)
    if name.startswith("s-"):
        return _series(plan, ShortId(name), decisions)
    stem = name if name.startswith("sub-") else f"sub-{name}"
    wanted = {unit: series for unit, series in sorted(units.items()) if f"{unit}_".startswith(f"{stem}_")}
    parts = [(unit, _series(plan, ShortId(series), decisions)) for unit, series in wanted.items()]
    sentences = tuple(f"{unit}: {text}" for unit, part in parts if part for text in part.sentences)
    if len(parts) == 1 and parts[0][1]:
        return Explanation(name, sentences, parts[0][1].ranking, parts[0][1].advice)
    return (
        Explanation(name, sentences, advice=("Ask for one unit or series to see its ranking.",)) if sentences else None
    )


def _file(plan: IngestPlan, name: str, decisions: Sequence[Decision], short_id: NameOf) -> Explanation | None:
    decision = next((entry for entry in plan.decisions if short_id("f", entry.path) == name), None)
    if decision is None:
        return None
    said = f"The file is {decision.disposition}{_because(decision.code)}"
    series = _series(plan, decision.series, decisions) if decision.series else None
    if series is None or (
        CATALOGUE.get(decision.code) is not None and not series.ranking and len(series.sentences) == 1
    ):
        return Explanation(name, (said,), advice=_action(decision.code))
    return Explanation(
        name, (said, f"It is of series {decision.series}.", *series.sentences), series.ranking, series.advice
    )


def _group(plan: IngestPlan, name: str, decisions: Sequence[Decision]) -> Explanation | None:
    group = next((entry for entry in group_summaries(plan, decisions) if entry.id == name), None)
    if group is None:
        return None
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(group.volumes.items()))
    sentences = [f"A protocol group of {group.volumes.total()} {group.role} volumes: {counts or 'none was ranked'}."]
    sentences += [f"{name} is {value}." for name, value in group.parameters.items()]
    sentences += [
        f"In {count} choices only the series number told it from {other}." for other, count in group.ties.items()
    ]
    if group.decision:
        sentences.append(f"It is decided: {group.decision.choose}, for: {group.decision.reason}")
    if group.exemplar:
        sentences.append(f"Series {group.exemplar} is one of it.")
    return Explanation(name, tuple(sentences), advice=_override("group", name))


def _series(plan: IngestPlan, series: ShortId, decisions: Sequence[Decision]) -> Explanation | None:
    files = Counter((entry.disposition, entry.code) for entry in plan.decisions if entry.series == series)
    homes = [(session, volume) for session in plan.sessions for volume in session.volumes if volume.series == series]
    ranking = next((one for one in plan.rankings if any(entry.series == series for entry in one.entries)), None)
    if not files and not homes and ranking is None:
        return None
    sentences = [_home(session, volume) for session, volume in homes]
    if not homes:
        sentences += [
            f"{count} file(s) are {disposition}{_because(code)}" for (disposition, code), count in sorted(files.items())
        ]
    sentences += [_said(finding) for finding in _findings(plan, series)]
    advice: tuple[str, ...] = ()
    if ranking is not None:
        sentences += _ranked(ranking, series)
        entry = next(entry for entry in ranking.entries if entry.series == series)
        advice = (*_override("series", series), *_override("group", entry.group))
    elif not homes:
        advice = tuple(dict.fromkeys(text for _, code in sorted(files) for text in _action(code)))
    sentences += [
        f"{entry.target} is decided: {entry.choose}, for: {entry.reason}"
        for entry in decisions
        if entry.target == series and entry.choose == "never"
    ]
    return Explanation(series, tuple(sentences), ranking, advice)


def _home(session: SessionPlan, volume: SourceVolume) -> str:
    others = [f"{one.role} {one.series}" for one in session.volumes if one.series != volume.series]
    what = f"{volume.role}{f' ({volume.label})' if volume.label else ''} of {len(volume.instances)} file(s)"
    layout = f", {volume.layout} of {len(volume.groups)}" if volume.groups else ""
    return f"Used as the {what}{layout} in a {session.kind} session{' with ' + ' and '.join(others) if others else ''}."


def _ranked(ranking: Ranking, series: ShortId) -> Iterator[str]:
    places = [entry.series for entry in ranking.entries]
    place = places.index(series)
    entry = ranking.entries[place]
    if len(places) == 1:
        yield f"It was the only {ranking.role} to choose from."
        return
    yield f"It ranks {place + 1} of {len(places)} {ranking.role} series of its place."
    chosen = next((one for one in ranking.entries if one.disposition is Disposition.USED), None)
    if chosen is None:
        yield "None of them could be used."
    elif entry is chosen:
        yield from (
            f"Before {other.series}: {_difference(ranking, entry, other)}." for other in ranking.entries[place + 1 :]
        )
    else:
        yield f"{chosen.series} was used: {_difference(ranking, chosen, entry)}."
    if ranking.tied > 1:
        yield f"{ranking.tied} series were alike by every criterion before the series number: a tie."
    yield from (f"Decision for {target}: {choice}, for: {reason}" for target, choice, reason in ranking.reasons)


def _difference(ranking: Ranking, one: Ranked, other: Ranked) -> str:
    """The first criterion that tells two entries apart, with both values."""
    for title, a, b in zip(ranking.criteria, one.values, other.values, strict=True):
        if a != b:
            return f"{title} ({a}, not {b})"
    if other.disposition is Disposition.QUARANTINED or one.disposition is Disposition.QUARANTINED:
        return "the other one cannot be used"
    return "no criterion tells them apart, the UID decided"


def _usable(ranking: Ranking) -> list[Ranked]:
    return [entry for entry in ranking.entries if entry.disposition is not Disposition.QUARANTINED]


def _findings(plan: IngestPlan, series: str) -> list[Finding]:
    own = [finding for finding in plan.findings if finding.place == series]
    return own + [finding for session in plan.sessions for finding in session.findings if finding.place == series]


def _said(finding: Finding) -> str:
    numbers = [
        f"{name} {value:g}"
        for name, value in (("measured", finding.measured), ("limit", finding.limit))
        if value is not None
    ]
    detail = ", ".join(part for part in (finding.detail, *numbers) if part)
    return f"{finding.code} {CATALOGUE[finding.code].title}{f': {detail}' if detail else ''}."


def _because(code: str) -> str:
    entry = CATALOGUE.get(code)
    return f" ({code}): {entry.title}. {entry.why}" if entry else "."


def _action(code: str) -> tuple[str, ...]:
    entry = CATALOGUE.get(code)
    return (entry.action,) if entry else ()


def _override(what: str, name: str) -> tuple[str, ...]:
    return ("[[ingest.decide]]", f'{what} = "{name}"', 'choose = "first"  # or "last", or "never"', 'reason = "..."')
