"""The truth of a cohort as JSON values: patients, sessions, series, files, motions, landmarks, volumes, canaries."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from umd_curate.model.labels import OrganTable
from umd_curate.model.receipts import Json
from umd_curate.model.study import Disposition
from umd_curate.synth.anatomy import landmarks_of
from umd_curate.synth.motion import Motion
from umd_curate.synth.observer import counts
from umd_curate.synth.paint import Labels
from umd_curate.synth.people import Person
from umd_curate.synth.placing import Placed
from umd_curate.synth.scanners import Kind, Maker
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, Series

if TYPE_CHECKING:
    from umd_curate.synth.shapes import Floats

_SHOWN = ("family", "given", "patient_id", "folded")

# Where each identifier of a person is planted, beside the element that DICOM has for it.
_PLANTED: dict[str, str] = {
    "family": "(0010,0010) (0008,1030) (0008,103E) (0010,4000) (0020,4000) (0040,0275) private text, overlay, path",
    "given": "(0010,0010) (0010,4000) (0020,4000) (0008,103E) of localizers, overlay label",
    "patient_id": "(0010,0020) (0018,1030) (0010,4000) (0008,1190) (0008,103E) of PET, private text, preamble, path",
    "other_id": "(0010,1002) nested (0010,0020)",
    "insurance_id": "(0010,1050) (FFFC,FFFC)",
    "birth_date": "(0010,0030)",
    "address": "(0010,1040) (0010,4000)",
    "phone": "(0010,2154) (0010,21B0) (0020,4000)",
    "mother": "(0010,1060) (0010,1001)",
    "neighbour": "(0010,2000) (0010,21B0)",
    "referring": "(0008,0090)",
    "requesting": "(0032,1032) (0008,1048) (0008,1080) (0040,0254)",
    "operator": "(0008,1070) SR content",
    "reader": "(0008,1060) (6000,4000) (0070,0084)",
    "institution": "(0008,0080) private",
    "institution_address": "(0008,0081)",
    "department": "(0008,1040)",
    "application_entity": "(0002,0016) (0010,0021)",
}
_PLANTED_BY_STUDY: dict[str, str] = {
    "accession": "(0008,0050) (0040,1001)",
    "study_id": "(0020,0010)",
    "station": "(0008,1010)",
    "serial": "(0018,1000)",
    "detector": "(0018,1000) of the contours",
    "procedure": "(0040,0253) (0040,0009)",
    "private": "private text and bytes, (0002,0102)",
    "batch": "(0018,1070)",
}


@dataclass(frozen=True, slots=True)
class FileTruth:
    """One file of the raw folder and what should become of it."""

    path: str  # relative to raw/, with /
    study: str
    series: str
    sop_uid: str
    expected: Expected


def canaries(people: Sequence[Person], studies: Sequence[Study]) -> list[Json]:
    """The key file: every planted identifier with its kind, patient and places."""
    found: list[Json] = []
    for person in people:
        values = {entry.name: str(getattr(person, entry.name)) for entry in fields(person)}
        found += [_canary(person, kind, values[kind], where) for kind, where in _PLANTED.items()]
    for study in studies:
        person = study.person
        own = {kind: (study.names[kind], where) for kind, where in _PLANTED_BY_STUDY.items()}
        own["study_date"] = (study.date, "(0008,0020) and every other date, path")
        own["study_uid"] = (study.uid("study"), "(0020,000D)")
        own["frame_of_reference_uid"] = (study.uid("frame"), "(0020,0052)")
        own["earlier_study_uid"] = (study.uid("earlier-study"), "(0008,1110) nested (0008,1155)")
        own["requested_study_uid"] = (study.uid("requested-study"), "(0040,0275) nested (0008,1110)")
        if study.scanner.maker is Maker.GE:
            own["patient_id_hex"] = (person.patient_id.encode().hex(), "(0025,101B) private text")
        found += [_canary(person, kind, value, where) for kind, (value, where) in own.items()]
    for person in people:
        found.append(_canary(person, "burned_in_name", person.folded.replace("_", ", "), "pixels", in_bytes=False))
    return found


def _canary(person: Person, kind: str, value: str, where: str, *, in_bytes: bool = True) -> Json:
    encoding = "utf-8" if person.charset == "ISO_IR 192" else "latin-1"
    return {
        "value": value,
        "kind": kind,
        "where": where,
        "patient": person.index,
        "encoding": encoding,
        "in_bytes": in_bytes,
    }


def volumes_ml(labels_kji: Labels, placed: Placed, organs: OrganTable) -> dict[str, Json]:
    """Volume of every organ [mL] by counting voxels."""
    found = counts(labels_kji)
    return {organ.name: round(float(found[organ.id]) * placed.grid.voxel_volume_ml, 3) for organ in organs}


def landmarks_mm(study: Study, motion: Motion) -> dict[str, Json]:
    """Landmarks in the scanner's frame [RAS+ mm] while the body lay as `motion` says."""
    points = landmarks_of(study.build)
    placed: Floats = motion.to_scanner(np.array(list(points.values())))
    return {name: [round(float(value), 4) for value in point] for name, point in zip(points, placed, strict=True)}


