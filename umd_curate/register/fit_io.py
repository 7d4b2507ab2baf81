"""Brings the images of two sessions together: rigid, self-check, then a deformation that has to earn its place.

Decides the order of the work. What is accepted is decided in `judge.py`; the transforms are the engine's. Touches no disk:
distance maps are SimpleITK's, which makes it an edge all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umd_curate.model.geometry import Volume
from umd_curate.model.registration import AgreementEntry, CaptureReceipt, DeformationReceipt, OrganFit
from umd_curate.model.transforms import Deformation, Rigid, euler
from umd_curate.register.engines.masks import clipped_distance
from umd_curate.register.features import CLIP_MM, Chosen, choose_organs
from umd_curate.register.judge import DeformationMeasure, capture_limit_mm, keep_deformation, verdict
from umd_curate.register.measures import (
    agreement,
    body_points,
    covered,
    field_measure,
    organs_seen,
    surface_distance,
    surface_points,
)
from umd_curate.register.protocol import RegistrationEngine, Side

# Starts of the self-check: rotation about x, y, z [degrees] and shift [mm] against the result.
PERTURBED = (((5.0, -4.0, 6.0), (18.0, -12.0, 15.0)), ((-4.0, 6.0, -5.0), (-12.0, 16.0, -20.0)))
MIN_ORGANS = 4  # of a test in which every second organ is held out

Start = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of a pair: transforms, and the parts of its receipt."""

    rigid: Rigid
    deformation: Deformation | None
    overlap: float
    agreement: AgreementEntry
    capture: CaptureReceipt | None
    deformed: DeformationReceipt | None
    organs: tuple[OrganFit, ...]
    verdict: str
    reasons: tuple[str, ...]


def fit_pair(
    fixed: Side,
    moving: Side,
    engine: RegistrationEngine,
    *,
    deforms: bool,
    names: dict[int, str],
    min_overlap: float,
    given: Rigid | None = None,
) -> Fitted:
    """Find, check and judge the transform of a pair.

    Parameters
    ----------
    fixed, moving
        Working images with masks and, for a deformation, labels.
    engine
        Finds the transforms.
    deforms
        Whether a deformation is wanted.
    names
        Organ names by id.
    min_overlap
        Part of the fixed trunk that the moving image must cover.
    given
        A reviewer's rigid transform, used instead of the engine's.
    """
    rigid = given or engine.rigid(fixed, moving)
    before, after = agreement(fixed, moving, Rigid.identity()), agreement(fixed, moving, rigid)
    overlap = covered(fixed, moving, rigid)
    capture = None if given else capture_test(fixed, moving, engine, rigid)
    recovered, limit_mm = (capture.recovered_mm, capture.limit_mm) if capture else (0.0, 0.0)
    said, reasons = verdict(after - before, recovered, limit_mm, overlap, min_overlap)
    fitted = Fitted(rigid, None, overlap, _agreement(before, after), capture, None, (), said, reasons)
    if said == "refused" or not deforms or not engine.describe().deforms:
        return fitted
    return _with_deformation(fitted, fixed, moving, engine, names)


def capture_test(
    fixed: Side, moving: Side, engine: RegistrationEngine, rigid: Rigid, starts: Sequence[Start] = PERTURBED
) -> CaptureReceipt:
    """Repeat a rigid fit from perturbed starts, and say how far apart the results end."""
    points = body_points(fixed, 2000)
    centre = rigid.points(points).mean(axis=0)
    away, back = [], []
    for angles_deg, shift_mm in starts:
        rotation = euler(*np.radians(angles_deg))
        start = rigid.then(Rigid.about(centre, rotation, np.array(shift_mm)))
        away.append(start.distance_mm(rigid, points))
        back.append(engine.rigid(fixed, moving, start).distance_mm(rigid, points))
    return CaptureReceipt(
        starts=len(starts),
        perturbed_mm=round(float(np.mean(away)), 2),
        recovered_mm=round(float(np.max(back)), 3),
        limit_mm=round(capture_limit_mm(max(fixed.voxel_mm, moving.voxel_mm)), 3),
    )


