"""Images that are more than one file per slice: enhanced, legacy-converted, dynamic, gated, tiled. All are sound."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from umd_curate.synth.draws import stream
from umd_curate.synth.frames import enhanced, legacy_converted
from umd_curate.synth.mosaic import mosaic
from umd_curate.synth.planting import Defect, Verdict
from umd_curate.synth.scanners import Vendor
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Series
from umd_curate.synth.timing import dynamic, gated

# What an observer drew names single images, which are then not there.
_DRAWN = ("contours-ct", "contours-mr")
_STATIC = ("pet-second",)  # another corrected PET, which would be preferred


def _enhanced(series: Series, study: Study) -> Sequence[Series]:
    return (enhanced(series, study),)


def _shuffled(series: Series, study: Study) -> Sequence[Series]:
    order = stream(study.seed, "frames", study.label, series.name).permutation(len(series.slices)).tolist()
    return (enhanced(series, study, order=order),)


def _legacy(series: Series, study: Study) -> Sequence[Series]:
    return (legacy_converted(series, study),)


def _united(study: Study) -> Study:
    """The same study on the scanner that stores mosaics."""
    return replace(study, vendor=Vendor.UIH_MR)


OBJECT_DEFECTS: Mapping[str, Defect] = {
    "enhanced-ct": Defect(
        "The CT is one enhanced multi-frame object.", Verdict.ACCEPTED, ("ct",), edit=_enhanced, drops=_DRAWN
    ),
    "enhanced-mr": Defect(
        "The composed in-phase MR is one enhanced multi-frame object.",
        Verdict.ACCEPTED,
        ("mr-in",),
        edit=_enhanced,
        drops=_DRAWN,
    ),
    "enhanced-pet": Defect(
        "The PET is one enhanced multi-frame object, with a slope and times per frame.",
        Verdict.ACCEPTED,
        ("pet",),
        edit=_enhanced,
    ),
    "shuffled-frames": Defect(
        "The CT is one enhanced object whose frames are stored in no order.",
        Verdict.ACCEPTED,
        ("ct",),
        edit=_shuffled,
        drops=_DRAWN,
    ),
    "legacy-converted-ct": Defect(
        "The CT is one legacy-converted enhanced object.", Verdict.ACCEPTED, ("ct",), edit=_legacy, drops=_DRAWN
    ),
    "legacy-converted-mr": Defect(
        "The composed in-phase MR is one legacy-converted enhanced object.",
        Verdict.ACCEPTED,
        ("mr-in",),
        edit=_legacy,
        drops=_DRAWN,
    ),
    "legacy-converted-pet": Defect(
        "The PET is one legacy-converted enhanced object.", Verdict.ACCEPTED, ("pet",), edit=_legacy
    ),
    "mosaic": Defect(
        "The composed in-phase MR is stored as tiles of one image, as United Imaging does.",
        Verdict.ACCEPTED,
        ("mr-in",),
        alters=_united,
        edit=mosaic,
        drops=_DRAWN,
    ),
    "dynamic-pet": Defect(
        "The only corrected PET has three time frames.", Verdict.ACCEPTED, ("pet",), edit=dynamic, drops=_STATIC
    ),
    "gated-pet": Defect(
        "The only corrected PET has four gates.", Verdict.ACCEPTED, ("pet",), edit=gated, drops=_STATIC
    ),
}
