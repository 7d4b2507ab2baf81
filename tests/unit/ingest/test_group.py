from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.rows import series
from umd_curate.ingest.concatenation import is_multiframe
from umd_curate.ingest.group import volumes_of_series
from umd_curate.ingest.stack import stacked

CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def _sizes(images):
    return [len(group) for group in volumes_of_series(images)]


def _copy(images, tag, **changes):
    """The same places again."""
    return [
        replace(image, path=f"{image.path}{tag}", sop_instance_uid=f"{image.sop_instance_uid}{tag}", **changes)
        for image in images
    ]


def test_one_even_series_is_one_volume():
    assert _sizes(series("CT", n=30)) == [30]


def test_coronal_localizer_inside_a_series_is_split_off():
    images = series("CT", n=30)
    assert _sizes([*images, *_copy(images[:1], "scout", orientation=CORONAL)]) == [30, 1]


def test_other_matrix_or_spacing_is_split_off():
    images = series("CT", n=30)
    other = _copy(images[:4], "fine", pixel_spacing_mm=(1.0, 1.0))
    small = _copy(images[:3], "small", rows=50)
    assert _sizes([*images, *other, *small]) == [30, 4, 3]


TURNED = (1.0, 0.0, 0.0, 0.0, 0.9961946981, 0.0871557427)  # by 5 degrees


@pytest.mark.parametrize(
    "change",
    [
        {"orientation": TURNED},
        {"pixel_spacing_mm": (0.9, 0.9)},
        {"rows": 40, "columns": 40},
        {"frame_of_reference_uid": "2.9"},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("which", [slice(0, 10), slice(20, 30), slice(0, None, 2), slice(14, 15)])
def test_a_stack_that_changes_on_the_way_is_refused_not_shortened(which, change):
    images = series("CT", n=30)
    images[which] = [replace(image, **change) for image in images[which]]
    (group,) = volumes_of_series(images)
    assert len(group) == 30
    assert stacked(group).fault.code.code == "ING-223"


def test_two_stacks_side_by_side_are_two_volumes_though_their_orientation_is_close():
    images = series("CT", n=30)
    assert _sizes([*images, *_copy(images[:12], "oblique", orientation=TURNED)]) == [30, 12]


def test_rounded_orientations_stay_together():
    images = series("CT", n=10)
    images[3] = replace(images[3], orientation=(1.0, 0.00004, 0.0, -0.00004, 1.0, 0.0))
    assert _sizes(images) == [10]


def test_repeated_places_are_split_by_acquisition():
    images = series("CT", n=10, acquisition_number=1)
    assert _sizes([*images, *_copy(images, "b", acquisition_number=2)]) == [10, 10]


def test_repeated_places_are_split_by_echo():
    images = series("MR", n=10, echo_time_ms=1.2)
    assert _sizes([*images, *_copy(images, "b", echo_time_ms=2.4)]) == [10, 10]


def test_repeated_places_are_split_by_dixon_channel():
    images = series("MR", n=10, dixon_channel="in")
    assert _sizes([*images, *_copy(images, "b", dixon_channel="opp")]) == [10, 10]


def test_repeated_places_are_split_by_frame_reference_time():
    images = series("PT", n=10, frame_reference_time_ms=1000.0)
    assert _sizes([*images, *_copy(images, "b", frame_reference_time_ms=2000.0)]) == [10, 10]


def test_bed_positions_with_times_of_their_own_are_not_split():
    images = [replace(image, frame_reference_time_ms=float(k // 5)) for k, image in enumerate(series("PT", n=20))]
    assert _sizes(images) == [20]


def test_images_at_one_place_that_nothing_tells_apart_stay_together():
    images = [
        replace(image, position_mm=(0.0, 0.0, 0.0), acquisition_number=k) for k, image in enumerate(series("CT", n=4))
    ]
    assert _sizes(images) == [4]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_multiframe_images_of_one_kind_are_one_source(modality):
    images = [replace(image, number_of_frames=6) for image in series(modality, n=4)]
    assert _sizes(images) == [4]


@pytest.mark.parametrize(
    "change",
    [{"image_type": ("DERIVED", "PRIMARY", "OTHER")}, {"dixon_channel": "fat"}, {"rows": 40}, {"echo_time_ms": 9.0}],
    ids=lambda change: next(iter(change)),
)
def test_multiframe_images_of_other_kinds_are_sources_of_their_own(change):
    images = [replace(image, number_of_frames=6) for image in series("MR", n=2, dixon_channel="in")]
    assert _sizes([*images, *_copy(images[:1], "other", **change)]) == [2, 1]


def test_enhanced_images_of_one_frame_are_one_source_and_plain_ones_keep_their_stack():
    enhanced = "1.2.840.10008.5.1.4.1.1.2.1"
    groups = {"sop_class_uid": enhanced, "number_of_frames": 1, "orientation": ()}
    images = [replace(image, position_mm=(), **groups) for image in series("CT", n=4)]
    assert _sizes(images) == [4]
    assert all(is_multiframe(image) for image in images)
    assert not any(is_multiframe(image) for image in series("CT", n=4, sop_class_uid=enhanced))


@given(noise=st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_files(noise):
    images = series("MR", n=8, dixon_channel="in")
    everything = [*images, *_copy(images, "b", dixon_channel="fat"), *_copy(images[:2], "c", orientation=CORONAL)]
    shuffled = noise.sample(everything, len(everything))
    as_sets = [{image.path for image in group} for group in volumes_of_series(shuffled)]
    assert as_sets == [{image.path for image in group} for group in volumes_of_series(everything)]
