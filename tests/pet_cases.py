"""Ways in which makers, archives and people write one PET phantom: what must come out, and what must be refused by its tag."""

import datetime as dt
from collections.abc import Callable

from pydicom.dataset import FileDataset

from tests.pet_phantom import Phantom, clock, day, nuclide, with_private

NIGHT = dt.datetime(2025, 3, 4, 23, 30)  # noqa: DTZ001  (DICOM's local time)
HOUR = dt.timedelta(hours=1)
GA68 = Phantom(half_life_s=4057.7, dose_bq=150e6)
ZR89 = Phantom(half_life_s=282276.0, dose_bq=37e6, injected=dt.datetime(2025, 3, 1, 11, 0))  # noqa: DTZ001
BODY_G = 70e3


def late(phantom: Phantom, minutes: float) -> Phantom:
    """Series time rewritten by post-processing, so many minutes after the scan's start."""
    after = phantom.scan + dt.timedelta(minutes=minutes)
    return phantom.having(SeriesDate=day(after), SeriesTime=clock(after))


def by_mass(kind: str | None, mass_kg: float, **changes: object) -> Phantom:
    phantom = Phantom(units="GML", per_suv=mass_kg / 70.0).but(**changes)
    return phantom.having(SUVType=kind) if kind else phantom


def counts(phantom: Phantom, **factors: str) -> Callable[[], list[FileDataset]]:
    numbers = {"suv": 0x00, "activity": 0x09}

    def made() -> list[FileDataset]:
        datasets = phantom.datasets()
        private = {numbers[name]: ("DS", value) for name, value in factors.items()}
        with_private(datasets, 0x7053, "Philips PET Private Group", private)
        return datasets

    return made


def with_datetime(phantom: Phantom, group: int, creator: str, number: int) -> Callable[[], list[FileDataset]]:
    """The scan's true start in a private DT, beside a rewritten series time."""

    def made() -> list[FileDataset]:
        datasets = phantom.datasets()
        with_private(datasets, group, creator, {number: ("DT", day(phantom.scan) + clock(phantom.scan))})
        return datasets

    return made


TIME_ONLY = {"RadiopharmaceuticalStartDateTime": None}
LEAN_JANMA_F = 9270 * 70 / (8780 + 244 * 70 / 1.75**2)
SURFACE_CM2 = 0.007184 * 175**0.725 * 70**0.425 * 1e4

COMPUTABLE: dict[str, Phantom | Callable[[], list[FileDataset]]] = {
    "bqml corrected to the start": Phantom(),
    "bqml corrected to the injection": Phantom(decay="ADMIN"),
    "bqml not corrected, three beds": Phantom(decay="NONE"),
    "bqml not corrected, long frames of ga-68": GA68.but(decay="NONE", frame_s=600.0, bed_step_s=610.0),
    "beds measured from the head down": Phantom(is_head_first=True),
    "beds measured from the head down, series time between them": late(Phantom(is_head_first=True), 3),
    "suv by body weight without a type": by_mass(None, 70.0),
    "suv by body weight": by_mass("BW", 70.0),
    "suv by lean mass of Sugawara, man": by_mass("LBM", 1.10 * 70 - 120 * (70 / 175) ** 2),
    "suv by lean mass of James, woman": by_mass("LBMJAMES128", 1.07 * 70 - 148 * (70 / 175) ** 2, sex="F"),
    "suv by lean mass of Janmahasatian, woman": by_mass("LBMJANMA", LEAN_JANMA_F, sex="F"),
    "suv by ideal weight, sex other": by_mass("IBW", (48 + 1.06 * 23 + 45.5 + 0.91 * 23) / 2, sex="O"),
    "suv by surface": Phantom(units="CM2ML", per_suv=SURFACE_CM2 / BODY_G),
    "suv by surface, height in cm": Phantom(units="CM2ML", per_suv=SURFACE_CM2 / BODY_G).having(PatientSize="175"),
    "philips counts with an suv factor": counts(Phantom(units="CNTS", per_suv=1 / 0.000728), suv="0.000728"),
    "philips counts with an activity factor": counts(
        Phantom(units="CNTS", per_suv=Phantom().concentration(Phantom().scan) / 4.75), suv="0.0", activity="4.75"
    ),
    "activity in MBq": Phantom().given(RadionuclideTotalDose="368.08"),
    "weight in g": Phantom().having(PatientWeight="70000"),
    "ge's own time beside a late series time": with_datetime(late(Phantom(), 40), 0x0009, "GEMS_PETD_01", 0x0D),
    "siemens' own time beside a late series time": with_datetime(late(Phantom(), 40), 0x0071, "SIEMENS MED PT", 0x22),
    "a series time after all beds": late(Phantom(), 40),
    "a series time between two beds": late(Phantom(), 3),
    "a series time between two beds of the next day": late(
        Phantom(injected=NIGHT - HOUR, scan=dt.datetime(2025, 3, 4, 23, 57)), 4  # noqa: DTZ001
    ),
    "the last bed alone": Phantom(kept=(4, 5)),
    "the last bed alone, with a late series time": late(Phantom(kept=(4, 5)), 40),
    "an injection before midnight, its time only": Phantom(
        injected=NIGHT, scan=NIGHT + HOUR
    ).given(**TIME_ONLY),
    "a scan over midnight, the injection's time only": Phantom(
        injected=NIGHT - HOUR, scan=dt.datetime(2025, 3, 4, 23, 57)  # noqa: DTZ001
    ).given(**TIME_ONLY),
    "the injection's date and time only": Phantom().given(RadiopharmaceuticalStartTime=None),
    "the injection's time only": Phantom().given(**TIME_ONLY),
    "fractions of seconds": Phantom(
        injected=dt.datetime(2025, 3, 4, 10, 0, 0, 625_000), scan=dt.datetime(2025, 3, 4, 11, 0, 0, 125_000)  # noqa: DTZ001
    ),
    "a leap day between injection and scan": Phantom(
        injected=dt.datetime(2024, 2, 28, 23, 40), scan=dt.datetime(2024, 2, 29, 0, 40)  # noqa: DTZ001
    ),
    "ga-68": GA68.given(RadionuclideCodeSequence=nuclide("35337001", "SCT", "^68^Gallium")),
    "ge's own half-life of f-18": Phantom(half_life_s=6588.0).given(
        RadionuclideCodeSequence=nuclide("C-111A1", "SNM3", "18F")
    ),
    "c-11": Phantom(half_life_s=1223.4, injected=dt.datetime(2025, 3, 4, 10, 40)),  # noqa: DTZ001
    "zr-89 three days after": ZR89.given(RadionuclideCodeSequence=nuclide("63360001", "SCT", "^89^Zirconium")),
}  # fmt: skip

