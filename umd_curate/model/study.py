"""What ingest understands of a raw folder: volumes, sessions, and one decision for each file. Private side only."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from umd_curate.model.findings import Finding
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.model.pet import PetContext


class Disposition(StrEnum):
    """What became of one input file. Every file has exactly one."""

    USED = "used"
    DUPLICATE = "duplicate"  # the same SOP instance, the same bytes, somewhere else in the folder
    EXCLUDED = "excluded"  # expected and never wanted: exit 0
    QUARANTINED = "quarantined"  # wanted but unusable: exit 3


class Role(StrEnum):
    """What a volume is for in its session."""

    PET = "pet"
    CT = "ct"
    MR = "mr"
    CONTOURS = "contours"  # DICOM SEG or RTSTRUCT drawn on the session's CT or MR


class SessionKind(StrEnum):
    """A session's kind, the first part of its id."""

    PETCT = "petct"
    PETMRI = "petmri"
    PET = "pet"
    CT = "ct"
    MR = "mr"


class Layout(StrEnum):
    """How the files of one volume lie in space and time."""

    STACK = "stack"  # one file per slice of one grid
    MULTI_FRAME = "multi-frame"  # one or more objects hold all slices as frames, in any order
    STATIONS = "stations"  # one group of files per station; composed into one volume
    DYNAMIC = "dynamic"  # one group per time frame
    GATED = "gated"  # one group per gate
    MOSAIC = "mosaic"  # one file holds all slices as tiles


@dataclass(frozen=True, slots=True)
class SourceVolume:
    """Instances that form one volume, sorted along the slice normal (multi-frame: one instance, any frame order).

    Where the layout has groups (stations, time frames, gates) the instances stand group by group, each sorted along the
    normal; `groups` counts the files of each, and is empty where there is one group only.
    """

    series: ShortId  # keyed id of SeriesInstanceUID and part
    role: Role
    instances: tuple[InstanceHeader, ...]
    label: str = ""  # identifier-free: "AC", "NAC", "in", "composed"
    layout: Layout = Layout.STACK
    groups: tuple[int, ...] = ()
    protocol: str = ""  # short id of its protocol group: "g-9K2QMZ7A"


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One session of one patient: a PET with its CT or MR, or a single image without partner.

    Sessions of one kind in one study are its runs, such as the early and the late phase of a PET; `anchor` tells them apart
    and stays the same when the plan is made anew. The vault allots session and run numbers. The place of each finding is
    the short id of one of the volumes.
    """

    patient: PatientKey
    kind: SessionKind
    study_date: str  # for numbering; never published
    study_uid: str
    volumes: tuple[SourceVolume, ...]
    findings: tuple[Finding, ...] = ()
    anchor: str = ""  # frame of reference and, for a PET, when its acquisition began; private


@dataclass(frozen=True, slots=True)
class FileDecision:
    """What is planned for one file and why; `code` is a finding code, empty for files that are used."""

    path: str
    disposition: Disposition
    code: str = ""
    series: ShortId | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A volume of a wanted role that no session holds, since another one was preferred.

    `decided_by` names the first criterion of the ranking that told it from `preferred`; empty where no ranking was needed.
    """

    series: ShortId
    role: Role
    label: str
    files: int
    code: str
    decided_by: str = ""
    preferred: ShortId | None = None
    group: str = ""  # protocol group


@dataclass(frozen=True, slots=True)
class ProtocolGroup:
    """Volumes that one protocol on one kind of scanner makes: what is decided for one holds for all.

    `parameters` (name and value) show the data manager which protocol it is; they hold free text: private side only.
    """

    id: ShortId  # keyed: "g-9K2QMZ7A"
    role: Role
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A volume in a ranking, with what each criterion saw in words.

    `code` is a finding code, empty for the selected volume.
    """

    series: ShortId
    group: ShortId
    label: str
    files: int
    values: tuple[str, ...]
    disposition: Disposition
    code: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One choice: the volumes of one role in one place, best first, and the criteria in their order.

    `tied` counts the series at the head of the list that only the last resort told apart; 1 where there was no tie.
    `reasons` are the user's decisions that took part: id, choice and reason.
    """

    role: Role
    criteria: tuple[str, ...]
    entries: tuple[Ranked, ...]
    tied: int = 1
    reasons: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """Sessions to make, one decision per input file, and why volumes of a wanted role are in no session."""

    sessions: tuple[SessionPlan, ...]
    decisions: tuple[FileDecision, ...]
    findings: tuple[Finding, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    protocols: tuple[ProtocolGroup, ...] = ()  # by id
    persons_sha256: str = ""  # of the mapping file that ingest.patients names; empty without one


def merge_plans(plans: Iterable[IngestPlan]) -> IngestPlan:
    """The plan of a whole folder from those of its chunks, in their order; files of different chunks share no UID."""
    parts = tuple(plans)
    protocols = {group.id: group for plan in parts for group in plan.protocols}
    return IngestPlan(
        sessions=tuple(entry for plan in parts for entry in plan.sessions),
        decisions=tuple(entry for plan in parts for entry in plan.decisions),
        findings=tuple(entry for plan in parts for entry in plan.findings),
        passed_over=tuple(entry for plan in parts for entry in plan.passed_over),
        rankings=tuple(entry for plan in parts for entry in plan.rankings),
        protocols=tuple(protocols[name] for name in sorted(protocols)),
        persons_sha256=next((plan.persons_sha256 for plan in parts), ""),
    )


# Where the scan saw a slice: rows, columns, position, orientation, pixel spacing, thickness (as in `InstanceHeader`).
OrderedPlace = tuple[int | None, int | None, tuple[float, ...], tuple[float, ...], tuple[float, ...], float | None]


@dataclass(frozen=True, slots=True)
class VolumeOrder:
    """The work order of one volume, a file in ``private/orders/``: a task's arguments name only the order.

    `files` are absolute source paths in slice order, each with size and mtime_ns as the scan saw them; `places` say where
    the scan saw their slices.
    """

    unit: str
    subject: str
    session: str
    kind: str
    role: Role
    label: str
    series: str
    patient: str
    files: tuple[tuple[str, int, int], ...]
    header_sha256: str  # over the header digests in slice order
    places: tuple[OrderedPlace, ...] = ()  # of the files' slices; empty for a multi-frame object
    layout: Layout = Layout.STACK
    groups: tuple[int, ...] = ()  # files per station, time frame or gate; empty: one group
    pet: PetContext | None = None  # what a PET's SUV needs beyond the headers; None for other roles
    protocol: str = ""  # short id of the protocol group
    findings: tuple[Finding, ...] = ()  # what ingest saw about this volume; they go into its receipt
