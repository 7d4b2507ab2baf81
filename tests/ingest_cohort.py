"""A cohort of header rows with planted defects, and what must become of each file: known before the product sees it.

Each subject has one scenario; a scenario names its files with the finding code that must stand for them (none: used), and its
sessions by the files of each volume. Nothing of the ingest room is used here.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.ingest.rows import AXIAL, contours, series
from umd_curate.model.headers import FileKind, InstanceHeader

Rows = list[InstanceHeader]
NAC = {"corrected_image": ("NORM", "DECY"), "series_number": 22}
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
STORAGE = "1.2.840.10008.5.1.4.1.1."
DUPLICATE = "ING-130"


@dataclass
class Subject:
    """Rows of one subject with what must become of them.

    `codes` has the finding code of each path, empty where the file is used; `sessions` the kind, and the paths of each
    volume; `findings` codes that a session must have.
    """

    index: int
    scenario: str = ""
    rows: Rows = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    sessions: list[tuple[str, tuple[frozenset[str], ...]]] = field(default_factory=list)
    findings: set[str] = field(default_factory=set)

    def make(self, modality: str, name: str, **fields: Any) -> Rows:
        """A series of this subject, in a frame of reference and study of its own unless said otherwise."""
        own = {
            "patient": f"P{self.index}",
            "study": f"study-{self.index}",
            "frame": f"frame-{self.index}",
            "acquisition_date": "20200101",
            "acquisition_time": "100000",
            "patient_birth_date": "19600101",
            "patient_sex": "F",
            "patient_weight_kg": 70.0,
            "manufacturer": "MAKER",
            "series_description": name,
        }
        if modality == "PT":
            own["radiopharmaceutical"] = "Fluorodeoxyglucose"
        return series(modality, f"{self.index}-{name}", **{**own, **fields})

    def add(self, code: str, *parts: Rows) -> Rows:
        """Take rows in, with the code that must stand for them."""
        rows = [row for part in parts for row in part]
        self.rows += rows
        self.codes |= {row.path: code for row in rows}
        return rows

    def session(self, kind: str, *volumes: Rows, findings: tuple[str, ...] = ()) -> None:
        """Take rows in as the volumes of a session."""
        for volume in volumes:
            self.rows += [row for row in volume if row.path not in self.codes]
            self.codes |= {row.path: "" for row in volume}
        self.sessions.append((kind, tuple(frozenset(row.path for row in volume) for volume in volumes)))
        self.findings |= set(findings)


def at(rows: Rows, clock: str) -> Rows:
    """The rows, acquired at another time."""
    return [replace(row, acquisition_time=clock) for row in rows]


def again(rows: Rows, tag: str, **changes: Any) -> Rows:
    """Further files of the same SOP instances."""
    return [replace(row, path=f"{row.path}-{tag}", **changes) for row in rows]


def clutter(s: Subject, modality: str = "CT") -> None:
    """What lies beside the images of every study."""
    scout = s.make("CT", "topogram", n=1, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"), orientation=CORONAL)
    s.add("ING-103", scout)
    for code, name, sop_class in (
        ("ING-104", "dose report", "88.67"),
        ("ING-105", "capture", "7"),
        ("ING-106", "presentation", "11.1"),
    ):
        s.add(code, s.make("SEG", name, n=1, sop_class_uid=STORAGE + sop_class))
    s.add("ING-108", s.make(modality, "MIP", image_type=("DERIVED", "SECONDARY", "MIP"), n=6))
    note = InstanceHeader(path=f"/raw/P{s.index}/notes.txt", size=10, mtime_ns=1, kind=FileKind.NOT_DICOM)
    s.add("ING-101", [note])


def petct(s: Subject, **pet: Any) -> tuple[Rows, Rows]:
    """The usual PET/CT study; PET and CT are left for the scenario to place."""
    clutter(s)
    s.add("ING-122", s.make("PT", "NAC", n=30, **NAC))
    s.add("ING-123", s.make("CT", "lung", n=60, step=2.5, convolution_kernel="B70f", series_number=5))
    return s.make("PT", "AC", n=30, **pet), s.make("CT", "CTAC", n=60, step=2.5, convolution_kernel="B30f")


def petmr(s: Subject) -> Rows:
    """The usual PET/MR study without its MR."""
    clutter(s, "MR")
    s.add("ING-122", s.make("PT", "NAC", n=40, **NAC))
    s.add("ING-109", s.make("MR", "MRAC umap", n=40))
    return s.make("PT", "AC", n=40)


def stations(s: Subject, channel: str, step: float = 50.0, **fields: Any) -> list[Rows]:
    """Four stations of one Dixon channel."""
    return [
        s.make("MR", f"{channel}-{k}", n=12, z0=step * k, dixon_channel=channel, series_number=k, **fields)
        for k in range(4)
    ]


def composed(s: Subject, channel: str) -> Rows:
    """A composed series of one Dixon channel."""
    kind = ("DERIVED", "PRIMARY", "COMPOSED")
    return s.make("MR", f"composed-{channel}", n=40, dixon_channel=channel, image_type=kind)


def clean_petct(s: Subject) -> None:
    s.session("petct", *petct(s))


def contours_beside(s: Subject) -> None:
    pet, ct = petct(s)
    seg = contours(f"{s.index}-seg", of=f"{s.index}-CTAC", patient=f"P{s.index}", study=f"study-{s.index}")
    s.session("petct", pet, ct, [seg])
    lost = contours(f"{s.index}-seg2", of=f"{s.index}-lung", patient=f"P{s.index}", study=f"study-{s.index}")
    s.add("ING-127", [lost])


def late_phase_shares_the_ct(s: Subject) -> None:
    pet, ct = petct(s)
    s.session("petct", pet, ct)
    s.session("petct", at(s.make("PT", "late", n=12, z0=40.0), "120000"), ct, findings=("ING-323", "ING-324"))


def late_phase_with_its_own_ct(s: Subject) -> None:
    pet, ct = petct(s)
    s.session("petct", pet, ct)
    late = at(s.make("PT", "late", n=30), "120000"), at(s.make("CT", "late CTAC", n=60, step=2.5), "115500")
    s.session("petct", *late, findings=("ING-323",))


def second_reconstruction(s: Subject) -> None:
    pet, ct = petct(s, series_number=3)
    s.session("petct", pet, ct, findings=("ING-325",))
    s.add("ING-121", s.make("PT", "AC PSF", n=30, series_number=4, reconstruction_method="PSF"))


def two_visits(s: Subject) -> None:
    s.session("petct", *petct(s))
    other = {"study": f"later-{s.index}", "frame": f"later-{s.index}", "study_date": "20210101"}
    s.session("petct", s.make("PT", "AC2", n=30, **other), s.make("CT", "CT2", n=60, step=2.5, **other))


def dynamic_beside_static(s: Subject) -> None:
    s.session("petct", *petct(s))
    kind = {"series_type": ("DYNAMIC", "IMAGE"), "series_uid": f"{s.index}-dyn"}
    frames = [
        s.make("PT", f"dyn{k}", n=10, frame_reference_time_ms=60000.0 * k, series_number=2, **kind) for k in range(4)
    ]
    s.add("ING-121", *frames)


def dynamic_alone(s: Subject) -> None:
    clutter(s)
    kind = {"series_type": ("DYNAMIC", "IMAGE"), "series_uid": f"{s.index}-dyn"}
    frames = [s.make("PT", f"dyn{k}", n=10, frame_reference_time_ms=60000.0 * k, **kind) for k in range(4)]
    s.session("petct", [row for frame in frames for row in frame], s.make("CT", "CTAC", n=30, step=2.5))


def gated_alone(s: Subject) -> None:
    clutter(s)
    kind = {"series_type": ("GATED", "IMAGE"), "series_uid": f"{s.index}-gated"}
    gates = [s.make("PT", f"gate{k}", n=10, trigger_time_ms=125.0 * k, **kind) for k in range(8)]
    s.session("petct", [row for gate in gates for row in gate], s.make("CT", "CTAC", n=30, step=2.5))


def frame_with_a_slice_missing(s: Subject) -> None:
    clutter(s)
    kind = {"series_type": ("DYNAMIC", "IMAGE"), "series_uid": f"{s.index}-dyn"}
    frames = [s.make("PT", f"dyn{k}", n=10, frame_reference_time_ms=60000.0 * k, **kind) for k in range(3)]
    s.add("ING-220", frames[0], frames[1][:-1], frames[2])
    s.session("ct", s.make("CT", "CTAC", n=30, step=2.5))


def localizer_inside(s: Subject) -> None:
    pet, ct = petct(s)
    s.session("petct", pet, ct)
    s.add("ING-112", again(ct[:1], "scout", sop_instance_uid=f"{s.index}-scout", orientation=CORONAL))


def copies(s: Subject) -> None:
    pet, ct = petct(s)
    s.session("petct", pet, ct)
    s.add(DUPLICATE, again(pet, "copy"), again(ct[3:9], "copy"))


def differing_copies(s: Subject) -> None:
    clutter(s)
    ct = s.make("CT", "CTAC", n=60, step=2.5)
    s.add("ING-217", [row for row in ct if row is not ct[7]])
    s.add("ING-207", ct[7:8], again(ct[7:8], "other", header_sha256="other"))
    s.session("pet", s.make("PT", "AC", n=30), findings=("ING-304",))


def missing_slice(s: Subject) -> None:
    clutter(s)
    ct = s.make("CT", "CTAC", n=60, step=2.5, convolution_kernel="B30f")
    s.add("ING-211", ct[:30] + ct[31:])
    spare = s.make("CT", "lung", n=60, step=2.5, convolution_kernel="B70f", series_number=5)
    s.session("petct", s.make("PT", "AC", n=30), spare, findings=("ING-304",))


def missing_end(s: Subject) -> None:
    pet, ct = petct(s, number_of_slices=33)
    s.session("petct", pet, ct, findings=("ING-302",))


def nac_only(s: Subject) -> None:
    clutter(s)
    s.session("petct", s.make("PT", "NAC", n=30, **NAC), s.make("CT", "CTAC", n=60, step=2.5))


def two_patients_in_a_study(s: Subject) -> None:
    clutter(s)
    s.add("ING-206", s.make("PT", "AC", n=30), s.make("CT", "CTAC", n=60, step=2.5, patient=f"X{s.index}"))


def one_series_uid_twice(s: Subject) -> None:
    s.session("petct", *petct(s))
    other = {"series_uid": f"twice-{s.index}", "frame": f"twice-{s.index}"}
    for letter in "AB":
        own = {"patient": f"{letter}{s.index}", "study": f"{letter}-{s.index}"}
        s.add("ING-209", s.make("CT", f"twice-{letter}", n=20, **own, **other))


def no_series_uid(s: Subject) -> None:
    pet, ct = petct(s, series_uid=None)
    s.session("petct", pet, ct, findings=("ING-310",))


def no_study_uid(s: Subject) -> None:
    pet, ct = petct(s, study_uid=None)
    s.session("petct", pet, ct, findings=("ING-310",))


def nothing_places_it(s: Subject) -> None:
    s.session("petct", *petct(s))
    s.add("ING-204", s.make("CT", "lost", n=5, study_uid=None, series_uid=None, study_date=None, frame=None))
    s.add("ING-203", s.make("CT", "anonymous", n=5, patient_id=None, study=f"anonymous-{s.index}"))


def patient_id_missing_in_some(s: Subject) -> None:
    pet, ct = petct(s)
    pet[3:6] = [replace(row, patient_id=None) for row in pet[3:6]]
    s.session("petct", pet, ct, findings=("ING-310",))


def spect_as_pet(s: Subject) -> None:
    clutter(s)
    s.add("ING-222", s.make("PT", "bone", n=30, radiopharmaceutical="Tc-99m MDP"))
    s.session("ct", s.make("CT", "CTAC", n=60, step=2.5))


def two_sexes(s: Subject) -> None:
    clutter(s)
    pet = s.make("PT", "AC", n=30)
    s.add("ING-210", pet, s.make("CT", "CTAC", n=60, step=2.5, patient_sex="M", frame=f"other-{s.index}"))


def two_weights(s: Subject) -> None:
    pet, ct = petct(s)
    ct = [replace(row, patient_weight_kg=95000.0) for row in ct]
    s.session("petct", pet, ct, findings=("ING-308",))


def other_frame(s: Subject) -> None:
    clutter(s)
    s.session("pet", s.make("PT", "AC", n=30), findings=("ING-301",))
    s.session("ct", s.make("CT", "CTAC", n=60, step=2.5, frame=f"other-{s.index}"))


def cut_off(s: Subject) -> None:
    clutter(s)
    pet = s.make("PT", "AC", n=30)
    s.add("ING-202", [replace(pet[-1], kind=FileKind.UNREADABLE)])
    s.add("ING-217", pet[:-1])
    s.session("ct", s.make("CT", "CTAC", n=60, step=2.5))


def other_tracer(s: Subject) -> None:
    pet, ct = petct(s, radiopharmaceutical="68Ga-PSMA-11")
    s.session("petct", pet, ct, findings=("ING-321",))


def short_and_narrow_ct(s: Subject) -> None:
    clutter(s)
    ct = s.make("CT", "CTAC", n=40, step=2.5, pixel_spacing_mm=(1.0, 1.0))
    s.session("petct", s.make("PT", "AC", n=30), ct, findings=("ING-305", "ING-306"))


def ac_and_nac_under_one_uid(s: Subject) -> None:
    clutter(s)
    same = {"series_uid": f"{s.index}-both"}
    s.session("petct", s.make("PT", "AC", n=30, **same), s.make("CT", "CTAC", n=60, step=2.5))
    s.add("ING-122", s.make("PT", "NAC", n=30, **NAC, **same))


def composed_mr(s: Subject) -> None:
    s.session("petmri", petmr(s), composed(s, "in"))
    s.add("ING-126", *(composed(s, channel) for channel in ("opp", "fat", "water")))
    s.add("ING-125", *stations(s, "in"), *stations(s, "fat"))


def stations_alone(s: Subject) -> None:
    s.session("petmri", petmr(s), [row for part in stations(s, "in") for row in part])
    s.add("ING-126", *stations(s, "opp"))


def stations_under_one_uid(s: Subject) -> None:
    same = {"series_uid": f"{s.index}-stations"}
    parts = [
        s.make("MR", f"in-{k}", n=12, z0=48.0 * k, dixon_channel="in", acquisition_number=k, **same) for k in range(4)
    ]
    s.session("petmri", petmr(s), [row for part in parts for row in part])


def stations_apart(s: Subject) -> None:
    s.session("pet", petmr(s), findings=("ING-304",))
    s.add("ING-218", *stations(s, "in", step=60.0))


def stations_in_frames_of_their_own(s: Subject) -> None:
    s.session("pet", petmr(s), findings=("ING-304",))
    parts = stations(s, "in")
    s.add(
        "ING-219",
        parts[0],
        *([replace(r, frame_of_reference_uid=f"{k}-{s.index}") for r in parts[k]] for k in (1, 2, 3)),
    )


def channels_under_one_uid(s: Subject) -> None:
    same = {"series_uid": f"{s.index}-dixon", "image_type": ("DERIVED", "PRIMARY", "COMPOSED")}
    s.session("petmri", petmr(s), s.make("MR", "d-in", n=40, dixon_channel="in", **same))
    s.add("ING-126", *(s.make("MR", f"d-{c}", n=40, dixon_channel=c, **same) for c in ("fat", "opp", "water")))


def maps_beside(s: Subject) -> None:
    s.session("petmri", petmr(s), composed(s, "in"))
    s.add("ING-124", s.make("MR", "adc", n=30, image_type=("DERIVED", "PRIMARY", "ADC")))
    mosaics = [
        replace(row, orientation=AXIAL)
        for row in s.make("MR", "bold", n=3, image_type=("ORIGINAL", "PRIMARY", "M", "MOSAIC"))
    ]
    s.add("ING-124", mosaics)


def petct_and_petmr(s: Subject) -> None:
    s.session("petct", *petct(s))
    other = {
        "patient": f"HOSPITAL-B-{s.index}",
        "study": f"mr-{s.index}",
        "frame": f"mr-{s.index}",
        "patient_id_issuer": "B",
    }
    s.session("petmri", s.make("PT", "MRPET", n=40, **other), s.make("MR", "in", n=40, dixon_channel="in", **other))


SCENARIOS: tuple[Callable[[Subject], None], ...] = (
    clean_petct, composed_mr, petct_and_petmr, contours_beside, late_phase_shares_the_ct, late_phase_with_its_own_ct,
    second_reconstruction, two_visits, dynamic_beside_static, dynamic_alone, gated_alone, frame_with_a_slice_missing,
    localizer_inside, copies, differing_copies, missing_slice, missing_end, nac_only, two_patients_in_a_study,
    one_series_uid_twice, no_series_uid, no_study_uid, nothing_places_it, patient_id_missing_in_some, spect_as_pet,
    two_sexes, two_weights, other_frame, cut_off, other_tracer, short_and_narrow_ct, ac_and_nac_under_one_uid,
    stations_alone, stations_under_one_uid, stations_apart, stations_in_frames_of_their_own, channels_under_one_uid,
    maps_beside,
)  # fmt: skip


def cohort(subjects: int) -> list[Subject]:
    """Subjects with one scenario each, in turn."""
    found = []
    for index in range(subjects):
        subject = Subject(index, SCENARIOS[index % len(SCENARIOS)].__name__)
        SCENARIOS[index % len(SCENARIOS)](subject)
        found.append(subject)
    return found


def shuffled(subjects: list[Subject], seed: int) -> Rows:
    """All rows of a cohort in a random order."""
    rows = [row for subject in subjects for row in subject.rows]
    random.Random(seed).shuffle(rows)  # noqa: S311  (an order, no secret)
    return rows
