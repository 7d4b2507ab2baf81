"""Trial heads in CT, MR and PET: the face goes, the brain stays, whatever the pose, field of view, grid and noise."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from umd_curate.deid.deface import Cut, cut_of
from umd_curate.deid.engine import Examined, examine, faces_of, is_turned, surface_cut
from umd_curate.model.geometry import Volume, apply_affine
from umd_curate.model.receipts import What
from umd_curate.synth.anatomy import Posture
from umd_curate.synth.heads import HeadSpec, HeadTruth, trial_head
from umd_curate.synth.motion import Rigid
from umd_curate.synth.nod import Nod

SPACINGS = {"ct": (2.7, 2.7, 4.0), "mr": (3.0, 3.0, 4.0), "pet": (5.4, 5.4, 4.0)}
FACE_CHANGED = 0.99  # of the front face surface, in each image
PLAIN = HeadSpec(spacings_mm=SPACINGS)
TRIALS = {
    "straight, arms up": replace(PLAIN, seed=2, sex="F", posture=Posture.ARMS_UP),
    "chin on the chest": replace(PLAIN, nod=Nod(pitch_deg=-20)),
    "chin up": replace(PLAIN, nod=Nod(pitch_deg=20)),
    "turned": replace(PLAIN, nod=Nod(yaw_deg=20)),
    "leaning": replace(PLAIN, nod=Nod(roll_deg=20)),
    "turned and leaning, arms up": replace(PLAIN, nod=Nod(-20, 10, 9), posture=Posture.ARMS_UP),
    "crown out of view": replace(PLAIN, top_mm=-60),
    "view ends at the nose": replace(PLAIN, top_mm=-140),
    "chin out of view": replace(PLAIN, bottom_mm=-190),
    "holder and mask": replace(PLAIN, has_holder=True, ct_noise_hu=80, shading=3),
    "oblique, left and back": replace(PLAIN, signs=(-1, -1, 1), oblique_deg=(9, 7, -5)),
    "crown out of an oblique view": replace(PLAIN, top_mm=-60, signs=(-1, -1, 1), oblique_deg=(9, 7, -5)),
    "oblique view ends at the nose": replace(PLAIN, top_mm=-140, signs=(-1, -1, 1), oblique_deg=(9, 7, -5)),
    "crown out of an oblique view, MR alone": replace(
        PLAIN, top_mm=-60, oblique_deg=(9, 7, -5), spacings_mm={"mr": SPACINGS["mr"]}
    ),
    "shading that moves an MR's skin into the head, beside a CT": HeadSpec(
        seed=473,
        posture=Posture.ARMS_UP,
        nod=Nod(yaw_deg=17.945977885489754, pitch_deg=-7.526741919580582, roll_deg=-1.8401652246618343),
        bottom_mm=-453,
        spacings_mm=dict.fromkeys(("ct", "mr"), (5.4554173266933415, 5.4554173266933415, 2.932478838158901)),
        signs=(1, -1, -1),
        oblique_deg=(0.9918737534611903, -9.448817735138633, 5.070262173496133),
        ct_noise_hu=48.43289818973504,
        shading=2.5978390298994554,
        has_holder=True,
    ),
    "shading that takes an MR's sides, no CT": HeadSpec(
        seed=666,
        sex="F",
        posture=Posture.ARMS_UP,
        nod=Nod(yaw_deg=-17.10254853329829, pitch_deg=1.4352801722675679, roll_deg=-3.223465994097946),
        bottom_mm=-446,
        spacings_mm=dict.fromkeys(("mr", "pet"), (4.147665529666325, 4.147665529666325, 3.801698347849004)),
        signs=(-1, -1, -1),
        oblique_deg=(-1.3270863267522834, -8.602891528507621, -8.185739733122698),
        shading=2.740278187008057,
    ),
    "chin on the chest, turned, coarse": HeadSpec(
        seed=873,
        sex="F",
        posture=Posture.ARMS_UP,
        nod=Nod(yaw_deg=9.684686112396502, pitch_deg=-19.029616810756128, roll_deg=10.856097104539892),
        bottom_mm=-493,
        spacings_mm=dict.fromkeys(SPACINGS, (5.055379000254856, 5.055379000254856, 3.5071956352925024)),
        signs=(1, -1, -1),
        oblique_deg=(-3.7090233911380395, -7.424803647249638, -8.68591586880149),
        ct_noise_hu=51.28995108493024,
        shading=2.4605463311236684,
        has_holder=True,
    ),
    "coarse, in air without noise": HeadSpec(
        seed=13,
        posture=Posture.ARMS_UP,
        nod=Nod(yaw_deg=1.0112466136764233, roll_deg=6.751929155412732),
        bottom_mm=-433,
        spacings_mm=dict.fromkeys(SPACINGS, (5.319120347447237, 5.319120347447237, 4.5)),
        signs=(-1, -1, -1),
        oblique_deg=(-3.3151878745490206, -2.7322879874542307, 9.788389777822808),
        ct_noise_hu=1.0,
        shading=0.01,
        has_holder=True,
    ),
    "moved before the PET": replace(PLAIN, pet_drift=Rigid((0.5, 1.0, 0.0), (4.0, -3.0, 4.0))),
}


def looked_at(heads: dict[str, HeadTruth]) -> dict[What, Examined]:
    return {What(role): examine(head.volume, What(role)) for role, head in heads.items()}


def defaced(head: HeadTruth, cut: Cut) -> np.ndarray:
    after = head.volume.array_kji.copy()
    for k, plane in enumerate(after):
        cut.apply(k, plane)
    return after


def part_of(mask_kji: np.ndarray, head: HeadTruth, points_ras_mm: np.ndarray) -> float:
    """Part of some points whose voxels lie in a mask."""
    i, j, k = np.rint(apply_affine(np.linalg.inv(head.volume.affine), points_ras_mm)).astype(int).T
    return float(mask_kji[k, j, i].mean())


def check(spec: HeadSpec) -> None:
    heads = trial_head(spec)
    seen = looked_at(heads)
    faces = faces_of(seen)
    for role, head in heads.items():
        cut = cut_of(faces, head.volume.grid, role)
        after = defaced(head, cut)
        changed = after != head.volume.array_kji
        face, brain = part_of(changed, head, head.face_ras_mm), int((changed & head.brain_kji).sum())
        told = f"{role}: face {face:.2%}, brain {brain}, of the head {spec!r}"
        assert face >= FACE_CHANGED, told
        assert not brain, told
        outside = np.ones(changed.shape, bool)
        outside[cut.box] = ~cut.mask_kji
        assert not changed[outside].any(), told
        assert (after[~outside] == cut.fill).all(), told
        part = surface_cut(seen[What(role)], faces)
        assert part is None or part > 0.9, told
        assert not is_turned(seen[What(role)], head.volume, What(role)), told


ALWAYS = ("turned and leaning, arms up", "view ends at the nose", "moved before the PET")


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow) for name in TRIALS]
)
def test_face_goes_and_brain_stays(name):
    check(TRIALS[name])


angles = st.floats(-20, 20)


def specs(finest_mm: float, longest_mm: int) -> st.SearchStrategy[HeadSpec]:
    """Heads in any pose, grid, noise and shading, with up to so much of a body below the shoulders."""
    voxels = st.floats(finest_mm, 5.5)
    return st.builds(
        lambda seed, in_plane_mm, step_mm, **more: HeadSpec(
            seed=seed,
            spacings_mm=dict.fromkeys(SPACINGS, (in_plane_mm, in_plane_mm, step_mm)),
            has_holder=bool(seed % 2),
            bottom_mm=-420 - seed % longest_mm,
            **more,
        ),
        seed=st.integers(0, 1000),
        in_plane_mm=voxels,
        step_mm=voxels,
        sex=st.sampled_from("FM"),
        nod=st.builds(Nod, angles, angles, st.floats(-12, 12)),
        posture=st.sampled_from(Posture),
        signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
        oblique_deg=st.tuples(*[st.floats(-10, 10)] * 3),
        ct_noise_hu=st.floats(0, 90),
        shading=st.floats(0, 3),
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(
    max_examples=5, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
)
@given(spec=specs(3.5, 40))
def test_face_goes_and_brain_stays_in_any_pose_grid_and_noise(spec):
    check(spec)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate))
@given(spec=specs(1.5, 200))
def test_face_goes_and_brain_stays_on_fine_grids_and_longer_bodies(spec):
    check(spec)


def turned(volume: Volume, rows: tuple[int, int, int], signs: tuple[int, int, int]) -> Volume:
    """The image with a header that takes its axes for others."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[list(rows)] * np.array(signs)[:, None]
    return Volume(volume.array_kji, matrix @ volume.affine)


