"""Which frames of multi-frame objects form a volume, in which order, and which volume is the wanted one.

An object may hold several volumes of one place (PS3.3 C.7.6.16): echoes, b-values, channels, time points, phases. They are
told apart by the fewest properties of the functional groups that leave one frame per place; frames are sorted along their
normal, whatever order they are stored in. Where several volumes are left and no rule chooses one, the object is refused by
name. How frames are read is known to `multiframe_io.py`; what becomes of time points and gates is decided in `averaging.py`.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from umd_curate.convert.geometry import SlicePlace, check_alike
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.contrasts import are_several, component_of_type, differ
from umd_curate.model.dixon import channels_of_type
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import slice_normal
from umd_curate.model.stacks import SAME_PLACE_MM
from umd_curate.model.study import Layout, Role

MAGNITUDE: Final = "MAGNITUDE"  # (0008,9208), PS3.3 C.8.13.3.1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFacts:
    """What tells one frame from the others; missing elements are None or empty."""

    place: SlicePlace
    component: str | None = None  # (0008,9208) ComplexImageComponent
    frame_type: tuple[str, ...] = ()  # (0008,9007) FrameType
    echo_ms: float | None = None  # (0018,9082) EffectiveEchoTime, (0018,0081) EchoTime
    b_value: float | None = None  # (0018,9087) DiffusionBValue
    gradient: tuple[float, ...] = ()  # (0018,9089) DiffusionGradientOrientation
    temporal: int | None = None  # (0020,9128) TemporalPositionIndex
    reference_ms: float | None = None  # (0054,1300) FrameReferenceTime
    trigger_ms: float | None = None  # (0020,9153), (0018,1060) or (0020,9255) trigger delay
    phase: float | None = None  # (0018,9236) or (0020,9245) nominal percentage of the cycle
    stack: str | None = None  # (0020,9056) StackID
    acquired: str | None = None  # (0018,9074) FrameAcquisitionDateTime

    @property
    def part(self) -> str | None:
        """Part of a complex image by its first letter, from the component or else the frame type."""
        if self.component is None:
            return component_of_type(self.frame_type)
        return None if self.component == "MIXED" else self.component[:1]

    @property
    def channel(self) -> str | None:
        """Dixon channel that the frame type names."""
        channels = channels_of_type(self.frame_type)
        return channels[0] if len(channels) == 1 else None


@dataclass(frozen=True, slots=True)
class Property:
    """A property that tells volumes apart: its name with tag, its value, and what volumes are that differ in it alone."""

    name: str
    value: Callable[[FrameFacts], Hashable]
    layout: Layout | None = None  # DYNAMIC, GATED; None: different images


COMPONENT: Final = Property("(0008,9208) ComplexImageComponent", lambda frame: frame.component)
CHANNEL: Final = Property("Dixon channel of (0008,9007) FrameType", lambda frame: frame.channel)
ECHO: Final = Property("(0018,9082) EffectiveEchoTime", lambda frame: frame.echo_ms)
B_VALUE: Final = Property("(0018,9087) DiffusionBValue", lambda frame: frame.b_value)
STACK: Final = Property("(0020,9056) StackID", lambda frame: frame.stack)
# In this order: of two sets of equal size that tell the frames apart, the earlier one counts.
PROPERTIES: Final = (
    COMPONENT,
    CHANNEL,
    Property("(0008,9007) FrameType", lambda frame: frame.frame_type),
    ECHO,
    B_VALUE,
    Property("(0018,9089) DiffusionGradientOrientation", lambda frame: frame.gradient),
    Property("(0020,9128) TemporalPositionIndex", lambda frame: frame.temporal, Layout.DYNAMIC),
    Property("(0054,1300) FrameReferenceTime", lambda frame: frame.reference_ms, Layout.DYNAMIC),
    Property("(0020,9153) NominalCardiacTriggerDelayTime", lambda frame: frame.trigger_ms, Layout.GATED),
    Property("(0018,9236) NominalPercentageOfCardiacPhase", lambda frame: frame.phase, Layout.GATED),
    STACK,
)
PLANE: Final = "(0020,0037) ImageOrientationPatient, (0028,0030) PixelSpacing or (0028,0010) Rows"
NTH_AT_PLACE: Final = "(0018,9074) FrameAcquisitionDateTime, n-th frame of its place"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The wanted volume, or the time frames or gates of which it is the mean.

    Parameters
    ----------
    layout
        `Layout.STACK` for one volume, else ``DYNAMIC`` or ``GATED``.
    volumes
        Indices of the frames of each volume, sorted along the normal; time frames and gates in their order.
    told_apart_by, rule
        Names of what tells the volumes of the objects apart, and what chose among them.
    """

    layout: Layout
    volumes: tuple[tuple[int, ...], ...]
    told_apart_by: tuple[str, ...] = ()
    rule: str = ""


