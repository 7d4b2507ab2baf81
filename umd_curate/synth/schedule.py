"""Which studies each patient has, on which scanner, when, and how the body lay: the plan of a cohort.

Patients repeat the pattern both scans, PET/CT, PET/MR. Every date, delay and motion follows from the seed.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from umd_curate.model.geometry import Grid, affine_from_dicom
from umd_curate.synth.anatomy import Posture
from umd_curate.synth.build import Build
from umd_curate.synth.draws import digest, stream, uid
from umd_curate.synth.imaging import MEAN_BREATH
from umd_curate.synth.motion import Motion, Rigid, pose_of, waves_of
from umd_curate.synth.options import MATRICES, Matrices, Matrix, SynthOptions
from umd_curate.synth.people import Person, person_of, word
from umd_curate.synth.physics import F18_HALF_LIFE_GE_S, F18_HALF_LIFE_S, Injection
from umd_curate.synth.shapes import Vec


class Kind(StrEnum):
    """What a session is."""

    PETCT = "petct"
    PETMRI = "petmri"


class Vendor(StrEnum):
    """Scanner family of a study."""

    SIEMENS_CT = "siemens-petct"
    GE_CT = "ge-petct"
    SIEMENS_MR = "siemens-petmr"


_PATTERN = ((Kind.PETCT, Kind.PETMRI), (Kind.PETCT,), (Kind.PETMRI,))
_VISIT_WAVES_MM = 7.0  # amplitude of the visit-to-visit deformation
_HEADROOM_MM = 32.0  # of air above the vertex
_BED_MM = 190.0  # length that one bed position adds
_GE_LATE_RECONSTRUCTION_S = 1861  # SeriesTime of a later reconstruction lies after the scan; the private date holds
ORIENTATION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # axial, head first, supine: (0020,0037)


@dataclass(frozen=True, slots=True)
class Placed:
    """A grid and the positions of its first voxel per slice, ascending along z, as the header writes them."""

    grid: Grid
    positions_lps: tuple[Vec, ...]
    pixel_mm: float
    step_mm: float


@dataclass(frozen=True, slots=True)
class Study:
    """One study: who, where, when, and how the body lay.

    Times are seconds since midnight of `date`. `names` holds the study's own canaries by kind.
    """

    seed: int
    person: Person
    build: Build
    kind: Kind
    vendor: Vendor
    date: str
    study_s: int
    injected_s: float
    scan_s: float  # first bed of the PET
    frame_s: float  # duration of one bed position
    injection: Injection
    anatomy: Motion  # of CT or MR
    pet: Motion  # at the mean breath of the PET
    breath_mm: float
    posture: Posture
    names: dict[str, str]
    matrices: Matrices

    def uid(self, *what: object) -> str:
        """A UID of this study."""
        return uid(self.seed, self.person.index, self.kind, *what)

    def draw(self, *what: object) -> np.random.Generator:
        """Random numbers of this study."""
        return stream(self.seed, self.person.index, self.kind, *what)

    @property
    def label(self) -> str:
        """Patient and session, as the truth's folders are named."""
        return f"{self.person.index}/{self.kind}"

    def bed_of(self, z_from_top_mm: float) -> int:
        """Bed position (from 0) in which a slice was taken."""
        return int(z_from_top_mm // _BED_MM)

    def grid_of(self, what: str) -> Placed:
        """Grid of the CT, the MR or the PET in this study's frame of reference."""
        matrix = {
            "ct": self.matrices.ct,
            "mr": self.matrices.mr,
            "pet": self.matrices.pet if self.kind is Kind.PETCT else self.matrices.mr_pet,
        }[what]
        shift = (1.2, -0.8, 0.35 * matrix.step_mm) if what == "pet" else (0.0, 0.0, 0.0)
        return _placed(matrix, self.anatomy.offset_mm, shift)


def studies_of(options: SynthOptions) -> list[Study]:
    """All studies of a cohort, by patient and date."""
    found = []
    scanners = {Kind.PETCT: 0}
    for index in range(1, options.subjects + 1):
        person, build = person_of(options.seed, index)
        day = dt.date(2012, 1, 9) + dt.timedelta(days=int(stream(options.seed, "day", index).integers(0, 3300)))
        for kind in _PATTERN[(index - 1) % len(_PATTERN)]:
            vendor = Vendor.SIEMENS_MR
            if kind is Kind.PETCT:
                vendor = (Vendor.SIEMENS_CT, Vendor.GE_CT)[scanners[kind] % 2]
                scanners[kind] += 1
            found.append(_study(options, person, build, kind, vendor, day))
            day += dt.timedelta(days=int(stream(options.seed, "gap", index).integers(3, 40)))
    return found


def _study(options: SynthOptions, person: Person, build: Build, kind: Kind, vendor: Vendor, day: dt.date) -> Study:
    seed, index = options.seed, person.index
    draw = stream(seed, "study", index, kind)
    injected_s = int(draw.integers(8 * 3600, 13 * 3600)) + (0.0 if vendor is Vendor.GE_CT else 0.5)
    scan_s = float(injected_s + int(draw.integers(3300, 4500))) + 0.25
    amplitude = float(draw.uniform(10.0, 17.0))
    is_mr = kind is Kind.PETMRI
    half_life_s = F18_HALF_LIFE_GE_S if vendor is Vendor.GE_CT else F18_HALF_LIFE_S
    offset = (
        float(np.round(draw.normal(0, 4), 2)),
        float(np.round(draw.normal(-8, 5), 2)),
        float(draw.integers(-900, 400)),
    )
    drift = Rigid()
    if vendor is Vendor.GE_CT:  # this patient moved between CT and PET
        turn, away = draw.uniform(-1.2, 1.2, 3), draw.uniform(2.5, 5.0, 3) * np.sign(draw.normal(size=3))
        drift = Rigid(_rounded(turn), _rounded(away))
    still = Motion(
        offset_mm=offset,
        pose=pose_of(seed, index, kind),
        scale=build.scale,
        waves=waves_of(seed, index, kind, _VISIT_WAVES_MM),
        breath_mm=amplitude * (0.10 if is_mr else 0.25),
    )
    pet = Motion(offset, still.pose, still.scale, still.waves, amplitude * MEAN_BREATH, drift)
    activity_bq = float(int(draw.integers(195, 330)) * 1_000_000 + int(draw.integers(0, 1000)) * 1000)
    return Study(
        seed=seed,
        person=person,
        build=build,
        kind=kind,
        vendor=vendor,
        date=day.strftime("%Y%m%d"),
        study_s=int(scan_s) - 900,
        injected_s=injected_s,
        scan_s=scan_s,
        frame_s=240.0 if is_mr else 120.0,
        injection=Injection(activity_bq, half_life_s, build.weight_kg, 0.0 if is_mr else scan_s - injected_s),
        anatomy=still,
        pet=pet,
        breath_mm=amplitude,
        posture=Posture.ARMS_DOWN if is_mr else Posture.ARMS_UP,
        names=_names(seed, index, kind, draw),
        matrices=MATRICES[options.size],
    )


def _names(seed: int, index: int, kind: Kind, draw: np.random.Generator) -> dict[str, str]:
    """Identifiers that belong to one study."""
    number = int.from_bytes(digest(seed, "numbers", index, kind)[:8], "big")
    return {
        "accession": f"ACC{number % 10**9:09d}",
        "study_id": f"ST{number // 7 % 10**8:08d}",
        "station": f"STN{word(draw, 2).upper()[:9]}",
        "serial": f"SN{number // 11 % 10**8:08d}",
        "detector": f"DET{number // 13 % 10**8:08d}",
        "procedure": f"SPS{number // 17 % 10**8:08d}",
        "private": f"PRIV{number // 19 % 10**9:09d}",
        "batch": f"LOT{number // 23 % 10**8:08d}",
    }


def _placed(matrix: Matrix, offset_mm: Vec, shift_mm: Vec) -> Placed:
    """Grid whose header decimals are exact: positions to four decimals, evenly spaced."""
    half = matrix.pixel_mm * (matrix.columns - 1) / 2
    left = round(-offset_mm[0] + shift_mm[0] - half, 4)
    back = round(-offset_mm[1] + shift_mm[1] - half, 4)
    top = offset_mm[2] + _HEADROOM_MM + shift_mm[2]
    bottom = top - matrix.step_mm * (matrix.slices - 1)
    positions = tuple((left, back, round(bottom + matrix.step_mm * k, 4)) for k in range(matrix.slices))
    affine = affine_from_dicom(
        positions[0], positions[-1], ORIENTATION, (matrix.pixel_mm, matrix.pixel_mm), matrix.slices
    )
    grid = Grid((matrix.slices, matrix.columns, matrix.columns), affine)
    return Placed(grid, positions, matrix.pixel_mm, matrix.step_mm)


def late_series_s(study: Study) -> float:
    """SeriesTime [s since midnight] of the PET: the scan start, for GE a later reconstruction."""
    return study.scan_s + (_GE_LATE_RECONSTRUCTION_S if study.vendor is Vendor.GE_CT else 0)


def clock(seconds: float) -> str:
    """TM of seconds since midnight, hundredths kept where they are not zero."""
    hundredths = round(seconds * 100)
    whole, rest = divmod(hundredths, 100)
    text = f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}"
    return f"{text}.{rest:02d}" if rest else text


def _rounded(values: np.ndarray) -> Vec:
    return round(float(values[0]), 3), round(float(values[1]), 3), round(float(values[2]), 3)