@pytest.mark.parametrize(
    ("role", "rows", "signs"),
    [
        ("mr", (0, 2, 1), (1, 1, 1)),
        ("pet", (2, 1, 0), (1, -1, 1)),
        ("ct", (0, 1, 2), (1, 1, -1)),
        ("pet", (0, 1, 2), (-1, -1, 1)),
    ],
)
def test_header_that_turns_the_body_is_noticed(role, rows, signs):
    head = trial_head(replace(PLAIN, bottom_mm=-600, spacings_mm={role: SPACINGS[role]}))[role]
    image = turned(head.volume, rows, signs)
    assert is_turned(examine(image, What(role)), image, What(role))


@pytest.mark.parametrize("role", ["mr", "pet"])
def test_head_and_neck_alone_under_a_header_that_turns_them_are_noticed(role):
    head = trial_head(replace(PLAIN, bottom_mm=-300, spacings_mm={role: SPACINGS[role]}))[role]
    image = turned(head.volume, (0, 2, 1), (1, 1, 1))
    assert is_turned(examine(image, What(role)), image, What(role))


def test_a_lone_head_in_ct_whose_header_puts_the_neck_elsewhere_is_noticed_and_a_good_one_is_not():
    head = trial_head(replace(PLAIN, bottom_mm=-215, spacings_mm={"ct": (5.0, 5.0, 6.0)}))["ct"]
    assert not is_turned(examine(head.volume, What.CT), head.volume, What.CT)
    for rows, signs in (
        ((0, 1, 2), (1, -1, -1)),
        ((0, 1, 2), (1, 1, -1)),
        ((0, 2, 1), (1, 1, 1)),
        ((2, 1, 0), (1, 1, 1)),
    ):
        image = turned(head.volume, rows, signs)
        assert is_turned(examine(image, What.CT), image, What.CT)


