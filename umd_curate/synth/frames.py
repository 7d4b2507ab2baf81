"""Turns a series of single images into one multi-frame object: enhanced CT, MR and PET, and the legacy-converted ones.

Decides which functional groups stand in the shared and which in the per-frame sequence (PS3.3 C.7.6.16, A.38, A.36, A.56,
A.70 to A.72); values are those of the single images.
"""

from collections.abc import Sequence
from dataclasses import replace

from umd_curate.synth.frame_groups import CLASSIC, ENHANCED, LEGACY, Kind, frame_times
from umd_curate.synth.header import Header
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Series, Slice

_STACK_INDEX = (0x00209056, 0x00209111)  # StackID in FrameContentSequence
_PLACE_INDEX = (0x00209057, 0x00209111)  # InStackPositionNumber in FrameContentSequence
# Elements of single images that a multi-frame object holds in its functional groups or not at all.
_GROUPED = frozenset(
    (
        "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
        "SliceLocation", "RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth", "InstanceNumber",
        "SOPInstanceUID", "ImageType", "FrameReferenceTime", "ActualFrameDuration", "ImageIndex", "DecayFactor",
        "DoseCalibrationFactor", "ScatterFractionFactor", "AcquisitionTime", "AcquisitionDate", "NumberOfSlices",
        "ImagesInAcquisition", "IrradiationEventUID",
    )
)  # fmt: skip


def dimensions(organization: str, indices: Sequence[tuple[int, int]]) -> Header:
    """Dimension module (PS3.3 C.7.6.17): pairs of an element and the functional group that holds it."""
    return {
        "DimensionOrganizationSequence": [{"DimensionOrganizationUID": organization}],
        "DimensionIndexSequence": [
            {
                "DimensionOrganizationUID": organization,
                "DimensionIndexPointer": element,
                "FunctionalGroupPointer": group,
            }
            for element, group in indices
        ],
    }


def enhanced(series: Series, study: Study, *, order: Sequence[int] | None = None) -> Series:
    """The series as one enhanced object.

    Parameters
    ----------
    series
        CT, MR or PET, one image per slice.
    study
        Its study.
    order
        Places of the slices in the order in which frames are stored; by default ascending along z.
    """
    return _merged(series, study, ENHANCED[str(series.header["Modality"])], order)


def legacy_converted(series: Series, study: Study) -> Series:
    """The series as one legacy-converted enhanced object: what has no functional group stands in unassigned ones."""
    return _merged(series, study, LEGACY[str(series.header["Modality"])], None)


def _merged(series: Series, study: Study, kind: Kind, order: Sequence[int] | None) -> Series:
    ascending = sorted(series.slices, key=lambda one: _height(one.header))
    places = range(len(ascending)) if order is None else order
    frames: list[Header] = []
    for place in places:
        whole = series.header | ascending[place].header
        content: Header = {
            **frame_times(whole, study),
            "StackID": "1",
            "InStackPositionNumber": place + 1,
            "DimensionIndexValues": [1, place + 1],
        }
        frames.append(
            {
                "FrameContentSequence": [content],
                "PlanePositionSequence": [{"ImagePositionPatient": whole["ImagePositionPatient"]}],
                **kind.per_frame(whole, study),
            }
        )
    first = series.header | ascending[0].header
    header: Header = {key: value for key, value in series.header.items() if key not in _GROUPED | CLASSIC}
    header |= kind.top(first, study) | dimensions(study.uid("dimensions", series.name), (_STACK_INDEX, _PLACE_INDEX))
    header |= {
        "SOPClassUID": kind.sop_class,
        "ContentTime": first["ContentTime"],
        "NumberOfFrames": len(frames),
        "SharedFunctionalGroupsSequence": [_shared(first) | kind.shared(first, study)],
        "PerFrameFunctionalGroupsSequence": frames,
    }
    own: Header = {"SOPInstanceUID": study.uid("instance", series.name, "multi-frame"), "InstanceNumber": 1}
    loads = [ascending[place].load for place in places]
    whole_object = Slice(own, lambda: b"".join(load() for load in loads))
    return replace(series, header=header, slices=(whole_object,))


def _shared(first: Header) -> Header:
    """Functional groups that every kind has."""
    return {
        "PixelMeasuresSequence": [
            {name: first[name] for name in ("SliceThickness", "SpacingBetweenSlices", "PixelSpacing")}
        ],
        "PlaneOrientationSequence": [{"ImageOrientationPatient": first["ImageOrientationPatient"]}],
    }


def _height(header: Header) -> float:
    position = header["ImagePositionPatient"]
    assert isinstance(position, list)  # noqa: S101  (headers are ours)
    return float(str(position[2]))
