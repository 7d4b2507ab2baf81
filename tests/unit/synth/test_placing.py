from dataclasses import replace

import numpy as np
import pytest

from umd_curate.store.resources import organ_table
from umd_curate.synth.anatomy import layers_of
from umd_curate.synth.header_images import ct
from umd_curate.synth.options import Size, SynthOptions
from umd_curate.synth.paint import paint
from umd_curate.synth.placing import TILT_DEG, Form
from umd_curate.synth.schedule import studies_of
from umd_curate.synth.tissues import LOOKS

STUDY = studies_of(SynthOptions(subjects=1, size=Size.TINY))[0]
IDS = {organ.name: organ.id for organ in organ_table()}


def study_of(form):
    return replace(STUDY, form=form)


@pytest.mark.parametrize("form", Form)
def test_every_header_position_is_where_the_grid_says(form):
    placed = study_of(form).grid_of("ct")
    affine = placed.grid.affine
    for k, position in enumerate(placed.positions_lps):
        np.testing.assert_allclose((affine @ [0, 0, k, 1])[:3] * (-1, -1, 1), position, atol=2e-4)
    row, column = np.array(placed.orientation[:3]), np.array(placed.orientation[3:])
    between_rows, between_columns = placed.spacing_mm
    np.testing.assert_allclose(affine[:3, 0] * (-1, -1, 1), row * between_columns, atol=1e-9)
    np.testing.assert_allclose(affine[:3, 1] * (-1, -1, 1), column * between_rows, atol=1e-9)
    steps = np.diff(np.array(placed.positions_lps), axis=0) @ np.cross(row, column)
    assert steps.min() > 0  # slices ascend along the normal


@pytest.mark.parametrize("form", Form)
def test_a_header_writes_directions_that_are_unit_and_fit_into_16_characters(form):
    study = study_of(form)
    header = ct(study, study.grid_of("ct"), series="ct", number=2, description="CT", delay_s=0, contrast=False)
    texts = header["ImageOrientationPatient"]
    assert max(map(len, texts)) <= 16
    row, column = np.array(texts[:3], float), np.array(texts[3:], float)
    np.testing.assert_allclose([row @ row, column @ column, row @ column], [1, 1, 0], atol=1e-11)


def test_only_the_tilted_stack_is_sheared():
    def lean_deg(form):
        axes = study_of(form).grid_of("ct").grid.affine[:3, :3]
        i, j, k = (axes / np.linalg.norm(axes, axis=0)).T
        return np.degrees(np.arccos(np.clip(abs(np.cross(i, j) @ k), 0, 1)))

    assert lean_deg(Form.TILTED) == pytest.approx(TILT_DEG, abs=1e-3)
    assert max(lean_deg(form) for form in Form if form is not Form.TILTED) < 1e-2


@pytest.mark.parametrize("form", [Form.TILTED, Form.SAGITTAL])
def test_organs_are_as_large_in_a_stack_of_another_form(form):
    def volumes(study):
        grid = study.grid_of("ct").grid
        hu = {tissue: look.hu for tissue, look in LOOKS.items()}
        labels = paint(grid, study.anatomy, layers_of(study.build, study.posture), (hu,), IDS).labels
        return np.bincount(labels.ravel(), minlength=256) * grid.voxel_volume_ml

    large = ("liver", "spleen", "kidney_left", "kidney_right", "brain")
    ids = [number for name, number in IDS.items() if name in large]
    assert len(ids) > 2
    np.testing.assert_allclose(volumes(study_of(form))[ids], volumes(STUDY)[ids], rtol=0.12)
