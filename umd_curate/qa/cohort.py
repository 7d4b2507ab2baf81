"""Rules over all sessions: an organ's volume against the cohort's, and against the same subject's other session. Pure.

The norms are made anew at every run from what the sessions measured, so a session's outcome may change when others join.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from pydantic import TypeAdapter

from umd_curate.model.checks import CheckEntry, Confirmation, Outcome, SessionChecks
from umd_curate.model.config import UmdConfig
from umd_curate.model.labels import OrganTable
from umd_curate.model.receipts import Json, What
from umd_curate.model.steps import SessionFiles, Unit, View
from umd_curate.qa.place import EDGE_VOXELS
from umd_curate.qa.rulebook import Rulebook, rounded
from umd_curate.qa.rules import confirmed

NAME = "cohort"
TABLE_UNIT = "organs"  # name of the unit that writes the table of all organs
LEAST_SESSIONS = 20  # a median and its spread mean little below
MAD_TO_SD = 0.6745  # of a normal distribution (Iglewicz and Hoaglin 1993)
LOG_PLACES = 6


@dataclass(frozen=True, slots=True)
class Norm:
    """Volumes of one organ in one group of sessions, as natural logarithms of mL."""

    median: float
    mad: float
    sessions: int

    def robust_z(self, volume_ml: float) -> float | None:
        """Distance from the median in units of the spread; None where there is no spread."""
        return MAD_TO_SD * (float(np.log(volume_ml)) - self.median) / self.mad if self.mad > 0 else None


def facts_of(checks: SessionChecks, anatomy: str, sex: str | None) -> dict[str, Json]:
    """What the cohort needs of a session: its group, and the volumes of the organs that are there as a whole."""
    whole = [organ for organ in checks.organs if organ.margin_voxels >= EDGE_VOXELS]
    return {"modality": anatomy, "sex": sex or "", "volumes_ml": {organ.name: organ.volume_ml for organ in whole}}


def confirmations_of(session: SessionFiles, config: UmdConfig, book: Rulebook) -> list[Json]:
    """What a reviewer confirmed of a session's subject; organs that are left open are all that the variant can have."""
    return [
        {
            "variant": entry.variant,
            "organs": list(entry.organs or book.variants[entry.variant].organs),
            "reviewer": entry.reviewer,
            "reason": entry.reason,
            "date": entry.date.isoformat(),
        }
        for entry in config.qa.confirm
        if entry.subject == session.subject and entry.session in {"", session.session}
    ]


def plan_cohort(view: View, config: UmdConfig, book: Rulebook, organs: OrganTable) -> list[Unit]:
    """One unit per session with labels, its volumes beside the norms of its group, and one for the table of all organs."""
    measured = [
        (session, facts)
        for session in view.sessions()
        if (facts := _volumes(session)) and What.CHECKS in session.artifacts
    ]
    norms = {group: _norms(list(members)) for group, members in groupby(sorted(map(_grouped, measured)), key=_group)}
    steady = {organ.name for organ in organs if not organ.moves}
    units = []
    for session, volumes in measured:
        others = [(other.session, found) for other, found in measured if _is_pair(session, other)]
        units.append(
            Unit(
                NAME,
                session.stem,
                session.subject,
                session.session,
                params={
                    "rules_version": book.version,
                    "norms": _own_norms(volumes, norms.get(_group_of(session), {})),
                    "others": {
                        name: {organ: v for organ, v in found.items() if organ in steady} for name, found in others
                    },
                    "volumes_ml": dict(volumes),
                    "confirmed": confirmations_of(session, config, book),
                },
            )
        )
    sessions = [session for session in view.sessions() if What.CHECKS in session.artifacts]
    scores: dict[str, Json] = {unit.name: dict(robust_scores(unit.params)) for unit in units}
    units.append(Unit(NAME, TABLE_UNIT, inputs=tuple(s.artifacts[What.CHECKS] for s in sessions), params={"z": scores}))
    return units


def judge_session(params: Mapping[str, Json], book: Rulebook) -> tuple[CheckEntry, ...]:
    """P11 and P12v of one session from the parameters of its unit."""
    entries = [*_against_cohort(params, book), *_against_other(params, book)]
    return tuple(confirmed(entries, confirmations_in(params), book))


