"""Builds the volumes that selection chooses from, each with its place, its layout and, where it is unusable, its fault.

Decides what makes a sound stack unusable all the same: too few slices, files of its series that are unusable, frames that do
not fit together, no PET at all, a study or series under two patients. Which volume is wanted is for `select` and `pair`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from umd_curate.ingest.classify import is_composed, is_mosaic, role_of
from umd_curate.ingest.concatenation import is_multiframe, missing_part
from umd_curate.ingest.contrasts import mixed_contrasts
from umd_curate.ingest.frames import FrameSet, gather_frames, says_not_static
from umd_curate.ingest.group import volumes_of_series
from umd_curate.ingest.moments import span_s
from umd_curate.ingest.protocols import protocol_text
from umd_curate.ingest.stack import Fault, Stack, has_geometry, stacked
from umd_curate.ingest.tracers import is_single_photon
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.model.stacks import STRICT, StackRules
from umd_curate.model.study import Layout, Role, SourceVolume

NameOf = Callable[[str, str], ShortId]
MIN_FRAMES = 2  # of a dynamic or gated PET


@dataclass(frozen=True, slots=True)
class Candidate:
    """A volume that may be selected. `fault` says why it is unusable.

    `counts` are the images of each station, frame or gate where the layout has several; `group` is the protocol group.
    """

    series: ShortId
    role: Role
    patient: PatientKey
    study_uid: str
    series_uid: str
    frame_uid: str
    stack: Stack
    group: ShortId
    fault: Fault | None = None
    layout: Layout = Layout.STACK
    counts: tuple[int, ...] = ()

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
    def n_slices(self) -> int:
        """Slices of the volume: of one frame or gate, of all stations."""
        if self.layout in {Layout.DYNAMIC, Layout.GATED}:
            return self.counts[0]
        return sum(max(image.number_of_frames or 1, 1) for image in self.stack.instances)

    @property
    def span_s(self) -> tuple[float, float] | None:
        """First and last moment of acquisition [s], comparable within a patient; None where unknown."""
        return span_s(self.stack.instances)

    @property
    def is_static(self) -> bool:
        """No dynamic or gated PET."""
        return self.layout not in {Layout.DYNAMIC, Layout.GATED} and not says_not_static(self.stack.instances)

    @property
    def is_attenuation_corrected(self) -> bool:
        """PET: ATTN stands in CorrectedImage (0028,0051)."""
        return "ATTN" in {value.strip().upper() for value in self.first.corrected_image}

    @property
    def is_composed(self) -> bool:
        """MR: composed of several stations by the scanner."""
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
        return SourceVolume(
            self.series, self.role, self.stack.instances, self.label, self.layout, self.counts, self.group
        )


@dataclass(frozen=True, slots=True)
class Faults:
    """What makes a sound stack unusable.

    Parameters
    ----------
    tainted
        Series Instance UIDs of which a file is unusable.
    studies
        Study Instance UIDs that are under two patients or contradict themselves, each with the code that says so.
    shared
        Series Instance UIDs that are under two patients.
    min_slices
        A PET with fewer slices is faulty.
    stacks
        What may be done with a stack that is not even.
    """

    tainted: frozenset[str]
    studies: Mapping[str, Fault]
    shared: frozenset[str]
    min_slices: int
    stacks: StackRules = STRICT

    def of(self, volume: Candidate) -> Fault | None:
        """Fault of a volume, the one that reaches furthest first."""
        if volume.study_uid in self.studies:
            return self.studies[volume.study_uid]
        if volume.series_uid in self.shared:
            return Fault(codes.SERIES_OF_TWO_PATIENTS)
        if volume.series_uid in self.tainted:
            return Fault(codes.INCOMPLETE)
        return self._of_pet(volume) if volume.role is Role.PET else volume.stack.fault

    def _of_pet(self, volume: Candidate) -> Fault | None:
        if is_single_photon(volume.first):
            return Fault(codes.NOT_A_PET)
        if volume.stack.fault:
            return volume.stack.fault
        if says_not_static(volume.stack.instances) and volume.layout is Layout.STACK:
            return Fault(codes.DYNAMIC, "frames", 1.0, float(MIN_FRAMES))
        if volume.n_slices < self.min_slices:
            return Fault(codes.FEW_PET_IMAGES, "slices", float(volume.n_slices), float(self.min_slices))
        return None


def build_candidates(
    images: Iterable[InstanceHeader],
    patients: Mapping[str, PatientKey | None],
    faults: Faults,
    short_id: NameOf,
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
        Keyed name of a kind (``s`` series, ``g`` protocol group) and value.
    """
    series: dict[tuple[str, str, str, Role], list[InstanceHeader]] = defaultdict(list)
    for image in images:
        patient, role = patients[image.path], role_of(image)
        if patient is not None and role is not None:
            series[patient, image.study_uid or "", image.series_uid or "", role].append(image)
    found = []
    parts: Counter[str] = Counter()  # per UID over all patients, studies and roles, so that no two volumes share a name
    groups: dict[str, ShortId] = {}
    for (patient_key, study, uid, role), members in sorted(series.items()):
        for stack, layout, counts in _parts(members, role, faults.stacks):
            first = stack.instances[0]
            protocol = protocol_text(first)
            if protocol not in groups:
                groups[protocol] = short_id("g", protocol)
            volume = Candidate(
                series=short_id("s", series_name(uid, parts[uid])),
                role=role,
                patient=PatientKey(patient_key),
                study_uid=study,
                series_uid=uid,
                frame_uid=(first.frame_of_reference_uid or "").strip(),
                stack=stack,
                layout=layout,
                counts=counts,
                group=groups[protocol],
            )
            parts[uid] += 1
            found.append(replace(volume, fault=faults.of(volume)))
    return found


