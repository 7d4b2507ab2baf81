from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.rows import series
from umd_curate.ingest.stack import has_geometry, stacked
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.geometry import slice_normal
from umd_curate.model.stacks import JITTER_MM, JITTER_PART, StackRules

OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, -0.8)
FEET_FIRST = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def _moved(images, offsets):
    """Images placed along the normal of their orientation."""
    normal = slice_normal(images[0].orientation)
    return [
        replace(image, position_mm=tuple((np.array([10.0, -20.0, 30.0]) + normal * offset).tolist()))
        for image, offset in zip(images, offsets, strict=True)
    ]


@given(
    orientation=st.sampled_from([(1.0, 0.0, 0.0, 0.0, 1.0, 0.0), OBLIQUE, FEET_FIRST]),
    n=st.integers(3, 40),
    step=st.floats(0.5, 30),
    noise=st.randoms(use_true_random=False),
)
def test_even_stack_in_any_order_is_sorted_along_its_normal(orientation, n, step, noise):
    images = _moved(series("CT", n=n, orientation=orientation), [k * step for k in range(n)])
    shuffled = noise.sample(images, n)
    stack = stacked(shuffled)
    assert stack.fault is None
    assert list(stack.instances) == images


@given(n=st.integers(3, 40), step=st.floats(1, 30), noise=st.randoms(use_true_random=False))
def test_jitter_within_tolerance_passes(n, step, noise):
    limit = 0.4 * max(JITTER_MM, JITTER_PART * step)
    images = _moved(series("CT", n=n), [k * step + noise.uniform(-limit, limit) for k in range(n)])
    assert stacked(images).fault is None


@given(n=st.integers(6, 40), data=st.data())
def test_missing_slice_is_named_and_counted(n, data):
    hole = data.draw(st.integers(1, n - 2))
    images = series("CT", n=n)
    fault = stacked(images[:hole] + images[hole + 1 :]).fault
    assert fault is not None
    assert (fault.code, fault.measured) == (codes.GAP, 1.0)


def test_two_spacings_are_uneven_not_a_gap():
    fault = stacked(_moved(series("CT", n=9), [0, 12, 24, 36, 48, 72, 96, 120, 144])).fault
    assert fault is not None
    assert fault.code is codes.UNEVEN


@pytest.mark.parametrize(("rules", "code"), [(StackRules(), codes.UNEVEN), (StackRules(to_finer=True), None)])
def test_two_spacings_pass_only_where_the_settings_allow_it(rules, code):
    fault = stacked(_moved(series("CT", n=9), [0, 12, 24, 36, 48, 72, 96, 120, 144]), rules).fault
    assert (fault.code if fault else None) is code


@pytest.mark.parametrize(("gone", "passes"), [([4], True), ([4, 5], True), ([4, 5, 6], False), ([4, 8, 12], False)])
def test_filling_allows_few_slices_and_no_long_run(gone, passes):
    images = [image for k, image in enumerate(series("CT", n=42)) if k not in gone]
    fault = stacked(images, StackRules(fill=True)).fault
    assert (fault is None) is passes
    assert fault is None or (fault.code, fault.measured) == (codes.GAP, len(gone))


def test_a_possible_copy_goes_on_since_only_its_pixels_tell():
    images = series("CT", n=5)
    stack = stacked([*images, replace(images[2], path="/raw/again", sop_instance_uid="again")])
    assert stack.fault is None
    assert len(stack.instances) == 6


def test_many_images_at_taken_places_are_refused():
    images = series("CT", n=6)
    again = [replace(image, path=f"{image.path}-again", sop_instance_uid=f"{image.path}-again") for image in images[:3]]
    fault = stacked([*images, *again]).fault
    assert fault is not None
    assert (fault.code, fault.measured) == (codes.SAME_PLACE, 3.0)


def test_gantry_tilt_is_no_fault():
    shift = np.tan(np.radians(12.0))
    images = [replace(image, position_mm=(0.0, 5.0 * k * shift, 5.0 * k)) for k, image in enumerate(series("CT", n=8))]
    assert stacked(images).fault is None


@pytest.mark.parametrize(
    "broken",
    [
        {"position_mm": ()},
        {"orientation": ()},
        {"orientation": (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)},
        {"pixel_spacing_mm": (0.0, 3.0)},
        {"position_mm": (0.0, 0.0, float("nan"))},
        {"rows": None},
    ],
)
def test_image_that_does_not_say_where_it_is_is_refused(broken):
    images = series("CT", n=4)
    images[2] = replace(images[2], **broken)
    assert not has_geometry(images[2])
    fault = stacked(images).fault
    assert fault is not None
    assert fault.code is codes.NO_GEOMETRY


def test_box_reaches_to_the_outer_faces_in_ras():
    box = stacked(series("CT", n=20, z0=-50.0)).box_ras_mm
    assert box is not None
    assert box[0] == pytest.approx((-148.5, -148.5, -52.5))
    assert box[1] == pytest.approx((151.5, 151.5, 47.5))
