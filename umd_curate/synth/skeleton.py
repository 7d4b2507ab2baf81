"""Bones of the standard body: spine, ribs, shoulder girdle, pelvis, long bones, skull and face."""

import numpy as np

from umd_curate.synth.layer import Layer
from umd_curate.synth.shapes import (
    Floats,
    Level,
    Part,
    Points,
    Shape,
    ellipsoid,
    mirrored,
    outside,
    tube,
    turned,
    within,
)
from umd_curate.synth.tissues import Tissue
from umd_curate.synth.torso import SPINE_END_MM, SPINE_TOP_MM, cavity, spine

_RIB_PITCH_MM = 25.0
_RIB_SLOPE = 0.5  # ribs fall by half of what they run forward
_BONE = ((0.0, Tissue.CORTEX), (2.6, Tissue.MARROW))
_THIN = ((0.0, Tissue.CORTEX),)


def trunk_bones() -> list[Layer]:
    """Spine, ribs, sternum, shoulder girdle, pelvis."""
    return [*_spine(), *_ribs(), *_girdle(), *_pelvis()]


def _spine() -> list[Layer]:
    course = spine()
    box = ((-48.0, -118.0, SPINE_END_MM), (48.0, 10.0, SPINE_TOP_MM))

    def where(points: Points) -> tuple[Floats, Floats, Floats]:
        """Forward distance from the vertebral centre, radius, place within the vertebra (-0.5 to 0.5)."""
        _x, y, z = points
        phase = course.phase.at(z)
        return y - course.centre_y.at(z), course.radius.at(z), phase - np.rint(phase)

    def bodies(points: Points) -> Floats:
        forward, radius, _ = where(points)
        x, z = points[0], points[2]
        ring = np.sqrt((x * 0.86) ** 2 + forward**2) - radius
        result: Floats = np.maximum(ring, np.maximum(z - SPINE_TOP_MM, SPINE_END_MM - z))
        return result

    def discs(points: Points) -> Floats:
        _, radius, place = where(points)
        result: Floats = np.maximum(bodies(points) + 0.5, (0.40 - np.abs(place)) * 2.2 * radius)
        return result

    def arches(points: Points) -> Floats:
        forward, radius, place = where(points)
        x = points[0]
        behind = -forward - radius
        body = (np.abs(place) - 0.27) * 1.8 * radius
        spinous = np.maximum(np.abs(x) - 3.6, np.abs(behind - 24.0) - 15.0)
        transverse = np.maximum(np.abs(behind - 7.0) - 5.0, np.abs(x) - radius - 19.0)
        ring = np.abs(np.sqrt(x * x + (behind - 8.0) ** 2) - 11.0) - 3.2
        found = np.maximum(np.minimum(np.minimum(spinous, transverse), ring), body)
        found = np.maximum(found, SPINE_END_MM - points[2])
        result: Floats = np.maximum(found, -(np.sqrt(x * x + (behind - 8.0) ** 2) - 8.2))
        return result

    def canal(points: Points) -> Floats:
        forward, radius, _ = where(points)
        behind = -forward - radius
        return np.sqrt(points[0] ** 2 + (behind - 8.0) ** 2) - 7.6

    return [
        Layer(Shape((Part(*box, bodies),)), ((0.0, Tissue.CORTEX), (2.0, Tissue.MARROW)), ""),
        Layer(Shape((Part(*box, discs),)), ((0.0, Tissue.DISC),), ""),
        Layer(Shape((Part(*box, arches),)), _BONE, ""),
        Layer(Shape((Part(*box, canal),)), ((0.0, Tissue.CSF), (2.6, Tissue.CORD)), ""),
    ]


def _ribs() -> list[Layer]:
    wall = cavity().level

    def ribs(points: Points) -> Floats:
        x, y, z = points
        along = z + _RIB_SLOPE * y + 0.06 * np.abs(x)
        place = along * (1.0 / _RIB_PITCH_MM)
        place = (place - np.rint(place)) * _RIB_PITCH_MM
        limit = np.where(along > -520.0, 76.0, 76.0 + (along + 520.0) * 0.95)
        found = np.maximum(np.abs(wall(points) - 6.5) - 4.6, np.abs(place) - 5.6)
        found = np.maximum(found, np.maximum(along + 334.0, -648.0 - along))
        result: Floats = np.maximum(found, np.maximum(y - limit, 14.0 - np.abs(x)))
        return result

    def cartilage(points: Points) -> Floats:
        x, y, z = points
        along = z + _RIB_SLOPE * y + 0.06 * np.abs(x)
        place = along * (1.0 / _RIB_PITCH_MM)
        place = (place - np.rint(place)) * _RIB_PITCH_MM
        found = np.maximum(np.abs(wall(points) - 6.5) - 4.6, np.abs(place) - 5.6)
        found = np.maximum(found, np.maximum(along + 334.0, -530.0 - along))
        result: Floats = np.maximum(found, 74.0 - y)
        return result

    box = ((-165.0, -125.0, -640.0), (165.0, 125.0, -300.0))
    sternum = ellipsoid((0, 96, -432), (19, 7, 92), turned(pitch_deg=6))
    return [
        Layer(Shape((Part(*box, cartilage),)), ((0.0, Tissue.DISC),), ""),
        Layer(Shape((Part(*box, ribs),)), ((0.0, Tissue.CORTEX), (2.4, Tissue.MARROW)), ""),
        Layer(Shape((sternum,)), _BONE, ""),
    ]


