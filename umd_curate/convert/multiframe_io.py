"""Frames of multi-frame objects as planes: what their functional groups say of each, and the planes of the chosen volumes.

Which frames make up a volume is decided in `frames.py`. All objects of a volume are held in memory at once, since frames may
be stored in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydicom.dataset import Dataset

from umd_curate.convert.frames import FrameFacts, choose
from umd_curate.convert.geometry import check_complete
from umd_curate.convert.header_io import Attributes, slice_place
from umd_curate.convert.io import Plane
from umd_curate.convert.private_io import PrivateFacts
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.sidecars import FrameChoice
from umd_curate.model.study import Layout, Role

Source: TypeAlias = tuple[Dataset, PrivateFacts]  # a de-identified object, and what its private elements said before


@dataclass(frozen=True, slots=True)
class FrameVolumes:
    """The chosen volume of multi-frame objects, or its time frames or gates: planes in ascending k for each."""

    layout: Layout
    volumes: tuple[tuple[Plane, ...], ...]
    choice: FrameChoice
    findings: tuple[Finding, ...]


def frame_volumes(sources: Sequence[Source], role: Role, label: str, place: str) -> FrameVolumes:
    """Planes of the wanted volume of one or more multi-frame objects.

    Raises
    ------
    Refused
        A frame does not say where it is; several objects are CT of one place, taken again; see also `frames.choose`.
    """
    attributes = [Attributes(dataset, frame) for dataset, _ in sources for frame in range(_n_frames(dataset))]
    private = [each for dataset, each in sources for _ in range(_n_frames(dataset))]
    facts = [frame_facts(each) for each in attributes]
    for each in facts:
        check_complete(each.place, place)
    chosen = choose(facts, role, label, place)
    if role is Role.CT and chosen.layout is Layout.DYNAMIC and (n_objects := _n_objects(sources)) > 1:
        raise Refused(codes.SEVERAL_VOLUMES.at(place, "objects that show the same places", measured=n_objects, limit=1))
    volumes = tuple(
        tuple(Plane(attributes[index], facts[index].place, place, private[index]) for index in volume)
        for volume in chosen.volumes
    )
    n_used = sum(map(len, volumes))
    findings = []
    if n_used < len(facts):
        detail = "; ".join((*chosen.told_apart_by, f"kept: {chosen.rule}"))
        findings.append(codes.FRAMES_LEFT_OUT.at(place, detail, measured=len(facts) - n_used))
    choice = FrameChoice(n_frames=len(facts), n_used=n_used, told_apart_by=chosen.told_apart_by, rule=chosen.rule)
    return FrameVolumes(chosen.layout, volumes, choice, tuple(findings))


def frame_facts(attributes: Attributes) -> FrameFacts:
    """What tells one frame from the others."""
    echo_ms = attributes.number("EffectiveEchoTime")
    return FrameFacts(
        place=slice_place(attributes),
        component=attributes.code("ComplexImageComponent"),
        frame_type=attributes.texts("FrameType"),
        echo_ms=attributes.number("EchoTime") if echo_ms is None else echo_ms,
        b_value=attributes.number("DiffusionBValue"),
        gradient=_gradient(attributes),
        temporal=attributes.integer("TemporalPositionIndex"),
        reference_ms=attributes.number("FrameReferenceTime"),
        trigger_ms=_first(
            attributes, "NominalCardiacTriggerDelayTime", "TriggerTime", "NominalRespiratoryTriggerDelayTime"
        ),
        phase=_first(attributes, "NominalPercentageOfCardiacPhase", "NominalPercentageOfRespiratoryPhase"),
        stack=attributes.text("StackID"),
        acquired=attributes.text("FrameAcquisitionDateTime"),
    )


def _first(attributes: Attributes, *keywords: str) -> float | None:
    return next((value for keyword in keywords if (value := attributes.number(keyword)) is not None), None)


def _gradient(attributes: Attributes) -> tuple[float, ...]:
    for item in attributes.items("DiffusionGradientDirectionSequence"):
        return item.numbers("DiffusionGradientOrientation")
    return ()


def _n_objects(sources: Sequence[Source]) -> int:
    """Number of objects; the parts of a concatenation are one."""
    attributes = [Attributes(dataset) for dataset, _ in sources]
    return len({each.text("ConcatenationUID") or each.text("SOPInstanceUID") for each in attributes})


def _n_frames(dataset: Dataset) -> int:
    return Attributes(dataset).integer("NumberOfFrames") or 1
