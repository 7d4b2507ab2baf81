"""Which studies each patient has, on which scanner, when, and how the body lay: the plan of a cohort.

Patients repeat the pattern both scans, PET/CT, PET/MR. Every date, delay and motion follows from the seed and the patient's
own number, so a patient is the same in any cohort.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umd_curate.synth.anatomy import Posture
from umd_curate.synth.build import Build
from umd_curate.synth.draws import digest, stream, uid
from umd_curate.synth.imaging import MEAN_BREATH
from umd_curate.synth.motion import Motion, Rigid, pose_of, waves_of
from umd_curate.synth.options import MATRICES, Matrices, SynthOptions
from umd_curate.synth.people import Person, person_of, word
from umd_curate.synth.physics import CountFactors, Injection, count_factors, stored_per_suv, undecayed_share
from umd_curate.synth.placing import Form, Placed, placed
from umd_curate.synth.scanners import SCANNERS, Kind, Scanner, Vendor, scanners_of
from umd_curate.synth.shapes import Vec
from umd_curate.synth.writing import FDG, NEEDS_PHILIPS, WRITINGS, Changes, Decay, PetWriting, SeriesClock, Units

_PATTERN = ((Kind.PETCT, Kind.PETMRI), (Kind.PETCT,), (Kind.PETMRI,))
_DEMO_SCANNERS = {Kind.PETCT: (Vendor.SIEMENS_CT, Vendor.GE_CT), Kind.PETMRI: (Vendor.SIEMENS_MR,)}
_VISIT_WAVES_MM = 7.0  # amplitude of the visit-to-visit deformation
_BED_MM = 190.0  # length that one bed position adds
_LATE_RECONSTRUCTION_S = 1861  # after the start of the scan
_BETWEEN_BEDS = 1.5  # bed positions after the start of the scan
_STATIONS = 3  # of the MR
_STATION_GAIN = 0.15  # greatest departure of a station's receiver gain from 1
_DAY_S = 86_400


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
    writing: PetWriting
    anatomy: Motion  # of CT or MR
    pet: Motion  # at the mean breath of the PET
    breath_mm: float
    posture: Posture
    names: dict[str, str]
    matrices: Matrices
    form: Form = Form.AXIAL  # of CT and MR
    stations: int = _STATIONS

    def uid(self, *what: object) -> str:
        """A UID of this study."""
        return uid(self.seed, self.person.index, self.kind, *what)

    def draw(self, *what: object) -> np.random.Generator:
        """Random numbers of this study."""
        return stream(self.seed, self.person.index, self.kind, *what)

    @property
    def scanner(self) -> Scanner:
        """The scanner and its habits."""
        return SCANNERS[self.vendor]

    @property
    def label(self) -> str:
        """Patient and session, as the truth's folders are named."""
        return f"{self.person.index}/{self.kind}"

    def bed_of(self, z_from_top_mm: float) -> int:
        """Bed position (from 0) in which a slice was taken."""
        return int(z_from_top_mm // _BED_MM)

    @property
    def beds(self) -> int:
        """Number of bed positions of the PET."""
        matrix = self.matrices.pet if self.kind is Kind.PETCT else self.matrices.mr_pet
        return self.bed_of(matrix.step_mm * (matrix.slices - 1)) + 1

    def grid_of(self, what: str) -> Placed:
        """Grid of the CT, the MR or the PET in this study's frame of reference."""
        matrix = {
            "ct": self.matrices.ct,
            "mr": self.matrices.mr,
            "pet": self.matrices.pet if self.kind is Kind.PETCT else self.matrices.mr_pet,
        }[what]
        if what == "pet":
            return placed(matrix, self.anatomy.offset_mm, (1.2, -0.8, 0.35 * matrix.step_mm), Form.AXIAL)
        return placed(matrix, self.anatomy.offset_mm, (0.0, 0.0, 0.0), self.form)

    def stamp(self, seconds: float) -> tuple[str, str]:
        """DA and TM of seconds since midnight of the study's date; before it, of the day before."""
        days, rest = divmod(seconds, _DAY_S)
        day = dt.date.fromisoformat(self.date) + dt.timedelta(days=int(days))
        return day.strftime("%Y%m%d"), clock(rest)

    def moment(self, seconds: float) -> str:
        """DT of seconds since midnight of the study's date, with hundredths."""
        day, time = self.stamp(seconds)
        return day + (time if "." in time else f"{time}.00")

    @property
    def series_s(self) -> float:
        """SeriesTime (0008,0031) of the PET [s since midnight]."""
        beds = _BETWEEN_BEDS * self.frame_s
        later = {SeriesClock.SCAN: 0.0, SeriesClock.LATE: _LATE_RECONSTRUCTION_S, SeriesClock.BETWEEN: beds}
        return self.scan_s + later[self.writing.series_time]

    @property
    def count_factors(self) -> CountFactors:
        """Philips' private factors."""
        calibration = 4.0 + self.person.index % 50 / 37.0
        return count_factors(self.injection, f"{calibration:.6f}")

    def per_suv(self, bed: int) -> float:
        """Value in the header's units at SUVbw 1 in a bed position (from 0)."""
        units = self.writing.units
        found = stored_per_suv(units, self.injection, self.build.height_m, self.count_factors)
        if self.writing.decay is Decay.NONE and units in {Units.BQML, Units.COUNTS_ACTIVITY}:
            start_s = self.scan_s + bed * self.frame_s - self.injected_s
            found *= undecayed_share(self.injection.half_life_s, start_s, self.frame_s)
        return found

    def station_gains(self) -> tuple[float, ...]:
        """Receiver gain of each MR station, from the feet up."""
        draw = self.draw("station-gains")
        return tuple(
            round(float(gain), 3) for gain in draw.uniform(1 - _STATION_GAIN, 1 + _STATION_GAIN, self.stations)
        )


def studies_of(options: SynthOptions) -> list[Study]:
    """All studies of a cohort, by patient and date.

    Raises
    ------
    KeyError
        There is no scanner of a wanted name.
    """
    unknown = sorted(set(options.scanners) - set(Vendor))
    if unknown:
        raise KeyError(unknown[0])
    found = []
    for index in range(1, options.subjects + 1):
        person, build = person_of(options.seed, index)
        day = dt.date(2012, 1, 9) + dt.timedelta(days=int(stream(options.seed, "day", index).integers(0, 3300)))
        for kind in _PATTERN[(index - 1) % len(_PATTERN)]:
            study = _study(options, person, build, kind, _vendor(options, index, kind), day)
            if options.mixed:
                study = rewritten(study, WRITINGS[_drawn_writing(study)][1])
                study = replace(study, stations=int(study.draw("stations").integers(3, 6)))
            found.append(study)
            day += dt.timedelta(days=int(stream(options.seed, "gap", index).integers(3, 40)))
    return found


def _vendor(options: SynthOptions, index: int, kind: Kind) -> Vendor:
    """Scanner of a patient's study: drawn, or dealt out in turn among the patients who have such a study."""
    wanted: Sequence[Vendor] = [Vendor(name) for name in options.scanners if SCANNERS[Vendor(name)].kind is kind]
    if options.mixed:
        wanted = wanted or scanners_of(kind)
        return wanted[int(stream(options.seed, "scanner", index, kind).integers(len(wanted)))]
    wanted = wanted or _DEMO_SCANNERS[kind]
    before = sum(kind in _PATTERN[number % len(_PATTERN)] for number in range(index - 1))
    return wanted[before % len(wanted)]


def _drawn_writing(study: Study) -> str:
    """Name of a way of writing that the study's scanner might have."""
    names = [name for name in WRITINGS if name not in NEEDS_PHILIPS or study.vendor is Vendor.PHILIPS_COUNTS_CT]
    return names[int(study.draw("writing").integers(len(names)))]


def rewritten(study: Study, changes: Changes) -> Study:
    """The study with its PET written in another way; what was injected and when follows.

    Parameters
    ----------
    study
        The study.
    changes
        Fields of `PetWriting`.
    """
    writing = replace(study.writing, **changes)  # type: ignore[arg-type]
    earlier = study.injected_s + 900 + study.person.index % 7 * 100 if writing.over_midnight else 0.0
    earlier -= earlier % 1.0
    half_life_s = study.scanner.half_life_s if writing.tracer is FDG else writing.tracer.half_life_s
    injected_s, scan_s = study.injected_s - earlier, study.scan_s - earlier
    delay_s = scan_s - injected_s if writing.decay is Decay.START else 0.0
    injection = replace(study.injection, half_life_s=half_life_s, reference_delay_s=delay_s)
    return replace(
        study,
        writing=writing,
        injection=injection,
        injected_s=injected_s,
        scan_s=scan_s,
        study_s=study.study_s - int(earlier),
    )


def _study(options: SynthOptions, person: Person, build: Build, kind: Kind, vendor: Vendor, day: dt.date) -> Study:
    seed, index = options.seed, person.index
    draw = stream(seed, "study", index, kind)
    scanner = SCANNERS[vendor]
    injected_s = int(draw.integers(8 * 3600, 13 * 3600)) + (0.5 if scanner.writing.is_dated else 0.0)
    injected_s -= injected_s % (scanner.fraction_s or 1.0)
    scan_s = float(injected_s + int(draw.integers(3300, 4500))) + scanner.fraction_s
    amplitude = float(draw.uniform(10.0, 17.0))
    is_mr = kind is Kind.PETMRI
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
        frame_s=scanner.bed_s,
        injection=Injection(
            activity_bq,
            scanner.half_life_s,
            build.weight_kg,
            scan_s - injected_s if scanner.writing.decay is Decay.START else 0.0,
        ),
        writing=scanner.writing,
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


def clock(seconds: float) -> str:
    """TM of seconds since midnight, hundredths kept where they are not zero."""
    hundredths = round(seconds * 100)
    whole, rest = divmod(hundredths, 100)
    text = f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}"
    return f"{text}.{rest:02d}" if rest else text


def _rounded(values: np.ndarray) -> Vec:
    return round(float(values[0]), 3), round(float(values[1]), 3), round(float(values[2]), 3)
