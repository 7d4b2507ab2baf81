"""Decides what is missing or contradictory around a session's volumes, as findings for a human: nothing is refused here.

Gaps, cut files and frames are faults that `stack` and `candidates` judge. Here stand the number of images that the header
promises, the region and width that CT or MR share with the PET, tracers, weights and patients that do not agree.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.criteria import covered_part
from umd_curate.ingest.tracers import FDG, tracer_of
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.findings import Finding
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import PatientKey
from umd_curate.model.study import Layout, Role

MIN_PARTNER_PART = 0.9  # of the PET's height; beds and CT ranges of one protocol differ by less
MIN_WIDTH_PART = 0.6  # of the PET's width; a CT of 500 mm beside the widest PET, 815 mm, has 0.61
MAX_WEIGHT_SPREAD = 0.1  # of the smaller weight; SUV is proportional to it
_GRAMS_FROM = 1000.0  # kg; nobody weighs so much: the weight is in grams


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the images of a chunk say of patients and studies.

    Parameters
    ----------
    weight_spread
        (largest - smallest) / smallest weight by Study Instance UID.
    patients
        Patients whose studies contradict each other in birth date or sex.
    completed
        Paths of images of which an identifier was missing and taken from others.
    """

    weight_spread: Mapping[str, float] = field(default_factory=dict)
    patients: frozenset[PatientKey] = frozenset()
    completed: frozenset[str] = frozenset()


def weight_spreads(images: Iterable[InstanceHeader]) -> dict[str, float]:
    """Spread of the weights (0010,1030) by study; weights of 0 are missing ones."""
    weights: dict[str, list[float]] = defaultdict(list)
    for image in images:
        if image.study_uid and image.patient_weight_kg and image.patient_weight_kg > 0:
            kg = image.patient_weight_kg
            weights[image.study_uid].append(kg / 1000 if kg > _GRAMS_FROM else kg)
    return {study: max(known) / min(known) - 1 for study, known in weights.items()}


def _volume_findings(volume: Candidate, doubts: Doubts) -> list[Finding]:
    """Findings about one selected volume by itself."""
    found = _fewer_than_said(volume)
    if any(image.path in doubts.completed for image in volume.stack.instances):
        found.append(codes.IDENTITY_COMPLETED.at(volume.series))
    if volume.role is Role.PET and volume.first.radiopharmaceutical:
        tracer = tracer_of(volume.first.radiopharmaceutical)
        if tracer != FDG:
            found.append(codes.OTHER_TRACER.at(volume.series, tracer or "a tracer that this version does not know"))
    return found


def session_findings(volumes: Sequence[Candidate], doubts: Doubts) -> list[Finding]:
    """Findings about the volumes of a session together; the first is the main one."""
    main = volumes[0]
    found = [finding for volume in volumes for finding in _volume_findings(volume, doubts)]
    if main.role is Role.PET:
        found += [
            finding for volume in volumes[1:] if volume.role is not Role.CONTOURS for finding in _extent(main, volume)
        ]
        spread = doubts.weight_spread.get(main.study_uid, 0.0)
        if spread > MAX_WEIGHT_SPREAD:
            detail = "difference of the weights (0010,1030), part of the smaller"
            found.append(
                codes.WEIGHTS_DIFFER.at(main.series, detail, measured=round(spread, 3), limit=MAX_WEIGHT_SPREAD)
            )
    if main.patient in doubts.patients:
        found.append(codes.PATIENT_DIFFERS.at(main.series))
    return found


def _fewer_than_said(volume: Candidate) -> list[Finding]:
    """Compare the number of slices with (0054,0081) of PET and (0020,1002) of CT and MR."""
    image, have = volume.first, volume.n_slices
    said = image.number_of_slices if volume.role is Role.PET else image.images_in_acquisition
    if not said or have >= said or volume.layout is Layout.STATIONS:
        return []
    detail = "images" + _ends(volume, said)
    return [codes.FEWER_THAN_SAID.at(volume.series, detail, measured=float(have), limit=float(said))]


def _ends(volume: Candidate, said: int) -> str:
    """At which end images are missing, where the instance numbers of a stack run from 1 to the number that is said."""
    numbers = [image.instance_number for image in volume.stack.instances if image.instance_number is not None]
    steps = {after - before for before, after in pairwise(numbers)}
    if volume.layout is not Layout.STACK or len(numbers) != len(volume.stack.instances) or steps not in ({1}, {-1}):
        return ""
    before, after = min(numbers) - 1, said - max(numbers)
    low, high = (before, after) if steps == {1} else (after, before)
    if min(low, high) < 0 or low + high != said - len(numbers):
        return ""
    return f", {low} missing at the lower end and {high} at the upper end"


def _extent(pet: Candidate, partner: Candidate) -> list[Finding]:
    boxes = pet.stack.box_ras_mm, partner.stack.box_ras_mm
    if boxes[0] is None or boxes[1] is None:
        return []
    parts = [
        covered_part((boxes[1][0][axis], boxes[1][1][axis]), (boxes[0][0][axis], boxes[0][1][axis]))
        for axis in range(3)
    ]
    found = []
    if parts[2] < MIN_PARTNER_PART:
        detail = f"part of the PET's height that the {partner.role} covers"
        found.append(
            codes.PARTNER_TOO_SHORT.at(partner.series, detail, measured=round(parts[2], 3), limit=MIN_PARTNER_PART)
        )
    if min(parts[:2]) < MIN_WIDTH_PART:
        detail = f"part of the PET's width that the {partner.role} covers"
        found.append(
            codes.FIELD_OF_VIEW.at(partner.series, detail, measured=round(min(parts[:2]), 3), limit=MIN_WIDTH_PART)
        )
    return found