def choose(frames: Sequence[FrameFacts], role: Role, label: str, place: str) -> Chosen:
    """Find the volumes of multi-frame objects and choose the wanted one.

    Rules, in order: frames of the wanted Dixon channel (`label`), else magnitude images among the parts of complex ones;
    what then differs in time or phase alone belongs together.

    Parameters
    ----------
    frames
        All frames, with complete places.
    role, label
        The order's: `label` may name a Dixon channel.
    place
        Short id of the series.

    Raises
    ------
    Refused
        CON-107: nothing tells frames of one place apart. CON-502: several volumes, and no rule chooses, or frames of several
        contrasts at places of their own.
    """
    members = tuple(range(len(frames)))
    parts = _parts(frames, members, place)
    told_apart_by, rules = parts.names, []
    for wanted, rule in ((_is_channel(label), f"Dixon channel {label}"), (_is_magnitude, "magnitude image")):
        kept = tuple(index for index in members if wanted(frames[index]))
        if len(parts.volumes) > 1 and kept and len(kept) < len(members) and role is Role.MR:
            members, parts = kept, _parts(frames, kept, place)
            rules.append(rule)
    if len(parts.volumes) > 1 and parts.layout is None:
        detail = "; ".join(parts.names)
        raise Refused(codes.SEVERAL_VOLUMES.at(place, detail, measured=len(parts.volumes), limit=1))
    return Chosen(parts.layout or Layout.STACK, parts.volumes, told_apart_by, ", then ".join(rules))


@dataclass(frozen=True, slots=True)
class _Parts:
    """Volumes of some frames: names of what tells them apart; the layout where they are one image over time or phase."""

    volumes: tuple[tuple[int, ...], ...]
    names: tuple[str, ...] = ()
    layout: Layout | None = None


def _parts(frames: Sequence[FrameFacts], members: Sequence[int], place: str) -> _Parts:
    planes = _planes(frames, members)
    if len(planes) > 1:
        return _Parts(tuple(_along_normal(frames, plane) for plane in planes), (PLANE,))
    if _is_volume(frames, members):
        if mixed := _mixed(frames, members):
            raise Refused(codes.SEVERAL_VOLUMES.at(place, f"{'; '.join(mixed)} differs between places"))
        return _Parts((_along_normal(frames, members),))
    varying = [each for each in PROPERTIES if len({each.value(frames[index]) for index in members}) > 1]
    for size in range(1, len(varying) + 1):
        for chosen in combinations(varying, size):
            groups = _grouped(frames, members, chosen)
            are_volumes = all(_is_volume(frames, group) and not _mixed(frames, group) for group in groups)
            if are_volumes and _are_complete(frames, groups, chosen):
                volumes = tuple(_along_normal(frames, group) for group in groups)
                return _Parts(volumes, tuple(each.name for each in chosen), _layout_of(chosen))
    passes = _passes(frames, members)
    if passes is None:
        raise Refused(codes.FRAMES_NOT_ONE_VOLUME.at(place, "(0020,0032) ImagePositionPatient repeats between frames"))
    return _Parts(passes, (NTH_AT_PLACE,), Layout.DYNAMIC)


def _layout_of(chosen: Sequence[Property]) -> Layout | None:
    layouts = {each.layout for each in chosen}
    return layouts.pop() if len(layouts) == 1 else None


