"""Tidying follows its rules, counts every voxel, and can be switched off rule by rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from umd_curate.label.judge import Drawing
from umd_curate.label.tidy import merged_voxels, tidy
from umd_curate.model.config_labels import TidyConfig
from umd_curate.model.geometry import Volume
from umd_curate.store.resources import organ_table

ORGANS = organ_table("umd")
LIVER, LUNG, COLON, SPLEEN = (ORGANS.named(name).id for name in ("liver", "lung", "colon", "spleen"))
AFFINE = np.diag([5.0, 5.0, 5.0, 1.0])  # one voxel is 0.125 mL
ON = TidyConfig()
OFF = TidyConfig(specks=False, islands=False, holes=False)
SHAPE = (24, 24, 24)


def block(array, label, k, j, i):
    array[slice(*k), slice(*j), slice(*i)] = label
    return array


def liver():
    return block(np.zeros(SHAPE, np.uint8), LIVER, (6, 16), (6, 16), (6, 16))


def tidied(array, config=ON):
    return tidy(Volume(array, AFFINE), ORGANS, config)


def test_a_speck_goes_and_is_counted_as_a_speck():
    array = block(liver(), LIVER, (20, 21), (20, 21), (20, 21))
    found = tidied(array)
    assert found.changed == {"specks": {"liver": 1}}
    assert np.array_equal(found.volume.array_kji, liver())


def test_an_island_goes_but_a_large_second_piece_stays_for_a_person_to_judge():
    island = block(liver(), LIVER, (18, 20), (18, 21), (18, 21))  # 18 of 1000 voxels
    assert tidied(island).changed == {"islands": {"liver": 18}}
    halves = block(block(np.zeros(SHAPE, np.uint8), LIVER, (2, 8), (2, 20), (2, 20)), LIVER, (12, 18), (2, 20), (2, 20))
    assert tidied(halves).changed == {}


def test_two_lungs_and_many_pieces_of_colon_stay():
    lungs = block(block(np.zeros(SHAPE, np.uint8), LUNG, (2, 20), (2, 20), (2, 8)), LUNG, (2, 6), (2, 6), (14, 18))
    assert tidied(lungs).changed == {}
    third = block(lungs, LUNG, (20, 22), (20, 22), (20, 22))
    assert tidied(third).changed == {"islands": {"lung": 8}}
    colon = block(block(np.zeros(SHAPE, np.uint8), COLON, (2, 8), (2, 8), (2, 8)), COLON, (12, 14), (12, 14), (12, 14))
    assert tidied(colon).changed == {}


def test_a_hole_is_filled_unless_it_is_large_or_shared_by_two_organs():
    small = block(liver(), 0, (10, 12), (10, 12), (10, 12))
    assert tidied(small).changed == {"holes": {"liver": 8}}
    assert np.array_equal(tidied(small).volume.array_kji, liver())
    large = block(liver(), 0, (8, 14), (8, 14), (8, 14))  # 27 mL
    assert tidied(large).changed == {}
    shared = block(block(liver(), 0, (10, 12), (10, 12), (10, 12)), SPLEEN, (10, 12), (10, 12), (9, 10))
    assert tidied(shared).changed == {}


@pytest.mark.parametrize("rule", ["specks", "islands", "holes"])
def test_each_rule_can_be_switched_off_alone(rule):
    array = block(liver(), 0, (10, 12), (10, 12), (10, 12))
    array = block(array, LIVER, (20, 21), (20, 21), (20, 21))
    array = block(array, LIVER, (18, 20), (1, 4), (1, 4))
    # what is too small for an organ is an island too, so without specks the speck counts there
    expected = {"specks": {"liver": 1}, "islands": {"liver": 18}, "holes": {"liver": 8}}
    del expected[rule]
    if rule == "specks":
        expected["islands"] = {"liver": 19}
    assert tidied(array, TidyConfig(**{rule: False})).changed == expected


def test_with_all_rules_off_the_very_array_comes_back():
    array = block(liver(), 0, (10, 12), (10, 12), (10, 12))
    found = tidied(array, OFF)
    assert found.changed == {}
    assert np.array_equal(found.volume.array_kji, array)


def test_the_input_is_not_touched():
    array = block(liver(), 0, (10, 12), (10, 12), (10, 12))
    before = array.copy()
    tidied(array)
    assert np.array_equal(array, before)


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 0.97))
@settings(max_examples=25)
def test_the_counts_are_the_voxels_that_changed_and_nothing_is_left_to_tidy(seed, density):
    rng = np.random.default_rng(seed)
    array = np.where(rng.random((14, 15, 16)) < density, rng.choice([LIVER, COLON], (14, 15, 16)), 0).astype(np.uint8)
    found = tidied(array)
    counted = sum(sum(by_organ.values()) for by_organ in found.changed.values())
    assert counted == np.count_nonzero(found.volume.array_kji != array)
    assert not found.changed.get("holes") or np.count_nonzero(found.volume.array_kji) > 0
    for label in (LIVER, COLON):  # an oracle of its own: no piece below the limit is left beside a larger one
        number, count = ndimage.label(found.volume.array_kji == label, np.ones((3, 3, 3)))
        sizes = np.sort(np.bincount(number.ravel())[1:]) if count else np.array([])
        assert all(size * 0.125 >= ON.speck_ml for size in sizes[:-1])


def test_lobes_that_become_one_lung_are_counted():
    lobes = block(block(np.zeros(SHAPE, np.uint8), 10, (2, 8), (2, 8), (2, 8)), 11, (8, 12), (2, 8), (2, 8))
    drawing = Drawing(Volume(lobes, AFFINE), {10: "lung", 11: "lungs", 5: "liver"}, reference="ct", inputs={})
    assert merged_voxels(drawing, ORGANS, "place") == {"lung": 6 * 36 + 4 * 36}
