"""One static image of several time frames, gates or phases: their mean, each weighted by its duration.

Activity concentration over time is the mean over the frames, weighted by duration, of values that refer to one decay
reference: each frame has been given its own SUV factor before. Gates share their time, each with its own part of it. Which
durations count is said by `values_io.py`; here are the sums and the table for the sidecar.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.geometry import StackGeometry
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Float64
from umd_curate.model.sidecars import FrameEntry, FramesReceipt, ImageSidecar, PetSidecar

SAME_FRAME_MM: Final = 0.05  # corners of two frames: positions may be written with one decimal only
BY_DURATION: Final = "mean over the frames, weighted by duration"
BY_COUNT: Final = "mean over the phases, all weighted alike"


class Mean:
    """Weighted mean of volumes, plane by plane.

    Parameters
    ----------
    shape_kji
        Of each volume.
    """

    def __init__(self, shape_kji: tuple[int, int, int]) -> None:
        self._sum: Float64 = np.zeros(shape_kji, np.float64)
        self._weight: Float64 = np.zeros(shape_kji[0], np.float64)

    def add(self, k: int, values_ji: NDArray[np.generic], weight: float) -> None:
        """Add plane `k` of one volume; `weight` must be above 0."""
        self._sum[k] += values_ji.astype(np.float64) * weight
        self._weight[k] += weight

    def planes(self) -> Iterator[NDArray[np.float32]]:
        """Planes of the mean in ascending k, rounded once."""
        for plane, weight in zip(self._sum, self._weight, strict=True):
            yield (plane / weight).astype(np.float32)


@dataclass(slots=True)
class FrameTimes:
    """When the frames were taken: per slice start [us since year 1] and duration [s], of one frame after the other."""

    starts_us: list[int | None] = field(default_factory=list)
    durations_s: list[float | None] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def begin(self) -> None:
        """Begin the next frame."""
        self.starts_us.append(None)
        self.durations_s.append(None)
        self.weights.append(0.0)

    def note(self, start_us: int | None, duration_s: float | None, weight: float) -> None:
        """Note a slice of the frame: the earliest start counts, of duration and weight the first."""
        known = [start for start in (self.starts_us[-1], start_us) if start is not None]
        self.starts_us[-1] = min(known, default=None)
        if not self.weights[-1]:
            self.durations_s[-1], self.weights[-1] = duration_s, weight

    def table(self, first_start_s: float | None, kind: Literal["dynamic", "gated"], rule: str) -> FramesReceipt:
        """Table of the frames for the sidecar.

        Parameters
        ----------
        first_start_s
            Start of the earliest slice in seconds after injection; None where that is not known.
        kind, rule
            What the frames are, and how they were averaged.
        """
        known = [start for start in self.starts_us if start is not None]
        zero = min(known, default=0)
        total = sum(self.weights)
        frames = [
            FrameEntry(
                start=None if start is None else (start - zero) / 1e6 + (first_start_s or 0.0),
                duration=duration,
                weight=weight / total,
            )
            for start, duration, weight in zip(self.starts_us, self.durations_s, self.weights, strict=True)
        ]
        time_zero: Literal["injection", "first frame"] = "first frame" if first_start_s is None else "injection"
        return FramesReceipt(kind=kind, rule=rule, time_zero=time_zero, frames=tuple(frames))


def check_same_grid(first: StackGeometry, other: StackGeometry, place: str) -> None:
    """Check that two frames stand on one grid.

    Raises
    ------
    Refused
        CON-508: another number of slices, or a corner is off.
    """
    if first.grid().shape_kji != other.grid().shape_kji:
        raise Refused(codes.FRAMES_DIFFER.at(place, "slices, (0028,0010) Rows or (0028,0011) Columns"))
    apart = float(np.linalg.norm(first.corners_ras_mm() - other.corners_ras_mm(), axis=1).max())
    limit = max(SAME_FRAME_MM, first.max_jitter_mm + other.max_jitter_mm)
    if apart > limit:
        raise Refused(codes.FRAMES_DIFFER.at(place, "corners, mm", measured=apart, limit=limit))


def mean_sidecar(sidecar: ImageSidecar) -> ImageSidecar:
    """Sidecar of a PET that is a mean: its frame duration is that of all frames together."""
    if not isinstance(sidecar, PetSidecar) or sidecar.averaged is None:
        return sidecar
    return sidecar.model_copy(
        update={"frame_duration": sum(frame.duration or 0.0 for frame in sidecar.averaged.frames)}
    )


def frames_sidecar(sidecar: ImageSidecar, voxel_sha256: str) -> ImageSidecar:
    """Sidecar of the 4D image of the frames, from that of their mean.

    Times by BIDS-PET: FrameTimesStart after TimeZero, which is the first frame where the injection is not known.
    """
    assert sidecar.averaged is not None  # noqa: S101  (4D images come with a mean)
    table = sidecar.averaged
    starts = [frame.start for frame in table.frames if frame.start is not None]
    return sidecar.model_copy(
        update={
            "voxel_sha256": voxel_sha256,
            "time_zero": table.time_zero,
            "frame_times_start": tuple(starts) if len(starts) == len(table.frames) else None,
            "frame_duration": tuple(frame.duration or 0.0 for frame in table.frames),
        }
    )