def series_name(series_uid: str, part: int = 0) -> str:
    """What the short id of a series is made from: its UID, and the number of the volume in it from the second on."""
    return f"{series_uid}|{part}" if part else series_uid


_Part = tuple[Stack, Layout, tuple[int, ...]]


def _parts(members: list[InstanceHeader], role: Role, rules: StackRules) -> list[_Part]:
    """Volumes of one series, the largest first."""
    if role is Role.CONTOURS:
        ordered = sorted(members, key=lambda image: (image.sop_instance_uid or "", image.path))
        return [(Stack((image,)), Layout.MULTI_FRAME, ()) for image in ordered]
    groups = volumes_of_series(members)
    sets: list[FrameSet] = []
    if role is Role.PET:
        sets, single = gather_frames([group for group in groups if _tells_its_place(group)])
        groups = [group for group in groups if not _tells_its_place(group)] + single
    found = [_framed(frames) for frames in sets] + [_single(group, rules) for group in groups]
    return sorted(found, key=lambda part: (-len(part[0].instances), _earliest(part[0])))


def _tells_its_place(group: Sequence[InstanceHeader]) -> bool:
    return not is_multiframe(group[0]) and has_geometry(group[0])


def _earliest(stack: Stack) -> tuple[int, str, str]:
    numbers = [image.instance_number or 0 for image in stack.instances]
    return min(numbers), stack.instances[0].sop_instance_uid or "", stack.instances[0].path


def _single(group: Sequence[InstanceHeader], rules: StackRules) -> _Part:
    if is_multiframe(group[0]):
        return Stack(tuple(group), fault=missing_part(group)), Layout.MULTI_FRAME, ()
    if is_mosaic(group[0]):
        return Stack(tuple(group)), Layout.MOSAIC, ()
    stack = stacked(group, rules)
    return replace(stack, fault=stack.fault or mixed_contrasts(stack.instances)), Layout.STACK, ()


def _framed(frames: FrameSet) -> _Part:
    """Frames one after the other, each sorted along the normal; the fault is the first one's, or that they are uneven."""
    stacks = [stacked(frame) for frame in frames.frames]
    fault = next((stack.fault for stack in stacks if stack.fault), None)
    if not frames.is_even:
        counts = [len(frame) for frame in frames.frames]
        fault = Fault(
            codes.DYNAMIC, "images of the shortest and the longest frame", float(min(counts)), float(max(counts))
        )
    instances = tuple(image for stack in stacks for image in stack.instances)
    return (
        Stack(instances, stacks[0].box_ras_mm, fault),
        frames.layout,
        tuple(len(stack.instances) for stack in stacks),
    )
