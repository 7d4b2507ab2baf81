"""Decides which volumes make a session: a PET with the CT or MR of its frame of reference, or a single image.

Volumes belong together when patient and Frame of Reference UID (0020,0052) agree (PS3.3 C.7.4.1); the PET's own study comes
first, another study of the same frame lends its CT or MR only where the PET's has none. A CT goes before an MR; what is left
of the other roles is a session of its own. Contours go to the session that holds the CT or MR they were drawn on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from umd_curate.ingest.candidates import Candidate, n_slices
from umd_curate.ingest.select import Choice, choose, covered_part
from umd_curate.ingest.stack import Fault
from umd_curate.ingest.stations import mark_stations
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import Finding, FindingCode
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.model.study import Role, SessionKind, SessionPlan

_KIND_WITH_PET = {Role.CT: SessionKind.PETCT, Role.MR: SessionKind.PETMRI}
_KIND_ALONE = {Role.PET: SessionKind.PET, Role.CT: SessionKind.CT, Role.MR: SessionKind.MR}


@dataclass(slots=True)
class Pairing:
    """Sessions, and for each volume that is in none, why."""

    sessions: list[tuple[SessionPlan, tuple[Candidate, ...]]] = field(default_factory=list)
    refused: list[tuple[Candidate, Fault]] = field(default_factory=list)
    excluded: list[tuple[Candidate, FindingCode]] = field(default_factory=list)
    decided_by: dict[ShortId, tuple[str, ShortId]] = field(default_factory=dict)

    def note(self, choice: Choice) -> None:
        """Keep what a choice did not select."""
        self.refused += choice.refused
        self.excluded += choice.excluded
        self.decided_by.update(choice.decided_by)


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


def pair(candidates: Sequence[Candidate]) -> Pairing:
    """Make sessions of volumes.

    Parameters
    ----------
    candidates
        All volumes and contours, in any order.
    """
    pairing = Pairing()
    images = [candidate for candidate in candidates if candidate.role is not Role.CONTOURS]
    for cell in _lend(_cells(images)):
        _pair_cell(cell, pairing)
    pairing.sessions.sort(key=lambda entry: _session_order(entry[0], entry[1]))
    _join_contours([candidate for candidate in candidates if candidate.role is Role.CONTOURS], pairing)
    return pairing


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
    choice = choose(cell.of(Role.PET))
    pairing.note(choice)
    pools = {Role.CT: cell.of(Role.CT), Role.MR: cell.of(Role.MR)}
    pet = choice.selected
    if pet is not None:
        findings = [codes.SECOND_BEST.at(pet.series)] if choice.is_second_best else []
        if cell.frame_uid:
            partner = _partner(pet, pools, pairing, findings)
        else:
            partner = None
            findings.append(codes.NO_FRAME.at(pet.series))
        kind = _KIND_WITH_PET[partner.role] if partner else SessionKind.PET
        _add(pairing, kind, [pet, *([partner] if partner else [])], findings)
    for pool in pools.values():
        _single(pool, pairing)


def _partner(
    pet: Candidate, pools: dict[Role, list[Candidate]], pairing: Pairing, findings: list[Finding]
) -> Candidate | None:
    """Select the PET's CT, else its MR, among the volumes that share a place with it; take what is decided from the pools."""
    for role in (Role.CT, Role.MR):
        near = [volume for volume in pools[role] if _share_a_place(volume, pet)]
        if not near:
            continue
        decided = {volume.series for volume in near}
        pools[role] = [volume for volume in pools[role] if volume.series not in decided]
        chosen, spare = _choose_anatomy(near, pet)
        pairing.note(chosen)
        pairing.excluded += spare
        if chosen.is_second_best:
            findings.append(codes.SECOND_BEST.at(pet.series, f"role {role}"))
        return chosen.selected
    findings.append(codes.NO_PARTNER.at(pet.series))
    return None


def _single(pool: Sequence[Candidate], pairing: Pairing) -> None:
    """The best CT or MR of a pool is a session of its own."""
    chosen, spare = _choose_anatomy(pool, None)
    pairing.note(chosen)
    pairing.excluded += spare
    if chosen.selected:
        findings = [codes.SECOND_BEST.at(chosen.selected.series)] if chosen.is_second_best else []
        _add(pairing, _KIND_ALONE[chosen.selected.role], [chosen.selected], findings)


def _choose_anatomy(
    volumes: Sequence[Candidate], pet: Candidate | None
) -> tuple[Choice, list[tuple[Candidate, FindingCode]]]:
    """Choose a CT or MR; stations that a composed series covers are spare."""
    keep, spare = mark_stations(volumes) if volumes and volumes[0].role is Role.MR else (list(volumes), [])
    return choose(keep, pet.height_mm if pet else None), [(volume, codes.MR_STATION) for volume in spare]


def _share_a_place(volume: Candidate, pet: Candidate) -> bool:
    """The boxes of both overlap, or one of them is not known yet (multi-frame)."""
    one, other = volume.stack.box_ras_mm, pet.stack.box_ras_mm
    if one is None or other is None:
        return True
    ranges = zip(one[0], one[1], other[0], other[1], strict=True)
    return all(covered_part((low, high), (low_pet, high_pet)) > 0 for low, high, low_pet, high_pet in ranges)


def _add(pairing: Pairing, kind: SessionKind, volumes: list[Candidate], findings: list[Finding]) -> None:
    main = volumes[0]
    image = main.first
    session = SessionPlan(
        patient=main.patient,
        kind=kind,
        study_date=image.study_date or image.series_date or image.acquisition_date or "",
        study_uid=main.study_uid,
        volumes=tuple(volume.volume() for volume in volumes),
        findings=(*findings, *(finding for volume in volumes for finding in _fewer_than_said(volume))),
    )
    pairing.sessions.append((session, tuple(volumes)))


def _fewer_than_said(volume: Candidate) -> list[Finding]:
    """Compare the number of slices with (0054,0081) of PET and (0020,1002) of CT and MR."""
    image, have = volume.first, n_slices(volume.stack)
    said = image.number_of_slices if volume.role is Role.PET else image.images_in_acquisition
    if not said or have >= said:
        return []
    return [codes.FEWER_THAN_SAID.at(volume.series, "images", measured=float(have), limit=float(said))]


def _session_order(session: SessionPlan, volumes: Sequence[Candidate]) -> tuple[str, ...]:
    first = volumes[0]
    return (session.patient, session.study_date, session.study_uid, first.frame_uid, session.kind, first.series)


def _join_contours(contours: Sequence[Candidate], pairing: Pairing) -> None:
    drawn_on = {
        (volume.patient, volume.series_uid): place
        for place, (_, volumes) in reversed(list(enumerate(pairing.sessions)))
        for volume in volumes
        if volume.role in _KIND_WITH_PET
    }
    for contour in sorted(contours, key=lambda c: (c.series_uid, c.series)):
        if contour.fault:
            pairing.refused.append((contour, contour.fault))
            continue
        places = [drawn_on.get((contour.patient, uid)) for uid in contour.first.referenced_series_uids]
        place = next((found for found in places if found is not None), None)
        if place is None:
            pairing.excluded.append((contour, codes.CONTOURS_NOT_SELECTED))
            continue
        session, volumes = pairing.sessions[place]
        joined = replace(session, volumes=(*session.volumes, contour.volume()))
        pairing.sessions[place] = (joined, (*volumes, contour))
