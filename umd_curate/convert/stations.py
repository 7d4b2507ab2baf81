"""MR stations as one image: a gain for each from what it shares with its neighbour, and a blend over the overlap.

MR values are arbitrary, and receivers are set anew for each station: the median ratio of the voxels with signal in the overlap
tells the gain, chained from station to station and normalised to a geometric mean of 1. CT and PET values are absolute and
are blended as they are. In the overlap one station passes into the next by a raised cosine, which is flat at both ends. The
step that is left at a seam is measured. Places are decided in `station_grid.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.geometry import StackGeometry
from umd_curate.convert.station_grid import AXES, StationGrid, StationPlace, station_grid
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.sidecars import StationEntry, StationsReceipt

Float32 = NDArray[np.float32]

SIGNAL_PART: Final = 0.1  # of the 99th percentile of the overlap: tissue, above noise and air
SIGNAL_PERCENTILE: Final = 99.0
MIN_SIGNAL_VOXELS: Final = 100  # in both stations; the median of fewer is no gain
MIN_SLICE_VOXELS: Final = 20  # with signal; slices with fewer show no step
MAX_SEAM_STEP: Final = 0.02  # of the local mean (issue: station composition)


@dataclass(frozen=True, eq=False)
class Composed:
    """The composed image [k, j, i] with its geometry, receipt and findings."""

    array_kji: Float32
    geometry: StackGeometry
    receipt: StationsReceipt
    findings: tuple[Finding, ...]


def compose(
    arrays_kji: Sequence[Float32], stations: Sequence[StackGeometry], *, equalise: bool, place: str
) -> Composed:
    """Put stations together.

    Parameters
    ----------
    arrays_kji, stations
        Values and geometry of each station, in any order.
    equalise
        Whether the values are arbitrary, so that a gain is estimated (MR).
    place
        Short id of the series.

    Raises
    ------
    Refused
        They do not stand on one grid (see `station_grid`), or an overlap shows too little signal (CON-604).
    """
    grid = station_grid(stations, place)
    parts = [_on_grid(np.moveaxis(arrays_kji[each.index], grid.axis, 0), each) for each in grid.places]
    gains = _gains(parts, grid, place) if equalise else np.ones(len(parts))
    whole = np.zeros((grid.places[-1].end, *parts[0].shape[1:]), np.float32)
    entries, findings = [], []
    for n, (part, at, gain) in enumerate(zip(parts, grid.places, gains.tolist(), strict=True)):
        scaled = part * np.float32(gain)
        overlap = grid.places[n - 1].end - at.first if n else 0
        seam = _blend(whole, scaled, at, overlap)
        entries.append(_entry(at, gain, overlap, seam))
        findings += _notes(at, seam, place)
    findings.append(codes.STATIONS_COMPOSED.at(place, "stations", measured=len(parts)))
    receipt = StationsReceipt(
        along=AXES[grid.axis],
        gains="median ratio in the overlap, geometric mean 1" if equalise else "none: the values are absolute",
        stations=tuple(entries),
    )
    return Composed(np.moveaxis(whole, 0, grid.axis), grid.geometry, receipt, tuple(findings))


def _on_grid(part: Float32, at: StationPlace) -> Float32:
    """Station on the samples of the common grid; linear between its own where they lie apart."""
    if at.shift == 0.0:
        return part
    share = np.float32(at.shift)
    return np.asarray(part[:-1] * (1 - share) + part[1:] * share, np.float32)


def _gains(parts: Sequence[Float32], grid: StationGrid, place: str) -> NDArray[np.float64]:
    """Gain of each station: median ratio to its neighbour, chained, geometric mean 1."""
    gains = [1.0]
    for n in range(1, len(parts)):
        overlap = grid.places[n - 1].end - grid.places[n].first
        before, after = parts[n - 1][-overlap:], parts[n][:overlap]
        signal = _signal(before) & _signal(after)
        count = int(signal.sum())
        if count < MIN_SIGNAL_VOXELS:
            detail = "voxels with signal in both stations"
            raise Refused(codes.STATION_SIGNAL.at(place, detail, measured=count, limit=MIN_SIGNAL_VOXELS))
        ratio = float(np.median(before[signal].astype(np.float64) / after[signal]))
        gains.append(gains[-1] * ratio)
    found = np.array(gains)
    return np.asarray(found / np.exp(np.log(found).mean()), np.float64)


def _signal(part: Float32) -> NDArray[np.bool_]:
    return part > max(0.0, SIGNAL_PART * float(np.percentile(part, SIGNAL_PERCENTILE)))


def blend_weights(overlap: int) -> Float32:
    """Weight of the later station on each slice of the overlap: a raised cosine from 0 to 1, both outside the overlap."""
    part = np.arange(1, overlap + 1) / (overlap + 1)
    return np.asarray(np.sin(np.pi / 2 * part) ** 2, np.float32)


def _blend(whole: Float32, scaled: Float32, at: StationPlace, overlap: int) -> float | None:
    """Write a station into the whole, over what is there; return the step at its seam, None where there is none."""
    seam = None
    if overlap:
        weights = blend_weights(overlap)
        before, after = whole[at.first : at.first + overlap], scaled[:overlap]
        seam = seam_step(before, after, weights)
        before += weights[:, None, None] * (after - before)
    whole[at.first + overlap : at.end] = scaled[overlap:]
    return seam


def seam_step(before: Float32, after: Float32, weights: Float32) -> float:
    """Largest step from slice to slice that the blend itself causes, as part of the local mean.

    On slice n the stations differ by d[n], the ratio of their means over the voxels with signal, less 1; the blend is there
    1 + w[n] d[n] times the earlier station. A blend that kept the mean weight of two neighbouring slices on both would have
    no step of its own: the step is what the real one changes against it. Anatomy and falloff, which that one shows too, drop
    out. Before the overlap the weight is 0, behind it 1.
    """
    signal = _signal(before) & _signal(after)
    counts = signal.sum(axis=(1, 2))
    means = [
        np.where(signal, part, 0.0).sum(axis=(1, 2), dtype=np.float64) / np.maximum(counts, 1)
        for part in (before, after)
    ]
    seen = (counts >= MIN_SLICE_VOXELS) & (means[0] > 0)
    apart = np.where(seen, means[1] / np.where(seen, means[0], 1.0), 1.0) - 1
    apart = np.concatenate([apart[:1], apart, apart[-1:]])
    weight = np.concatenate([[0.0], weights, [1.0]])
    kept = (weight[1:] + weight[:-1]) / 2
    here = (1 + weight[:-1] * apart[:-1]) / (1 + kept * apart[:-1])
    there = (1 + weight[1:] * apart[1:]) / (1 + kept * apart[1:])
    return float(np.abs(there / here - 1).max())


def _entry(at: StationPlace, gain: float, overlap: int, seam: float | None) -> StationEntry:
    return StationEntry(
        first=at.first,
        count=at.count,
        gain=gain,
        overlap=overlap,
        shift_steps=at.shift,
        resampled=at.shift != 0.0,
        seam_step=seam,
    )


def _notes(at: StationPlace, seam: float | None, place: str) -> list[Finding]:
    notes = []
    if at.shift:
        notes.append(codes.STATION_RESAMPLED.at(place, "shift, as part of a step", measured=at.shift))
    if seam is not None and seam > MAX_SEAM_STEP:
        notes.append(codes.SEAM_STEP.at(place, "step, as part of the local mean", measured=seam, limit=MAX_SEAM_STEP))
    return notes
