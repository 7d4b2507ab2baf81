"""Decides which voxels of a head go: the front shell of the head with its ears, whichever way the head is turned.

Nothing is measured along the axes of the image except where front and top are. The skull's middle is the centre of the
largest ball that fits into the head, and all distances are parts of that ball's radius:

- the **region** lies around the middle within the reach of a chin, in front of the back of the ears;
- a head without features is the head opened by a ball of `FEATURE_MM`: nose, lips, chin and ears stand out of it and go, and
  so does a shell of it, `FRONT_DEPTH_MM` thick in front and `SIDE_DEPTH_MM` at the sides; where the chin nears the chest, the front
  leans with the face, so that the jaw is front as far back as a straight head's;
- the **cranium** is the head opened by a ball nearly as large as the skull's, which does not fit into the jaw; what lies more than
  `SCALP_AND_SKULL_MM` inside of it stays, and so does a brain that an image shows;
- `SKIN_MM` behind the skin always go;
- outwards the block ends at a fixed distance from the featureless head, so that its outline shows no features either.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umd_curate.deid.head import COARSE_MM, Head
from umd_curate.deid.morphology import Mask

Float32 = NDArray[np.float32]
Steps = NDArray[np.floating]

BRIDGE_MM = 13.0  # nostrils, mouth, throat and ear canals are narrower than twice this
FEATURE_MM = 27.0  # nose, lips and ears fit into no ball of this radius, the head does
FRONT_DEPTH_MM = 18.0  # behind the featureless face: skin, lips, cartilage and the front of the facial bones
SIDE_DEPTH_MM = 8.0  # at temples and ears
FRONT_PART = 0.5  # of the radius: what lies further to the front is face, else side
SCALP_AND_SKULL_MM = 10.0  # scalp 4-7 and skull 6-8 mm: brain lies at least this deep below an adult's forehead
CRANIUM_PART = 0.8  # of the radius: fits into forehead and temples, not into the jaw
SKIN_MM = 5.0
AIR_MM = 40.0  # beyond the featureless head: a nose, and the blur of a PET
BACK_PART = 0.45  # behind the middle, of the radius: the back of the ears
SIDE_PART = 1.35  # to the side, of the radius; an arm lies further out
TOP_PART = 1.3
REACH_PART = 2.25  # from the middle to below the chin
CUT_REACH_PART = 2.45  # where an oblique view cuts the crown, the middle is found up to 15 mm too high
CHIN_PART = 2.0  # from the middle to the chin
BROW_UP, FACE_SIDE = 0.0, 0.6  # above and beside the middle: brow and temples
RADIUS_MM = (50.0, 100.0)  # half of a head's breadth: a child of two years, an adult with hair or blur
ADULT_MM = 76.0  # half of an adult head's breadth, where the view ends below the widest place
WIDEST_PART = (
    0.9  # of it: trial heads whose view ends at the nose show no more than 0.88, at the brow no less than 0.91
)
SEARCH_SIDE_MM = 110.0  # a head that leans by 20 degrees is off the body's midline by so much at most
FLAT_PART = 0.95  # distances within this part of the largest are the ball's middle
NECK_PART = 0.85  # of the skull's radius: what is narrower is below the head
SECTION_MM = 24.0  # above and below the middle, for the yaw
SECTION_PART = 1.45
MIN_ELONGATION = 1.06  # length over breadth of a section, below which its direction is not known
MAX_YAW_DEG = 40.0
# Trial heads: the overhang is 45 mm without nod and 1.65 radii times the nod's tangent less when the chin goes down.
STRAIGHT_OVERHANG_MM, LEAN_PART = 45.0, 1.65
MAX_LEAN = 0.5  # of 27 degrees
MIDLINE_PART, BELOW_PART = 0.35, (1.5, 0.5)  # where an overhang is looked for, around and below the middle
_ROOM = 10  # coarse voxels around a box, so that its edge decides nothing


@dataclass(frozen=True, slots=True)
class Skull:
    """The largest ball that fits into a head.

    Parameters
    ----------
    middle_kji
        Its middle on the coarse grid.
    radius_mm
        Its radius.
    yaw_deg
        How far the head's long axis is turned from the front to the patient's left.
    lean
        How far back the face lies per length below the middle, more than a straight head's: a chin on the chest; 0 for others.
    reach
        From the middle to below the chin, in parts of the radius.
    """

    middle_kji: tuple[float, float, float]
    radius_mm: float
    yaw_deg: float
    lean: float = 0.0
    reach: float = REACH_PART


def face_block(body_kji: Mask, head: Head, brain_kji: Mask | None) -> Mask:
    """Voxels of the face's block on the coarse grid.

    Parameters
    ----------
    body_kji
        Body without table; axes run right, front and up from index 0.
    head
        Where a head is.
    brain_kji
        Brain with its margin, which stays but for the skin; None where it is not known.

    Returns
    -------
    Mask of the shape of `body_kji`, air before the face included.
    """
    skull = find_skull(body_kji, head)
    around = _Around.of(skull, body_kji)
    depth_mm = _depth(_bridged(around.cut(body_kji, beyond=True)))
    region, front = _region(skull, around)
    smooth = _distance(depth_mm > FEATURE_MM)  # from the middles of all balls that fit
    kept_mm = FEATURE_MM - np.where(front, np.float32(FRONT_DEPTH_MM), np.float32(SIDE_DEPTH_MM))
    reach = CRANIUM_PART * skull.radius_mm
    stays = (smooth <= kept_mm) | (_distance(depth_mm > reach) <= reach - SCALP_AND_SKULL_MM)
    if brain_kji is not None:
        stays |= around.cut(brain_kji, beyond=False)
    goes = region & (smooth <= FEATURE_MM + AIR_MM) & (~stays | (depth_mm <= SKIN_MM))
    return around.put_back(goes, body_kji.shape)


def find_skull(body_kji: Mask, head: Head) -> Skull:
    """Largest ball within the head, going down from the top until the body gets narrow at the neck; on half the grid."""
    side = round(SEARCH_SIDE_MM / COARSE_MM)
    left = max(round(head.midline_i) - side - _ROOM, 0)
    box = body_kji[head.chin_k : head.top_k + 1 : 2, ::2, left : round(head.midline_i) + side + _ROOM + 1 : 2]
    above = np.pad(box, ((_ROOM, _ROOM), (0, 0), (0, 0)), mode="edge")  # a head that leaves the view goes on beyond it
    depth_mm = _depth(_bridged(above, 2 * COARSE_MM), 2 * COARSE_MM)[_ROOM:-_ROOM]
    columns = np.arange(depth_mm.shape[2]) * 2 + left - head.midline_i
    depth_mm[:, :, np.abs(columns) > side] = 0
    widest = depth_mm.max(axis=(1, 2))[::-1]  # from the top down
    largest = np.maximum.accumulate(widest)
    narrow = np.flatnonzero((largest >= RADIUS_MM[0]) & (widest < NECK_PART * largest))
    last = int(narrow[0]) if len(narrow) else len(widest)
    found = float(largest[last - 1])
    of_head = depth_mm[len(widest) - last :]
    middle = np.argwhere(of_head >= FLAT_PART * found).mean(axis=0)
    middle[0] += len(widest) - last
    radius = float(np.clip(max(found, ADULT_MM if head.is_cut else 0.0), *RADIUS_MM))
    yaw = _yaw_deg(box, middle, radius)
    k, j, i = (2 * middle + np.array([head.chin_k, 0, left])).tolist()
    straight = Skull((k, j, i), radius, yaw)
    if head.is_cut and found < WIDEST_PART * ADULT_MM:  # the view ends below the widest place: the middle lies above it
        return straight
    if head.is_cut:
        straight = replace(straight, reach=CUT_REACH_PART)
    lean = (STRAIGHT_OVERHANG_MM - _overhang_mm(body_kji, straight)) / (LEAN_PART * radius)
    return replace(straight, lean=float(np.clip(lean, 0.0, MAX_LEAN)))


def _yaw_deg(solid: Mask, middle: NDArray[np.float64], radius_mm: float) -> float:
    """Direction of the long axis of the skull's sections, from the front to the patient's left [degrees]; 0 where they are round."""
    half = round(SECTION_MM / COARSE_MM / 2)
    k = int(middle[0])
    _, j, i = np.nonzero(solid[max(k - half, 0) : k + half + 1])
    x, y = (i - middle[2]) * 2 * COARSE_MM, (j - middle[1]) * 2 * COARSE_MM
    near = np.hypot(x, y) <= SECTION_PART * radius_mm
    x, y = x[near] - x[near].mean(), y[near] - y[near].mean()
    (short, long), axes = np.linalg.eigh(np.cov(np.stack([x, y])))
    if np.sqrt(long / max(short, 1e-6)) < MIN_ELONGATION:
        return 0.0
    towards = axes[:, 1] * np.sign(axes[1, 1])
    yaw = float(np.degrees(np.arctan2(-towards[0], towards[1])))
    return yaw if abs(yaw) <= MAX_YAW_DEG else 0.0


@dataclass(frozen=True, slots=True)
class _Around:
    """A box around the block, and slices of what lies beyond the field of view below and above it."""

    box: tuple[slice, slice, slice]
    below: int
    above: int

    @classmethod
    def of(cls, skull: Skull, body_kji: Mask) -> "_Around":
        """The box in which the block may lie, with what decides about it."""
        reach = [[skull.reach, TOP_PART], [1.0, skull.reach], [SIDE_PART, SIDE_PART]]
        box = []
        for (back, forth), middle, n in zip(reach, skull.middle_kji, body_kji.shape, strict=True):
            low, high = (middle + sign * part * skull.radius_mm / COARSE_MM for sign, part in ((-1, back), (1, forth)))
            box.append(slice(max(int(low) - _ROOM, 0), min(int(high) + _ROOM + 1, n)))
        beyond = round(RADIUS_MM[1] / COARSE_MM)  # only where the body itself leaves the view
        below = beyond if box[0].start == 0 and body_kji[0].any() else 0
        above = beyond if box[0].stop == body_kji.shape[0] and body_kji[-1].any() else 0
        return cls((box[0], box[1], box[2]), below, above)

    def cut(self, mask_kji: Mask, *, beyond: bool) -> Mask:
        """The box of a mask; `beyond` the field of view its first and last slices go on, or nothing does."""
        part = mask_kji[self.box]
        if not beyond:
            return self.padded(part)
        return np.pad(part, ((self.below, self.above), (0, 0), (0, 0)), mode="edge")

    def padded(self, part_kji: Mask) -> Mask:
        """A mask of the box with nothing beyond the field of view."""
        return np.pad(part_kji, ((self.below, self.above), (0, 0), (0, 0)))

    def put_back(self, part_kji: Mask, shape: tuple[int, ...]) -> Mask:
        """A mask of the whole grid, of what `cut` gave."""
        whole = np.zeros(shape, np.bool_)
        whole[self.box] = part_kji[self.below : part_kji.shape[0] - self.above]
        return whole


def _bridged(mask: Mask, step_mm: float = COARSE_MM) -> Mask:
    """The mask with its cavities and gaps filled."""
    near = _distance(mask, step_mm) <= BRIDGE_MM
    return np.asarray((_depth(near, step_mm) > BRIDGE_MM) | mask, np.bool_)


def _distance(mask: Mask, step_mm: float = COARSE_MM) -> Float32:
    """Distance to the mask [mm]; infinite where it is empty."""
    return _depth(~mask, step_mm) if mask.any() else np.full(mask.shape, np.inf, np.float32)


def _depth(mask: Mask, step_mm: float = COARSE_MM) -> Float32:
    """Distance to what is not in the mask [mm]."""
    from scipy import ndimage  # noqa: PLC0415  (takes half a second, and planning a run asks for no distance)

    found: Float32 = ndimage.distance_transform_edt(mask, sampling=step_mm).astype(np.float32)
    return found


def _region(skull: Skull, around: _Around) -> tuple[Mask, Mask]:
    """Where in the box the block may lie, and which part of the box is face rather than side."""
    starts = (around.box[0].start - around.below, around.box[1].start, around.box[2].start)
    stops = (around.box[0].stop + around.above, around.box[1].stop, around.box[2].stop)
    k, j, i = np.ogrid[tuple(slice(start, stop) for start, stop in zip(starts, stops, strict=True))]
    k, j, i = (
        (index - middle) * COARSE_MM / skull.radius_mm
        for index, middle in zip((k, j, i), skull.middle_kji, strict=True)
    )
    forward, aside = _ahead(skull.yaw_deg, j, i)
    region = (np.abs(aside) <= SIDE_PART) & (k <= TOP_PART) & (k * k + j * j + i * i <= skull.reach**2)
    region = region & (forward >= -BACK_PART)
    front = forward >= FRONT_PART + skull.lean * np.minimum(k, 0.0)
    return region, np.broadcast_to(front, region.shape)


def _ahead(yaw_deg: float, j: Steps, i: Steps) -> tuple[Steps, Steps]:
    """How far places lie to the front, and to the right, of a head that is turned by the yaw."""
    yaw = np.radians(yaw_deg)
    return np.cos(yaw) * j - np.sin(yaw) * i, np.cos(yaw) * i + np.sin(yaw) * j


def overhang_mm(body_kji: Mask, head: Head) -> float:
    """How much further nose, mouth and chin reach to the front than the nape does to the back, seen from the skull's middle [mm].

    Some 45 for a straight head, -10 to 85 for one that nods by 20 degrees; a body whose front is taken for its back shows the
    opposite.
    """
    return _overhang_mm(body_kji, find_skull(body_kji, head))


def _overhang_mm(body_kji: Mask, skull: Skull) -> float:
    middle_k, middle_j, middle_i = skull.middle_kji
    radius = skull.radius_mm / COARSE_MM
    low, high = (max(round(middle_k - part * radius), 0) for part in BELOW_PART)
    j, i = np.ogrid[: body_kji.shape[1], : body_kji.shape[2]]
    forward, aside = _ahead(skull.yaw_deg, j - middle_j, i - middle_i)
    midline = np.abs(aside) <= MIDLINE_PART * radius
    along = (forward[midline & plane] for plane in body_kji[low : high + 1])
    found = [float(one.max() + one.min()) for one in along if len(one)]
    return float(np.mean(found)) * COARSE_MM if found else 0.0


def face_surface(body_kji: Mask, head: Head) -> Mask:
    """Foremost voxels of the body on the face, from chin to brow: what must not be left. Independent of `face_block`'s shell."""
    skull = find_skull(body_kji, head)
    around = _Around.of(skull, body_kji)
    _, front = _region(skull, around)
    part = around.cut(body_kji, beyond=False)
    surface = part & (np.cumsum(part[:, ::-1], axis=1)[:, ::-1] == 1)
    k, j, i = np.ogrid[around.box]
    up, ahead, aside = (
        (index - middle) * COARSE_MM / skull.radius_mm
        for index, middle in zip((k, j, i), skull.middle_kji, strict=True)
    )
    is_face = (up <= BROW_UP) & (np.abs(aside) <= FACE_SIDE) & (up * up + ahead * ahead + aside * aside <= CHIN_PART**2)
    return around.put_back(surface & front & around.padded(is_face), body_kji.shape)
