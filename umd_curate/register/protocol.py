"""The contract of a registration engine. Its class is an entry point of the group ``umd_curate.registration_engines``.

An engine finds transforms; it does not decide what is accepted: the room measures, gates and records what it gives.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from umd_curate.model.geometry import Volume
from umd_curate.model.transforms import Deformation, Rigid

GROUP = "umd_curate.registration_engines"
MODALITIES = frozenset({"ct", "mr", "pet"})


@dataclass(frozen=True, slots=True)
class RegistrationEngineDescription:
    """What an engine is.

    Parameters
    ----------
    name
        Its entry point.
    version
        Raised when it gives another transform for the same images.
    deforms
        Whether it finds deformations too.
    threads
        Threads that it uses; the same number gives the same transform.
    licence
        Of the engine.
    """

    name: str
    version: str
    deforms: bool
    threads: int
    licence: str = "Apache-2.0"


@dataclass(frozen=True, eq=False)
class Side:
    """One image of a pair, float32 on a working grid of about 4 mm.

    Parameters
    ----------
    modality
        ``ct``, ``mr`` or ``pet``.
    image
        HU, arbitrary units, or SUV.
    body_kji, trunk_kji
        The body; the body without the arms.
    region_kji
        Part that counts for a rigid fit; None: the trunk.
    labels
        Organ ids on the same grid, 0 background; None where there are none.
    voxel_mm
        Longest edge of a voxel of the image as it was taken [mm].
    """

    modality: str
    image: Volume
    body_kji: NDArray[np.bool_]
    trunk_kji: NDArray[np.bool_]
    region_kji: NDArray[np.bool_] | None = None
    labels: NDArray[np.uint8] | None = field(default=None, repr=False)
    voxel_mm: float = 4.0


class RegistrationEngine(Protocol):
    """Finds transforms that lead fixed points to moving points, RAS+ mm."""

    def describe(self) -> RegistrationEngineDescription:
        """What it is; the same at every call."""
        ...

    def ready(self) -> tuple[str, ...]:
        """Problems that keep it from working, free of input values; never opens a socket."""
        ...

    def rigid(self, fixed: Side, moving: Side, start: Rigid | None = None) -> Rigid:
        """Rigid transform; `start` is near the answer, None: search for a start. The same pair gives the same answer."""
        ...

    def deform(self, fixed: Side, moving: Side, rigid: Rigid, organs: tuple[int, ...]) -> Deformation:
        """Smooth one-to-one deformation after a rigid transform, driven by intensities and the organs named."""
        ...
