"""A head is known by its outline; limbs, trunks and phantoms are none."""

import numpy as np
import pytest

from umd_curate.deid.deface import carry, coarse, continued, cut_of, face_mask, tissue
from umd_curate.deid.head import COARSE_MM, find_head
from umd_curate.deid.morphology import shrunk
from umd_curate.model.geometry import Volume, apply_affine

# Half widths and half depths [mm] of sections against the height above the lowest slice [mm]: an adult after DIN 33402-2.
ADULT = [
    (0, 165, 110), (400, 190, 115), (430, 190, 100), (455, 60, 60), (500, 55, 58),
    (520, 62, 80), (600, 74, 95), (660, 76, 97), (700, 60, 75), (725, 25, 30), (732, 5, 5),
]  # fmt: skip


def body_of(sections: list[tuple[float, float, float]], top_mm: float, air_mm: float = 30.0) -> np.ndarray:
    """Mask [k, j, i] of elliptic sections, cut off at `top_mm`, with air above where the body ends before it."""
    heights, widths, depths = np.array(sections).T
    nk = int((top_mm + air_mm) / COARSE_MM)
    j, i = np.meshgrid(np.arange(100) - 50, np.arange(150) - 75, indexing="ij")
    mask = np.zeros((nk, 100, 150), bool)
    for k in range(nk):
        z = k * COARSE_MM
        if z <= min(top_mm, heights[-1]):
            a, b = np.interp(z, heights, widths), np.interp(z, heights, depths)
            mask[k] = (i * COARSE_MM / a) ** 2 + (j * COARSE_MM / b) ** 2 <= 1
    return mask


def with_arms(mask: np.ndarray) -> np.ndarray:
    """The same body with arms raised beside the head."""
    armed = mask.copy()
    armed[130:, 40:65, 8:30] = True
    armed[130:, 40:65, 120:142] = True
    return armed


@pytest.mark.parametrize("arms", [False, True])
def test_whole_body_has_a_head_with_chin_and_brow_in_their_places(arms):
    body = body_of(ADULT, 740)
    head = find_head(with_arms(body) if arms else body)
    assert head is not None
    assert not head.is_cut
    assert 470 <= head.chin_k * COARSE_MM <= 540
    assert 600 <= head.brow_k * COARSE_MM <= 680
    assert abs(head.midline_i - 75) <= 2


def test_view_that_ends_at_the_nose_still_has_a_head():
    head = find_head(body_of(ADULT, 600, air_mm=0))
    assert head is not None
    assert head.is_cut
    assert head.brow_k == head.top_k


def test_head_alone_is_known_by_its_dome():
    head = find_head(body_of(ADULT, 740)[int(505 / COARSE_MM) :])
    assert head is not None
    assert head.why == "dome"


def test_trunk_up_to_the_shoulders_has_no_head():
    assert find_head(body_of(ADULT, 440, air_mm=0)) is None


@pytest.mark.parametrize(
    "sections",
    [
        [(0, 45, 45), (300, 75, 80), (600, 85, 90)],  # a thigh that leaves the view
        [(0, 45, 100), (60, 45, 100), (80, 35, 40), (350, 55, 60), (500, 60, 70)],  # foot, ankle, calf
        [(0, 100, 100), (250, 100, 100)],  # a cylinder phantom
        [(0, 150, 115), (180, 150, 115)],  # the NEMA body phantom
    ],
)
def test_limbs_and_phantoms_have_no_head(sections):
    assert find_head(body_of(sections, sections[-1][0], air_mm=0)) is None
    assert find_head(body_of(sections, sections[-1][0], air_mm=30)) is None


def test_nothing_has_no_head():
    assert find_head(np.zeros((10, 10, 10), bool)) is None


def face_of(brain: np.ndarray | None = None):
    body = body_of(ADULT, 740)
    affine = np.diag([COARSE_MM, COARSE_MM, COARSE_MM, 1.0])
    head = find_head(body)
    assert head is not None
    return body, head, face_mask(Volume(body, affine), head, brain)


def test_front_skin_between_chin_and_brow_lies_in_the_block():
    body, head, face = face_of()
    front = body & ~np.roll(body, -1, axis=1)
    front[: head.chin_k + 2] = front[head.brow_k :] = False
    front[:, :62] = front[:, :, :60] = front[:, :, 91:] = False
    assert (front & face.mask_kji).sum() >= 0.99 * front.sum()


def test_what_is_left_and_the_outline_of_the_block_do_not_tell_a_nose():
    body, head, face = face_of()
    nosed = body.copy()
    tip = int(np.flatnonzero(body[190, :, 75]).max())
    nosed[185:196, tip : tip + 9, 72:79] = True
    other = face_mask(Volume(nosed, np.diag([COARSE_MM, COARSE_MM, COARSE_MM, 1.0])), head, None)
    assert (nosed & ~body & ~other.mask_kji).sum() == 0
    assert (other.mask_kji ^ face.mask_kji).sum() < 0.02 * face.mask_kji.sum()


