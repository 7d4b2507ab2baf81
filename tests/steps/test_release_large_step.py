"""An image of more than 2 GiB of voxels goes through the release step and comes back by both readers."""

import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from tests.release_builders import CT_AFFINE, Folder, Ledger, Study, receipt_of, settings
from umd_curate import load_dataset
from umd_curate.model.geometry import Grid
from umd_curate.release import STEP, release_folder
from umd_curate.store.files import write_json
from umd_curate.store.nifti import NiftiWriter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHAPE_KJI = (4160, 512, 512)  # 2.18 GB of int16


def plane(k: int) -> np.ndarray:
    """A plane that is like no other one, and packs well."""
    made = np.full(SHAPE_KJI[1:], -1000, np.int16)
    made[100:400, 100:400] = k % 1000
    made[k % 512, :16] = k
    return made


def test_an_image_of_more_than_two_gibibytes_is_released_and_read(tmp_path: Path):
    assert np.prod(SHAPE_KJI) * 2 > 2**31
    study = Study(has_labels=False)
    session = study.write(tmp_path)
    with NiftiWriter(tmp_path / session.artifacts["ct"].path, Grid(SHAPE_KJI, CT_AFFINE), np.int16) as writer:
        for k in range(SHAPE_KJI[0]):
            writer.write(plane(k))
    sidecar = tmp_path / session.artifacts["ct.json"].path
    write_json(sidecar, json.loads(sidecar.read_text("utf-8")) | {"VoxelSha256": writer.voxel_sha256})
    session = study.described(tmp_path, session)
    config = settings(slices=False)
    (unit,) = STEP.plan(Ledger([session], [receipt_of("qa", session)]), config)
    receipt = STEP.perform(unit, Folder(tmp_path), config)
    assert receipt.measured["sessions"] == 1
    folder = tmp_path / release_folder(config)

    last = SHAPE_KJI[0] - 1
    image = load_dataset("petct", path=folder)[0]["ct"]
    assert np.array_equal(image.plane(last), plane(last).T)
    assert image.array.shape == SHAPE_KJI[::-1]
    assert np.array_equal(image.array[:, :, last - 1], plane(last - 1).T)
    del image

    (split,) = datasets.load_dataset(str(folder), "petct", streaming=True).values()
    theirs = next(iter(split))["ct"]
    assert theirs.shape == SHAPE_KJI[::-1]
    assert np.array_equal(np.asarray(theirs.dataobj[..., last]), plane(last).T)