def _planes(frames: Sequence[FrameFacts], members: Sequence[int]) -> list[list[int]]:
    """Frames by orientation, matrix and spacing, in order of first sight."""
    planes: list[list[int]] = []
    for index in members:
        for plane in planes:
            if _are_alike(frames[plane[0]].place, frames[index].place):
                plane.append(index)
                break
        else:
            planes.append([index])
    return planes


def _are_alike(first: SlicePlace, other: SlicePlace) -> bool:
    try:
        check_alike(first, other, "")
    except Refused:
        return False
    return True


def _heights(frames: Sequence[FrameFacts], members: Sequence[int]) -> list[float]:
    """Place of each frame along the normal of the first one [mm]."""
    normal = slice_normal(frames[members[0]].place.orientation)
    return [float(np.dot(frames[index].place.position_mm, normal)) for index in members]


def _along_normal(frames: Sequence[FrameFacts], members: Sequence[int]) -> tuple[int, ...]:
    heights = _heights(frames, members)
    return tuple(index for _, index in sorted(zip(heights, members, strict=True)))


def _is_volume(frames: Sequence[FrameFacts], members: Sequence[int]) -> bool:
    """Whether no two frames are at one place."""
    return len(members) < 2 or float(np.diff(np.sort(_heights(frames, members))).min()) >= SAME_PLACE_MM


def _mixed(frames: Sequence[FrameFacts], members: Sequence[int]) -> list[str]:
    """Names of what makes frames of different places different pictures."""
    found = [frames[index] for index in members]
    checks = {
        COMPONENT.name: are_several(each.part for each in found),
        CHANNEL.name: are_several(each.channel for each in found),
        ECHO.name: differ(each.echo_ms or None for each in found),
        B_VALUE.name: differ(each.b_value for each in found),
    }
    return [name for name, is_mixed in checks.items() if is_mixed]


def _grouped(
    frames: Sequence[FrameFacts], members: Sequence[int], chosen: Sequence[Property]
) -> tuple[tuple[int, ...], ...]:
    """Frames by the values of the chosen properties, in the order of the values."""
    groups: dict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for index in members:
        groups[tuple(each.value(frames[index]) for each in chosen)].append(index)
    return tuple(tuple(groups[key]) for key in sorted(groups, key=_sortable))


def _sortable(key: tuple[Hashable, ...]) -> tuple[tuple[bool, bool, float, str], ...]:
    return tuple(
        (
            value is None,
            not isinstance(value, int | float),
            value if isinstance(value, int | float) else 0.0,
            repr(value),
        )
        for value in key
    )


def _are_complete(frames: Sequence[FrameFacts], groups: Sequence[Sequence[int]], chosen: Sequence[Property]) -> bool:
    """Time frames and gates show the same places; other volumes may have places of their own."""
    if _layout_of(chosen) is None:
        return True
    heights = [np.sort(_heights(frames, group)) for group in groups]
    same_count = len({len(each) for each in heights}) == 1
    return same_count and all(bool((np.abs(each - heights[0]) < SAME_PLACE_MM).all()) for each in heights)


def _passes(frames: Sequence[FrameFacts], members: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
    """The n-th frame of every place in order of acquisition, where each place has as many frames and all tell their time."""
    places: list[list[int]] = []
    heights = dict(zip(members, _heights(frames, members), strict=True))
    for index in sorted(members, key=heights.__getitem__):
        if places and abs(heights[index] - heights[places[-1][0]]) < SAME_PLACE_MM:
            places[-1].append(index)
        else:
            places.append([index])
    times = [{frames[index].acquired for index in each} for each in places]
    if len({len(each) for each in places}) != 1 or any(
        None in seen or len(seen) < len(each) for seen, each in zip(times, places, strict=True)
    ):
        return None
    in_time = [sorted(each, key=lambda index: frames[index].acquired or "") for each in places]
    return tuple(tuple(each[n] for each in in_time) for n in range(len(places[0])))


def _is_channel(label: str) -> Callable[[FrameFacts], bool]:
    return lambda frame: bool(label) and frame.channel == label


def _is_magnitude(frame: FrameFacts) -> bool:
    return frame.component == MAGNITUDE
