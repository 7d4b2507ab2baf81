"""A scan whose CT was taken in another breath than its PET: the diaphragm is reported, and nobody moves the head for it.

The truth is the motion of the synthetic body itself; no code of the register room takes part in it.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.steps.test_register_step import Sessions
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_register import RegisterConfig
from umd_curate.model.geometry import Volume, apply_affine
from umd_curate.model.receipts import What
from umd_curate.model.registration import RegistrationReceipt
from umd_curate.model.steps import SessionFiles
from umd_curate.register import STEP
from umd_curate.register.engines.masks import side_of
from umd_curate.register.motion import regions_of
from umd_curate.store.files import artifact
from umd_curate.store.nifti import write_volume
from umd_curate.store.resources import organ_table
from umd_curate.store.workspace import create_workspace
from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.imaging import pet_image
from umd_curate.synth.options import Matrices, Matrix, SynthOptions
from umd_curate.synth.paint import paint
from umd_curate.synth.schedule import studies_of
from umd_curate.synth.tissues import LOOKS

MATRIX = Matrix(72, 140, 520, 1050)
BREATH_MM = 25.0  # of the dome, deeper in the CT; a usual mismatch is 5 to 15 mm
VOXEL_MM = 4.0  # of the grid on which it is measured


def breathing_scan(seed):
    """CT and SUV image, and how far points of the CT moved upwards, by region [mm]."""
    study = replace(studies_of(SynthOptions(subjects=1, seed=seed))[0], matrices=Matrices(*[MATRIX] * 4))
    ids = {organ.name: organ.id for organ in organ_table()}
    hu, suv = ({tissue: getattr(look, name) for tissue, look in LOOKS.items()} for name in ("hu", "suv"))
    layers = layers_of(study.build, study.posture)
    grid, pet_grid = study.grid_of("ct").grid, study.grid_of("pet").grid
    ct = paint(grid, study.anatomy, layers, (hu,), ids)
    body = replace(study.pet, breath_mm=study.anatomy.breath_mm + BREATH_MM)
    uptake = paint(pet_grid, body, layers, (suv,), ids).channels[0]
    pet = Volume(pet_image(uptake, pet_grid, np.random.default_rng(seed), 6.0, 0.1), pet_grid.affine)
    image = Volume(ct.channels[0].astype(np.int16), grid.affine)

    def rise(mask_kji, affine):
        points = apply_affine(affine, np.argwhere(mask_kji)[::40, ::-1])
        at_body = np.stack(study.anatomy.to_body(tuple(points.T)), axis=1)
        return float((body.to_scanner(at_body) - points)[:, 2].mean())

    side = side_of("ct", image)
    truth = {name: rise(ct.labels == ids[name], grid.affine) for name in ("brain", "liver")}
    return image, pet, truth | {"diaphragm": rise(regions_of(side)["diaphragm"], side.image.affine)}


@pytest.mark.parametrize("seed", [1, 3])
def test_a_large_breathing_mismatch_is_reported_and_the_head_stays_where_it_is(tmp_path, seed):
    ct, pet, truth = breathing_scan(seed)
    assert abs(truth["brain"]) < 1e-3
    place = create_workspace(tmp_path / "ws")
    files = {}
    for role, volume in ((What.CT, ct), (What.PET, pet)):
        path = f"data/sub-7K3QF2/ses-petct1/sub-7K3QF2_ses-petct1_{role}.nii.gz"
        write_volume(place.resolve(path), volume)
        files[role] = artifact(role, path, place.resolve(path))
    images = {}
    for motion in ("correct", "off"):
        config = UmdConfig(register=RegisterConfig(motion=motion))
        (unit,) = STEP.plan(Sessions([SessionFiles("7K3QF2", "petct1", "petct", files)]), config)
        receipt = STEP.perform(unit, place, config)
        images[motion] = {entry.what: entry.sha256 for entry in receipt.outputs}
        if motion == "correct":
            document = next(entry for entry in receipt.outputs if entry.what == "space-pet_xfm.json")
            said = RegistrationReceipt.model_validate(json.loads(place.resolve(document.path).read_bytes()))
            found = receipt
    assert images["correct"]["space-pet_ct"] == images["off"]["space-pet_ct"]  # not a voxel moved
    assert not any(entry.what == "space-pet_xfm" for entry in found.outputs)
    assert (said.method, said.verdict, said.angle_deg, said.shift_mm) == ("identity", "accepted", 0.0, 0.0)
    assert said.motion.verdict == "still"
    reported = {entry.region: entry.along_mm[2] for entry in said.motion.regions}
    assert set(reported) == {"head", "pelvis", "diaphragm"}
    low, high = sorted((-truth["diaphragm"], -truth["liver"]))  # what lies around the surface, and what hangs below it
    assert low - VOXEL_MM <= reported["diaphragm"] <= high + VOXEL_MM
    assert high > 10
