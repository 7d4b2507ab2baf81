"""Rigid transforms: composition, ITK texts against SimpleITK itself, and texts that are refused."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the name that the field uses)
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.model.geometry import LPS_TO_RAS
from umd_curate.model.transforms import Rigid, TransformFault, euler, itk_text, parse_transform

ANGLES = st.tuples(*[st.floats(-3.0, 3.0)] * 3)
SHIFTS = st.tuples(*[st.floats(-900.0, 900.0)] * 3)
POINTS = np.array([[0.0, 0, 0], [100, -50, 20], [-300, 200, 900]])


def rigid(angles, shift):
    return Rigid.about(np.array([10.0, -20.0, 300.0]), euler(*angles), np.array(shift))


@given(ANGLES, SHIFTS)
def test_there_and_back_is_the_identity(angles, shift):
    found = rigid(angles, shift)
    assert np.allclose(found.then(found.inverse()).points(POINTS), POINTS, atol=1e-8)


@given(ANGLES, SHIFTS)
def test_a_written_transform_is_read_again_to_the_last_digit_that_counts(angles, shift):
    found = rigid(angles, shift)
    assert np.abs(parse_transform(itk_text(found)).points(POINTS) - found.points(POINTS)).max() < 1e-8


@given(st.floats(-179.0, 179.0), st.integers(0, 2))
def test_the_angle_is_that_of_the_rotation(angle, axis):
    angles = [0.0, 0.0, 0.0]
    angles[axis] = np.radians(angle)
    assert rigid(angles, (1.0, 2.0, 3.0)).angle_deg() == pytest.approx(abs(angle), abs=1e-6)


def test_itk_reads_what_is_written_and_maps_fixed_to_moving_in_lps(tmp_path):
    found = rigid((0.3, -0.2, 0.5), (12.0, -7.0, 40.0))
    (tmp_path / "x.tfm").write_text(itk_text(found))
    read = sitk.ReadTransform(str(tmp_path / "x.tfm"))
    for point, there in zip(POINTS, found.points(POINTS), strict=True):
        lps = read.TransformPoint((LPS_TO_RAS[:3, :3] @ point).tolist())
        assert np.allclose(LPS_TO_RAS[:3, :3] @ np.array(lps), there, atol=1e-9)


@pytest.mark.parametrize("kind", ["euler", "versor", "affine"])
def test_transforms_that_itk_wrote_are_read(tmp_path, kind):
    made = {
        "euler": sitk.Euler3DTransform,
        "versor": sitk.VersorRigid3DTransform,
        "affine": lambda: sitk.AffineTransform(3),
    }[kind]()
    made.SetCenter((5.0, -4.0, 100.0))
    made.SetMatrix(euler(0.2, 0.4, -0.6).ravel().tolist())
    made.SetTranslation((3.0, 2.0, -1.0))
    sitk.WriteTransform(made, str(tmp_path / "x.tfm"))
    found = parse_transform((tmp_path / "x.tfm").read_text())
    for point, there in zip(POINTS, found.points(POINTS), strict=True):
        lps = made.TransformPoint((LPS_TO_RAS[:3, :3] @ point).tolist())
        assert np.allclose(LPS_TO_RAS[:3, :3] @ np.array(lps), there, atol=1e-6)


def test_four_by_four_numbers_are_ras_and_may_have_comments():
    found = parse_transform("# from a console\n1 0 0 10\n0 1 0 -20\n0 0 1 30\n0 0 0 1\n")
    assert np.array_equal(found.points(np.zeros((1, 3)))[0], [10, -20, 30])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 0 0 0",
        "words and words",
        "2 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",  # scales
        "-1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",  # mirrors
        "1 0 0 0 0 1 0 0 0 0 1 0 0 0 1 1",  # last row
        "1 0 0 nan 0 1 0 0 0 0 1 0 0 0 0 1",
        "#Insight Transform File V1.0\nTransform: BSplineTransform_double_3_3\nParameters: 1 2\nFixedParameters: 0",
        "#Insight Transform File V1.0\nTransform: AffineTransform_double_3_3\nParameters: 1 2\nFixedParameters: 0 0 0",
        itk_text(Rigid.identity()) + itk_text(Rigid.identity()),
    ],
)
def test_what_is_no_rigid_transform_is_refused_without_repeating_it(text):
    with pytest.raises(TransformFault) as caught:
        parse_transform(text)
    assert text[:20] not in str(caught.value) or not text
