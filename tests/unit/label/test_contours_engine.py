"""The site's contours: taken over voxel by voxel, by name, or not at all."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from tests.contracts import LabelEngineContract, good
from tests.unit.label.phantom import ORGANS, drawn, grid, label_case, stored_otherwise
from umd_curate.label.engine import Outcome, run_engine
from umd_curate.label.engines.contours import ContourImport
from umd_curate.model.geometry import Volume

CT = grid((30, 40, 44), (6.0, 6.0, 8.0))
REORDERINGS = list(product(permutations(range(3)), product((False, True), repeat=3)))


class TestContourImport(LabelEngineContract):
    @pytest.fixture
    def engine(self):
        return ContourImport()

    @pytest.fixture
    def case(self, tmp_path):
        return label_case(tmp_path, drawn(CT), CT)

    @pytest.fixture
    def empty_case(self, tmp_path):
        return label_case(tmp_path, Volume(np.zeros(CT.shape_kji, np.uint8), CT.affine), CT)


def outcome_of(folder, labels, on=CT, names=None):
    labelled = run_engine(ContourImport(), label_case(folder, labels, on, names=names))
    return labelled.outcome, [finding.code for finding in labelled.findings]


@pytest.mark.parametrize(("order", "flips"), REORDERINGS)
def test_a_label_map_stored_in_another_axis_order_or_direction_comes_back_voxel_for_voxel(tmp_path, order, flips):
    labels = drawn(CT)
    case = label_case(tmp_path, stored_otherwise(labels, order, flips), CT)
    assert np.array_equal(good(ContourImport(), case).judged.volume.array_kji, labels.array_kji)


def test_the_rounding_of_another_software_s_header_is_forgiven(tmp_path):
    affine = CT.affine + np.pad(np.full((3, 1), 0.04), ((0, 1), (3, 0)))
    assert outcome_of(tmp_path, Volume(drawn(CT).array_kji, affine)) == (Outcome.OK, [])


@pytest.mark.parametrize(
    "other",
    [
        grid((30, 40, 44), (6.0, 6.0, 8.0), (0.5, 0.0, 0.0)),
        grid((30, 40, 44), (6.0, 6.0, 8.2)),
        grid((29, 40, 44), (6.0, 6.0, 8.0)),
        grid((60, 80, 88), (3.0, 3.0, 4.0)),
    ],
    ids=["shifted", "stretched", "a slice less", "finer"],
)
def test_a_label_map_on_another_grid_is_refused_not_resampled(tmp_path, other):
    assert outcome_of(tmp_path, drawn(other)) == (Outcome.FAILED, ["LAB-102"])


def test_a_turned_label_map_is_refused(tmp_path):
    c, s = np.cos(np.radians(3)), np.sin(np.radians(3))
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert outcome_of(tmp_path, Volume(drawn(CT).array_kji, turn @ CT.affine)) == (Outcome.FAILED, ["LAB-102"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32, np.uint16])
def test_any_number_type_that_holds_integers_is_accepted(tmp_path, dtype):
    labels = drawn(CT)
    case = label_case(tmp_path, Volume(labels.array_kji.astype(dtype), CT.affine), CT)
    assert np.array_equal(good(ContourImport(), case).judged.volume.array_kji, labels.array_kji)


@pytest.mark.parametrize("value", [1.5, np.nan, np.inf])
def test_values_that_are_no_integers_are_refused_not_rounded(tmp_path, value):
    array = drawn(CT).array_kji.astype(np.float32)
    array[3, 4, 5] = value
    assert outcome_of(tmp_path, Volume(array, CT.affine)) == (Outcome.FAILED, ["LAB-106"])


@pytest.mark.parametrize("number", [14, 200, 70000, -1])
def test_foreign_ids_without_names_refuse_the_whole_map(tmp_path, number):
    array = drawn(CT).array_kji.astype(np.int32)
    array[0, 0, 0] = number
    assert outcome_of(tmp_path, Volume(array, CT.affine)) == (Outcome.FAILED, ["LAB-105"])


def test_ids_are_mapped_by_name_and_several_ids_may_be_one_organ(tmp_path):
    array = np.zeros(CT.shape_kji, np.int32)
    array[1, :10], array[2, :10], array[3, :10], array[4, :10] = 90010, 90011, 7, 99
    names = {90010: "Lung", 90011: "lungs", 7: "left kidney", 99: "femur", 5: "liver"}
    labelled = run_engine(ContourImport(), label_case(tmp_path, Volume(array, CT.affine), CT, names=names))
    labels = labelled.judged.volume.array_kji
    assert labelled.judged.ids == {"kidney_left": ORGANS.named("kidney_left").id, "lung": ORGANS.named("lung").id}
    assert (labels[1:3, :10] == ORGANS.named("lung").id).all()
    assert (labels[3, :10] == ORGANS.named("kidney_left").id).all()
    assert not labels[4].any()
    assert [(finding.code, finding.measured) for finding in labelled.findings] == [("LAB-104", 1)]


def test_ids_that_the_map_file_does_not_name_are_left_out_and_counted(tmp_path):
    array = np.zeros(CT.shape_kji, np.uint8)
    array[1], array[2], array[3] = 5, 77, 78
    labelled = run_engine(ContourImport(), label_case(tmp_path, Volume(array, CT.affine), CT, names={5: "liver"}))
    assert list(labelled.judged.ids) == ["liver"]
    assert [(finding.code, finding.measured) for finding in labelled.findings] == [("LAB-103", 2)]


def test_a_damaged_label_map_is_refused_without_saying_where_it_lies(tmp_path):
    case = label_case(tmp_path, drawn(CT), CT)
    whole = case.sources[0].path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not an image", b""):
        case.sources[0].path.write_bytes(damaged)
        labelled = run_engine(ContourImport(), case)
        assert labelled.outcome is Outcome.FAILED
        assert [finding.code for finding in labelled.findings] == ["LAB-101"]
        assert str(tmp_path) not in repr(labelled)


def test_an_absent_label_map_is_refused(tmp_path):
    case = label_case(tmp_path, drawn(CT), CT)
    case.sources[0].path.unlink()
    assert [finding.code for finding in run_engine(ContourImport(), case).findings] == ["LAB-101"]


def test_real_label_maps_are_taken_over_by_name_only(tmp_path, shared_data):
    # TotalSegmentator's own output on a real CT; the names of its ids as its class map lists them
    names = {1: "spleen", 2: "kidney_right", 3: "kidney_left", 5: "liver", 6: "stomach", 7: "pancreas", 52: "aorta"}
    from umd_curate.store.nifti import read_volume

    labels = read_volume(shared_data / "totalsegmentator-examples" / "example_seg.nii.gz")
    assert outcome_of(tmp_path, labels, labels.grid) == (Outcome.FAILED, ["LAB-105"])
    judged = good(ContourImport(), label_case(tmp_path, labels, labels.grid, names=names)).judged
    for number, name in names.items():
        assert np.array_equal(judged.volume.array_kji == ORGANS.named(name).id, labels.array_kji == number)
    assert "liver" in judged.ids


def test_an_image_of_four_dimensions_is_no_label_map(tmp_path):
    case = label_case(tmp_path, drawn(CT), CT)
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 2), np.uint8), np.eye(4)), case.sources[0].path)
    assert [finding.code for finding in run_engine(ContourImport(), case).findings] == ["LAB-101"]
