"""Trial heads: one head and shoulders as CT, MR and PET in one frame of reference, with the truth of its face and brain.

Made to measure defacing: the head turns on the neck, the field of view ends where it is told to, grids have any spacing and
direction, the CT noise of any dose, the MR any shading. The truth comes from the anatomy's own levels, never from an image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Float64, Grid, Volume, apply_affine
from umd_curate.synth.anatomy import Posture, head, layers_of
from umd_curate.synth.build import Build, build_of
from umd_curate.synth.draws import stream
from umd_curate.synth.imaging import CT_OFFSET_HU, bias_field, ct_stored, dixon, mr_stored, pet_image, table_top
from umd_curate.synth.motion import Motion, Rigid
from umd_curate.synth.nod import Nod, nodding
from umd_curate.synth.paint import paint
from umd_curate.synth.shapes import Floats, Vec, turned
from umd_curate.synth.tissues import LOOKS

BRAIN = 1
STRAIGHT, AT_REST = Nod(), Rigid()
SPACINGS_MM: Mapping[str, Vec] = {"ct": (1.37, 1.37, 3.0), "mr": (2.0, 2.0, 3.0), "pet": (4.07, 4.07, 3.0)}
_HALF_FIELD_MM = (260.0, 190.0)  # to the side, and to front and back
_MR_NOISE = 11.0
_PET_FWHM_MM, _PET_NOISE = 6.0, 0.10
_FACE_X_MM, _FACE_TOP_MM, _FACE_BOTTOM_MM = 52.0, -96.0, -222.0  # temple to temple, brow to chin, of the standard body
_EAR = ((84.0, -8.0, -132.0), (12.0, 26.0))  # outer side; half extent to front and up
_POINTS_MM = 3.0
_STEP_MM = 0.25  # along a ray
# Where a ray that glances off the head may meet its first voxel of skin: before the skin itself, under a chin, or behind it.
_BEFORE_MM, _VOXELS_DEEP, _STEPS_PER_VOXEL = 60.0, 4.0, 4.0
# Of the brain against the standard body. With more it comes within 2 mm of the skin; an adult's is 10 mm deep.
_BRAIN_SHIFT_MM, _BRAIN_SPREAD = 2.0, 0.03


class _Roomy(Build):
    """A body whose brain leaves room for skull and scalp on all sides."""

    __slots__ = ()

    def stray(self, organ: str) -> tuple[Vec, float]:
        shift, factor = Build.stray(self, organ)
        if organ != "brain":
            return shift, factor
        x, y, z = (float(np.clip(one, -_BRAIN_SHIFT_MM, _BRAIN_SHIFT_MM)) for one in shift)
        return (x, y, z), float(np.clip(factor, 1.0 - _BRAIN_SPREAD, 1.0 + _BRAIN_SPREAD))


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """What a trial head is like.

    Parameters
    ----------
    seed
        Of build and noise.
    sex
        ``F`` or ``M``.
    posture
        Arms beside the head or down.
    nod
        Turn of the head on the neck.
    shift_mm
        Where the body lies in the frame of reference.
    top_mm, bottom_mm
        Where the field of view ends, in the standard body (0 is the vertex, the chin lies at -220, the shoulders at -340).
    spacings_mm
        Voxel size (i, j, k) by role; the roles that are made.
    signs
        Direction in which i, j, k run against RAS+.
    oblique_deg
        Turn of the grids (yaw, pitch, roll).
    ct_noise_hu
        Standard deviation in the body.
    shading
        Strength of the MR's bias field; 1 is the cohort's.
    has_holder
        Whether the head lies in a carbon cup with a foam cushion, and the face under a thermoplastic mask.
    pet_drift
        Motion of the patient between CT and PET.
    """

    seed: int = 1
    sex: str = "M"
    posture: Posture = Posture.ARMS_DOWN
    nod: Nod = STRAIGHT
    shift_mm: Vec = (0.0, 0.0, 0.0)
    top_mm: float = 40.0
    bottom_mm: float = -420.0
    spacings_mm: Mapping[str, Vec] = field(default_factory=lambda: SPACINGS_MM)
    signs: Vec = (1.0, 1.0, 1.0)
    oblique_deg: Vec = (0.0, 0.0, 0.0)
    ct_noise_hu: float = 22.0
    shading: float = 1.0
    has_holder: bool = False
    pet_drift: Rigid = AT_REST


@dataclass(frozen=True, eq=False)
class HeadTruth:
    """One image of a trial head and what is true of it.

    Parameters
    ----------
    volume
        CT [HU], MR or PET [SUVbw].
    brain_kji
        Voxels of the brain.
    face_ras_mm
        The face's front surface from chin to brow: centres of the outermost voxels of skin that rays from the front meet, one ray
        per 3 x 3 mm, within this field of view. A voxel is skin where its centre lies in the head: what is air on the grid is
        no part of the surface, however near the skin it is.
    ears_ras_mm
        The same on the outer side of the ears, as rays from the sides meet it.
    """

    volume: Volume
    brain_kji: NDArray[np.bool_]
    face_ras_mm: Float64
    ears_ras_mm: Float64


def trial_head(spec: HeadSpec) -> dict[str, HeadTruth]:
    """Images of one head by role (``ct``, ``mr``, ``pet``), as the roles of `HeadSpec.spacings_mm` say."""
    drawn = build_of(spec.seed, 1, spec.sex)
    build = _Roomy(**{field_.name: getattr(drawn, field_.name) for field_ in fields(drawn)})
    layers = nodding(layers_of(build, spec.posture), spec.nod)
    face, ears = _face_rays(), _ear_rays()
    found = {}
    for role, spacing in spec.spacings_mm.items():
        motion = _motion(spec, build, role)
        grid = _grid(spec, motion, spacing)
        colours = {
            "ct": ({tissue: look.hu for tissue, look in LOOKS.items()},),
            "mr": (
                {tissue: look.water for tissue, look in LOOKS.items()},
                {tissue: look.fat for tissue, look in LOOKS.items()},
            ),
            "pet": ({tissue: look.suv for tissue, look in LOOKS.items()},),
        }[role]
        painted = paint(grid, motion, layers, colours, {"brain": BRAIN})
        image = _image(spec, role, grid, painted.channels, motion)
        points = [_outermost_skin(hits, ray, spec.nod, motion, grid) for hits, ray in (face, ears)]
        found[role] = HeadTruth(Volume(image, grid.affine), painted.labels == BRAIN, points[0], points[1])
    return found


def _motion(spec: HeadSpec, build: Build, role: str) -> Motion:
    return Motion(spec.shift_mm, AT_REST, build.scale, drift=spec.pet_drift if role == "pet" else AT_REST)


def _grid(spec: HeadSpec, motion: Motion, spacing_mm: Vec) -> Grid:
    """Grid around the body from `bottom_mm` to `top_mm`, running and turned as the trial says."""
    extent = np.array([2 * _HALF_FIELD_MM[0], 2 * _HALF_FIELD_MM[1], (spec.top_mm - spec.bottom_mm) * motion.scale[2]])
    ni, nj, nk = (int(n) for n in np.floor(extent / np.array(spacing_mm)).astype(int))
    axes = turned(*spec.oblique_deg) * np.array(spec.signs) * np.array(spacing_mm)
    middle = np.array([*spec.shift_mm[:2], spec.shift_mm[2] + (spec.top_mm + spec.bottom_mm) / 2 * motion.scale[2]])
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = middle - axes @ ((np.array([ni, nj, nk]) - 1) / 2)
    return Grid((nk, nj, ni), affine)


def _image(spec: HeadSpec, role: str, grid: Grid, channels: tuple[Floats, ...], motion: Motion) -> NDArray[np.generic]:
    draw = stream(spec.seed, "head", role)
    if role == "ct":
        table_top(channels[0], grid, 0, (motion.offset_mm[0], motion.offset_mm[1]))
        if spec.has_holder:
            _lay_holder(channels[0], grid, motion)
        stored = ct_stored(channels[0], draw, spec.ct_noise_hu).astype(np.int16)
        return stored - np.int16(CT_OFFSET_HU)
    if role == "mr":
        shade = 1.0 + spec.shading * (bias_field(grid, draw, 0, grid.shape_kji[0]) - 1.0)
        signal = dixon(channels[0] * shade, channels[1] * shade)["in"]
        return mr_stored(np.maximum(signal, 0), draw, _MR_NOISE).astype(np.int16)
    return pet_image(channels[0], grid, draw, _PET_FWHM_MM, _PET_NOISE)


def _lay_holder(hu_kji: Floats, grid: Grid, motion: Motion) -> None:
    """Lay a carbon cup with foam under the head, and a thermoplastic mask over the face, in place."""
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in grid.shape_kji), indexing="ij")
    x, y, z = (row[0] * i + row[1] * j + row[2] * k + row[3] for row in grid.affine[:3])
    body = [
        (values - offset) / scale
        for values, offset, scale in zip((x, y, z), motion.offset_mm, motion.scale, strict=True)
    ]
    is_air = hu_kji < -600
    cup = np.sqrt(body[0] ** 2 + (body[1] + 6) ** 2)
    behind = (body[1] < -20) & (body[2] > -240)
    hu_kji[is_air & behind & (cup > 100) & (cup < 128)] = -930
    hu_kji[is_air & behind & (cup >= 128) & (cup < 131)] = -150
    radius = np.sqrt((body[0] / 90) ** 2 + ((body[1] - 10) / 122) ** 2 + ((body[2] + 120) / 150) ** 2)
    hu_kji[is_air & (body[1] > 0) & (np.abs(radius - 1.0) < 0.012)] = 20


def _face_rays() -> tuple[Floats, Floats]:
    """Points on the skin of the straight head as seen from the front, between the temples, from chin to brow; and inwards."""
    x, z = np.meshgrid(
        np.arange(-_FACE_X_MM, _FACE_X_MM + 1, _POINTS_MM), np.arange(_FACE_BOTTOM_MM, _FACE_TOP_MM + 1, _POINTS_MM)
    )
    ray = np.array([0.0, -1.0, 0.0])
    return _first_hit(np.stack([x.ravel(), np.full(x.size, 150.0), z.ravel()], axis=1), ray, 150.0), ray


def _ear_rays() -> tuple[Floats, Floats]:
    """Points on the outer side of the ears, and inwards."""
    (_, y0, z0), (dy, dz) = _EAR
    y, z = np.meshgrid(np.arange(y0 - dy, y0 + dy, _POINTS_MM), np.arange(z0 - dz, z0 + dz, _POINTS_MM))
    found, rays = [], []
    for side in (-1.0, 1.0):
        start = np.stack([np.full(y.size, side * 120.0), y.ravel(), z.ravel()], axis=1)
        ray = np.array([-side, 0.0, 0.0])
        hits = _first_hit(start, ray, 60.0)
        found.append(hits)
        rays.append(np.broadcast_to(ray, hits.shape))
    return np.concatenate(found), np.concatenate(rays)


def _first_hit(start: Floats, direction: Floats, reach_mm: float) -> Floats:
    """Where rays first meet the head's skin; rays that miss it are left out."""
    steps = np.arange(0.0, reach_mm, _STEP_MM)
    points = start[:, None, :] + steps[None, :, None] * direction
    inside = head().level((points[..., 0], points[..., 1], points[..., 2])) < 0
    hits = inside.any(axis=1)
    found: Floats = points[np.flatnonzero(hits), inside.argmax(axis=1)[hits]]
    return found


