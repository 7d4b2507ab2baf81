"""SUV of a phantom whose truth follows from physics: every unit, decay mode and maker's way of writing it, and what to refuse.

Each case goes the whole way from DICOM slices to the written NIfTI. The tolerance is that of the header's own decimals.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from tests.convert_builders import an_order, places_of
from tests.pet_phantom import Phantom, clock, day, nuclide, with_private
from umd_curate.convert import Converted, convert_series
from umd_curate.convert.geometry import stack_of_places
from umd_curate.model.dicom_time import is_series_time_late
from umd_curate.model.findings import Refused
from umd_curate.model.pet import PetContext
from umd_curate.model.sidecars import PetSidecar
from umd_curate.model.study import Role
from umd_curate.store.nifti import read_volume

TOLERANCE = 1e-6
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


def made_of(case: Phantom | Callable[[], list[FileDataset]]) -> list[FileDataset]:
    return case.datasets() if isinstance(case, Phantom) else case()


def converted_of(datasets: list[FileDataset], folder: Path) -> tuple[Converted, np.ndarray, PetSidecar]:
    times = [
        (d.get("SeriesDate"), d.get("SeriesTime"), d.get("AcquisitionDate"), d.get("AcquisitionTime")) for d in datasets
    ]
    order = replace(an_order(Role.PET), pet=PetContext(late_series_time=is_series_time_late(times)))
    converted = convert_series(datasets, order, folder, "p", stack_of_places(places_of(datasets), "s-X"))
    volume = read_volume(folder / "sub-7K3QF2_ses-petct1_pet.nii")
    sidecar = PetSidecar.model_validate_json((folder / "sub-7K3QF2_ses-petct1_pet.json").read_bytes())
    return converted, np.asarray(volume.array_kji, np.float64), sidecar


@pytest.mark.parametrize("name", sorted(COMPUTABLE))
def test_the_written_suv_is_that_of_the_phantom(tmp_path: Path, name: str) -> None:
    datasets = made_of(COMPUTABLE[name])
    _, suv_kji, sidecar = converted_of(datasets, tmp_path)
    truth = Phantom().suv_kji()[-len(datasets) :]
    assert np.abs(suv_kji / truth - 1).max() < TOLERANCE
    assert sidecar.suv is not None
    assert (sidecar.units, sidecar.suv.type) == ("SUVbw", "SUVbw")
    assert sidecar.suv.rule
    assert sidecar.suv.inputs
    assert sidecar.suv.steps[-1].name == "suv_factor"


INFERRED = {
    "activity in MBq": "SUV-301",
    "weight in g": "SUV-302",
    "suv by surface, height in cm": "SUV-303",
    "the injection's time only": "SUV-304",
    "suv by ideal weight, sex other": "SUV-305",
    "a series time after all beds": "SUV-306",
    "a series time between two beds": "SUV-306",
}


@pytest.mark.parametrize("name", sorted(INFERRED))
def test_what_was_inferred_is_a_finding_of_the_sidecar(tmp_path: Path, name: str) -> None:
    converted, _, sidecar = converted_of(made_of(COMPUTABLE[name]), tmp_path)
    assert [finding.code for finding in converted.findings] == [INFERRED[name]]
    assert [finding.code for finding in sidecar.findings] == [INFERRED[name]]


def test_what_needs_no_inference_has_no_finding(tmp_path: Path) -> None:
    for name in ("bqml corrected to the start", "bqml not corrected, three beds", "the last bed alone", "ga-68"):
        converted, _, _ = converted_of(made_of(COMPUTABLE[name]), tmp_path / name.replace(" ", "-"))
        assert converted.findings == ()


def test_factors_that_differ_from_bed_to_bed_stand_in_the_sidecar_slice_by_slice(tmp_path: Path) -> None:
    phantom = Phantom(decay="NONE")
    _, _, sidecar = converted_of(phantom.datasets(), tmp_path)
    assert sidecar.suv is not None
    assert sidecar.suv.slice_factors == pytest.approx([1 / phantom.mean_concentration(k) for k in range(6)], rel=1e-9)


def test_one_factor_for_all_slices_is_said_once(tmp_path: Path) -> None:
    _, _, sidecar = converted_of(Phantom().datasets(), tmp_path)
    assert sidecar.suv is not None
    assert sidecar.suv.slice_factors is None
    assert sidecar.suv.factor_min == pytest.approx(1 / Phantom().concentration(Phantom().scan), rel=1e-9)
    assert sidecar.image_decay_correction_time == 3600.0


# --- refusals ------------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("name", sorted(KEPT_IN_BQML))
def test_a_sound_image_without_suv_is_kept_in_bq_per_ml(tmp_path: Path, name: str) -> None:
    phantom, code, tag = KEPT_IN_BQML[name]
    converted, bqml_kji, sidecar = converted_of(phantom.datasets(), tmp_path)
    assert (sidecar.units, sidecar.suv) == ("Bq/mL", None)
    refusal = converted.findings[0]
    assert refusal.code == code
    assert tag in refusal.detail
    stored = phantom.suv_kji() * np.array([phantom.stored_unit(k) for k in phantom.kept])[:, None, None]
    assert np.abs(bqml_kji / stored - 1).max() < TOLERANCE


@pytest.mark.parametrize("name", sorted(SET_ASIDE))
def test_an_unsound_or_contradictory_image_is_set_aside(tmp_path: Path, name: str) -> None:
    case, code, tag = SET_ASIDE[name]
    with pytest.raises(Refused) as caught:
        converted_of(made_of(case), tmp_path)
    assert caught.value.finding.code == code
    assert tag in caught.value.finding.detail
    assert list(tmp_path.iterdir()) == []


def test_the_phantom_has_as_many_cases_as_the_acceptance_asks_for() -> None:
    assert len(COMPUTABLE) >= 24
    assert len(KEPT_IN_BQML) + len(SET_ASIDE) >= 9