def _girdle() -> list[Layer]:
    clavicle = tube([(16, 58, -340), (60, 52, -334), (104, 26, -326), (146, -4, -322)], [8, 6.5, 6.5, 8])
    blade = ellipsoid((96, -82, -402), (37, 5.5, 70), turned(yaw_deg=26, pitch_deg=4, roll_deg=-12))
    ridge = tube([(74, -86, -372), (112, -68, -350), (150, -30, -322)], [6, 7, 8])
    glenoid = ellipsoid((138, -34, -344), (10, 15, 18))
    return [Layer(Shape(mirrored((*clavicle, blade, *ridge, glenoid))), _BONE, "")]


def _pelvis() -> list[Layer]:
    bowl = ellipsoid((0, 6, -812), (140, 92, 106))

    def wings(points: Points) -> Floats:
        x, y, z = points
        shell = np.abs(bowl.level(points)) - 5.5
        crest = z + 752.0 + 0.0022 * (y + 2.0) ** 2
        cut = np.maximum(crest, np.maximum(-886.0 - z, np.maximum(y - 62.0 - (z + 760) * 0.25, 58.0 - np.abs(x))))
        result: Floats = np.maximum(shell, cut)
        return result

    sacrum = ellipsoid((0, -62, -838), (50, 19, 62), turned(pitch_deg=20))
    joints = mirrored((ellipsoid((62, -58, -812), (18, 18, 38)),))
    cup = mirrored((ellipsoid((90, -4, -892), (33, 33, 34)),))
    pubic = tube([(72, 22, -904), (38, 50, -922), (9, 56, -936)], [12, 10, 13])
    ischium = tube([(80, -20, -905), (62, -34, -950), (44, -14, -972), (18, 36, -956)], [15, 15, 11, 8.5])
    coccyx = tube([(0, -76, -890), (0, -70, -925)], [9, 5])
    hips = outside(within(mirrored((ellipsoid((96, -4, -896), (26.5, 26.5, 26.5)),))), 0.0)
    return [
        Layer(Shape((Part((-150, -100, -890), (150, 80, -740), wings), *joints)), _BONE, ""),
        Layer(Shape((*cup, *mirrored(pubic), *mirrored(ischium)), (hips,)), _BONE, ""),
        Layer(Shape((sacrum, *coccyx)), _BONE, ""),
    ]


def femora() -> list[Layer]:
    """Upper halves of both thigh bones."""
    head = ellipsoid((96, -4, -896), (24, 24, 24))
    neck = tube([(96, -4, -896), (116, -8, -918), (128, -12, -936)], [17, 15, 20])
    shaft = tube([(127, -12, -938), (120, -6, -985), (106, 0, -1140)], [18, 15, 14])
    return [Layer(Shape(mirrored((head, *neck, *shaft))), ((0.0, Tissue.CORTEX), (5.0, Tissue.MARROW)), "")]


def skull(brain: Level) -> list[Layer]:
    """Cranium, orbits, jaws, teeth; the room inside is left to the brain."""
    outer = ellipsoid((0, -7, -80), (72, 90, 75))
    base = ellipsoid((0, -30, -118), (60, 60, 30))
    inner = ellipsoid((0, -7, -78), (66, 84, 66))
    lower = ellipsoid((0, -48, -121), (51, 37, 28))

    def vault(points: Points) -> Floats:
        z = points[2]
        shell = np.minimum(outer.level(points), base.level(points))
        room = np.minimum(inner.level(points), lower.level(points))
        room = np.minimum(room, brain(points) - 3.0)
        result: Floats = np.maximum(np.maximum(shell, -room), -150.0 - z)
        return result

    floor = ellipsoid((0, 26, -128), (50, 50, 9), turned(pitch_deg=8))
    brow = mirrored((ellipsoid((34, 78, -102), (24, 9, 8)),))
    cheek = mirrored(tube([(62, 16, -134), (58, 52, -140), (42, 72, -142), (24, 76, -152)], [5, 6.5, 7, 6]))
    maxilla = ellipsoid((0, 66, -172), (30, 22, 15))
    nasal = ellipsoid((0, 86, -128), (7, 9, 14))
    jaw = mirrored(
        tube([(54, 10, -142), (56, 8, -176), (50, 18, -200), (32, 62, -216), (0, 80, -218)], [6, 8, 9, 10, 11])
    )
    teeth = Shape(mirrored(tube([(0, 78, -192), (18, 72, -192), (30, 52, -190)], [6, 6, 6])))
    orbit = mirrored((ellipsoid((32, 66, -122), (18, 22, 17)),))
    clear = outside(within(orbit), 0.0)
    return [
        Layer(Shape((Part((-80, -102, -152), (80, 90, 2), vault),)), ((0.0, Tissue.CORTEX),), ""),
        Layer(Shape((floor, *brow, *cheek, maxilla, nasal), (clear,)), _BONE, ""),
        Layer(Shape(jaw), _BONE, ""),
        Layer(teeth, _THIN, ""),
    ]