def _outermost_skin(hits: Floats, rays: Floats, nod: Nod, motion: Motion, grid: Grid) -> Float64:
    """Centre of the first voxel on each ray whose centre lies in the head; of rays that meet it within the field of view.

    `hits` are points on the straight head's skin and `rays` their directions inwards, both in the standard body.
    """
    deep, step = _VOXELS_DEEP * max(grid.spacing_mm), min(grid.spacing_mm) / _STEPS_PER_VOXEL
    along = np.arange(-_BEFORE_MM, deep, step)
    points = hits[:, None, :] + along[None, :, None] * np.broadcast_to(rays, hits.shape)[:, None, :]
    placed = motion.to_scanner(nod.carried(points.reshape(-1, 3)))
    index = np.rint(apply_affine(np.linalg.inv(np.asarray(grid.affine, np.float64)), placed))
    centres = apply_affine(grid.affine, index)
    body = np.stack(motion.to_body((centres[:, 0], centres[:, 1], centres[:, 2])), axis=1)
    x, y, z = nod.straightened(body).T
    is_skin = (head().level((x, y, z)) < 0).reshape(len(hits), len(along))
    first = np.arange(len(hits)) * len(along) + is_skin.argmax(axis=1)
    first = first[is_skin.any(axis=1)]
    within = np.all((index[first] >= 0) & (index[first] < np.array(grid.shape_kji[::-1])), axis=1)
    return np.asarray(centres[first][within], np.float64)