@pytest.mark.parametrize("radii_mm", [(80.0, 80.0), (75.0, 95.0)])
def test_a_piece_of_a_limb_that_the_view_cuts_on_both_ends_is_no_turned_head(radii_mm):
    shape, step = (52, 84, 84), 3.0
    _, j, i = np.indices(shape)
    limb = ((i - 42) * step / radii_mm[0]) ** 2 + ((j - 42) * step / radii_mm[1]) ** 2 < 1
    values = np.where(limb, 400, 0) + np.random.default_rng(0).normal(0, 8, shape)
    affine = np.diag([step, step, step, 1.0])
    for axes in ((0, 1, 2), (1, 0, 2), (1, 2, 0)):
        image = Volume(np.ascontiguousarray(values.transpose(axes)).astype(np.float32), affine)
        assert not is_turned(examine(image, What.MR), image, What.MR)


def test_ears_go_with_the_face():
    heads = trial_head(replace(PLAIN, spacings_mm={"ct": SPACINGS["ct"]}))
    head = heads["ct"]
    changed = defaced(head, cut_of(faces_of(looked_at(heads)), head.volume.grid, "ct")) != head.volume.array_kji
    assert part_of(changed, head, head.ears_ras_mm) > 0.95


def test_a_head_is_made_again_from_what_a_failing_trial_prints():
    for spec in TRIALS.values():
        assert eval(repr(spec)) == spec  # noqa: S307  (our own text)
