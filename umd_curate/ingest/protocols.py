"""Decides which images were made alike: one kind of scanner, one protocol, the same acquisition and reconstruction.

A protocol group is CuBIDS' idea (Covitz et al., NeuroImage 2022, doi:10.1016/j.neuroimage.2022.119609): a person looks at one
exemplar of each group and decides for all scans of it. What is decided is for umd.toml, how it counts for `criteria`.
"""

import math
import re
import unicodedata

from umd_curate.model.headers import InstanceHeader

_SPACING_DECIMALS = 2  # of a millimetre: consoles write 0.976562 and 0.9765625 for one setting
_PLANES = ("sagittal", "coronal", "axial")  # by the axis of the patient that the normal lies closest to
_WORD = re.compile(r"[^\W_]+")
_NAME_LETTERS = 3  # a shorter part of a name stands by chance in words of a protocol
_LONG_NUMBER = re.compile(r"\d{5}")  # no protocol has one; record numbers, accession numbers and dates do
_UPRIGHT = 0.999  # of a direction cosine: 2.6 degrees off the axis is oblique


def protocol_parameters(header: InstanceHeader) -> tuple[tuple[str, str], ...]:
    """Name and value of all that tells protocols apart, in a fixed order; what the header lacks is empty.

    Numbers that follow from the patient (table position, number of slices, times, doses) are left out, and so are words of
    protocol and description that name the patient: consoles copy them there.
    """
    values: dict[str, object] = {
        "modality": header.modality,
        "manufacturer": header.manufacturer,
        "model": header.model,
        "protocol": _without_person(header.protocol_name, header),
        "series": _without_person(header.series_description, header),
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


def protocol_text(header: InstanceHeader) -> str:
    """Text that is equal for images of one protocol group and no other; private, since descriptions are free text.

    Only a keyed short id of it (``g-...``) is shown.
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


def _without_person(text: str | None, header: InstanceHeader) -> str:
    """Words of a free text without those that hold a part of PatientName or PatientID, or a long number."""
    own = {word for part in (header.patient_name, header.patient_id) for word in _words(part) if len(word) > 1}
    return " ".join(word for word in _WORD.findall(text or "") if not _names(word, own))


def _names(word: str, own: set[str]) -> bool:
    """Say whether a word is a part of the patient's name or id, holds a longer one, or holds a long number."""
    if _LONG_NUMBER.search(word):
        return True
    return any(
        folded == part or (len(part) >= _NAME_LETTERS and part in folded) for folded in _words(word) for part in own
    )


def _words(text: str | None) -> list[str]:
    """Words without case and accents."""
    plain = unicodedata.normalize("NFKD", (text or "").casefold())
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def _millimetres(value: float) -> str:
    return f"{round(value, _SPACING_DECIMALS):g}"
