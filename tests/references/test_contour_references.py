"""Contours of real patients: structure sets and overlapping segments against voxels that other programs made of them."""

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread

from tests.convert_builders import places_of
from umd_curate.convert.contours_io import convert_contours
from umd_curate.convert.geometry import stack_of_places
from umd_curate.store.resources import organ_table

LIVER = 1


def grid_of(folder):
    datasets = [dcmread(path, stop_before_pixels=True) for path in sorted(folder.iterdir())]
    return stack_of_places(places_of([one for one in datasets if "ImagePositionPatient" in one]), "s-X").grid()


def imported(folder, structures, names):
    grid = grid_of(folder)
    return convert_contours(dcmread(structures), grid, organ_table(), "s-X", names), grid


@pytest.mark.parametrize(("what", "voxels"), [("CT", 117_145), ("PET", 5_095)])
def test_a_structure_set_has_the_very_voxels_that_its_publishers_made_of_it(shared_data, what, voxels):
    folder = shared_data / "sts-001-petctmr/ibsi-crop" / what
    found, grid = imported(folder / "dicom/image", folder / "dicom/mask/RS.dcm", {f"gtv_mass_{what}": "liver"})
    published = nib.load(folder / "nifti/mask/mask.nii.gz")
    world = nib.affines.apply_affine(published.affine, np.argwhere(np.asarray(published.dataobj) > 0))
    at = np.rint(nib.affines.apply_affine(np.linalg.inv(grid.affine), world)).astype(int)
    wanted = np.zeros(grid.shape_kji, np.uint8)
    wanted[at[:, 2], at[:, 1], at[:, 0]] = LIVER
    assert np.array_equal(found.array_kji, wanted)
    assert int((wanted > 0).sum()) == voxels
    assert found.findings == ()


@pytest.mark.parametrize("patient", ["STS_002", "STS_035", "STS_041"])
def test_one_tumour_drawn_on_three_images_has_one_volume(shared_data, patient):
    volumes = []
    for what in ("CT", "PET", "MR_T1"):
        folder = shared_data / "ibsi-sts-patients" / patient / what
        found, grid = imported(folder / "image", folder / "mask/RS.dcm", {f"GTV_Mass_{what}": "liver"})
        volumes.append(float((found.array_kji == LIVER).sum()) * grid.voxel_volume_ml)
    assert max(volumes) == pytest.approx(min(volumes), rel=0.02)


def test_without_a_name_of_the_dataset_a_structure_is_left_out_and_counted(shared_data):
    folder = shared_data / "ibsi-sts-patients/STS_002/CT"
    found, _ = imported(folder / "image", folder / "mask/RS.dcm", {})
    assert [(finding.code, finding.measured) for finding in found.findings] == [("CON-403", 1), ("CON-405", None)]


@pytest.mark.parametrize("what", ["FDG_PET", "MR_T1"])
def test_a_structure_within_another_keeps_its_voxels(shared_data, what):
    folder = shared_data / "sts-001-petctmr/raw" / what
    structures = folder / "mask/1-1.dcm"
    both, _ = imported(folder / "image", structures, {"GTV_Mass": "liver", "GTV_Edema": "spleen"})
    alone, _ = imported(folder / "image", structures, {"GTV_Mass": "liver"})
    outer, _ = imported(folder / "image", structures, {"GTV_Edema": "spleen"})
    shared = int(((alone.array_kji > 0) & (outer.array_kji > 0)).sum())
    assert [(finding.code, finding.measured) for finding in both.findings] == [("CON-404", shared)]
    kept = {organ.name: int((both.array_kji == organ.id).sum()) for organ in both.labels}
    sizes = {"liver": int((alone.array_kji > 0).sum()), "spleen": int((outer.array_kji > 0).sum())}
    small = min(sizes, key=sizes.get)
    assert kept[small] == sizes[small]
    assert sum(kept.values()) == sum(sizes.values()) - shared


def test_structures_of_another_image_are_refused(shared_data):
    folder = shared_data / "ibsi-sts-patients"
    with pytest.raises(Exception, match="CON-402"):
        imported(folder / "STS_002/CT/image", folder / "STS_035/CT/mask/RS.dcm", {"GTV_Mass_CT": "liver"})
