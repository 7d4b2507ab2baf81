"""Decides which images were made alike: one kind of scanner, one protocol, the same acquisition and reconstruction.

A protocol group is CuBIDS' idea (Covitz et al., NeuroImage 2022, doi:10.1016/j.neuroimage.2022.119609): a person looks at one
exemplar of each group and decides for all scans of it. What is decided is for the rooms.
"""

import math

from umd_curate.model.headers import InstanceHeader

_SPACING_DECIMALS = 2  # of a millimetre: consoles write 0.976562 and 0.9765625 for one setting
_PLANES = ("sagittal", "coronal", "axial")  # by the axis of the patient that the normal lies closest to
_UPRIGHT = 0.999  # of a direction cosine: 2.6 degrees off the axis is oblique


def protocol_parameters(header: InstanceHeader) -> tuple[tuple[str, str], ...]:
    """Name and value of all that tells protocols apart, in a fixed order; what the header lacks is empty.

    Numbers that follow from the patient (table position, number of slices, times, doses) are left out.
    """
    values: dict[str, object] = {
        "modality": header.modality,
        "manufacturer": header.manufacturer,
        "model": header.model,
        "protocol": header.protocol_name,
        "series": header.series_description,
        "sequence": header.sequence_name,
        "image_type": "\\".join(header.image_type),
        "kernel": header.convolution_kernel,
        "reconstruction": header.reconstruction_method,
        "corrections": "\\".join(header.corrected_image),
        "units": header.units,
        "contrast": "yes" if header.contrast_agent else "",
        "echo_ms": header.echo_time_ms,
        "channel": header.dixon_channel,
        "matrix": f"{header.rows} x {header.columns}" if header.rows and header.columns else "",
        "pixel_mm": " x ".join(_millimetres(value) for value in header.pixel_spacing_mm),
        "thickness_mm": _millimetres(header.slice_thickness_mm) if header.slice_thickness_mm is not None else "",
        "plane": plane_of(header.orientation),
    }
    return tuple((name, "" if value is None else str(value).strip()) for name, value in values.items())


def protocol_group(header: InstanceHeader) -> str:
    """Text that is equal for images of one protocol group and no other; private, since descriptions are free text.

    A room makes a keyed short id of it before it shows it.
    """
    return "|".join(f"{name}={value.casefold()}" for name, value in protocol_parameters(header))


def plane_of(orientation: tuple[float, ...]) -> str:
    """``axial``, ``coronal``, ``sagittal`` or one of them after ``oblique``; empty where (0020,0037) is missing."""
    if len(orientation) != 6:
        return ""
    (a, b, c), (d, e, f) = orientation[:3], orientation[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.sqrt(sum(part * part for part in normal))
    if not length or not math.isfinite(length):
        return ""
    parts = [abs(part) / length for part in normal]
    name = _PLANES[parts.index(max(parts))]
    return name if max(parts) >= _UPRIGHT else f"oblique {name}"


def _millimetres(value: float) -> str:
    return f"{round(value, _SPACING_DECIMALS):g}"
