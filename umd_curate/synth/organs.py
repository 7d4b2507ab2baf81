"""The organs of a patient as smooth analytic bodies: centre lines, radii, lobes. Painted in the order given.

Decides form and place of the 13 organs and of what lies in and beside them; ids come from the dataset's definition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umd_curate.synth.build import Build
from umd_curate.synth.shapes import (
    Floats,
    Level,
    Part,
    Points,
    Shape,
    Vec,
    box_of,
    ellipsoid,
    inset,
    merged,
    mirrored,
    outside,
    tube,
    turned,
    within,
)
from umd_curate.synth.tissues import Tissue
from umd_curate.synth.torso import above_diaphragm, below_diaphragm, cavity

KEEP = None  # an inner feature keeps the organ's name


@dataclass(frozen=True, slots=True)
class Layer:
    """A body and what it is made of; later layers lie over earlier ones.

    Parameters
    ----------
    shape
        The body.
    coats
        Pairs of depth below the surface [mm] and tissue, outermost first.
    organ
        Name of the organ that its inside becomes, empty for none, `KEEP` to leave names as they are.
    """

    shape: Shape
    coats: tuple[tuple[float, Tissue], ...]
    organ: str | None = KEEP


def organ_layers(build: Build) -> list[Layer]:
    """Layers of all organs of a patient, from the deepest to the last painted."""
    heart, aorta = _heart(build), _aorta(build)
    return [
        *_bowel(build),
        *_liver(build),
        *_spleen(build),
        *_stomach(build),
        *_colon(build),
        *_kidneys(build),
        *_pancreas(build),
        *_lungs(build, heart, aorta),
        *_heart_layers(build, heart),
        *_esophagus(build),
        *_vessels(build, aorta),
        *_pelvic(build),
        *_brain(build),
    ]


def _moved(points: Sequence[Vec], build: Build, organ: str) -> list[Vec]:
    (dx, dy, dz), _ = build.stray(organ)
    return [(x + dx, y + dy, z + dz) for x, y, z in points]


def _sized(radii: Sequence[float], build: Build, organ: str) -> list[float]:
    _, factor = build.stray(organ)
    return [radius * factor for radius in radii]


def _abdominal(gap_mm: float = 3.0) -> tuple[Level, Level]:
    """Trims of what lies in the abdominal cavity."""
    return inset(cavity().level, gap_mm), below_diaphragm(gap_mm)


def _liver(build: Build) -> list[Layer]:
    right, left = _moved([(74, 2, -603), (-2, 40, -580)], build, "liver")
    lobes = merged(
        [
            ellipsoid(right, _sized((70, 86, 98), build, "liver")),
            ellipsoid(left, _sized((84, 46, 46), build, "liver"), turned(roll_deg=10)),
        ],
        26.0,
    )

    def under_surface(points: Points) -> Floats:
        x, y, z = points
        result: Floats = (-632.0 - 0.62 * x - 0.12 * y - z) * 0.84
        return result

    gallbladder = ellipsoid((46, 52, -652), (13, 17, 27), turned(pitch_deg=-18))
    bile_free = outside(gallbladder.level, 1.0)
    vein = tube([(16, 8, -650), (30, 8, -618), (52, 4, -600), (84, -4, -590)], [7, 7, 5.5, 4])
    hepatic = tube([(20, -14, -545), (46, -6, -560), (84, 10, -580)], [6.5, 5, 3.5])
    body = Shape((lobes,), (*_abdominal(), under_surface, bile_free))
    return [
        Layer(body, ((0, Tissue.LIVER),), "liver"),
        Layer(Shape((*vein, *hepatic), (lobes.level, *_abdominal(), under_surface)), ((0, Tissue.BLOOD),)),
        Layer(Shape((gallbladder,)), ((0, Tissue.BILE),), ""),
    ]


def _spleen(build: Build) -> list[Layer]:
    (centre,) = _moved([(-100, -36, -604)], build, "spleen")
    body = ellipsoid(centre, _sized((31, 52, 58), build, "spleen"), turned(yaw_deg=-18, pitch_deg=18))
    hollow = ellipsoid((-54, -4, -600), (33, 38, 60))
    return [Layer(Shape((body,), (*_abdominal(), outside(hollow.level))), ((0, Tissue.SPLEEN),), "spleen")]


def _stomach(build: Build) -> list[Layer]:
    points = [(-56, -12, -572), (-60, 6, -602), (-54, 32, -642), (-34, 52, -668), (-6, 55, -674), (20, 42, -662)]
    course = tube(_moved(points, build, "stomach"), _sized((27, 29, 25, 20, 16, 11), build, "stomach"))
    whole = Shape((merged(course, 6.0),), _abdominal())
    bubble = ellipsoid((-56, 16, -588), (20, 15, 22))
    inside = Shape((bubble,), (inset(within(course), 5.0), *_abdominal(7.0)))
    return [
        Layer(whole, ((0, Tissue.STOMACH), (5, Tissue.CONTENT)), "stomach"),
        Layer(inside, ((0, Tissue.GAS),)),
    ]


_COLON = (
    (72, 18, -812), (84, 8, -772), (90, -4, -726), (86, 4, -690), (66, 40, -692), (34, 64, -712), (0, 70, -722),
    (-36, 64, -710), (-70, 36, -672), (-92, -4, -648), (-99, -16, -690), (-97, -10, -750), (-90, -2, -802),
    (-66, 16, -846), (-30, 4, -862), (6, 10, -852), (22, -14, -866), (6, -40, -878), (0, -48, -905), (0, -50, -942),
)  # fmt: skip
_COLON_RADII = (25, 24, 22, 20, 19, 18, 18, 18, 17, 16, 15, 15, 15, 14, 13, 13, 14, 16, 17, 15)
_COLON_GAS = ((88, 14, -716, 12), (20, 70, -716, 11), (-40, 64, -707, 11), (-94, 2, -655, 9), (-20, 10, -858, 8), (4, 62, -721, 10))  # fmt: skip


def _colon(build: Build) -> list[Layer]:
    points = _moved(_COLON, build, "colon")
    pieces = 6
    smooth = np.interp(
        np.arange((len(points) - 1) * pieces + 1) / pieces,
        np.arange(len(points)),
        _sized(_COLON_RADII, build, "colon"),
    )
    haustra = smooth * (1.0 + 0.11 * np.sin(np.arange(len(smooth)) * 2.1))
    course = tube(points, haustra.tolist(), pieces)
    (dx, dy, dz), _ = build.stray("colon")
    bubbles = tuple(ellipsoid((x + dx, y + dy, z + dz), (r * 1.5, r, r * 1.5)) for x, y, z, r in _COLON_GAS)
    lo, hi = box_of(bubbles)
    gas = Shape((Part(lo, hi, within(bubbles)),), (inset(_local(course, lo, hi), 4.0), inset(cavity().level, 6.0)))
    return [
        Layer(Shape(course, (inset(cavity().level, 2.0),)), ((0, Tissue.COLON), (3.5, Tissue.STOOL)), "colon"),
        Layer(gas, ((0, Tissue.GAS),)),
    ]


def _local(parts: Sequence[Part], lo: Vec, hi: Vec) -> Level:
    """Level of those parts that touch a box."""
    near = [
        part for part in parts if all(part.lo[n] <= hi[n] and part.hi[n] >= lo[n] for n in range(3))
    ]
    return within(near)


def _kidneys(build: Build) -> list[Layer]:
    layers = []
    for side, name, height in ((-1.0, "kidney_left", -664.0), (1.0, "kidney_right", -686.0)):
        (centre,) = _moved([(side * 62, -47, height)], build, name)
        tilt = turned(yaw_deg=side * 22, roll_deg=side * 10)
        radii = _sized((25, 29, 55), build, name)
        body = ellipsoid(centre, radii, tilt)
        hilum = ellipsoid((centre[0] - side * 28, centre[1] + 10, centre[2]), (17, 15, 17), tilt)
        sinus = ellipsoid((centre[0] - side * 8, centre[1] + 3, centre[2]), (10, 9, 24), tilt)
        layers += [
            Layer(Shape((body,), (outside(hilum.level),)), ((0, Tissue.KIDNEY),), name),
            Layer(Shape((sinus,), (body.level,)), ((0, Tissue.PELVIS),)),
        ]
    return layers


def _pancreas(build: Build) -> list[Layer]:
    points = [(36, 14, -684), (38, 18, -664), (18, 26, -652), (-8, 26, -646), (-34, 8, -636), (-62, -18, -622)]
    course = tube(_moved(points, build, "pancreas"), _sized((13, 16, 11, 11.5, 11, 9), build, "pancreas"))
    lobules = merged(course, 3.0)
    return [Layer(Shape((lobules,)), ((0, Tissue.PANCREAS),), "pancreas")]


def _lungs(build: Build, heart: Part, aorta: tuple[Part, ...]) -> list[Layer]:
    (_, dy, _), factor = build.stray("lung")

    def mediastinum(points: Points) -> Floats:
        x, y, z = points
        width = 25.0 + 9.0 * np.clip((-z - 330.0) * (1 / 160.0), 0.0, 1.0) + 0.12 * np.abs(y - dy)
        result: Floats = width * factor - np.abs(x)
        return result

    trunk = outside(within(aorta), 4.0)
    hila = mirrored((ellipsoid((36, -6, -432), (20, 15, 26)),))
    parts = (Part((-150, -110, -672), (150, 110, -288), inset(cavity().level, 2.0)),)
    trims = (above_diaphragm, mediastinum, outside(heart.level, 5.0), trunk, outside(within(hila), 0.0))
    vessels = []
    for side in (1.0, -1.0):
        for end in ((88, 46, -372), (98, -36, -380), (104, 30, -470), (96, -52, -520), (84, -10, -350), (112, -14, -440)):
            x, y, z = end
            vessels += tube([(side * 34, -6, -430), (side * (34 + x) / 2, y * 0.6, (z - 430) / 2), (side * x, y, z)], [6, 4, 1.5])
    airways = tube([(0, 6, -188), (0, -2, -235), (0, -6, -300), (0, -14, -412)], [9, 8.5, 8, 8.5])
    bronchi = mirrored(tube([(0, -14, -412), (26, -12, -432), (50, -12, -446)], [8, 6.5, 4]))
    return [
        Layer(Shape(parts, trims), ((0, Tissue.LUNG),), "lung"),
        Layer(Shape(tuple(vessels), (within_lung(parts[0], trims),)), ((0, Tissue.BLOOD),)),
        Layer(Shape((*airways, *bronchi)), ((-2, Tissue.SOFT), (0, Tissue.GAS)), ""),
    ]


def within_lung(part: Part, trims: tuple[Level, ...]) -> Level:
    """Trim that keeps what lies in the lung."""
    return lambda points: np.maximum(part.level(points), np.maximum(trims[0](points), trims[1](points)))


def _heart(build: Build) -> Part:
    left, right, base = _moved([(-30, 24, -492), (18, 26, -474), (-4, 10, -446)], build, "heart")
    return merged(
        [
            ellipsoid(left, _sized((42, 46, 58), build, "heart"), turned(yaw_deg=20, roll_deg=34, pitch_deg=-16)),
            ellipsoid(right, _sized((34, 38, 46), build, "heart")),
            ellipsoid(base, _sized((36, 30, 28), build, "heart")),
        ],
        14.0,
    )


def _heart_layers(build: Build, heart: Part) -> list[Layer]:
    tilt = turned(yaw_deg=20, roll_deg=34, pitch_deg=-16)
    ventricle, cavity_lv = _moved([(-36, 24, -496), (-36, 24, -494)], build, "heart")
    wall = Shape((ellipsoid(ventricle, _sized((33, 36, 49), build, "heart"), tilt),), (inset(heart.level, 2.0),))
    pool = Shape((ellipsoid(cavity_lv, _sized((21, 24, 38), build, "heart"), tilt),), (heart.level,))
    cut = (below_heart_floor,)
    return [
        Layer(Shape((heart,), cut), ((0, Tissue.MYOCARDIUM), (3, Tissue.BLOOD)), "heart"),
        Layer(Shape(wall.parts, (*wall.trims, *cut)), ((0, Tissue.MYOCARDIUM),)),
        Layer(pool, ((0, Tissue.BLOOD),)),
    ]


def below_heart_floor(points: Points) -> Floats:
    """Trim that keeps the heart above the diaphragm, with a little room."""
    return above_diaphragm(points) + 1.0


def _esophagus(build: Build) -> list[Layer]:
    points = [(0, -14, -262), (-3, -24, -320), (2, -33, -380), (4, -35, -430), (0, -34, -490), (-14, -26, -538), (-34, -18, -566)]
    course = tube(_moved(points, build, "esophagus"), _sized((9, 9, 9.5, 9.5, 10, 10.5, 10), build, "esophagus"))
    lumen = tube(_moved([points[1], points[2]], build, "esophagus"), [2.5, 2.5])
    return [
        Layer(Shape(course), ((0, Tissue.ESOPHAGUS),), "esophagus"),
        Layer(Shape(lumen), ((0, Tissue.GAS),)),
    ]


def _aorta(build: Build) -> tuple[Part, ...]:
    points = [
        (6, 14, -452), (14, 22, -424), (12, 18, -396), (0, 4, -378), (-13, -14, -378), (-22, -30, -398),
        (-25, -38, -436), (-24, -38, -490), (-17, -32, -545), (-10, -20, -600), (-7, -6, -660), (-4, -5, -738),
    ]  # fmt: skip
    radii = (16, 16, 15.5, 14.5, 14, 13.5, 13, 12.5, 12, 11.5, 10.5, 9.5)
    return tube(_moved(points, build, "aorta"), _sized(radii, build, "aorta"))


def _vessels(build: Build, aorta: tuple[Part, ...]) -> list[Layer]:
    cava = tube([(20, -12, -752), (22, -10, -680), (24, -12, -600), (22, -6, -548), (20, 6, -510)], [11, 11, 11, 12, 12])
    upper = tube([(26, 16, -455), (24, 18, -400), (20, 18, -352)], [10, 10, 9])
    iliac = mirrored(tube([(4, -8, -742), (26, -4, -790), (52, 14, -850), (78, 34, -905), (86, 34, -1000)], [7, 7, 6.5, 6, 5]))
    neck = mirrored(tube([(16, 2, -352), (26, 2, -300), (34, 2, -240), (36, -2, -180)], [6.5, 6, 6, 5]))
    kept = outside(within(aorta), 0.0)
    return [
        Layer(Shape((*cava, *upper, *iliac, *neck), (kept,)), ((0, Tissue.BLOOD),), ""),
        Layer(Shape(aorta), ((0, Tissue.BLOOD),), "aorta"),
    ]


def _pelvic(build: Build) -> list[Layer]:
    (centre,) = _moved([(0, 26, -916)], build, "urinary_bladder")
    bladder = ellipsoid(centre, _sized((42, 34, 31), build, "urinary_bladder"))
    walls = inset(cavity().level, 2.0)
    if build.sex == "M":
        beneath = Shape((ellipsoid((0, 14, -958), (23, 18, 17)),), (outside(bladder.level, 1.0),))
    else:
        beneath = Shape((ellipsoid((0, -10, -884), (27, 26, 30), turned(pitch_deg=-30)),), (outside(bladder.level, 2.0),))
    return [
        Layer(beneath, ((0, Tissue.PROSTATE),), ""),
        Layer(Shape((bladder,), (walls,)), ((0, Tissue.SOFT), (2.5, Tissue.URINE)), "urinary_bladder"),
    ]


def _brain(build: Build) -> list[Layer]:
    cerebrum, cerebellum = _moved([(0, -6, -76), (0, -48, -122)], build, "brain")
    whole = merged(
        [
            ellipsoid(cerebrum, _sized((64, 81, 60), build, "brain")),
            ellipsoid(cerebellum, _sized((47, 33, 24), build, "brain")),
        ],
        8.0,
    )
    stem = tube([(0, -18, -112), (0, -24, -142)], [13, 9])

    def above_base(points: Points) -> Floats:
        _, y, z = points
        result: Floats = (-118.0 + 0.28 * np.minimum(y + 20.0, 0.0) * 1.0 - 0.10 * y - z) * 0.9
        return np.minimum(result, within((ellipsoid(cerebellum, (47, 33, 24)),))(points))

    def folded(points: Points) -> Floats:
        """White matter under a folded cortex."""
        x, y, z = points
        folds = np.sin(x * 0.36 + 1.3 * np.sin(z * 0.13)) * np.sin(y * 0.33 + 1.1 * np.sin(x * 0.11)) + 0.7 * np.sin(z * 0.37 + y * 0.12)
        return whole.level(points) + 11.0 + 4.5 * folds

    def fissure(points: Points) -> Floats:
        x, y, z = points
        return np.maximum(np.abs(x) - 1.6, np.maximum(-84.0 - z + 0.0 * y, whole.level(points)))

    ventricles = mirrored(tube([(9, 34, -70), (11, 4, -62), (16, -30, -68), (24, -14, -92)], [5, 5.5, 5.5, 3.5]))
    nuclei = mirrored((ellipsoid((20, 8, -82), (9, 18, 13)), ellipsoid((13, -12, -80), (9, 14, 10))))
    body = Shape((whole, *stem), (above_base,))
    inner = Part(whole.lo, whole.hi, folded)
    gap = Part(whole.lo, whole.hi, fissure)
    return [
        Layer(body, ((0, Tissue.GREY),), "brain"),
        Layer(Shape((inner,), (above_base,)), ((0, Tissue.WHITE),)),
        Layer(Shape(nuclei), ((0, Tissue.GREY),)),
        Layer(Shape(ventricles), ((0, Tissue.CSF),)),
        Layer(Shape((gap,)), ((0, Tissue.CSF),)),
    ]


def _bowel(build: Build) -> list[Layer]:
    """Loops of small bowel in the middle of the abdomen, each patient's own."""
    (dx, dy, dz), _ = build.stray("bowel")
    loops: list[Part] = []
    for row in range(9):
        (sx, sy, sz), factor = build.stray(f"bowel-{row}")
        z = -722.0 - 16.5 * row + dz
        reach = 66.0 - 3.5 * row
        depth = (30.0, 46.0, 12.0, 50.0, 26.0, 44.0, 8.0, 36.0, 20.0)[row] + dy + sy
        turn = 1.0 if row % 2 else -1.0
        points = [
            (turn * reach + dx + 2 * sx, depth - 16, z + 8 + sz), (turn * reach * 0.55, depth + 8 + sx, z - 5),
            (3 * sy, depth - 6 + 2 * sz, z + 5), (-turn * reach * 0.5 + 3 * sz, depth + 10, z - 7),
            (-turn * reach, depth - 12 + 2 * sy, z + 5),
        ]  # fmt: skip
        loops += tube(points, [radius * factor for radius in (11.5, 12.5, 11.0, 12.5, 11.0)])
    duodenum = tube([(26, 38, -664), (44, 20, -672), (44, 4, -700), (20, 4, -716), (-16, 8, -712)], [12, 12, 12, 11, 11])
    shape = Shape((*loops, *duodenum), (inset(cavity().level, 3.0),))
    return [Layer(shape, ((0, Tissue.BOWEL), (4, Tissue.CONTENT)), "")]
