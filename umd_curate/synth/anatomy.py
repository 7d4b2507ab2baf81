"""The standard body of a patient, assembled: skin to skeleton in painting order, and its landmarks.

The standard body is an adult of 1.75 m, RAS+ mm: x to the patient's right, y to the front, z up, z = 0 at the vertex.
`motion` carries it to each patient and session. Arms are part of the posture: up for PET/CT, down for PET/MR.
"""

from enum import StrEnum

from umd_curate.synth.abdomen import abdominal_layers, pelvic_layers
from umd_curate.synth.brain import brain_layers
from umd_curate.synth.build import Build
from umd_curate.synth.chest import thoracic_layers
from umd_curate.synth.layer import Layer
from umd_curate.synth.shapes import Part, Shape, Vec, ellipsoid, merged, mirrored, tube, turned, within
from umd_curate.synth.skeleton import femora, skull, trunk_bones
from umd_curate.synth.tissues import Tissue
from umd_curate.synth.torso import Column, cavity, column, hull_part, skin


class Posture(StrEnum):
    """Where the arms are."""

    ARMS_UP = "arms-up"
    ARMS_DOWN = "arms-down"

    def __repr__(self) -> str:  # as code, so that a trial head is made again from what a failing test prints
        return f"Posture.{self.name}"


# z, part of the patient's waist fat that lies under the skin there
_FAT_ALONG_Z = ((0, 0.2), (-200, 0.22), (-280, 0.4), (-340, 0.45), (-440, 0.6), (-560, 0.8), (-700, 1.0),
                (-820, 1.1), (-920, 1.15), (-1020, 0.8), (-1150, 0.65))  # fmt: skip
_SKIN_MM = 2.0


def layers_of(build: Build, posture: Posture) -> list[Layer]:
    """All layers of a patient in painting order: bones before organs, so that no bone eats an organ."""
    brain = brain_layers(build)
    return [
        *_envelope(build, posture),
        *_interior(),
        *skull(within(brain[0].shape.parts)),
        *_face_spaces(),
        *trunk_bones(),
        *abdominal_layers(build),
        *thoracic_layers(build),
        *pelvic_layers(build),
        *femora(),
        *_arm_bones(posture),
        *brain,
        *_lesions(build),
    ]


def _envelope(build: Build, posture: Posture) -> list[Layer]:
    """Skin, fat and muscle of the whole body."""
    female = build.sex == "F"
    trunk = hull_part(skin(hips=1.05 if female else 1.0, shoulders=0.94 if female else 1.0).level, 205, 140, -258, -964)
    parts = [trunk, head(), *_neck(), *_legs(female=female), *_arms(posture)]
    if female:
        parts += mirrored((ellipsoid((76, 98, -452), (52, 36, 48)),))
    fat = column(_FAT_ALONG_Z, 1, build.fat_mm)
    return [
        Layer(Shape(tuple(parts)), ((0.0, Tissue.SKIN), (_SKIN_MM, Tissue.FAT)), ""),
        Layer(Shape(tuple(_thinner(part, fat) for part in parts)), ((0.0, Tissue.MUSCLE),), ""),
    ]


def _thinner(part: Part, fat: Column) -> Part:
    level = part.level
    return Part(part.lo, part.hi, lambda points: level(points) + fat.at(points[2]) + _SKIN_MM)


def head() -> Part:
    """Skin of the straight head: skull, jaw, nose, lips, chin and ears."""
    ears = mirrored((ellipsoid((77, -8, -132), (7, 17, 29), turned(pitch_deg=14)),))
    return merged(
        [
            ellipsoid((0, -6, -86), (79, 98, 88)),
            ellipsoid((0, 26, -156), (61, 73, 74)),
            ellipsoid((0, 56, -208), (37, 40, 27)),
            ellipsoid((0, 100, -146), (13, 13, 20)),
            ellipsoid((0, 106, -158), (16, 15, 9)),
            ellipsoid((0, 90, -188), (24, 12, 13)),
            *ears,
        ],
        7.0,
    )


def _neck() -> tuple[Part, ...]:
    return tube([(0, -18, -160), (0, -16, -220), (0, -14, -290), (0, -14, -330)], [54, 54, 58, 66])


def _legs(*, female: bool) -> tuple[Part, ...]:
    wide = 4.0 if female else 0.0
    return mirrored(tube([(94, -8, -920), (92, -6, -1000), (90, -4, -1160)], [86 + wide, 83 + wide, 70 + wide]))


_UP = ((152, -14, -338), (176, -8, -230), (186, 6, -80), (170, 26, 40), (110, 40, 110))
_DOWN = ((166, -16, -345), (192, -26, -440), (206, -30, -600), (212, -18, -700), (206, 20, -860), (200, 34, -940))


def _arms(posture: Posture) -> tuple[Part, ...]:
    if posture is Posture.ARMS_UP:
        return mirrored(tube(_UP, [56, 47, 42, 38, 32]))
    hand = ellipsoid((198, 38, -970), (14, 32, 52))
    return mirrored((*tube(_DOWN, [54, 46, 40, 40, 29, 25]), hand))


