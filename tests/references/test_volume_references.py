"""Real multi-frame objects and mosaics against answers of other programs, voxel by voxel in world space.

Answers: dcm2niix's own validation sets (dcm_qa_enh, dcm_qa_uih), and nibabel's reader of Siemens mosaics and Philips multi-frame objects on the test files that it brings along.
"""

import gzip
import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.convert_builders import an_order
from umd_curate.convert.private_io import csa_numbers, private_facts
from umd_curate.convert.step import convert_series
from umd_curate.deid.clean_io import clean_dataset
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.model.study import Layout, Role
from umd_curate.store.dicom import quiet
from umd_curate.store.keys import DeidKey

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel calls its own readers experimental
    from nibabel.nicom import csareader, dicomwrappers

STEM = "sub-7K3QF2_ses-petct1_mr"
NICOM = Path(nib.__file__).parent / "nicom" / "tests" / "data"
MAX_OFF_VOXELS = 2e-3  # nibabel steps by the spacing that the header names, we by the slices' own positions


def convert(sources: Sequence[Dataset], folder: Path, layout: Layout = Layout.MULTI_FRAME, **order) -> nib.Nifti1Image:
    """Convert as the pixel path does: the private facts of the source, the rest of the de-identified object."""
    key, latest = DeidKey(b"k" * 32), []

    def cleaned():
        for source in sources:
            latest[:] = [private_facts(source, "s-X")]
            yield clean_dataset(source, key, PatientKey("p"), SubjectId("7K3QF2")).dataset

    made = an_order(Role.MR, layout=layout, **order)
    with quiet():
        convert_series(cleaned(), made, folder, "p", None, private=lambda: latest[0])
    return nib.load(folder / f"{STEM}.nii.gz")


def at_its_places(found: nib.Nifti1Image, answer: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The answer's voxels [i, j, k] at the world positions of `found`; all must be there."""
    to_answer = np.linalg.inv(affine) @ found.affine
    places = (to_answer[:3, :3] @ np.indices(found.shape).reshape(3, -1)).T + to_answer[:3, 3]
    nearest = np.rint(places).astype(int)
    assert np.abs(places - nearest).max() < MAX_OFF_VOXELS
    assert found.shape[0] * found.shape[1] * found.shape[2] == answer.size
    return answer[tuple(nearest.T)].reshape(found.shape)


def brought_along(name: str) -> pydicom.Dataset:
    path = NICOM / name
    if not path.exists():
        pytest.skip("this nibabel came without its test files")
    with quiet():
        return pydicom.dcmread(io.BytesIO(gzip.decompress(path.read_bytes())))


@pytest.mark.parametrize("time", range(4))
def test_a_siemens_enhanced_epi_equals_dcm2niix(shared_data: Path, tmp_path: Path, time: int) -> None:
    folder = shared_data / "dcm-qa-enh"
    answer = nib.load(folder / "Ref" / "Siemens_REST1_w_SMS_PF7-8_6.nii.gz")
    found = convert([pydicom.dcmread(folder / f"In/Siemens/XA10/6_{time + 1}.dcm")], tmp_path)
    assert np.array_equal(
        np.asanyarray(found.dataobj), at_its_places(found, np.asanyarray(answer.dataobj)[..., time], answer.affine)
    )


def test_the_time_points_of_an_epi_are_refused_by_name(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "dcm-qa-enh" / "In" / "Siemens" / "XA10").glob("*.dcm"))
    with pytest.raises(Refused, match="CON-503"):
        convert([pydicom.dcmread(path) for path in files], tmp_path)


def test_a_philips_field_map_gives_its_magnitude_and_the_precise_values_of_dcm2niix(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "dcm-qa-enh"
    answer = nib.load(folder / "Ref" / "Philips_WIP_B0_NS_801_e1.nii.gz")
    found = convert([pydicom.dcmread(folder / "In/Philips/IM_0027_fMAP.dcm")], tmp_path)
    told = json.loads((tmp_path / f"{STEM}.json").read_text())
    assert (told["ValueRule"], told["MultiFrame"]["Rule"]) == ("displayed", "magnitude image")
    precise = np.asanyarray(found.dataobj, np.float64) * told["PhilipsScale"]["PreciseFactor"]
    wanted = at_its_places(found, np.asanyarray(answer.dataobj, np.float64), answer.affine)
    assert np.allclose(precise, wanted, rtol=1e-6)  # its header holds the slope as float32


@pytest.mark.parametrize("volume", [0, 1, 8, 16])
def test_a_united_imaging_mosaic_equals_dcm2niix(shared_data: Path, tmp_path: Path, volume: int) -> None:
    folder = shared_data / "dcm-qa-uih"
    answer = nib.load(folder / "Ref" / "dti_tra_dir16_AP_9_134431.nii.gz")
    source = pydicom.dcmread(folder / f"In/dti_tra_dir16_AP_SaveBySlc__140028/{volume + 1:08d}.dcm")
    found = convert([source], tmp_path, Layout.MOSAIC)
    assert np.array_equal(
        np.asanyarray(found.dataobj), at_its_places(found, np.asanyarray(answer.dataobj)[..., volume], answer.affine)
    )


@pytest.mark.parametrize("name", ["siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz"])
def test_a_siemens_mosaic_equals_nibabel(tmp_path: Path, name: str) -> None:
    source = brought_along(name)
    with quiet():
        answer = dicomwrappers.wrapper_from_data(source)
        wanted, affine = np.asarray(answer.get_data()), np.diag([-1, -1, 1, 1]) @ answer.affine
    found = convert([source], tmp_path, Layout.MOSAIC)
    assert np.array_equal(np.asanyarray(found.dataobj), at_its_places(found, wanted, affine))


def test_a_philips_multi_frame_volume_equals_nibabel(tmp_path: Path) -> None:
    source = brought_along("philips_mprage.dcm.gz")
    with quiet():
        answer = dicomwrappers.wrapper_from_data(source)
        wanted, affine = np.asarray(answer.get_data(), np.float64), np.diag([-1, -1, 1, 1]) @ answer.affine
    found = convert([source], tmp_path)
    assert np.allclose(np.asanyarray(found.dataobj), at_its_places(found, wanted, affine), rtol=1e-6)


@pytest.mark.parametrize("name", ["csa2_b0.bin", "csa2_b1000.bin", "csa_str_valid.bin", "csa_str_1001n_items.bin"])
def test_csa_headers_are_read_as_nibabel_reads_them_or_not_at_all(name: str) -> None:
    path = NICOM / name
    if not path.exists():
        pytest.skip("this nibabel came without its test files")
    data = path.read_bytes()
    found = csa_numbers(data)
    try:
        tags = csareader.read(data)["tags"]
    except csareader.CSAReadError:
        assert found == {}
        return
    for key in ("NumberOfImagesInMosaic", "SliceNormalVector"):
        wanted = tuple(map(float, tags[key]["items"])) if key in tags else ()
        assert found.get(key, ()) == pytest.approx(wanted)


@pytest.mark.parametrize("cut", [0, 3, 11, 16, 90, 200, 1000])
def test_a_csa_header_that_is_cut_short_tells_nothing_and_breaks_nothing(cut: int) -> None:
    path = NICOM / "csa2_b0.bin"
    if not path.exists():
        pytest.skip("this nibabel came without its test files")
    assert csa_numbers(path.read_bytes()[:cut]) == {}
