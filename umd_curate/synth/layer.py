"""A layer: a body, what it is made of, and the organ it becomes. Painted in order, later layers lie over earlier ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from umd_curate.synth.build import Build
from umd_curate.synth.shapes import Shape, Vec
from umd_curate.synth.tissues import Tissue

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


def moved(points: Sequence[Vec], build: Build, organ: str) -> list[Vec]:
    """Points of an organ, moved as this patient's organ strays [mm]."""
    (dx, dy, dz), _ = build.stray(organ)
    return [(x + dx, y + dy, z + dz) for x, y, z in points]


def sized(radii: Sequence[float], build: Build, organ: str) -> list[float]:
    """Radii of an organ, as large as this patient's organ is [mm]."""
    _, factor = build.stray(organ)
    return [radius * factor for radius in radii]
