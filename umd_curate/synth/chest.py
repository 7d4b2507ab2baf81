"""Organs of the chest and the great vessels: lungs, heart, oesophagus, aorta.

Decides how the lungs are cut by diaphragm, mediastinum and heart.
"""

import numpy as np

from umd_curate.synth.build import Build
from umd_curate.synth.layer import Layer, moved, sized
from umd_curate.synth.shapes import (
    Floats,
    Level,
    Part,
    Points,
    Shape,
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
from umd_curate.synth.torso import above_diaphragm, cavity


def thoracic_layers(build: Build) -> list[Layer]:
    """Layers of the thoracic organs of a patient, from the deepest to the last painted."""
    heart, aorta = _heart(build), _aorta(build)
    return [
        *_lungs(build, heart, aorta),
        *_heart_layers(build, heart),
        *_esophagus(build),
        *_vessels(aorta),
    ]


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
    vessels: list[Part] = []
    for side in (1.0, -1.0):
        for end in (
            (88, 46, -372),
            (98, -36, -380),
            (104, 30, -470),
            (96, -52, -520),
            (84, -10, -350),
            (112, -14, -440),
        ):
            x, y, z = end
            vessels += tube(
                [(side * 34, -6, -430), (side * (34 + x) / 2, y * 0.6, (z - 430) / 2), (side * x, y, z)], [6, 4, 1.5]
            )
    airways = tube([(0, 6, -188), (0, -2, -235), (0, -6, -300), (0, -14, -412)], [9, 8.5, 8, 8.5])
    bronchi = mirrored(tube([(0, -14, -412), (26, -12, -432), (50, -12, -446)], [8, 6.5, 4]))
    return [
        Layer(Shape(parts, trims), ((0, Tissue.LUNG),), "lung"),
        Layer(Shape(tuple(vessels), (_within_lung(parts[0], trims),)), ((0, Tissue.BLOOD),)),
        Layer(Shape((*airways, *bronchi)), ((-2, Tissue.SOFT), (0, Tissue.GAS)), ""),
    ]


def _within_lung(part: Part, trims: tuple[Level, ...]) -> Level:
    """Trim that keeps what lies in the lung."""
    return lambda points: np.maximum(part.level(points), np.maximum(trims[0](points), trims[1](points)))


def _heart(build: Build) -> Part:
    left, right, base = moved([(-30, 24, -492), (18, 26, -474), (-4, 10, -446)], build, "heart")
    return merged(
        [
            ellipsoid(left, sized((42, 46, 58), build, "heart"), turned(yaw_deg=20, roll_deg=34, pitch_deg=-16)),
            ellipsoid(right, sized((34, 38, 46), build, "heart")),
            ellipsoid(base, sized((36, 30, 28), build, "heart")),
        ],
        14.0,
    )


def _heart_layers(build: Build, heart: Part) -> list[Layer]:
    tilt = turned(yaw_deg=20, roll_deg=34, pitch_deg=-16)
    ventricle, cavity_lv = moved([(-36, 24, -496), (-36, 24, -494)], build, "heart")
    wall = Shape((ellipsoid(ventricle, sized((33, 36, 49), build, "heart"), tilt),), (inset(heart.level, 2.0),))
    pool = Shape((ellipsoid(cavity_lv, sized((21, 24, 38), build, "heart"), tilt),), (heart.level,))
    cut = (_above_floor,)
    return [
        Layer(Shape((heart,), cut), ((0, Tissue.MYOCARDIUM), (3, Tissue.BLOOD)), "heart"),
        Layer(Shape(wall.parts, (*wall.trims, *cut)), ((0, Tissue.MYOCARDIUM),)),
        Layer(pool, ((0, Tissue.BLOOD),)),
    ]


def _above_floor(points: Points) -> Floats:
    """Trim that keeps the heart above the diaphragm, with a little room."""
    return above_diaphragm(points) + 1.0


def _esophagus(build: Build) -> list[Layer]:
    points = [
        (0, -14, -262),
        (-3, -24, -320),
        (2, -33, -380),
        (4, -35, -430),
        (0, -34, -490),
        (-14, -26, -538),
        (-34, -18, -566),
    ]
    course = tube(moved(points, build, "esophagus"), sized((9, 9, 9.5, 9.5, 10, 10.5, 10), build, "esophagus"))
    lumen = tube(moved([points[1], points[2]], build, "esophagus"), [2.5, 2.5])
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
    return tube(moved(points, build, "aorta"), sized(radii, build, "aorta"))


def _vessels(aorta: tuple[Part, ...]) -> list[Layer]:
    cava = tube(
        [(20, -12, -752), (22, -10, -680), (24, -12, -600), (22, -6, -548), (20, 6, -510)], [11, 11, 11, 12, 12]
    )
    upper = tube([(26, 16, -455), (24, 18, -400), (20, 18, -352)], [10, 10, 9])
    iliac = mirrored(
        tube([(4, -8, -742), (26, -4, -790), (52, 14, -850), (78, 34, -905), (86, 34, -1000)], [7, 7, 6.5, 6, 5])
    )
    neck = mirrored(tube([(16, 2, -352), (26, 2, -300), (34, 2, -240), (36, -2, -180)], [6.5, 6, 6, 5]))
    kept = outside(within(aorta), 0.0)
    return [
        Layer(Shape((*cava, *upper, *iliac, *neck), (kept,)), ((0, Tissue.BLOOD),), ""),
        Layer(Shape(aorta), ((0, Tissue.BLOOD),), "aorta"),
    ]
