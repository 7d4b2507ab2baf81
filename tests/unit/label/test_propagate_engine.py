"""Labels on the PET grid: the organ that fills the largest part of a voxel, with what is approximate said."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (as ITK is known)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import LabelEngineContract, good
from tests.unit.label.phantom import ORGANS, dice, drawn, grid, label_case, stored_otherwise
from umd_curate.label.engine import Outcome, TransformFile, run_engine
from umd_curate.label.engines.propagate import Propagate
from umd_curate.label.majority import largest_parts
from umd_curate.model.geometry import Grid, Volume
from umd_curate.store.files import sha256_of

CT = grid((84, 84, 96), (2.4, 2.4, 3.0))
PET = grid((56, 46, 60), (4.07, 4.07, 4.07), (1.3, -0.7, 0.9))


class TestPropagate(LabelEngineContract):
    @pytest.fixture
    def engine(self):
        return Propagate()

    @pytest.fixture
    def case(self, tmp_path):
        return label_case(tmp_path, drawn(CT), PET, target="pet", role="ct")

    @pytest.fixture
    def empty_case(self, tmp_path):
        return label_case(tmp_path, Volume(np.zeros(CT.shape_kji, np.uint8), CT.affine), PET, target="pet", role="ct")


def test_carried_labels_agree_with_labels_drawn_on_the_pet_grid(tmp_path):
    fine = grid((120, 126, 144), (1.6, 1.6, 2.0))
    carried = largest_parts(drawn(fine), PET)
    scores = dice(carried.array_kji, drawn(PET, samples=3).array_kji)
    assert np.mean(list(scores.values())) >= 0.985
    assert min(scores.values()) >= 0.96


def test_provenance_says_reference_transform_and_approximate_organs(tmp_path):
    drawing = good(Propagate(), label_case(tmp_path, drawn(CT), PET, target="pet", role="ct")).judged.drawing
    assert (drawing.reference, drawing.transform) == ("ct", "identity")
    assert drawing.interpolation == "largest part of the voxel's footprint"
    assert drawing.approximate == ("heart", "urinary_bladder", "esophagus")
    assert set(drawing.inputs) == {"ct-labels", "pet"}


@given(
    st.tuples(*[st.integers(2, 8)] * 3),
    st.tuples(*[st.floats(0.8, 5.0)] * 3),
    st.tuples(*[st.floats(-10.0, 10.0)] * 3),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_no_id_appears_that_was_not_there_before(shape, spacing, shift, seed):
    labels = np.random.default_rng(seed).integers(0, 14, shape).astype(np.uint8)
    carried = largest_parts(Volume(labels, np.diag([2.0, 2.0, 2.5, 1.0])), grid((4, 5, 6), spacing, shift))
    assert set(np.unique(carried.array_kji)) <= set(np.unique(labels)) | {0}


@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
@settings(max_examples=10, deadline=None)
def test_how_the_label_map_is_stored_changes_nothing_in_world_space(order, flips):
    labels = drawn(grid((42, 42, 48), (4.8, 4.8, 6.0)))
    expected = largest_parts(labels, PET).array_kji
    assert np.array_equal(largest_parts(stored_otherwise(labels, order, flips), PET).array_kji, expected)


def test_a_label_on_its_own_grid_stays_voxel_for_voxel():
    labels = drawn(CT)
    assert np.array_equal(largest_parts(labels, CT).array_kji, labels.array_kji)


def test_a_block_of_voxels_goes_to_the_organ_with_most_of_them():
    labels = np.zeros((2, 2, 8), np.uint8)
    labels[:, :, :2] = [3, 3]  # all of the first coarse voxel
    labels[0, :, 2:4] = 4  # half of the second, which is enough
    labels[0, 0, 4:6] = 5  # a quarter of the third, which is not
    labels[0, :, 6:8], labels[1, 0, 6:8] = 6, 7  # touching organs leave no gap: half and a quarter
    coarse = Grid((1, 1, 4), np.diag([2.0, 2.0, 2.0, 1.0]) + np.pad(np.full((3, 1), 0.5), ((0, 1), (3, 0))))
    assert largest_parts(Volume(labels, np.eye(4)), coarse).array_kji.ravel().tolist() == [3, 4, 0, 6]


def test_oblique_grids_keep_the_volume_of_organs():
    c, s = np.cos(np.radians(12)), np.sin(np.radians(12))
    turned = Grid(PET.shape_kji, np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]) @ PET.affine)
    labels = drawn(CT)
    carried = largest_parts(labels, turned)
    for name in ("liver", "spleen", "aorta", "kidney_left"):
        number = ORGANS.named(name).id
        before = (labels.array_kji == number).sum() * CT.voxel_volume_ml
        assert (carried.array_kji == number).sum() * PET.voxel_volume_ml == pytest.approx(before, rel=0.03)


def test_organs_outside_the_pet_are_counted_not_hidden(tmp_path):
    upper = grid((26, 46, 60), (4.07, 4.07, 4.07), (0.0, 0.0, 50.0))
    labelled = run_engine(Propagate(), label_case(tmp_path, drawn(CT), upper, target="pet", role="ct"))
    assert labelled.outcome is Outcome.OK
    assert not {"urinary_bladder", "kidney_right"} & set(labelled.judged.ids)  # both end below the PET's first slice
    assert [(finding.code, finding.measured) for finding in labelled.findings] == [("LAB-202", 2)]


def test_a_pet_that_shows_none_of_the_organs_is_empty(tmp_path):
    far = grid((10, 10, 10), (4.0, 4.0, 4.0), (900.0, 0.0, 0.0))
    labelled = run_engine(Propagate(), label_case(tmp_path, drawn(CT), far, target="pet", role="ct"))
    assert labelled.outcome is Outcome.EMPTY


# --- through the transform of a registration -------------------------------------------------------------------------


def moved_case(folder, transform, name="pair_xfm.tfm"):
    """Labels of a body that lies elsewhere than in the PET; `transform` leads from PET points to CT points (LPS)."""
    path = folder / name
    if name.endswith(".tfm"):
        sitk.WriteTransform(transform, str(path))
    else:
        sitk.WriteImage(transform, str(path))
    case = label_case(folder, drawn(CT), PET, target="pet", role="ct")
    file = TransformFile(name, path, sha256_of(path))
    return replace(case, sources=(replace(case.sources[0], transforms=(file,)),))


def rigid(shift_mm, angle_deg=0.0):
    transform = sitk.Euler3DTransform()
    transform.SetRotation(0.0, 0.0, float(np.radians(angle_deg)))
    transform.SetTranslation(shift_mm)
    return transform


def seen_from(transform):
    """The truth on the PET grid: the analytic body asked at the transformed centre of each voxel."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix[:3, :3] = np.column_stack([np.array(transform.TransformPoint(e)) - origin for e in np.eye(3).tolist()])
    matrix[:3, 3] = origin
    return drawn(Grid(PET.shape_kji, lps @ matrix @ lps @ PET.affine), samples=3)


