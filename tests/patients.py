"""Series of a CT that show a part of a body: a head with shoulders, a leg."""

import numpy as np

from tests.builders import SeriesBuilder, a_ct_series
from umd_curate.synth.heads import HeadSpec, trial_head

SPACING = (5.0, 5.0, 6.0)
UPRIGHT = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def a_head(*, bottom_mm: float = -420, is_upside_down: bool = False) -> SeriesBuilder:
    """CT of a trial head with shoulders; its header may say that the first slice is the uppermost."""
    volume = trial_head(HeadSpec(spacings_mm={"ct": SPACING}, bottom_mm=bottom_mm))["ct"].volume
    x, y, z = volume.affine[:3, 3]
    nk, nj, ni = volume.array_kji.shape
    stored = np.clip(volume.array_kji, -1024, 3000)[:: -1 if is_upside_down else 1]
    return (
        a_ct_series()
        .of(patient="HEAD", study="head", frame="head")
        .sized(
            slices=nk, rows=nj, columns=ni, spacing_mm=SPACING[:2], step_mm=SPACING[2], origin_mm=(-x, -y, z), orientation=UPRIGHT
        )
        .having(RescaleIntercept="0", RescaleSlope="1")
        .showing(lambda k, rows, columns: stored[k])
    )  # fmt: skip


def a_leg() -> SeriesBuilder:
    """CT of another patient that shows no head."""
    j, i = np.indices((40, 40))
    leg = np.where(np.hypot(j - 20, i - 20) < 15, 40, -1000)
    return (
        a_ct_series()
        .of(patient="LEG", study="leg", frame="leg")
        .sized(slices=40, rows=40, columns=40, spacing_mm=(5.0, 5.0), step_mm=6.0)
        .having(RescaleIntercept="0", RescaleSlope="1")
        .showing(lambda k, rows, columns: leg)
    )
