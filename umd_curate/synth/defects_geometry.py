"""Defects of geometry, and the unusual stacks that are sound: what a converter gets wrong in silence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from umd_curate.model.study import Disposition
from umd_curate.synth.draws import stream
from umd_curate.synth.header import Header, cosine, decimal
from umd_curate.synth.placing import Form
from umd_curate.synth.planting import INCOMPLETE, SECOND_CHOICE, Alter, Defect, EditSeries, Verdict, bad
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, Series, Slice
from umd_curate.synth.shapes import turned

_JITTER_MM = 0.004  # greatest stray of a slice; scanners round positions as coarsely
_MIXED_DEG = 5.0  # pitch of the slices that are oriented otherwise
_MIXED_PART = 3  # a third of the slices
_CTS, _ANATOMY = ("ct",), ("ct", "mr-in")
_UNEVEN = bad("the slices are not evenly spaced")
_MIXED = bad("the slices have two orientations")


def _formed(form: Form) -> Alter:
    return lambda study: replace(study, form=form)


def _keeping(wanted: Callable[[int], slice | list[int]], expected: Expected | None = None) -> EditSeries:
    """Keep some of the slices, given ascending by z; the header goes on telling how many there were."""

    def edit(series: Series, _study: Study) -> Sequence[Series]:
        ascending = sorted(range(len(series.slices)), key=lambda n: _z(series.slices[n]))
        chosen = wanted(len(ascending))
        kept = ascending[chosen] if isinstance(chosen, slice) else [ascending[n] for n in chosen]
        slices = tuple(series.slices[n] for n in sorted(kept))
        return (replace(series, slices=slices, expected=expected or series.expected),)

    return edit


def _z(one: Slice) -> float:
    position = one.header["ImagePositionPatient"]
    assert isinstance(position, list)  # noqa: S101  (headers are ours)
    return float(str(position[2]))


def _without_middle(count: int) -> list[int]:
    return [n for n in range(count) if n != count // 2]


def _two_spacings(count: int) -> list[int]:
    """Every slice of the lower half, every second of the upper."""
    return [n for n in range(count) if n < count // 2 or (n - count // 2) % 2 == 0]


def _jitter(series: Series, study: Study) -> Sequence[Series]:
    draw = stream(study.seed, "jitter", study.label, series.name)
    strays = draw.uniform(-_JITTER_MM, _JITTER_MM, len(series.slices))
    slices = [_moved(one, float(stray)) for one, stray in zip(series.slices, strays, strict=True)]
    return (replace(series, slices=tuple(slices)),)


def _moved(one: Slice, by_mm: float) -> Slice:
    position = one.header["ImagePositionPatient"]
    assert isinstance(position, list)  # noqa: S101  (headers are ours)
    z = decimal(float(str(position[2])) + by_mm)
    header: Header = one.header | {"ImagePositionPatient": [*position[:2], z], "SliceLocation": z}
    return replace(one, header=header)


def _mixed(series: Series, _study: Study) -> Sequence[Series]:
    turn = turned(pitch_deg=_MIXED_DEG)
    directions = [cosine(float(value)) for value in np.concatenate([turn[:, 0], turn[:, 1]])]
    slices = list(series.slices)
    for n in range(len(slices) // _MIXED_PART):
        slices[n] = replace(slices[n], header=slices[n].header | {"ImageOrientationPatient": directions})
    return (replace(series, slices=tuple(slices), expected=_MIXED),)


def _reversed(series: Series, _study: Study) -> Sequence[Series]:
    """Numbered and stored against the direction in which this scanner stores."""
    count = len(series.slices)
    slices = [replace(one, header=one.header | {"InstanceNumber": count - n}) for n, one in enumerate(series.slices)]
    return (replace(series, slices=tuple(reversed(slices))),)


def _with_localizer(series: Series, study: Study) -> Sequence[Series]:
    """A coronal scout under the UID of the series."""
    first = series.slices[0]
    own: Header = first.header | {
        "SOPInstanceUID": study.uid("instance", series.name, "scout"),
        "InstanceNumber": 0,
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"],
    }
    scout = replace(first, header=own)
    odd = {0: Expected(Disposition.EXCLUDED, "localizer")}
    return (replace(series, slices=(scout, *series.slices), odd=odd),)


GEOMETRY_DEFECTS: Mapping[str, Defect] = {
    "missing-slice": Defect(
        "The CT lacks a slice in its middle.",
        Verdict.REFUSED,
        _CTS,
        edit=_keeping(_without_middle, INCOMPLETE),
        elsewhere=SECOND_CHOICE,
    ),
    "last-slice-missing": Defect(
        "The highest slice is missing.", Verdict.ACCEPTED, _ANATOMY, edit=_keeping(lambda count: slice(0, count - 1))
    ),
    "first-slice-missing": Defect(
        "The lowest slice is missing.", Verdict.ACCEPTED, _ANATOMY, edit=_keeping(lambda count: slice(1, count))
    ),
    "two-spacings": Defect(
        "The upper half of the CT has twice the slice distance of the lower.",
        Verdict.REFUSED,
        _CTS,
        edit=_keeping(_two_spacings, _UNEVEN),
        elsewhere=SECOND_CHOICE,
    ),
    "jitter": Defect(
        "Every slice strays by up to 0.004 mm from its place.", Verdict.ACCEPTED, (*_ANATOMY, "pet"), edit=_jitter
    ),
    "mixed-orientation": Defect(
        "A third of the CT's slices are turned by 5 degrees.",
        Verdict.REFUSED,
        _CTS,
        edit=_mixed,
        elsewhere=SECOND_CHOICE,
    ),
    "localizer-inside": Defect(
        "A localizer carries the series UID of the CT.", Verdict.SPLIT, _CTS, edit=_with_localizer
    ),
    "gantry-tilt": Defect(
        "The CT was taken with the gantry tilted by 12 degrees: its stack is sheared.",
        Verdict.REPAIRED,
        _CTS,
        alters=_formed(Form.TILTED),
        drops=("contours-ct",),
    ),
    "reversed": Defect(
        "Slices are numbered and stored against the usual direction.",
        Verdict.ACCEPTED,
        (*_ANATOMY, "pet"),
        edit=_reversed,
    ),
    "oblique": Defect("The slices of CT or MR are oblique.", Verdict.ACCEPTED, _ANATOMY, alters=_formed(Form.OBLIQUE)),
    "coronal": Defect("The slices of CT or MR are coronal.", Verdict.ACCEPTED, _ANATOMY, alters=_formed(Form.CORONAL)),
    "sagittal": Defect(
        "The slices of CT or MR are sagittal.", Verdict.ACCEPTED, _ANATOMY, alters=_formed(Form.SAGITTAL)
    ),
    "anisotropic": Defect(
        "Rows of CT or MR are twice as far apart as columns.",
        Verdict.ACCEPTED,
        _ANATOMY,
        alters=_formed(Form.ANISOTROPIC),
    ),
}
