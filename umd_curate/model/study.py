"""What ingest understands of a raw folder: volumes, sessions, and one decision for each file. Private side only."""

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
    CONTOURS = "contours"  # DICOM SEG drawn on the session's CT or MR


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
    MULTI_FRAME = "multi-frame"  # one object holds all slices, in any order
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


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One session of one patient: a PET with its CT or MR, or a single image without partner."""

    patient: PatientKey
    kind: SessionKind
    study_date: str  # for numbering; never published
    study_uid: str
    volumes: tuple[SourceVolume, ...]
    findings: tuple[Finding, ...] = ()


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


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """Sessions to make, one decision per input file, and why volumes of a wanted role are in no session."""

    sessions: tuple[SessionPlan, ...]
    decisions: tuple[FileDecision, ...]
    findings: tuple[Finding, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()


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
    protocol: str = ""  # `protocol_group` of the first file
