"""Radioactive decay: how much of an activity is left, and where within a frame its mean lies.

Decides nothing about which time counts (`pet_clock.py`) or what the image's units are (`suv.py`).
"""

import math


def decay_constant(half_life_s: float) -> float:
    """Decay constant [1/s] of a half-life [s], (0018,1075)."""
    return math.log(2) / half_life_s


def remaining(elapsed_s: float, half_life_s: float) -> float:
    """Part of an activity that is left after `elapsed_s` [s], by exponential decay.

    Examples
    --------
    >>> remaining(6586.2, 6586.2)
    0.5
    """
    return math.exp2(-elapsed_s / half_life_s)


def frame_mean(duration_s: float, half_life_s: float) -> float:
    """Mean activity over a frame as part of the activity at its start: (1 - exp(-λT)) / (λT).

    Parameters
    ----------
    duration_s
        Frame duration T [s]; (0018,1242) is in ms. Must be above 0.
    half_life_s
        Physical half-life [s].
    """
    exponent = decay_constant(half_life_s) * duration_s
    return -math.expm1(-exponent) / exponent


def average_time_s(duration_s: float, half_life_s: float) -> float:
    """Time within a frame [s] at which the activity equals its mean over the frame: ln(λT / (1 - exp(-λT))) / λ.

    The "average count rate time" of (0054,1300); slightly before the middle of the frame.

    Examples
    --------
    >>> round(average_time_s(300.0, 6586.2), 3)
    149.605
    """
    return -math.log(frame_mean(duration_s, half_life_s)) / decay_constant(half_life_s)