# Sound images without SUV: set-up, code and tag of the refusal.
KEPT_IN_BQML = {
    "no weight": (Phantom().having(PatientWeight=None), "SUV-201", "(0010,1030)"),
    "no activity": (Phantom().given(RadionuclideTotalDose=None), "SUV-202", "(0018,1074)"),
    "no half-life": (Phantom().given(RadionuclideHalfLife=None), "SUV-203", "(0018,1075)"),
    "no time of injection": (
        Phantom().given(RadiopharmaceuticalStartTime=None, **TIME_ONLY), "SUV-204", "(0018,1078)"
    ),
    "no decay mode": (Phantom().having(DecayCorrection=None), "SUV-205", "(0054,1102)"),
    "a long-lived injection without date": (ZR89.given(**TIME_ONLY), "SUV-206", "(0018,1078)"),
    "an injection after the scan": (Phantom(injected=dt.datetime(2025, 3, 4, 12, 0)), "SUV-207", "(0018,1078)"),  # noqa: DTZ001
    "an injection a day early": (Phantom(injected=dt.datetime(2025, 3, 3, 10, 0)), "SUV-208", "(0018,1078)"),  # noqa: DTZ001
    "a late series time and no frame time": (
        late(Phantom().having(FrameReferenceTime=None), 3), "SUV-209", "(0054,1300)"
    ),
    "a late series time and frame times of the frame's start": (
        late(Phantom(kept=(0, 1)).having(FrameReferenceTime="0"), 40), "SUV-215", "(0054,1300)"
    ),
    "the half-life of ga-68 under the name of f-18": (
        Phantom().given(
            RadionuclideHalfLife="4057.7", RadionuclideCodeSequence=nuclide("77004003", "SCT", "^18^Fluorine")
        ),
        "SUV-216", "(0018,1075)",
    ),
}  # fmt: skip
SET_ASIDE = {
    "no attenuation correction": (Phantom().having(CorrectedImage=["NORM", "DECY"]), "SUV-104", "(0028,0051)"),
    "an intercept": (Phantom().having(RescaleIntercept="-3"), "SUV-102", "(0028,1052)"),
    "proportional counts": (Phantom(units="PROPCPS"), "SUV-101", "(0054,1001)"),
    "counts without factors": (counts(Phantom(units="CNTS"), suv="0.0", activity="0"), "SUV-212", "(7053,1000)"),
    "frame times of one constant acquisition time": (  # as some archives rewrite it
        late(Phantom(), 40).having(AcquisitionTime=clock(Phantom().scan)), "SUV-215", "(0054,1300)"
    ),
}  # fmt: skip


def made_of(case: Phantom | Callable[[], list[FileDataset]]) -> list[FileDataset]:
    """Slices of a case in ascending k."""
    return case.datasets() if isinstance(case, Phantom) else case()
