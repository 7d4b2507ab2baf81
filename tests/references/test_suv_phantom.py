"""SUV of a phantom whose truth follows from physics: every unit, decay mode and maker's way of writing it, and what to refuse.

Each case goes the whole way from DICOM slices to the written NIfTI. The tolerance is that of the header's own decimals.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from tests.convert_builders import an_order, places_of
from tests.pet_cases import COMPUTABLE, KEPT_IN_BQML, SET_ASIDE, made_of
from tests.pet_phantom import Phantom
from umd_curate.convert.geometry import stack_of_places
from umd_curate.convert.step import Converted, convert_series
from umd_curate.model.dicom_time import is_series_time_late
from umd_curate.model.findings import Refused
from umd_curate.model.pet import PetContext
from umd_curate.model.sidecars import PetSidecar
from umd_curate.model.study import Role
from umd_curate.store.nifti import read_volume

TOLERANCE = 1e-6


def converted_of(datasets: list[FileDataset], folder: Path) -> tuple[Converted, np.ndarray, PetSidecar]:
    times = [
        (d.get("SeriesDate"), d.get("SeriesTime"), d.get("AcquisitionDate"), d.get("AcquisitionTime")) for d in datasets
    ]
    order = replace(an_order(Role.PET), pet=PetContext(late_series_time=is_series_time_late(times)))
    converted = convert_series(datasets, order, folder, "p", stack_of_places(places_of(datasets), "s-X"))
    volume = read_volume(folder / "sub-7K3QF2_ses-petct1_pet.nii.gz")
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
