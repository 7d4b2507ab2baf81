"""The common grid of MR stations: along which axis they follow each other, and where each lies on it.

Stations must agree in everything but their place along one axis: slices for axial stations, rows for coronal and sagittal
ones. A station that lies between the slices of the others is resampled along that axis alone. What becomes of the values is
decided in `stations.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from umd_curate.convert.geometry import StackGeometry
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Float64
from umd_curate.model.stacks import jitter_limit_mm

AXES: Final[tuple[Literal["k", "j", "i"], ...]] = ("k", "j", "i")
MIN_OVERLAP: Final = 2  # slices; fewer show no gain (facts: registration rules)


@dataclass(frozen=True, slots=True)
class StationPlace:
    """Where one station lies on the common grid.

    Parameters
    ----------
    index
        Its number in the order given.
    first, count
        First index on the common grid along the axis, and how many there are.
    shift
        Distance of its own samples from the grid's, as part of a step; 0 where it is taken over as it is.
    """

    index: int
    first: int
    count: int
    shift: float

    @property
    def end(self) -> int:
        """Index behind its last one."""
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class StationGrid:
    """Common grid of the stations; `axis` counts the axes of an array [k, j, i]; `places` ascend along it."""

    axis: int
    places: tuple[StationPlace, ...]
    geometry: StackGeometry


def station_grid(stations: Sequence[StackGeometry], place: str) -> StationGrid:
    """Grid that all stations share.

    Raises
    ------
    Refused
        CON-601: orientation, spacing, matrix or step differ. CON-602: two overlap by fewer than `MIN_OVERLAP`.
        CON-603: a station is shifted across the axis.
    """
    axes = _axes_lps_mm(max(stations, key=lambda each: each.n_slices))
    for station in stations:
        _check_alike(station, axes, place)
    origins = np.array([station.first.position_mm for station in stations])
    offsets = np.linalg.solve(axes.T, (origins - origins[0]).T).T  # steps along k, j, i
    lengths_mm = np.linalg.norm(axes, axis=1)
    axis = int(np.argmax(np.ptp(offsets, axis=0) * lengths_mm))
    _check_across(stations, offsets, lengths_mm, axis, place)
    counts = [_shape(station)[axis] for station in stations]
    anchor = _anchor(offsets[:, axis], lengths_mm[axis])
    places = _placed(offsets[:, axis] - offsets[anchor, axis], counts, float(lengths_mm[axis]))
    _check_overlap(places, place)
    low = places[0].first
    origin = origins[anchor] + low * axes[axis]
    placed = tuple(replace(each, first=each.first - low) for each in places)
    return StationGrid(axis, placed, _composed(stations[anchor], stations, axes, origin, axis, placed[-1].end))


def _axes_lps_mm(station: StackGeometry) -> Float64:
    """Steps along k, j, i as rows, LPS+ mm."""
    place = station.first
    step = np.subtract(station.last_position_mm, place.position_mm) / max(1, station.n_slices - 1)
    down = np.array(place.orientation[3:]) * place.pixel_spacing_mm[0]
    right = np.array(place.orientation[:3]) * place.pixel_spacing_mm[1]
    return np.array([step, down, right], np.float64)


def _shape(station: StackGeometry) -> tuple[int, int, int]:
    return station.grid().shape_kji


def _check_alike(station: StackGeometry, axes: Float64, place: str) -> None:
    """Check that a station's axes would not leave the common ones over its own length."""
    names = (
        "step between slices",
        "(0020,0037) or (0028,0030) along the columns",
        "(0020,0037) or (0028,0030) along the rows",
    )
    if station.n_slices < MIN_OVERLAP:
        raise Refused(codes.STATIONS_DIFFER.at(place, "a station of one slice", measured=station.n_slices, limit=2))
    drift = np.linalg.norm(_axes_lps_mm(station) - axes, axis=1) * (np.array(_shape(station)) - 1)
    for name, found, length in zip(names, drift, np.linalg.norm(axes, axis=1), strict=True):
        limit = jitter_limit_mm(float(length))
        if found > limit:
            raise Refused(codes.STATIONS_DIFFER.at(place, f"{name}, mm", measured=float(found), limit=limit))


def _check_across(
    stations: Sequence[StackGeometry], offsets: Float64, lengths_mm: Float64, axis: int, place: str
) -> None:
    """Check that stations coincide across the axis: number of samples, and shift in mm."""
    for other in range(3):
        if other == axis:
            continue
        if len({_shape(station)[other] for station in stations}) > 1:
            raise Refused(codes.STATIONS_DIFFER.at(place, "slices, (0028,0010) Rows or (0028,0011) Columns"))
        shift = float(np.ptp(offsets[:, other]) * lengths_mm[other])
        limit = jitter_limit_mm(float(lengths_mm[other]))
        if shift > limit:
            raise Refused(codes.STATIONS_SHIFTED.at(place, f"along {AXES[other]}, mm", measured=shift, limit=limit))


def _shift(offset: float, length_mm: float) -> float:
    """Distance from the nearest grid sample in steps; 0 within the jitter that a stack is allowed."""
    shift = offset - round(offset)
    return 0.0 if abs(shift) * length_mm <= jitter_limit_mm(length_mm) else shift


def _anchor(offsets: Float64, length_mm: float) -> int:
    """Station whose samples most others share; the first of equals."""
    shared = [sum(_shift(float(other - own), length_mm) == 0.0 for other in offsets) for own in offsets]
    return int(np.argmax(shared))


def _placed(offsets: Float64, counts: Sequence[int], length_mm: float) -> list[StationPlace]:
    places = []
    for index, (offset, count) in enumerate(zip(offsets.tolist(), counts, strict=True)):
        shift = _shift(offset, length_mm)
        if shift == 0.0:
            places.append(StationPlace(index, round(offset), count, 0.0))
        else:  # grid samples between its first and its last one
            first = int(np.ceil(offset))
            places.append(StationPlace(index, first, count - 1, first - offset))
    return sorted(places, key=lambda each: (each.first, each.end))


def _check_overlap(places: Sequence[StationPlace], place: str) -> None:
    for before, after in pairwise(places):
        overlap = before.end - after.first
        if overlap < MIN_OVERLAP:
            detail = "slices or rows that two stations share"
            raise Refused(codes.STATIONS_APART.at(place, detail, measured=overlap, limit=MIN_OVERLAP))
        if after.end <= before.end or after.first == before.first:
            raise Refused(codes.STATIONS_DIFFER.at(place, "a station lies within another one"))


def _composed(
    anchor: StackGeometry,
    stations: Sequence[StackGeometry],
    axes: Float64,
    origin: Float64,
    axis: int,
    count: int,
) -> StackGeometry:
    shape = list(_shape(anchor))
    shape[axis] = count
    first = replace(anchor.first, rows=shape[1], columns=shape[2], position_mm=tuple(origin.tolist()))
    last = origin + (shape[0] - 1) * axes[0]
    jitter = max(station.max_jitter_mm for station in stations)
    findings = {finding.code: finding for station in stations for finding in station.findings}
    return StackGeometry(first, tuple(last.tolist()), shape[0], jitter, tuple(findings.values()))