def _with_deformation(
    fitted: Fitted, fixed: Side, moving: Side, engine: RegistrationEngine, names: dict[int, str]
) -> Fitted:
    rigid = fitted.rigid
    chosen = _organs(fixed, moving, rigid)
    found = engine.deform(fixed, moving, rigid, chosen.driving)
    surfaces = _Surfaces(fixed, moving, chosen.driving)
    at_rigid, at_deformed = surfaces.distances(rigid), surfaces.distances(found)
    held_out: dict[int, float] = {}
    if len(chosen.driving) >= MIN_ORGANS:
        half = engine.deform(fixed, moving, rigid, chosen.driving[::2])
        held_out = {organ: d for organ, d in surfaces.distances(half).items() if organ in chosen.driving[1::2]}
    changes = tuple(d / max(at_rigid[organ], 1e-3) - 1 for organ, d in held_out.items())
    measured = field_measure(found, fixed)
    agreed = agreement(fixed, moving, found)
    reason = keep_deformation(
        DeformationMeasure(measured.jacobian_min, measured.inconsistency_mm, fitted.agreement.after, agreed, changes)
    )
    receipt = DeformationReceipt(
        kept=not reason,
        reason=reason,
        jacobian_min=round(measured.jacobian_min, 4),
        jacobian_max=round(measured.jacobian_max, 4),
        inconsistency_mean_mm=round(measured.inconsistency_mm, 4),
        displacement_mean_mm=round(measured.displacement_mean_mm, 2),
        displacement_max_mm=round(measured.displacement_max_mm, 2),
        held_out_change=round(float(np.median(changes)), 4) if changes else None,
    )
    organs = [
        OrganFit(
            organ=names.get(organ, str(organ)),
            part="driving",
            surface_before_mm=round(at_rigid[organ], 2),
            surface_after_mm=round(at_deformed[organ], 2),
            held_out_mm=round(held_out[organ], 2) if organ in held_out else None,
        )
        for organ in chosen.driving
    ]
    organs += [OrganFit(organ=names.get(organ, str(organ)), part=why) for organ, why in sorted(chosen.left_out.items())]
    return replace(
        fitted,
        deformation=None if reason else found,
        deformed=receipt,
        organs=tuple(organs),
        agreement=_agreement(fitted.agreement.before, fitted.agreement.after if reason else agreed),
    )


def _organs(fixed: Side, moving: Side, rigid: Rigid) -> Chosen:
    if fixed.labels is None or moving.labels is None:
        return Chosen((), {})
    here = organs_seen(fixed.labels, fixed.image.affine)
    return choose_organs(here, organs_seen(moving.labels, moving.image.affine, rigid.inverse()))


class _Surfaces:
    """Surfaces of the organs that both images have, kept for several comparisons."""

    def __init__(self, fixed: Side, moving: Side, organs: tuple[int, ...]) -> None:
        self._points = {organ: surface_points(_distance(fixed, organ)) for organ in organs}
        self._there = {organ: _distance(moving, organ) for organ in organs}

    def distances(self, found: Rigid | Deformation) -> dict[int, float]:
        """Mean distance [mm] of each organ's surfaces."""
        return {organ: surface_distance(self._there[organ], points, found) for organ, points in self._points.items()}


def _distance(side: Side, organ: int) -> Volume:
    """Clipped signed distance of an organ in a box around it."""
    assert side.labels is not None  # noqa: S101  (organs were chosen from labels)
    at = np.argwhere(side.labels == organ)
    margin = int(CLIP_MM / side.image.grid.spacing_mm[0]) + 2
    low, high = np.maximum(at.min(axis=0) - margin, 0), at.max(axis=0) + margin + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    corner = np.eye(4)
    corner[:3, 3] = low[::-1]
    spacing = side.image.grid.spacing_mm[0]
    distance = clipped_distance(side.labels[box] == organ, spacing, CLIP_MM)
    return Volume(distance, np.asarray(side.image.affine @ corner, np.float64))


def _agreement(before: float, after: float) -> AgreementEntry:
    return AgreementEntry(before=round(before, 5), after=round(after, 5))