def test_brain_stays_out_of_the_block_but_the_skin_does_not():
    brain = body_of([(0, 1, 1), (560, 1, 1), (570, 66, 85), (700, 60, 75)], 740)
    body, _, face = face_of(brain)
    deep = brain & shrunk(body, 4)
    assert deep.any()
    assert not (face.mask_kji & deep).any()
    assert (face.mask_kji & body & ~deep).any()


@pytest.mark.parametrize("flip", [1, -1])
def test_block_lands_at_the_same_place_in_patient_space_in_any_image(flip):
    _, _, face = face_of()
    affine = np.array([[-2.0, 0.3, 0, 230], [0.3 * flip, 2.0 * flip, 0, 40], [0, 0, 5.0, 300], [0, 0, 0, 1]])
    if flip < 0:
        affine[1, 3] = 270
    volume = Volume(np.ones((90, 120, 110), np.int16), affine)
    box, mask = carry(face, volume.grid)
    offset = np.array([one.start for one in box])
    points = apply_affine(affine, (np.argwhere(mask) + offset)[:, ::-1])
    index = np.rint(points / COARSE_MM).astype(int)
    assert len(points)
    assert face.mask_kji[index[:, 2], index[:, 1], index[:, 0]].mean() > 0.99  # halfway to either side, and at the edge
    assert mask.sum() * volume.grid.voxel_volume_ml <= face.volume_ml * 1.02


@pytest.mark.parametrize(("modality", "fill"), [("ct", -1000), ("mr", 0), ("pet", 0)])
def test_outside_of_the_block_every_voxel_is_bit_identical(modality, fill):
    _, _, face = face_of()
    noise = np.random.default_rng(3).normal(0, 100, (150, 60, 80)).astype(np.float32)
    volume = Volume(noise, np.diag([5.0, 5.0, 5.0, 1.0]))
    cut = cut_of([face, face], volume.grid, modality)
    changed, cleared = cut.count_changed(volume.array_kji), noise.copy()
    for k, plane in enumerate(cleared):
        cut.apply(k, plane)
    box, mask = carry(face, volume.grid)
    outside = np.ones(noise.shape, bool)
    outside[box] = ~mask
    assert np.array_equal(cleared[outside], noise[outside])
    assert (cleared[~outside] == fill).all()
    assert changed == (~outside).sum()
    assert cut.count_changed(cleared) == 0


def test_oblique_and_straight_sampling_agree():
    values = np.random.default_rng(1).integers(-1000, 1000, (20, 30, 40)).astype(np.int16)
    straight = np.diag([4.0, 4.0, 6.0, 1.0])
    tilted = straight.copy()
    tilted[0, 1] = 0.05
    a, seen_a = coarse(Volume(values, straight))
    b, seen_b = coarse(Volume(values, tilted))
    shape = tuple(slice(min(p, q)) for p, q in zip(seen_a.shape, seen_b.shape, strict=True))
    same = (a.array_kji[shape] == b.array_kji[shape])[seen_a[shape] & seen_b[shape]]
    assert same.mean() > 0.7


def test_columns_of_an_oblique_view_go_on_as_they_end_and_a_straight_view_stays():
    values = np.random.default_rng(5).normal(0, 1, (6, 3, 2)).astype(np.float32)
    seen = np.ones(values.shape, bool)
    same, beyond = continued(values, seen)
    assert np.array_equal(same, values)
    assert not beyond.any()
    seen[4:, 0, 0] = seen[:2, 1, 1] = seen[:, 2, 0] = False
    longer, beyond = continued(values, seen)
    assert (longer[3:, 0, 0] == values[3, 0, 0]).all()
    assert (longer[:3, 1, 1] == values[2, 1, 1]).all()
    assert np.array_equal(longer[seen], values[seen])
    assert beyond[:, 0, 0].tolist() == [False] * 5 + [True]
    assert beyond[:, 1, 1].tolist() == [True] + [False] * 5
    assert not beyond[:, 2, 0].any()


@pytest.mark.parametrize("modality", ["ct", "mr", "pet"])
def test_tissue_is_parted_from_air_in_any_unit(modality):
    body = body_of(ADULT, 300)
    noise = np.random.default_rng(2).normal(0, 1, body.shape)
    image = {"ct": np.where(body, 40, -1000) + 10 * noise, "mr": np.abs(np.where(body, 400, 0) + 20 * noise)}
    values = image.get(modality, np.where(body, 3000.0, 20.0) + noise).astype(np.float32)
    found = tissue(values, modality, np.ones_like(body))
    assert (found == body).mean() > 0.999
