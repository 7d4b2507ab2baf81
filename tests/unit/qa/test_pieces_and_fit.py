"""Label maps are taken apart rightly, and a shifted one is told where it belongs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.qa.phantom import grid, render
from umd_curate.model.geometry import Volume
from umd_curate.qa.body import body_mask, otsu
from umd_curate.qa.fit import best_fit
from umd_curate.qa.pieces import take_apart
from umd_curate.qa.place import agreement_on, blunt_end, gaps_mm
from umd_curate.store.resources import organ_table

TABLE = organ_table()
ON = grid(8.0)
CT, PET, LABELS = render(ON)
BOX = (slice(0, 20), slice(0, 20), slice(0, 20))


def cube(*, size: int = 8, at: int = 4, label: int = 1) -> np.ndarray:
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[at : at + size, at : at + size, at : at + size] = label
    return labels


def test_a_hole_is_background_that_one_organ_encloses() -> None:
    labels = cube()
    labels[6:8, 6:8, 6:8] = 0
    found = take_apart(labels, {1: BOX}, {})[1]
    assert (found.holes, found.voxels, found.pieces) == (8, 8**3 - 8, 1)


def test_what_is_filled_by_another_organ_or_open_to_the_outside_is_no_hole() -> None:
    filled = cube()
    filled[6:8, 6:8, 6:8] = 2
    assert take_apart(filled, {1: BOX, 2: (slice(6, 8),) * 3}, {})[1].holes == 0
    tunnel = cube()
    tunnel[6:8, 6:8, 4:12] = 0
    assert take_apart(tunnel, {1: BOX}, {})[1].holes == 0
    between = cube()
    between[6:8, 6:8, 6:8] = 0
    between[6:8, 6:8, 5] = 2
    assert take_apart(between, {1: BOX, 2: BOX}, {})[1].holes == 0


def test_a_cavity_that_the_edge_of_the_image_cuts_open_is_no_hole() -> None:
    labels = cube(at=0)
    labels[0:2, 3:5, 3:5] = 0
    assert take_apart(labels, {1: BOX}, {})[1].holes == 0


@given(st.integers(1, 6))
def test_pieces_two_voxels_apart_count_as_one_and_further_ones_as_specks(gap: int) -> None:
    labels = cube(size=6)
    labels[4:10, 4:10, 10 + gap : 12 + gap] = 1
    found = take_apart(labels, {1: BOX}, {})[1]
    assert found.pieces == 2
    assert found.specks == (0 if gap <= 2 else 1)
    assert found.kept == (found.voxels if gap <= 2 else 6**3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_every_voxel_is_counted_once_whatever_the_map(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, (12, 13, 14)).astype(np.uint8)
    boxes = {label: (slice(0, 12), slice(0, 13), slice(0, 14)) for label in (1, 2, 3)}
    found = take_apart(labels, boxes, {})
    for label in boxes:
        assert found[label].voxels == np.count_nonzero(labels == label)
        assert 0 < found[label].kept <= found[label].voxels
        assert found[label].specks < found[label].pieces


@pytest.mark.parametrize(("image", "name"), [(CT, "ct"), (PET, "pet")])
def test_labels_in_their_place_fit_best_where_they_are(image: Volume, name: str) -> None:
    fit = best_fit(image, LABELS.array_kji)
    assert fit is not None, name
    assert fit.distance_mm < 4.0
    assert fit.explained == pytest.approx(fit.explained_best, rel=0.02)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("steps", [-2, 2])
def test_shifted_labels_are_told_the_way_back(axis: int, steps: int) -> None:
    shifted = np.roll(LABELS.array_kji, steps, axis)
    fit = best_fit(CT, shifted)
    assert fit is not None
    back = np.zeros(3)
    back[2 - axis] = -steps
    expected = CT.affine[:3, :3] @ back
    assert fit.offset_ras_mm == pytest.approx(tuple(expected), abs=4.0)


@given(st.floats(0.1, 10), st.floats(-500, 500))
@settings(max_examples=10)
def test_gain_and_offset_of_the_image_change_nothing(gain: float, offset: float) -> None:
    other = Volume(CT.array_kji * gain + offset, CT.affine)
    assert best_fit(other, LABELS.array_kji) == best_fit(CT, LABELS.array_kji)


def test_a_flat_image_has_no_contrast_and_a_tiny_label_map_no_fit() -> None:
    flat = best_fit(Volume(np.full(LABELS.array_kji.shape, 40.0), CT.affine), LABELS.array_kji)
    assert flat is not None
    assert flat.contrast < 0.02
    assert best_fit(CT, np.zeros_like(LABELS.array_kji)) is None


def test_an_ellipsoid_tapers_and_a_cut_one_does_not() -> None:
    k, j, i = np.indices((30, 30, 30))
    ball = (k - 15) ** 2 + (j - 15) ** 2 + (i - 15) ** 2 <= 12**2
    box = (slice(3, 28), slice(3, 28), slice(3, 28))
    assert blunt_end(ball[box], box, (40, 30, 30)) < 0.3
    cut = (slice(3, 18), *box[1:])
    assert blunt_end(ball[cut], cut, (40, 30, 30)) > 0.9
    assert blunt_end(ball[cut], cut, (18, 30, 30)) < 0.3  # the cut is the image's own edge


def test_gaps_are_distances_between_the_nearest_voxels() -> None:
    labels = np.zeros((10, 10, 40), np.uint8)
    labels[4:6, 4:6, 2:6], labels[4:6, 4:6, 20:24] = 1, 6  # liver, spleen
    volume = Volume(labels, np.diag([4.0, 4.0, 4.0, 1.0]))
    assert gaps_mm(volume, labels, TABLE, [("liver", "spleen"), ("liver", "brain")]) == {("liver", "spleen"): 60.0}


def test_a_label_map_agrees_with_itself_on_another_grid() -> None:
    _, _, fine = render(grid(5.0))
    assert (agreement_on(LABELS, fine, TABLE) or 0) > 0.9
    moved = Volume(np.roll(fine.array_kji, 12, 2), fine.affine)
    assert (agreement_on(LABELS, moved, TABLE) or 1) < 0.6
    lost = Volume(np.where(fine.array_kji == 1, 0, fine.array_kji), fine.affine)
    assert (agreement_on(LABELS, lost, TABLE) or 0) > 0.9  # an absent organ is another rule's
    assert agreement_on(LABELS, Volume(np.zeros_like(fine.array_kji), fine.affine), TABLE) is None


def test_the_body_is_found_in_ct_and_in_mr_alike() -> None:
    mr = Volume(np.clip((CT.array_kji.astype(np.float32) + 1000) / 4, 0, 400), CT.affine)
    (of_ct, steps), (of_mr, _) = body_mask(CT, "ct"), body_mask(mr, "mr")
    assert steps == (1, 1, 1)
    overlap = 2 * np.count_nonzero(of_ct & of_mr) / (np.count_nonzero(of_ct) + np.count_nonzero(of_mr))
    assert overlap > 0.95


def test_otsu_parts_two_classes() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(10, 2, 900), rng.normal(100, 5, 100)])
    assert values[:900].max() < otsu(values) < values[900:].min()
