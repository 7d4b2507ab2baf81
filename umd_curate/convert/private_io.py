"""What convert needs of the makers' private elements, read from the source header before it is de-identified.

Only numbers leave this file: where the tiles of a mosaic lie, and how Philips scales its MR. The private elements themselves
go with the de-identification. Layouts: Siemens' CSA header as published by the makers of nibabel and dcm2niix (SV10); United
Imaging's sequence (0065,xx51) as its own files show it; Philips' conformance statement for (2005,xx0D), (2005,xx0E).
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from umd_curate.convert.header_io import Attributes, private_value, slice_place
from umd_curate.convert.mosaic import IMAGE_TYPES, Tiles, siemens_positions, tile_shape
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused

UNITED_IMAGING: Final = "Image Private Header"
SIEMENS_CSA: Final = "SIEMENS CSA HEADER"
SIEMENS_MR: Final = "SIEMENS MR HEADER"
PHILIPS_MR: Final = "Philips MR Imaging DD 001"
PHILIPS_FRAME: Final = "Philips MR Imaging DD 005"

_CSA_ELEMENT = struct.Struct("<64si4siii")  # name, multiplicity, VR, syngo data type, items, mark
_CSA_ITEM = struct.Struct("<4i")
_MAX_CSA_ITEMS = 1 << 12  # of one element; a larger count is damage


@dataclass(frozen=True, slots=True)
class Scale:
    """Philips' private scale; None where it was not kept."""

    slope: float | None = None  # (2005,xx0E)
    intercept: float | None = None  # (2005,xx0D)


@dataclass(frozen=True, slots=True)
class PrivateFacts:
    """Facts of one file.

    Parameters
    ----------
    tiles
        None where it is no mosaic.
    scales
        Scale of a Philips MR, frame by frame; empty where it was not kept.
    """

    tiles: Tiles | None = None
    scales: tuple[Scale, ...] = ()

    def scale(self, frame: int | None) -> "Scale":
        """Scale of a frame, counted from 0; of the whole object where there are none."""
        return self.scales[frame or 0] if (frame or 0) < len(self.scales) else Scale()


def private_facts(dataset: Dataset, place: str) -> PrivateFacts:
    """Read the private facts of an MR.

    Parameters
    ----------
    dataset
        Source dataset, not yet de-identified.
    place
        Short id of the series.

    Raises
    ------
    Refused
        CON-610: a mosaic does not say how many slices it holds or where they are.
    """
    attributes = Attributes(dataset)
    return PrivateFacts(
        tiles=_tiles(attributes, place) if is_mosaic(attributes) else None,
        scales=_scales(dataset),
    )


def is_mosaic(attributes: Attributes) -> bool:
    """Say whether ImageType (0008,0008) marks a mosaic."""
    return bool(IMAGE_TYPES & {text.upper() for text in attributes.texts("ImageType")})


def _scales(dataset: Dataset) -> tuple[Scale, ...]:
    """Scale of each frame, which Philips keeps in a private sequence of its functional groups; else of the object."""
    frames = [group.dataset for group in Attributes(dataset).items("PerFrameFunctionalGroupsSequence")]
    items = [private_value(group, 0x2005, PHILIPS_FRAME, 0x0F) for group in frames]
    if not frames:
        return (_scale(dataset),)
    return tuple(_scale(item[0]) if isinstance(item, Sequence) and item else Scale() for item in items)


def _scale(dataset: Dataset) -> Scale:
    attributes = Attributes(dataset)
    slope, intercept = (attributes.private(0x2005, PHILIPS_MR, element) for element in (0x0E, 0x0D))
    return Scale(_number(slope), _number(intercept))


def _tiles(attributes: Attributes, place: str) -> Tiles:
    slices = private_value(attributes.dataset, 0x0065, UNITED_IMAGING, 0x51)
    if isinstance(slices, Sequence) and slices:
        positions = tuple(Attributes(item).numbers("ImagePositionPatient") for item in slices)
        if any(len(position) != 3 for position in positions):
            raise Refused(codes.MOSAIC_UNKNOWN.at(place, "(0020,0032) ImagePositionPatient in (0065,1051)"))
        return Tiles(positions, is_square=False)
    return _siemens_tiles(attributes, place)


def _siemens_tiles(attributes: Attributes, place: str) -> Tiles:
    raw = private_value(attributes.dataset, 0x0029, SIEMENS_CSA, 0x10)
    csa = csa_numbers(raw) if isinstance(raw, bytes) else {}
    counted = csa.get("NumberOfImagesInMosaic") or _numbers(attributes.private(0x0019, SIEMENS_MR, 0x0A))
    normal = csa.get("SliceNormalVector", ())
    spacing_mm = attributes.number("SpacingBetweenSlices")
    at = slice_place(attributes)
    wanted = (
        ("(0019,100A) or NumberOfImagesInMosaic of (0029,1010)", bool(counted) and counted[0] >= 1),
        ("SliceNormalVector of (0029,1010)", len(normal) == 3),
        ("(0018,0088) SpacingBetweenSlices", bool(spacing_mm) and (spacing_mm or 0) > 0),
        ("(0020,0032) ImagePositionPatient", len(at.position_mm) == 3),
        ("(0020,0037) ImageOrientationPatient", len(at.orientation) == 6),
        ("(0028,0030) PixelSpacing", len(at.pixel_spacing_mm) == 2),
    )
    for name, is_there in wanted:
        if not is_there:
            raise Refused(codes.MOSAIC_UNKNOWN.at(place, name))
    n_tiles = int(counted[0])
    shape = tile_shape(at.rows or 0, at.columns or 0, n_tiles, is_square=True)
    if shape is None:
        detail = "(0028,0010) Rows or (0028,0011) Columns is no multiple of the tiles"
        raise Refused(codes.MOSAIC_UNKNOWN.at(place, detail, measured=n_tiles))
    return siemens_positions(at, shape, n_tiles, spacing_mm or 0.0, normal)


def csa_numbers(data: bytes) -> dict[str, tuple[float, ...]]:
    """Elements of a CSA header (SV10) whose items are all numbers; empty where it is of another form or damaged."""
    found: dict[str, tuple[float, ...]] = {}
    if data[:4] != b"SV10":
        return found
    try:
        (count,), offset = struct.unpack_from("<i", data, 8), 16
        for _ in range(count):
            name, _, _, _, n_items, _ = _CSA_ELEMENT.unpack_from(data, offset)
            offset += _CSA_ELEMENT.size
            if not 0 <= n_items <= _MAX_CSA_ITEMS:
                return {}
            texts = []
            for _ in range(n_items):
                length = _CSA_ITEM.unpack_from(data, offset)[1]
                offset += _CSA_ITEM.size
                if not 0 <= length <= len(data) - offset:
                    return {}
                texts.append(data[offset : offset + length].split(b"\0")[0].decode("latin-1").strip())
                offset += (length + 3) // 4 * 4
            numbers = _numbers(" ".join(text for text in texts if text))
            if numbers:
                found[name.split(b"\0")[0].decode("latin-1")] = numbers
    except struct.error:
        return {}
    return found


def _numbers(text: str | None) -> tuple[float, ...]:
    """Numbers of a text of blanks and numbers; empty where one of its words is none."""
    words = re.split(r"\s+", (text or "").strip())
    numbers = [_number(word) for word in words]
    return tuple(number for number in numbers if number is not None) if None not in numbers else ()


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
