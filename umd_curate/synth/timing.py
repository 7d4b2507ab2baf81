"""Dynamic and gated PET: the slices of a static one once per time frame or gate, with the times and activity of each.

The duration-weighted mean over the frames is the static image again, so the truth of the static image stays the truth.
"""

from collections.abc import Sequence
from dataclasses import replace

from umd_curate.synth.header import Header
from umd_curate.synth.physics import bed_average_time_s
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Series, Slice

# Per time frame: part of the static activity, and duration [s]. The duration-weighted mean of the parts is 1.
_FRAMES = ((0.70, 60.0), (0.95, 120.0), (1.1333333333333333, 180.0))
_GATES = (0.9, 1.1, 1.05, 0.95)  # part of the static activity per gate, all of one duration
_BEAT_MS = 900.0


def dynamic(series: Series, study: Study) -> Sequence[Series]:
    """One series with three time frames of every slice, each frame after the other over the whole body."""
    slices: list[Slice] = []
    start_s = 0.0
    for number, (part, duration_s) in enumerate(_FRAMES):
        middle_s = start_s + bed_average_time_s(study.injection.half_life_s, duration_s)
        day, time = study.stamp(study.scan_s + start_s)
        own: Header = {
            "AcquisitionDate": day,
            "AcquisitionTime": time,
            "ContentTime": study.stamp(study.scan_s + start_s + duration_s)[1],
            "FrameReferenceTime": f"{middle_s * 1000:.3f}",
            "ActualFrameDuration": int(duration_s * 1000),
        }
        slices += _repeated(series, study, f"frame-{number}", number, part, own)
        start_s += duration_s
    header: Header = series.header | {"SeriesType": ["DYNAMIC", "IMAGE"], "NumberOfTimeSlices": len(_FRAMES)}
    header.pop("ActualFrameDuration", None)
    return (replace(series, header=header, slices=tuple(slices)),)


def gated(series: Series, study: Study) -> Sequence[Series]:
    """One series with four gates of every slice."""
    slices: list[Slice] = []
    for number, part in enumerate(_GATES):
        own: Header = {
            "TriggerTime": f"{_BEAT_MS * number / len(_GATES):g}",
            "FrameTime": f"{_BEAT_MS / len(_GATES):g}",
        }
        slices += _repeated(series, study, f"gate-{number}", number, part, own)
    header: Header = series.header | {
        "SeriesType": ["GATED", "IMAGE"],
        "NumberOfRRIntervals": 1,
        "NumberOfTimeSlots": len(_GATES),
        "TriggerSourceOrType": "EKG",
        "NominalInterval": int(_BEAT_MS),
    }
    return (replace(series, header=header, slices=tuple(slices)),)


def _repeated(series: Series, study: Study, what: str, number: int, part: float, own: Header) -> list[Slice]:
    """All slices of the series once more, with `part` of the activity."""
    count = len(series.slices)
    found = []
    for n, one in enumerate(series.slices):
        header: Header = one.header | own
        header |= {
            "SOPInstanceUID": study.uid("instance", series.name, what, n),
            "InstanceNumber": number * count + int(str(one.header["InstanceNumber"])),
            "ImageIndex": number * count + int(str(one.header["ImageIndex"])),
            "RescaleSlope": f"{float(str(one.header['RescaleSlope'])) * part:.9g}",
        }
        found.append(Slice(header, one.load))
    return found