@pytest.mark.parametrize(
    ("shift", "angle"), [((12.0, -7.0, 20.0), 0.0), ((0.0, 0.0, 0.0), 8.0), ((9.0, 4.0, -11.0), -5.0)]
)
def test_labels_go_where_the_transform_leads(tmp_path, shift, angle):
    transform = rigid(shift, angle)
    drawing = good(Propagate(), moved_case(tmp_path, transform)).judged.drawing
    scores = dice(drawing.volume.array_kji, seen_from(transform).array_kji)
    assert np.mean(list(scores.values())) >= 0.97
    assert min(scores.values()) >= 0.92
    assert drawing.transform == "pair_xfm.tfm"
    assert "transform pair_xfm.tfm" in drawing.inputs
    still = dice(drawing.volume.array_kji, drawn(PET, samples=3).array_kji)
    assert np.mean(list(still.values())) < np.mean(list(scores.values())) - 0.05


def test_a_displacement_field_bends_the_labels(tmp_path):
    shift = np.zeros((*CT.shape_kji, 3))
    shift[...] = (12.0, -7.0, 20.0)
    field = sitk.GetImageFromArray(shift, isVector=True)
    field.SetSpacing((2.4, 2.4, 3.0))
    low = np.diag([-1.0, -1.0, 1.0]) @ CT.affine[:3, 3]
    field.SetOrigin(low.tolist())
    field.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    drawing = good(Propagate(), moved_case(tmp_path, field, "pair_xfm.nii.gz")).judged.drawing
    scores = dice(drawing.volume.array_kji, seen_from(rigid((12.0, -7.0, 20.0))).array_kji)
    big = [scores[ORGANS.named(name).id] for name in ("liver", "heart", "spleen", "kidney_left")]
    assert min(big) >= 0.93
    assert drawing.interpolation == "linear per label through the displacement field"


def test_a_damaged_transform_is_a_failure_of_its_own(tmp_path):
    case = moved_case(tmp_path, rigid((1.0, 0.0, 0.0)))
    case.sources[0].transforms[0].path.write_text("no transform", encoding="utf-8")
    labelled = run_engine(Propagate(), case)
    assert (labelled.outcome, labelled.findings[0].code) == (Outcome.FAILED, "LAB-203")