def motion_json(motion: Motion) -> Json:
    """All parameters of a map from scanner points to the standard body, in the order in which they act."""
    return _plain(asdict(motion))


def pet_to_ct(study: Study) -> Json:
    """4 x 4 matrix (RAS+ mm) that carries a point of the resting patient to where it lay during the PET."""
    return _plain(study.pet.drift.matrix(study.pet.offset_mm).round(9).tolist())


def session(
    study: Study, images: Mapping[str, tuple[Labels, Placed]], series: Sequence[tuple[Series, int]], organs: OrganTable
) -> dict[str, Json]:
    """One session: what it is, its series, grids, motions, landmarks and organ volumes.

    `images` holds labels and grid of the CT or MR and of the PET, by name.
    """
    anatomical = "ct" if study.kind is Kind.PETCT else "mr"
    injection = study.injection
    return {
        "kind": str(study.kind),
        "vendor": str(study.vendor),
        "folder": study.label,
        "study_uid": study.uid("study"),
        "study_date": study.date,
        "frame_of_reference_uid": study.uid("frame"),
        "posture": str(study.posture),
        "form": str(study.form),
        "patient_id": study.person.patient_id,
        "station_gains": list(study.station_gains()),
        "series": [
            {
                "name": one.name,
                "uid": one.uid,
                "n_files": count,
                "disposition": str(one.expected.disposition),
                "reason": one.expected.reason,
                "selected": one.expected.reason == "",
            }
            for one, count in series
        ],
        "affines_ras_mm": {name: _plain(placed.grid.affine.tolist()) for name, (_, placed) in images.items()},
        "shapes_kji": {name: list(placed.grid.shape_kji) for name, (_, placed) in images.items()},
        "organ_volumes_ml": {name: volumes_ml(labels, placed, organs) for name, (labels, placed) in images.items()},
        "landmarks_ras_mm": {
            anatomical: landmarks_mm(study, study.anatomy),
            "pet": landmarks_mm(study, study.pet),
        },
        "motion": {anatomical: motion_json(study.anatomy), "pet": motion_json(study.pet)},
        "pet_to_anatomy_rigid": pet_to_ct(study),
        "breathing_amplitude_mm": round(study.breath_mm, 4),
        "suv": {
            "activity_bq": injection.activity_bq,
            "half_life_s": injection.half_life_s,
            "weight_kg": injection.weight_kg,
            "injection_to_reference_s": injection.reference_delay_s,
            "bqml_per_suv": injection.bqml_per_suv,
            "injection_to_scan_s": study.scan_s - study.injected_s,
            "bed_s": study.frame_s,
            "series_time_after_scan_s": study.series_s - study.scan_s,
            "units": str(study.writing.units),
            "decay_correction": str(study.writing.decay),
            "tracer": study.writing.tracer.text,
            "stored_per_suv_by_bed": [study.per_suv(bed) for bed in range(study.beds)],
        },
    }


def patient(person: Person, studies: Sequence[Study], sessions: Sequence[dict[str, Json]]) -> dict[str, Json]:
    """One patient and the sessions."""
    build = studies[0].build
    return {
        "index": person.index,
        "patient_id": person.patient_id,
        "name": person.name,
        "sex": person.sex,
        "birth_date": person.birth_date,
        "height_m": build.height_m,
        "weight_kg": build.weight_kg,
        "sessions": list(sessions),
    }


def files_json(files: Sequence[FileTruth]) -> list[Json]:
    """Every raw file, by path; of copies that are equal byte for byte, the first one by path is the one that counts."""
    return [
        {
            "path": file.path,
            "session": file.study,
            "series": file.series,
            "sop_uid": file.sop_uid,
            "disposition": str(file.expected.disposition),
            "reason": file.expected.reason,
        }
        for file in _first_counts(sorted(files, key=lambda file: file.path))
    ]


def _first_counts(files: Sequence[FileTruth]) -> list[FileTruth]:
    """The files with the expectations of equal copies in the order of the files."""
    copied = {_identity(file) for file in files if file.expected.disposition is Disposition.DUPLICATE}
    found = list(files)
    for identity in copied:
        places = [place for place, file in enumerate(files) if _identity(file) == identity]
        wanted = sorted(
            (files[place].expected for place in places), key=lambda one: one.disposition is Disposition.DUPLICATE
        )
        for place, expected in zip(places, wanted, strict=True):
            found[place] = replace(files[place], expected=expected)
    return found


def _identity(file: FileTruth) -> tuple[str, str, str]:
    return file.study, file.series, file.sop_uid


def _plain(value: object) -> Json:
    """Tuples as lists, numbers as they are."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    raise TypeError(type(value).__name__)