def _arm_bones(posture: Posture) -> list[Layer]:
    head = ellipsoid((158, -22, -338), (22, 22, 22))
    if posture is Posture.ARMS_UP:
        bones = (head, *tube(_UP[:3], [15, 11.5, 12]), *tube(_UP[2:], [13, 10, 9]))
    else:
        bones = (head, *tube(_DOWN[:3], [15, 11.5, 12]), *tube(_DOWN[2:], [12, 10, 9, 9]))
    return [Layer(Shape(mirrored(bones)), ((0.0, Tissue.CORTEX), (4.0, Tissue.MARROW)), "")]


def _interior() -> list[Layer]:
    """Fat of mediastinum and abdomen, muscles along the spine, heart sac."""
    room = Part((-150, -112, -974), (150, 112, -292), cavity().level)
    psoas = mirrored(tube([(30, -38, -640), (42, -34, -720), (56, -8, -800), (74, 14, -890)], [11, 20, 22, 14]))
    gluteal = mirrored((ellipsoid((88, -62, -905), (52, 36, 62)),))
    thymus = ellipsoid((0, 58, -392), (22, 16, 48))
    thyroid = mirrored((ellipsoid((16, 16, -268), (9, 9, 20)),))
    glands = mirrored((ellipsoid((56, 14, -176), (11, 18, 22)), ellipsoid((28, 34, -208), (10, 15, 9))))
    return [
        Layer(Shape(gluteal), ((0.0, Tissue.MUSCLE),), ""),
        Layer(Shape((room,)), ((0.0, Tissue.MUSCLE), (2.0, Tissue.FAT)), ""),
        Layer(Shape(psoas), ((0.0, Tissue.MUSCLE),), ""),
        Layer(Shape((thymus,)), ((0.0, Tissue.SOFT),), ""),
        Layer(Shape((*thyroid, *glands)), ((0.0, Tissue.SOFT),), ""),
    ]


def _face_spaces() -> list[Layer]:
    """Eyes, sinuses, nose, mouth and throat."""
    eyes = mirrored((ellipsoid((32, 74, -122), (12.5, 12.5, 12.5)),))
    orbit_fat = mirrored((ellipsoid((31, 62, -122), (16, 22, 15)),))
    sinuses = mirrored((ellipsoid((27, 52, -150), (13, 17, 14)), ellipsoid((10, 84, -96), (9, 4, 8))))
    nose = mirrored((ellipsoid((6, 66, -146), (4.5, 34, 14)),))
    throat = tube([(0, 22, -150), (0, 10, -172), (0, 4, -200)], [9, 10, 9])
    tongue = ellipsoid((0, 44, -198), (22, 30, 17))
    return [
        Layer(Shape(orbit_fat), ((0.0, Tissue.FAT),), ""),
        Layer(Shape(eyes), ((0.0, Tissue.EYE),), ""),
        Layer(Shape((tongue,)), ((0.0, Tissue.MUSCLE),), ""),
        Layer(Shape((*sinuses, *nose, *throat)), ((0.0, Tissue.GAS),), ""),
    ]


def _lesions(build: Build) -> list[Layer]:
    """Hot nodules; they keep the name of the organ in which they lie."""
    return [
        Layer(Shape((ellipsoid(centre, (radius,) * 3),)), ((0.0, Tissue.LESION),)) for centre, radius in build.lesions
    ]


# name, point of the standard body, organ with which it strays
_LANDMARKS: tuple[tuple[str, Vec, str], ...] = (
    ("vertex", (0.0, -6.0, 2.0), ""),
    ("nose_tip", (0.0, 120.0, -158.0), ""),
    ("left_eye", (-32.0, 74.0, -122.0), ""),
    ("right_eye", (32.0, 74.0, -122.0), ""),
    ("chin", (0.0, 90.0, -212.0), ""),
    ("jugular_notch", (0.0, 90.0, -342.0), ""),
    ("carina", (0.0, -14.0, -412.0), ""),
    ("aortic_arch", (0.0, 4.0, -378.0), "aorta"),
    ("right_dome", (66.0, 4.0, -520.0), ""),
    ("left_dome", (-68.0, 2.0, -536.0), ""),
    ("xiphoid", (0.0, 102.0, -520.0), ""),
    ("left_kidney_centre", (-62.0, -47.0, -664.0), "kidney_left"),
    ("right_kidney_centre", (62.0, -47.0, -686.0), "kidney_right"),
    ("spleen_centre", (-96.0, -34.0, -604.0), "spleen"),
    ("bladder_centre", (0.0, 26.0, -916.0), "urinary_bladder"),
    ("lumbar_4", (0.0, -38.0, -728.0), ""),
    ("aortic_bifurcation", (-4.0, -5.0, -738.0), "aorta"),
    ("left_femoral_head", (-96.0, -4.0, -896.0), ""),
    ("right_femoral_head", (96.0, -4.0, -896.0), ""),
    ("symphysis", (0.0, 58.0, -936.0), ""),
)


def landmarks_of(build: Build) -> dict[str, Vec]:
    """Landmarks of a patient in the standard body [RAS+ mm]."""
    found = {}
    for name, (x, y, z), organ in _LANDMARKS:
        dx, dy, dz = build.stray(organ)[0] if organ else (0.0, 0.0, 0.0)
        found[name] = (x + dx, y + dy, z + dz)
    return found
