"""The story of ingest's planning: from header rows to sessions, with exactly one decision per file.

Pure and independent of the order of the rows. Each stage takes files out of the stream with a reason; what is left at the
end is used. Who allots subject ids, copies pixels and writes the index is for the pipeline to say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from umd_curate.ingest.candidates import Candidate, Faults, NameOf, build_candidates, series_name
from umd_curate.ingest.classify import role_of, unwanted
from umd_curate.ingest.complete import Doubts, weight_spreads
from umd_curate.ingest.copies import find_copies
from umd_curate.ingest.criteria import Rules, rules_of
from umd_curate.ingest.identify import adopted_patients, completed, identified
from umd_curate.ingest.pair import Pairing, pair
from umd_curate.ingest.patients import (
    Persons,
    contradictions,
    identity_fault,
    mixed_studies,
    patient_keys,
    shared_series,
)
from umd_curate.ingest.protocols import protocol_parameters
from umd_curate.ingest.stack import Fault
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig
from umd_curate.model.findings import Finding, FindingCode
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.model.stacks import STRICT, StackRules
from umd_curate.model.study import Disposition, FileDecision, IngestPlan, Layout, PassedOver, ProtocolGroup, Role


class _Book:
    """Decisions and findings so far. A file is entered once."""

    def __init__(self, short_id: NameOf) -> None:
        self.short_id = short_id
        self.decisions: dict[str, FileDecision] = {}
        self._faults: dict[tuple[ShortId, str], tuple[FindingCode, Fault]] = {}
        self._counts: Counter[tuple[ShortId, str]] = Counter()

    def enter(
        self,
        image: InstanceHeader,
        disposition: Disposition,
        code: FindingCode | None = None,
        series: ShortId | None = None,
        fault: Fault | None = None,
    ) -> None:
        """Decide on one file; a quarantined one counts towards the finding of its series, or of itself."""
        if series is None and image.series_uid:
            series = self.short_id("s", series_name(image.series_uid))
        self.decisions[image.path] = FileDecision(image.path, disposition, code.code if code else "", series)
        if disposition is Disposition.QUARANTINED and code:
            place = series or self.short_id("f", image.path)
            self._faults[place, code.code] = (code, fault or Fault(code))
            self._counts[place, code.code] += 1

    def findings(self) -> tuple[Finding, ...]:
        """One finding per series (or file) and code; the number of files is measured where nothing else was."""
        found = []
        for (place, name), (code, fault) in sorted(self._faults.items()):
            if fault.measured is None:
                found.append(code.at(place, "files", measured=float(self._counts[place, name])))
            else:
                found.append(code.at(place, fault.detail, measured=fault.measured, limit=fault.limit))
        return tuple(found)


def plan_ingest(
    headers: Sequence[InstanceHeader],
    config: IngestConfig,
    short_id: NameOf,
    persons: Persons | None = None,
    stacks: StackRules = STRICT,
) -> IngestPlan:
    """Plan the sessions of a raw folder, or of a chunk of it, and decide on each of its files.

    Plans of chunks are joined by `model.study.merge_plans`; what they say does not depend on the chunks as long as all
    files of one patient, study, series or SOP instance are in one.

    Parameters
    ----------
    headers
        One row per file, in any order; paths are unique.
    config
        What is wanted, how it is ranked, and what was decided.
    short_id
        Keyed name of a kind (``s`` series, ``f`` file, ``g`` protocol group) and a value.
    persons
        The hospital's mapping of patients to persons.
    stacks
        What convert may do with a stack that is not even.

    Returns
    -------
    IngestPlan
        Sessions by patient, date and study; decisions by path; findings by place and code.
    """
    book, rules = _Book(short_id), rules_of(config)
    rows = sorted(headers, key=lambda header: header.path)
    images = _leave_out_unwanted(rows, book)
    patients = adopted_patients(images, patient_keys(images, persons))
    wanted = identified(images, patients)
    sound = _set_unusable_aside(wanted, patients, book)
    mixed = mixed_studies(sound, patients)
    owners = {row.path: mixed.get(row.study_uid or "") or patients[row.path] for row in sound}
    own = [row for row in sound if role_of(row) is not Role.CONTOURS]  # contours may be drawn under another header
    contradictory = contradictions(own, lambda row: row.study_uid)
    faults = Faults(
        _tainted_series(wanted, sound, book),
        {study: Fault(codes.CONTRADICTORY_PATIENT) for study in contradictory}
        | {study: Fault(codes.TWO_PATIENTS) for study in mixed},
        shared_series(sound, patients),
        config.min_slices,
        stacks,
    )
    doubts = Doubts(weight_spreads(own), contradictions(own, lambda row: owners[row.path]), completed(images, wanted))
    candidates = build_candidates(sound, owners, faults, short_id)
    volumes = _leave_out_decided(_leave_out_few_images(candidates, config.min_slices, book), rules, book)
    pairing = pair(volumes, rules, doubts)
    for _, members in pairing.sessions:
        for volume in members:
            _enter_volume(book, volume, Disposition.USED)
    for volume, fault in pairing.refused:
        _enter_volume(book, volume, Disposition.QUARANTINED, fault.code, fault)
    for volume, code in pairing.excluded:
        _enter_volume(book, volume, Disposition.EXCLUDED, code)
    return IngestPlan(
        sessions=tuple(session for session, _ in pairing.sessions),
        decisions=tuple(book.decisions[row.path] for row in rows),
        findings=book.findings(),
        passed_over=tuple(_passed_over(pairing)),
        rankings=tuple(pairing.rankings),
        protocols=tuple(_protocols(candidates)),
        persons_sha256=persons.sha256 if persons else "",
    )


def _protocols(candidates: Iterable[Candidate]) -> list[ProtocolGroup]:
    """Protocol groups of all volumes but contours, by id."""
    groups: dict[ShortId, ProtocolGroup] = {}
    for volume in candidates:
        if volume.role is not Role.CONTOURS and volume.group not in groups:
            groups[volume.group] = ProtocolGroup(volume.group, volume.role, protocol_parameters(volume.first))
    return [groups[name] for name in sorted(groups)]


def _passed_over(pairing: Pairing) -> Iterator[PassedOver]:
    for volume, code in pairing.excluded:
        decided_by, preferred = pairing.decided_by.get(volume.series, ("", None))
        files = len(volume.stack.instances)
        yield PassedOver(
            volume.series, volume.role, volume.label, files, code.code, decided_by, preferred, volume.group
        )


def _leave_out_unwanted(rows: Iterable[InstanceHeader], book: _Book) -> list[InstanceHeader]:
    wanted = []
    for row in rows:
        code = unwanted(row)
        if code is None:
            wanted.append(row)
        else:
            book.enter(row, Disposition.EXCLUDED, code)
    return wanted


def _set_unusable_aside(
    wanted: Sequence[InstanceHeader], patients: Mapping[str, PatientKey | None], book: _Book
) -> list[InstanceHeader]:
    """Take out unreadable files, files without identity, copies and conflicts; return what is sound."""
    named = []
    for row in wanted:
        if row.kind is FileKind.DICOM:
            fault = identity_fault(row, patients[row.path])
        elif row.kind is FileKind.MISNAMED:
            fault = codes.MISNAMED
        else:
            fault = codes.TRUNCATED if row.header_sha256 else codes.UNREADABLE
        if fault is None:
            named.append(row)
        else:
            book.enter(row, Disposition.QUARANTINED, fault)
    copies = find_copies(named)
    for row in named:
        if row.path in copies.conflicts:
            book.enter(row, Disposition.QUARANTINED, codes.UID_CONFLICT)
        elif row.path in copies.duplicates:
            book.enter(row, Disposition.DUPLICATE, codes.DUPLICATE)
    return [row for row in named if row.path not in book.decisions]


def _tainted_series(wanted: Iterable[InstanceHeader], sound: Iterable[InstanceHeader], book: _Book) -> frozenset[str]:
    """Series of which an image was set aside that no sound copy replaces."""
    whole = {row.sop_instance_uid for row in sound if row.sop_instance_uid}
    return frozenset(
        row.series_uid
        for row in wanted
        if row.path in book.decisions
        and book.decisions[row.path].disposition is Disposition.QUARANTINED
        and row.series_uid
        and row.sop_instance_uid not in whole
    )


def _leave_out_few_images(candidates: Iterable[Candidate], min_slices: int, book: _Book) -> list[Candidate]:
    """Single CT and MR images plan or monitor a scan and are never wanted; a short PET is, and is refused by its fault."""
    volumes = []
    for candidate in candidates:
        is_anatomy = candidate.role in {Role.CT, Role.MR} and candidate.layout is not Layout.MOSAIC
        few = is_anatomy and candidate.n_slices < min_slices
        if few and (candidate.fault is None or candidate.fault.code is not codes.INCOMPLETE):
            _enter_volume(book, candidate, Disposition.EXCLUDED, codes.FEW_IMAGES)
        else:
            volumes.append(candidate)
    return volumes


def _leave_out_decided(candidates: Iterable[Candidate], rules: Rules, book: _Book) -> list[Candidate]:
    """Take out volumes of which a decision says never; of a series' own decision and its group's, its own holds."""
    volumes = []
    for candidate in candidates:
        decisions = rules.of(candidate)
        if decisions and decisions[0].choose == "never":
            _enter_volume(book, candidate, Disposition.EXCLUDED, codes.DECIDED_AGAINST)
        else:
            volumes.append(candidate)
    return volumes


def _enter_volume(
    book: _Book,
    volume: Candidate,
    disposition: Disposition,
    code: FindingCode | None = None,
    fault: Fault | None = None,
) -> None:
    for image in volume.stack.instances:
        book.enter(image, disposition, code, volume.series, fault)
