"""Builds the volumes that selection chooses from, each with its place and, where it is unusable, its fault.

Decides what makes a sound stack unusable all the same: too few slices, files of its series that are unusable, a dynamic or
gated PET, a study under two patients. Which volume is wanted is for `select` and `pair`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from umd_curate.ingest.classify import is_composed, role_of
from umd_curate.ingest.group import is_multiframe, volumes_of_series
from umd_curate.ingest.stack import Fault, Stack, stacked
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.model.stacks import STRICT, StackRules
from umd_curate.model.study import Role, SourceVolume

_NOT_STATIC = {"DYNAMIC", "GATED"}  # Series Type (0054,1000) value 1, PS3.3 C.8.9.1.1.4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A volume that may be selected. `fault` says why it is unusable."""

    series: ShortId
    role: Role
    patient: PatientKey
    study_uid: str
    series_uid: str
    frame_uid: str
    stack: Stack
    fault: Fault | None = None

    @property
    def first(self) -> InstanceHeader:
        """Header of the lowest slice; stands for the series where all slices agree."""
        return self.stack.instances[0]

    @property
    def height_mm(self) -> tuple[float, float] | None:
        """Lowest and highest place along the body, RAS+ z [mm]; None where unknown."""
        box = self.stack.box_ras_mm
        return None if box is None else (box[0][2], box[1][2])

    @property
    def is_attenuation_corrected(self) -> bool:
        """PET: ATTN stands in CorrectedImage (0028,0051)."""
        return "ATTN" in {value.strip().upper() for value in self.first.corrected_image}

    @property
    def is_composed(self) -> bool:
        """MR: composed of several stations."""
        return self.role is Role.MR and is_composed(self.first)

    @property
    def label(self) -> str:
        """Identifier-free word for the volume among others of its role."""
        if self.role is Role.PET:
            return "AC" if self.is_attenuation_corrected else "NAC"
        if self.role is Role.MR:
            return self.first.dixon_channel or ("composed" if self.is_composed else "")
        return ""

    def volume(self) -> SourceVolume:
        """The volume as the plan names it."""
        return SourceVolume(self.series, self.role, self.stack.instances, self.label)


@dataclass(frozen=True, slots=True)
class Faults:
    """What makes a sound stack unusable.

    Parameters
    ----------
    tainted
        Series Instance UIDs of which a file is unusable.
    mixed
        Study Instance UIDs that are under two patients.
    min_slices
        A PET with fewer slices is faulty.
    rules
        What may be done with a stack that is not even.
    """

    tainted: frozenset[str]
    mixed: frozenset[str]
    min_slices: int
    rules: StackRules = STRICT

    def of(self, study_uid: str, series_uid: str, role: Role, stack: Stack) -> Fault | None:
        """Fault of a volume, the one that reaches furthest first."""
        if study_uid in self.mixed:
            return Fault(codes.TWO_PATIENTS)
        if series_uid in self.tainted:
            return Fault(codes.INCOMPLETE)
        if stack.fault or role is not Role.PET:
            return stack.fault
        if any(set(image.series_type[:1]) & _NOT_STATIC for image in stack.instances):
            return Fault(codes.DYNAMIC)
        count = n_slices(stack)
        if count < self.min_slices:
            return Fault(codes.FEW_PET_IMAGES, "slices", float(count), float(self.min_slices))
        return None


def build_candidates(
    images: Iterable[InstanceHeader],
    patients: Mapping[str, PatientKey | None],
    faults: Faults,
    short_id: Callable[[str, str], ShortId],
) -> list[Candidate]:
    """Volumes of all usable CT, MR and PET images and contours.

    Parameters
    ----------
    images
        Wanted, readable, unique files that tell patient, study and series.
    patients
        Patient of each file by path.
    faults
        What makes a sound stack unusable.
    short_id
        Keyed name of a kind and value.
    """
    series: dict[tuple[str, str, str, Role], list[InstanceHeader]] = defaultdict(list)
    for image in images:
        patient, role = patients[image.path], role_of(image)
        if patient is not None and role is not None:
            series[patient, image.study_uid or "", image.series_uid or "", role].append(image)
    found = []
    parts: Counter[str] = Counter()  # per UID over all patients, studies and roles, so that no two volumes share a name
    for (patient_key, study, uid, role), members in sorted(series.items()):
        for group in _parts(members, role):
            stack = (
                Stack(tuple(group))
                if role is Role.CONTOURS or is_multiframe(group[0])
                else stacked(group, faults.rules)
            )
            name = short_id("s", series_name(uid, parts[uid]))
            parts[uid] += 1
            frame = (group[0].frame_of_reference_uid or "").strip()
            fault = faults.of(study, uid, role, stack)
            found.append(Candidate(name, role, PatientKey(patient_key), study, uid, frame, stack, fault))
    return found


def series_name(series_uid: str, part: int = 0) -> str:
    """What the short id of a series is made from: its UID, and the number of the volume in it from the second on."""
    return f"{series_uid}|{part}" if part else series_uid


def n_slices(stack: Stack) -> int:
    """Slices of a volume; frames where it is multi-frame."""
    return sum(max(image.number_of_frames or 1, 1) for image in stack.instances)


def _parts(members: list[InstanceHeader], role: Role) -> list[list[InstanceHeader]]:
    if role is Role.CONTOURS:
        return [[image] for image in sorted(members, key=lambda image: (image.sop_instance_uid or "", image.path))]
    return volumes_of_series(members)
