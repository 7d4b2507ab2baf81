"""Numbers of organs equal numpy's and the published reference; the four published rules come out as on a hand-made table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from umd_curate.model.checks import Outcome, SessionChecks
from umd_curate.model.geometry import Volume
from umd_curate.qa.engine import SessionImages, measure
from umd_curate.qa.intensities import PEAK_RADIUS_MM, intensities, peak
from umd_curate.qa.io import rulebook
from umd_curate.qa.measures import PetFacts
from umd_curate.qa.quantities import organ_rows
from umd_curate.store.resources import organ_table

BOOK, TABLE = rulebook()[0], organ_table()
NAN = np.nan

# The digital phantom of the Image Biomarker Standardisation Initiative (arXiv 1612.07003, chapter 5): 2 mm voxels; NaN
# stands for voxels outside the region.
IBSI = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [NAN, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, NAN, NAN], [1, 1, 1, 1, 1], [1, 1, NAN, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, NAN, NAN], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)


def test_the_numbers_are_the_published_ones_of_the_ibsi_phantom() -> None:
    found = intensities(IBSI)
    assert found is not None
    assert found.voxels == 74
    assert found.mean == pytest.approx(2.15, abs=0.005)  # Q4LE
    assert found.sd**2 == pytest.approx(3.05, abs=0.005)  # ECT3
    assert (found.least, found.median, found.greatest) == (1, 1, 6)
    assert found.p25 == 1  # of the interquartile range SALO, 3
    assert found.p75 == 4
    mask = np.isfinite(IBSI)
    box = (slice(0, 4), slice(0, 4), slice(0, 5))
    image = np.where(mask, IBSI, 1.0)
    image[1, 2, 0] = 9.0  # with 9 here and 1 elsewhere outside the region both published peaks come out
    assert peak(image, mask, box, np.diag([2.0, 2, 2, 1])) == pytest.approx(3.1, abs=0.05)  # 0F91
    assert peak(image, mask & (image == 6), box, np.diag([2.0, 2, 2, 1])) == pytest.approx(2.6, abs=0.05)  # VJGA


@given(arrays(np.float32, st.integers(1, 200), elements=st.floats(-1e3, 1e4, width=32)))
def test_every_number_equals_numpy_in_double_precision(values: np.ndarray) -> None:
    found = intensities(values)
    assert found is not None
    wide = values.astype(np.float64)
    expected = {"mean": wide.mean(), "sd": wide.std(), "median": np.median(wide), "least": wide.min(),
                "greatest": wide.max(), "p5": np.percentile(wide, 5), "p95": np.percentile(wide, 95)}  # fmt: skip
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6, abs=1e-6), name


def test_a_suv_of_2_4_is_not_cut_to_an_integer() -> None:
    found = intensities(np.full(100, 2.4, np.float32))
    assert found is not None
    assert found.mean == pytest.approx(2.4, rel=1e-6)


def test_the_peak_sphere_holds_one_millilitre_and_may_reach_out_of_the_organ() -> None:
    assert 4 / 3 * np.pi * PEAK_RADIUS_MM**3 == pytest.approx(1000)
    image = np.full((15, 15, 15), 5.0)
    mask = np.zeros(image.shape, np.bool_)
    mask[7, 7, 7] = True
    image[7, 7, 7] = 50.0
    box = tuple(slice(7, 8) for _ in range(3))
    steps = np.indices((15, 15, 15)) - 7
    inside = np.count_nonzero((steps**2).sum(axis=0) * 9.0 <= PEAK_RADIUS_MM**2)
    found = peak(image, mask[box], box, np.diag([3.0, 3.0, 3.0, 1.0]))
    assert found == pytest.approx(5.0 + 45.0 / inside, rel=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_peak_never_exceeds_the_maximum_of_the_image_nor_falls_below_its_minimum(seed: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 20, (8, 9, 10))
    mask = np.random.default_rng(seed + 1).random(image.shape) > 0.9
    box = (slice(0, 8), slice(0, 9), slice(0, 10))
    found = peak(image, mask, box, np.diag([4.0, 4.0, 4.0, 1.0]))
    assert found is None if not mask.any() else image.min() <= (found or 0) <= image.max()


def measured(labels: np.ndarray, *, spacing: float = 5.0, image: np.ndarray | None = None) -> SessionChecks:
    """Checks document of one label map on a CT of the same grid."""
    affine = np.diag([-spacing, -spacing, spacing, 1.0])
    ct = Volume(image if image is not None else np.full(labels.shape, 40, np.int16), affine)
    found = measure(SessionImages(anatomy_role="ct", anatomy=ct, organs=Volume(labels, affine)), TABLE, BOOK)
    assert found.labels is not None
    return SessionChecks(
        subject="7K3QF2", session="ct1", kind="ct", rules_version="", outcome=Outcome.PASS, images=(),
        organs=found.labels.organs, checks=(), figures=(),
    )  # fmt: skip


def box_of(labels: np.ndarray, organ: str, k: slice, j: slice, i: slice) -> np.ndarray:
    found = TABLE.named(organ)
    assert found is not None
    labels[k, j, i] = found.id
    return labels


def empty() -> np.ndarray:
    return np.zeros((20, 24, 40), np.uint8)


MID = (slice(6, 12), slice(8, 14), slice(10, 14))

# name: (boxes, organ that is looked at, complete, one piece, on its side, 5 mL). x falls with i, so low i is the right side.
# One voxel is 0.125 mL: 40 voxels are 5 mL.
CASES = {
    "a plain liver": ([("liver", *MID)], "liver", (True, True, None, True)),
    "on the first slice": ([("liver", slice(0, 6), *MID[1:])], "liver", (False, True, None, True)),
    "on the last slice": ([("liver", slice(14, 20), *MID[1:])], "liver", (False, True, None, True)),
    "on the edge of a slice": ([("liver", MID[0], MID[1], slice(0, 4))], "liver", (True, True, None, True)),
    "on the second slice": ([("liver", slice(1, 6), *MID[1:])], "liver", (True, True, None, True)),
    "through all slices": ([("aorta", slice(0, 20), slice(8, 10), slice(8, 10))], "aorta", (False, True, None, True)),
    "two pieces": (
        [("liver", *MID), ("liver", slice(14, 16), slice(8, 14), slice(30, 34))],
        "liver",
        (True, False, None, True),
    ),
    "a speck of one voxel": (
        [("liver", *MID), ("liver", slice(18, 19), slice(2, 3), slice(38, 39))],
        "liver",
        (True, False, None, True),
    ),
    "joined at a corner": (
        [("liver", *MID), ("liver", slice(12, 14), slice(14, 16), slice(14, 16))],
        "liver",
        (True, True, None, True),
    ),
    "a gap of one voxel": (
        [("liver", *MID), ("liver", slice(13, 15), *MID[1:])],
        "liver",
        (True, False, None, True),
    ),
    "two lungs": (
        [("lung", *MID), ("lung", MID[0], MID[1], slice(26, 30))],
        "lung",
        (True, False, None, True),
    ),
    "39 voxels": ([("spleen", slice(5, 8), slice(5, 6), slice(5, 18))], "spleen", (True, True, None, False)),
    "40 voxels": ([("spleen", slice(5, 9), slice(5, 6), slice(5, 15))], "spleen", (True, True, None, True)),
    "one voxel on the last slice": (
        [("spleen", slice(19, 20), slice(5, 6), slice(5, 6))],
        "spleen",
        (False, True, None, False),
    ),
    "a lone kidney": ([("kidney_left", *MID)], "kidney_left", (True, True, None, True)),
    "right kidney right": (
        [("kidney_right", MID[0], MID[1], slice(5, 9)), ("kidney_left", MID[0], MID[1], slice(30, 34))],
        "kidney_right",
        (True, True, True, True),
    ),
    "left kidney left": (
        [("kidney_right", MID[0], MID[1], slice(5, 9)), ("kidney_left", MID[0], MID[1], slice(30, 34))],
        "kidney_left",
        (True, True, True, True),
    ),
    "right kidney left": (
        [("kidney_left", MID[0], MID[1], slice(5, 9)), ("kidney_right", MID[0], MID[1], slice(30, 34))],
        "kidney_right",
        (True, True, False, True),
    ),
    "left kidney right": (
        [("kidney_left", MID[0], MID[1], slice(5, 9)), ("kidney_right", MID[0], MID[1], slice(30, 34))],
        "kidney_left",
        (True, True, False, True),
    ),
    "both kidneys in one place along x": (
        [("kidney_left", slice(2, 6), MID[1], slice(10, 14)), ("kidney_right", slice(10, 14), MID[1], slice(10, 14))],
        "kidney_left",
        (True, True, False, True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_four_published_rules_come_out_as_on_the_hand_made_table(case: str) -> None:
    assert len(CASES) == 20
    boxes, organ, expected = CASES[case]
    labels = empty()
    for name, *box in boxes:
        box_of(labels, name, *box)
    (row,) = [row for row in organ_rows(measured(labels), TABLE, {}) if row.organ == organ]
    assert (row.is_complete, row.is_one_piece, row.is_on_its_side, row.is_5_ml) == expected


def test_a_truncated_organ_keeps_its_volume_and_its_flag() -> None:
    labels = box_of(empty(), "liver", slice(0, 6), *MID[1:])
    (row,) = organ_rows(measured(labels), TABLE, {})
    assert row.volume_ml == pytest.approx(6 * 6 * 4 * 0.125)
    assert row.is_truncated
    assert row.image_mean == 40


def test_suv_numbers_of_an_organ_are_numpys_on_the_pet_grid() -> None:
    rng = np.random.default_rng(5)
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    labels = box_of(empty(), "liver", *MID)
    suv = rng.gamma(2.0, 1.2, labels.shape).astype(np.float32)
    images = SessionImages(
        anatomy_role="ct",
        anatomy=Volume(np.full(labels.shape, 40, np.int16), affine),
        organs=Volume(labels, affine),
        pet=Volume(suv, affine),
        organs_on_pet=Volume(labels, affine),
        pet_facts=PetFacts("SUVbw", has_suv=True, tracer="FDG"),
    )
    found = measure(images, TABLE, BOOK)
    assert found.labels is not None
    (organ,) = found.labels.organs
    values = suv[labels > 0].astype(np.float64)
    assert organ.suv is not None
    assert organ.suv.mean == pytest.approx(values.mean(), rel=1e-6)
    assert organ.suv.sd == pytest.approx(values.std(), rel=1e-6)
    assert organ.suv.median == pytest.approx(np.median(values), rel=1e-6)
    assert organ.volume_on_pet_ml == pytest.approx(values.size * 0.064, rel=1e-6)
    assert organ.tlg == pytest.approx(values.mean() * values.size * 0.064, rel=1e-6)
    assert values.mean() < (organ.suv_peak or 0) < values.max()
