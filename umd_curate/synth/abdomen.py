"""Abdominal and pelvic organs as smooth analytic bodies: lobes, beans and tubes below the diaphragm.

Decides the form of liver, spleen, stomach, colon, kidneys, pancreas and bladder, and of what lies in and beside them.
"""

from collections.abc import Sequence

import numpy as np

from umd_curate.synth.build import Build
from umd_curate.synth.layer import Layer, moved, sized
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
    outside,
    tube,
    turned,
    within,
)
from umd_curate.synth.tissues import Tissue
from umd_curate.synth.torso import below_diaphragm, cavity


def abdominal_layers(build: Build) -> list[Layer]:
    """Layers of the abdominal organs of a patient, from the deepest to the last painted."""
    return [
        *_bowel(build),
        *_liver(build),
        *_spleen(build),
        *_stomach(build),
        *_colon(build),
        *_kidneys(build),
        *_pancreas(build),
    ]


def _abdominal(gap_mm: float = 3.0) -> tuple[Level, Level]:
    """Trims of what lies in the abdominal cavity."""
    return inset(cavity().level, gap_mm), below_diaphragm(gap_mm)


def _liver(build: Build) -> list[Layer]:
    right, left = moved([(74, 2, -603), (-2, 40, -580)], build, "liver")
    lobes = merged(
        [
            ellipsoid(right, sized((70, 86, 98), build, "liver")),
            ellipsoid(left, sized((84, 46, 46), build, "liver"), turned(roll_deg=10)),
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
    (centre,) = moved([(-100, -36, -604)], build, "spleen")
    body = ellipsoid(centre, sized((31, 52, 58), build, "spleen"), turned(yaw_deg=-18, pitch_deg=18))
    hollow = ellipsoid((-54, -4, -600), (33, 38, 60))
    return [Layer(Shape((body,), (*_abdominal(), outside(hollow.level))), ((0, Tissue.SPLEEN),), "spleen")]


def _stomach(build: Build) -> list[Layer]:
    points = [(-56, -12, -572), (-60, 6, -602), (-54, 32, -642), (-34, 52, -668), (-6, 55, -674), (20, 42, -662)]
    course = tube(moved(points, build, "stomach"), sized((27, 29, 25, 20, 16, 11), build, "stomach"))
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
    points = moved(_COLON, build, "colon")
    pieces = 6
    smooth = np.interp(
        np.arange((len(points) - 1) * pieces + 1) / pieces,
        np.arange(len(points)),
        sized(_COLON_RADII, build, "colon"),
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
    near = [part for part in parts if all(part.lo[n] <= hi[n] and part.hi[n] >= lo[n] for n in range(3))]
    return within(near)


def _kidneys(build: Build) -> list[Layer]:
    layers = []
    for side, name, height in ((-1.0, "kidney_left", -664.0), (1.0, "kidney_right", -686.0)):
        (centre,) = moved([(side * 62, -47, height)], build, name)
        tilt = turned(yaw_deg=side * 22, roll_deg=side * 10)
        radii = sized((25, 29, 55), build, name)
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
    course = tube(moved(points, build, "pancreas"), sized((13, 16, 11, 11.5, 11, 9), build, "pancreas"))
    lobules = merged(course, 3.0)
    return [Layer(Shape((lobules,)), ((0, Tissue.PANCREAS),), "pancreas")]


def pelvic_layers(build: Build) -> list[Layer]:
    """Bladder, and the prostate or the uterus beside it."""
    (centre,) = moved([(0, 26, -916)], build, "urinary_bladder")
    bladder = ellipsoid(centre, sized((42, 34, 31), build, "urinary_bladder"))
    walls = inset(cavity().level, 2.0)
    if build.sex == "M":
        beneath = Shape((ellipsoid((0, 14, -958), (23, 18, 17)),), (outside(bladder.level, 1.0),))
    else:
        beneath = Shape(
            (ellipsoid((0, -10, -884), (27, 26, 30), turned(pitch_deg=-30)),), (outside(bladder.level, 2.0),)
        )
    return [
        Layer(beneath, ((0, Tissue.PROSTATE),), ""),
        Layer(Shape((bladder,), (walls,)), ((0, Tissue.SOFT), (2.5, Tissue.URINE)), "urinary_bladder"),
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
    duodenum = tube(
        [(26, 38, -664), (44, 20, -672), (44, 4, -700), (20, 4, -716), (-16, 8, -712)], [12, 12, 12, 11, 11]
    )
    shape = Shape((*loops, *duodenum), (inset(cavity().level, 3.0),))
    return [Layer(shape, ((0, Tissue.BOWEL), (4, Tissue.CONTENT)), "")]
