"""Decides which PET volumes of one study and frame of reference are one acquisition, and which a later phase of it.

Reconstructions of one acquisition share its time. A static, attenuation-corrected PET that begins after the one before it has
ended, over the same region, is a later phase: a run of its own. CT and MR go with the phase that begins nearest to them.
"""

from collections.abc import Sequence

from umd_curate.ingest.candidates import Candidate
from umd_curate.ingest.criteria import COVERS_PART, covered_part

MIN_GAP_S = (
    60.0  # between the last bed of a phase and the next phase; two reconstructions of one bed never differ so far
)


def phases_of(pets: Sequence[Candidate]) -> list[list[Candidate]]:
    """Part PET volumes into phases, the earliest first; all of them are one phase where times are unknown."""
    if len(pets) < 2:  # one volume is one phase
        return [list(pets)] if pets else []
    timed = [volume for volume in pets if volume.span_s is not None]
    leading = [volume for volume in timed if volume.is_static and volume.is_attenuation_corrected]
    phases: list[list[Candidate]] = []
    end = 0.0
    for volume in sorted(leading, key=lambda volume: (volume.span_s or (0.0, 0.0), volume.series)):
        first, last = volume.span_s or (0.0, 0.0)
        if not phases or (first > end + MIN_GAP_S and _same_region(volume, phases[0])):
            phases.append([])
            end = last
        phases[-1].append(volume)
        end = max(end, last)
    if not phases:
        return [list(pets)]
    begins = [begin_s(phase) or 0.0 for phase in phases]
    names = {volume.series for phase in phases for volume in phase}
    for volume in pets:
        if volume.series not in names:
            phases[nearest(volume, begins)].append(volume)
    return phases


def begin_s(phase: Sequence[Candidate]) -> float | None:
    """When a phase began [s], on the line of `moments`; None where unknown."""
    return min((span[0] for volume in phase if (span := volume.span_s) is not None), default=None)


def nearest(volume: Candidate, begins: Sequence[float]) -> int:
    """Place of the phase that begins nearest to a volume's acquisition; the first where that is unknown."""
    span = volume.span_s if len(begins) > 1 else None
    if span is None:
        return 0
    return min(range(len(begins)), key=lambda place: (abs(begins[place] - span[0]), place))


def _same_region(volume: Candidate, phase: Sequence[Candidate]) -> bool:
    """At least half of the volume lies at the height of one of the phase, or of one of the phase at its height."""
    return any(
        max(covered_part(volume.height_mm, other.height_mm), covered_part(other.height_mm, volume.height_mm))
        >= COVERS_PART
        for other in phase
    )
