"""What makes MR images different pictures of a body, which no volume may hold one behind or between the other.

Echo times and b-values of one volume are equal but for rounding; what the scanner adapts from slice to slice or station to
station (rescale, times, repetition) is no contrast. Single slices are judged in the room ingest, frames in convert.
"""

from collections.abc import Iterable

MAX_SPREAD = (
    0.05  # of the largest value; stations round their shortest echo by 3 %, in- and opposed-phase echoes differ by half
)
_COMPONENTS = {"M", "P", "R", "I"}  # magnitude, phase, real, imaginary: value 3 of Siemens, 4 of Philips


def differ(values: Iterable[float | None]) -> bool:
    """Say whether echo times [ms] or b-values [s/mm2] are those of more than one image; unknown ones say nothing."""
    known = [value for value in values if value is not None]
    return bool(known) and max(known) - min(known) > MAX_SPREAD * max(known)


def are_several(values: Iterable[str | int | None]) -> bool:
    """Say whether there is more than one known value."""
    return len({value for value in values if value is not None}) > 1


def component_of_type(image_type: tuple[str, ...]) -> str | None:
    """Part of a complex image that ImageType (0008,0008) or FrameType (0008,9007) names: M, P, R, I, or None."""
    values = (value.strip().upper() for value in image_type[2:4])
    return next((value for value in values if value in _COMPONENTS), None)