def confirmations_in(params: Mapping[str, Json]) -> tuple[Confirmation, ...]:
    """What the parameters of a unit say of the subject's anatomy."""
    return TypeAdapter(tuple[Confirmation, ...]).validate_python(params["confirmed"])


def robust_scores(params: Mapping[str, Json]) -> dict[str, float]:
    """Robust z of each organ of a session whose group is large enough."""
    volumes, norms = _numbers(params["volumes_ml"]), params["norms"]
    assert isinstance(norms, dict)  # noqa: S101  (made by the plan)
    scores = {}
    for organ, entry in norms.items():
        norm = TypeAdapter(Norm).validate_python(entry)
        z = norm.robust_z(volumes[organ]) if norm.sessions >= LEAST_SESSIONS else None
        if z is not None:
            scores[organ] = rounded(z)
    return scores


def _against_cohort(params: Mapping[str, Json], book: Rulebook) -> Iterable[CheckEntry]:
    scores = robust_scores(params)
    for organ in _numbers(params["volumes_ml"]):
        if organ in scores:
            yield book.judge("P11", scores[organ], organ=organ)
        else:
            yield book.skip(
                "P11", f"fewer than {LEAST_SESSIONS} sessions of its modality and sex, or all alike", organ=organ
            )


def _against_other(params: Mapping[str, Json], book: Rulebook) -> Iterable[CheckEntry]:
    volumes, others = _numbers(params["volumes_ml"]), params["others"]
    assert isinstance(others, dict)  # noqa: S101  (made by the plan)
    if not others:
        yield book.skip("P12v", "no other session of the subject")
    for session, found in others.items():
        for organ, other_ml in _numbers(found).items():
            if organ in volumes:
                yield book.judge("P12v", volumes[organ] / other_ml, organ=organ, detail=f"over {session}")


def _volumes(session: SessionFiles) -> dict[str, float]:
    facts = session.facts.get("qa", {}).get("cohort")
    return _numbers(facts["volumes_ml"]) if isinstance(facts, dict) else {}


def _numbers(value: Json) -> dict[str, float]:
    return {name: float(str(number)) for name, number in value.items()} if isinstance(value, dict) else {}


def _group_of(session: SessionFiles) -> tuple[str, str]:
    facts = session.facts["qa"]["cohort"]
    assert isinstance(facts, dict)  # noqa: S101  (made by qa)
    return str(facts["modality"]), str(facts["sex"])


def _grouped(entry: tuple[SessionFiles, dict[str, float]]) -> tuple[tuple[str, str], tuple[tuple[str, float], ...]]:
    session, volumes = entry
    return _group_of(session), tuple(sorted(volumes.items()))


def _group(entry: tuple[tuple[str, str], tuple[tuple[str, float], ...]]) -> tuple[str, str]:
    return entry[0]


def _norms(members: Sequence[tuple[tuple[str, str], tuple[tuple[str, float], ...]]]) -> dict[str, Norm]:
    found: dict[str, list[float]] = {}
    for _, volumes in members:
        for organ, volume in volumes:
            if volume > 0:
                found.setdefault(organ, []).append(float(np.log(volume)))
    norms = {}
    for organ, logs in found.items():
        median = float(np.median(logs))
        mad = float(np.median(np.abs(np.array(logs) - median)))
        norms[organ] = Norm(round(median, LOG_PLACES), round(mad, LOG_PLACES), len(logs))
    return norms


def _own_norms(volumes: Mapping[str, float], norms: Mapping[str, Norm]) -> dict[str, Json]:
    return {
        organ: {"median": norms[organ].median, "mad": norms[organ].mad, "sessions": norms[organ].sessions}
        for organ in volumes
        if organ in norms
    }


def _is_pair(session: SessionFiles, other: SessionFiles) -> bool:
    """Say whether two sessions show one body in two structural modalities."""
    return session.subject == other.subject and _group_of(session)[0] != _group_of(other)[0]


def outcome_counts(entries: Iterable[CheckEntry]) -> dict[str, int]:
    """How many entries ended in which outcome."""
    outcomes = [entry.outcome for entry in entries]
    return {
        name: outcomes.count(outcome)
        for name, outcome in (("passed", Outcome.PASS), ("warned", Outcome.WARN), ("failed", Outcome.FAIL))
    }
