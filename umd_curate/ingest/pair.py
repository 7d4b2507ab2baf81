"""Decides which volumes make a session: a PET with the CT or MR of its frame of reference, or a single image.

Volumes belong together when patient and Frame of Reference UID (0020,0052) agree (PS3.3 C.7.4.1); the PET's own study comes
first, another study of the same frame lends its CT or MR only where the PET's has none. A CT goes before an MR; what is left
of the other roles is a session of its own. A later phase of a PET is a session of the same study, numbered as its run; it
shares the CT or MR of another phase where it has none. Contours go to the session that holds the CT or MR they were drawn on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.complete import Doubts, session_findings
from umd_curate.ingest.criteria import Rules, covered_part
from umd_curate.ingest.phases import begin_s, nearest, phases_of
from umd_curate.ingest.select import Choice, choose
from umd_curate.ingest.stack import Fault
from umd_curate.ingest.stations import mark_foreign_stations, mark_stations
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import Finding, FindingCode
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.model.study import Ranking, Role, SessionKind, SessionPlan

_KIND_WITH_PET = {Role.CT: SessionKind.PETCT, Role.MR: SessionKind.PETMRI}
_KIND_ALONE = {Role.PET: SessionKind.PET, Role.CT: SessionKind.CT, Role.MR: SessionKind.MR}
_Pools = dict[Role, list[Candidate]]


@dataclass(slots=True)
class Pairing:
    """Sessions, and for each volume that is in none, why."""

    rules: Rules
    doubts: Doubts
    sessions: list[tuple[SessionPlan, tuple[Candidate, ...]]] = field(default_factory=list)
    refused: list[tuple[Candidate, Fault]] = field(default_factory=list)
    excluded: list[tuple[Candidate, FindingCode]] = field(default_factory=list)
    decided_by: dict[ShortId, tuple[str, ShortId]] = field(default_factory=dict)
    rankings: list[Ranking] = field(default_factory=list)

    def note(self, choice: Choice) -> None:
        """Keep what a choice did not select, and how it was made."""
        self.refused += choice.refused
        self.excluded += choice.excluded
        self.decided_by.update(choice.decided_by)
        if choice.ranking is not None:
            self.rankings.append(choice.ranking)


@dataclass(frozen=True, slots=True)
class Cell:
    """All volumes of one patient, frame of reference and study."""

    patient: PatientKey
    frame_uid: str
    study_uid: str
    volumes: tuple[Candidate, ...]

    def of(self, role: Role) -> list[Candidate]:
        """Volumes of one role."""
        return [volume for volume in self.volumes if volume.role is role]


@dataclass(slots=True)
class _Phase:
    """A PET phase with what was found for it; `is_settled` where a CT or MR of its own was looked at."""

    pet: Candidate
    begin_s: float | None
    findings: list[Finding]
    partner: Candidate | None = None
    is_settled: bool = False


def pair(candidates: Sequence[Candidate], rules: Rules, doubts: Doubts) -> Pairing:
    """Make sessions of volumes.

    Parameters
    ----------
    candidates
        All volumes and contours, in any order.
    rules
        Criteria and decisions of the settings.
    doubts
        What the images say of patients and studies.
    """
    pairing = Pairing(rules, doubts)
    images = [candidate for candidate in candidates if candidate.role is not Role.CONTOURS]
    for cell in _lend(_cells(_without_foreign_stations(images, pairing))):
        _pair_cell(cell, pairing)
    pairing.sessions.sort(key=lambda entry: _session_order(entry[0], entry[1]))
    _mark_late_phases(pairing)
    _join_contours([candidate for candidate in candidates if candidate.role is Role.CONTOURS], pairing)
    return pairing


def _without_foreign_stations(images: Iterable[Candidate], pairing: Pairing) -> list[Candidate]:
    studies: dict[tuple[PatientKey, str], list[Candidate]] = defaultdict(list)
    for image in images:
        studies[image.patient, image.study_uid].append(image)
    kept: list[Candidate] = []
    for _, volumes in sorted(studies.items()):
        keep, spare = mark_foreign_stations(volumes)
        kept += keep
        pairing.excluded += [(volume, codes.MR_STATION) for volume in spare]
    return kept


def _cells(images: Iterable[Candidate]) -> list[Cell]:
    found: dict[tuple[PatientKey, str, str], list[Candidate]] = defaultdict(list)
    for image in images:
        found[image.patient, image.frame_uid, image.study_uid].append(image)
    return [
        Cell(*key, tuple(sorted(volumes, key=lambda c: (c.series_uid, c.series))))
        for key, volumes in sorted(found.items())
    ]


def _lend(cells: Sequence[Cell]) -> list[Cell]:
    """Join studies without PET to the one PET study of the same patient and frame that has neither CT nor MR."""
    result = list(cells)
    for lender in cells:
        if lender.of(Role.PET) or not lender.frame_uid:
            continue
        lacking = [
            cell
            for cell in result
            if (cell.patient, cell.frame_uid) == (lender.patient, lender.frame_uid)
            and cell.of(Role.PET)
            and not any(volume.study_uid == cell.study_uid for volume in (*cell.of(Role.CT), *cell.of(Role.MR)))
        ]
        if len(lacking) == 1:
            result.remove(lender)
            place = result.index(lacking[0])
            result[place] = replace(lacking[0], volumes=lacking[0].volumes + lender.volumes)
    return result


def _pair_cell(cell: Cell, pairing: Pairing) -> None:
    pools: _Pools = {Role.CT: cell.of(Role.CT), Role.MR: cell.of(Role.MR)}
    parts = phases_of(cell.of(Role.PET))
    begins = [begin_s(part) for part in parts]
    phases: list[_Phase] = []
    for place, part in enumerate(parts):
        choice = choose(part, pairing.rules)
        pairing.note(choice)
        if choice.selected is not None:
            phase = _Phase(choice.selected, begins[place], choice.findings())
            phases.append(phase)
            if cell.frame_uid:
                known = [begin or 0.0 for begin in begins]
                own = {r: [v for v in pools[r] if nearest(v, known) == place] for r in pools}
                _find_partner(phase, own, pools, pairing)
    for phase in phases:
        if not cell.frame_uid:
            phase.findings.append(codes.NO_FRAME.at(phase.pet.series))
        elif not phase.is_settled:
            _share_partner(phase, phases)
        kind = _KIND_WITH_PET[phase.partner.role] if phase.partner else SessionKind.PET
        volumes = [phase.pet, *([phase.partner] if phase.partner else [])]
        _add(pairing, kind, volumes, phase.findings, f"{phase.begin_s or 0.0:.0f}")
    for pool in pools.values():
        _single(pool, pairing)


def _find_partner(phase: _Phase, own: _Pools, pools: _Pools, pairing: Pairing) -> None:
    """Select the CT of a phase, else its MR, among the volumes that share a place; take what is decided from the pools."""
    for role in (Role.CT, Role.MR):
        near = [volume for volume in own[role] if _share_a_place(volume, phase.pet)]
        if not near:
            continue
        decided = {volume.series for volume in near}
        pools[role] = [volume for volume in pools[role] if volume.series not in decided]
        chosen = _choose_anatomy(near, phase.pet, pairing)
        phase.partner, phase.is_settled = chosen.selected, True
        if chosen.selected is not None:
            phase.findings += chosen.findings()
        elif chosen.refused:
            phase.findings.append(codes.SECOND_BEST.at(phase.pet.series, f"role {role}"))
        return


def _share_partner(phase: _Phase, phases: Sequence[_Phase]) -> None:
    """Give a phase without a CT or MR of its own that of the phase nearest in time."""
    others = [
        other for other in phases if other.is_settled and other.partner and _share_a_place(other.partner, phase.pet)
    ]
    if not others:
        phase.findings.append(codes.NO_PARTNER.at(phase.pet.series))
        return
    found = min(others, key=lambda other: abs((other.begin_s or 0.0) - (phase.begin_s or 0.0)))
    phase.partner = found.partner
    phase.findings.append(codes.SHARED_PARTNER.at(phase.pet.series))


def _single(pool: Sequence[Candidate], pairing: Pairing) -> None:
    """The best CT or MR of a pool is a session of its own."""
    chosen = _choose_anatomy(pool, None, pairing)
    if chosen.selected:
        _add(pairing, _KIND_ALONE[chosen.selected.role], [chosen.selected], chosen.findings(), "")


def _choose_anatomy(volumes: Sequence[Candidate], pet: Candidate | None, pairing: Pairing) -> Choice:
    """Choose a CT or MR; stations that a composed series covers are spare."""
    keep, spare = mark_stations(volumes) if volumes and volumes[0].role is Role.MR else (list(volumes), [])
    chosen = choose(keep, pairing.rules, pet.height_mm if pet else None)
    pairing.note(chosen)
    pairing.excluded += [(volume, codes.MR_STATION) for volume in spare]
    return chosen


def _share_a_place(volume: Candidate, pet: Candidate) -> bool:
    """The boxes of both overlap, or one of them is not known yet (multi-frame)."""
    one, other = volume.stack.box_ras_mm, pet.stack.box_ras_mm
    if one is None or other is None:
        return True
    ranges = zip(one[0], one[1], other[0], other[1], strict=True)
    return all(covered_part((low, high), (low_pet, high_pet)) > 0 for low, high, low_pet, high_pet in ranges)


def _add(
    pairing: Pairing, kind: SessionKind, volumes: Sequence[Candidate], findings: Sequence[Finding], begin: str
) -> None:
    main = volumes[0]
    image = main.first
    session = SessionPlan(
        patient=main.patient,
        kind=kind,
        study_date=image.study_date or image.series_date or image.acquisition_date or "",
        study_uid=main.study_uid,
        volumes=tuple(volume.volume() for volume in volumes),
        findings=(*findings, *session_findings(volumes, pairing.doubts)),
        anchor=f"{begin}|{main.frame_uid}",
    )
    pairing.sessions.append((session, tuple(volumes)))


def _mark_late_phases(pairing: Pairing) -> None:
    """Say of each PET session of a study but the first that it is a later phase."""
    studies: dict[tuple[PatientKey, str], list[int]] = defaultdict(list)
    for place, (session, volumes) in enumerate(pairing.sessions):
        if volumes[0].role is Role.PET:
            studies[session.patient, session.study_uid].append(place)
    for places in studies.values():
        for place in sorted(places, key=lambda place: pairing.sessions[place][0].anchor)[1:]:
            session, volumes = pairing.sessions[place]
            late = codes.LATE_PHASE.at(volumes[0].series)
            pairing.sessions[place] = (replace(session, findings=(late, *session.findings)), volumes)


def _session_order(session: SessionPlan, volumes: Sequence[Candidate]) -> tuple[str, ...]:
    first = volumes[0]
    return (session.patient, session.study_date, session.study_uid, session.kind, session.anchor, first.series)


def _join_contours(contours: Sequence[Candidate], pairing: Pairing) -> None:
    """Give contours to every session that holds the CT or MR on which they were drawn; runs may share it."""
    drawn_on: dict[tuple[PatientKey, str], list[int]] = defaultdict(list)
    for place, (_, volumes) in enumerate(pairing.sessions):
        for volume in volumes:
            if volume.role in _KIND_WITH_PET:
                drawn_on[volume.patient, volume.series_uid].append(place)
    for contour in sorted(contours, key=lambda c: (c.series_uid, c.series)):
        if contour.fault:
            pairing.refused.append((contour, contour.fault))
            continue
        uids = contour.first.referenced_series_uids
        places = next((found for uid in uids if (found := drawn_on.get((contour.patient, uid)))), [])
        if not places:
            pairing.excluded.append((contour, codes.CONTOURS_NOT_SELECTED))
        for place in places:
            session, volumes = pairing.sessions[place]
            joined = replace(session, volumes=(*session.volumes, contour.volume()))
            pairing.sessions[place] = (joined, (*volumes, contour))
