"""Pixels out of datasets, planes into a staged file: pydicom's decoders on one side, the NIfTI writer on the other.

Decides whether pixel data can be trusted (length, one grey value per pixel, decodable) and the voxel type of the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    RLELossless,
)

from umd_curate.convert.geometry import SlicePlace
from umd_curate.convert.header_io import Attributes
from umd_curate.convert.jpeg12_io import jpeg12
from umd_curate.convert.private_io import PrivateFacts
from umd_curate.convert.rescale import Rescale, as_float32, as_int16, int16_ends
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.resampled import between
from umd_curate.store.dicom import READ_FAULTS, bytes_of, holds, quiet, syntax_of, tag_of
from umd_curate.store.nifti import NiftiWriter, Written

# Words in files of these syntaxes are little endian and lie one after the other (PS3.5 annex A.1, A.2, A.5).
_PLAIN_SYNTAXES: Final = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian})
_WORDS: Final[dict[tuple[int, int | None], np.dtype[np.generic]]] = {
    (bits, sign): np.dtype(f"<{kind}{bits // 8}") for bits in (8, 16, 32) for sign, kind in enumerate("ui")
}  # by (0028,0100) BitsAllocated and (0028,0103) PixelRepresentation
_PIXEL_DATA, _FLOAT_PIXELS, _DOUBLE_PIXELS = (tag_of(0x7FE00000 + element) for element in (0x10, 0x08, 0x09))
_GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})

# READ_FAULTS, and what the codecs raise for damaged streams.
DECODE_FAULTS: Final = (*READ_FAULTS, RuntimeError, IndexError, MemoryError)


@dataclass(frozen=True, slots=True)
class Plane:
    """One slice of a volume: its attributes and place, its pixels on demand."""

    attributes: Attributes
    slice_place: SlicePlace
    place: str
    private: PrivateFacts  # what the private elements of its file said
    tile: tuple[slice, slice] | None = None  # rows and columns of the slice in a mosaic

    def stored_ji(self) -> NDArray[np.generic]:
        """Stored values [j, i].

        Raises
        ------
        Refused
            The pixels cannot be decoded, are no grey image, or are shorter or longer than the header says.
        """
        whole = _stored(self.attributes.top, self.attributes.frame or 0, self.place)
        return whole if self.tile is None else whole[self.tile]


def stored_plane(dataset: Dataset, frame: int, place: str) -> NDArray[np.generic]:
    """Stored values [j, i] of one frame; see `Plane.stored_ji`."""
    return _stored(Attributes(dataset), frame, place)


def _stored(attributes: Attributes, frame: int, place: str) -> NDArray[np.generic]:
    dataset = attributes.dataset
    if (attributes.integer("SamplesPerPixel") or 1) != 1:
        raise Refused(codes.NOT_GREY.at(place, "(0028,0002) SamplesPerPixel"))
    try:
        _check_length(dataset, attributes, place)
        with quiet():
            stored = _frame(dataset, attributes, frame)
    except DECODE_FAULTS as fault:
        raise Refused(codes.PIXELS_UNREADABLE.at(place, "(7FE0,0010) PixelData")) from fault
    if stored.shape != (attributes.integer("Rows"), attributes.integer("Columns")):
        raise Refused(codes.PIXELS_UNREADABLE.at(place, "(7FE0,0010) PixelData against (0028,0010), (0028,0011)"))
    if stored.dtype.kind == "f" and not np.isfinite(np.asarray(stored, np.float64)).all():
        raise Refused(codes.PIXELS_UNREADABLE.at(place, "(7FE0,0008) FloatPixelData holds what is no finite number"))
    return stored


def _frame(dataset: Dataset, attributes: Attributes, frame: int) -> NDArray[np.generic]:
    """Stored values of a frame: plain words from the buffer, all else by pydicom's decoders.

    Packed bits are taken by hand, since a frame may begin within a byte.
    """
    syntax = syntax_of(dataset)
    words = _plain_words(dataset, attributes, frame) if syntax in _PLAIN_SYNTAXES else None
    if words is not None:
        return words
    if syntax == JPEGExtended12Bit and (attributes.integer("BitsStored") or 0) > 8:
        return _twelve_bits(dataset, attributes, frame)
    if attributes.integer("BitsAllocated") != 1 or syntax.is_compressed:
        stored, high = attributes.integer("BitsStored"), attributes.integer("HighBit")
        is_high = stored is not None and high is not None and high >= stored
        if is_high and (not syntax.is_compressed or syntax == RLELossless):  # other codecs hold values, not words
            return _bits_from(
                np.asarray(pixel_array(dataset, index=frame, raw=True, correct_unused_bits=False)), attributes
            )
        return np.asarray(pixel_array(dataset, index=frame, raw=True))
    rows, columns = attributes.integer("Rows") or 0, attributes.integer("Columns") or 0
    start, count = frame * rows * columns, rows * columns
    packed = np.frombuffer(dataset.PixelData, np.uint8, (start + count + 7) // 8 - start // 8, start // 8)
    bits = np.unpackbits(packed, bitorder="little")  # the first pixel is the lowest bit (PS3.5 8.1.1)
    return bits[start % 8 : start % 8 + count].reshape(rows, columns)


def _twelve_bits(dataset: Dataset, attributes: Attributes, frame: int) -> NDArray[np.generic]:
    """Stored values of a frame in 12-bit JPEG with loss."""
    bits = tuple(attributes.integer(name) for name in ("BitsAllocated", "BitsStored", "HighBit"))
    if bits != (16, 12, 11) or attributes.text("PhotometricInterpretation") not in _GREY:
        message = "(0028,0100), (0028,0101) or (0028,0102) does not fit JPEG of 12 bits"
        raise ValueError(message)
    count = attributes.integer("NumberOfFrames") or 1
    stream = get_frame(dataset.PixelData, frame, number_of_frames=count)
    words = jpeg12(stream, attributes.integer("Rows") or 0, attributes.integer("Columns") or 0)
    return _bits_from(words.view("<i2" if attributes.integer("PixelRepresentation") else "<u2"), attributes)


def _plain_words(dataset: Dataset, attributes: Attributes, frame: int) -> NDArray[np.generic] | None:
    """Grey words of 8, 16 or 32 bits as they lie in the pixel data; None where anything is unusual.

    What is checked here is what pydicom checks before it does the same; the length is checked by `_check_length`.
    """
    n_allocated, n_stored = attributes.integer("BitsAllocated") or 0, attributes.integer("BitsStored")
    sign = attributes.integer("PixelRepresentation")
    dtype = _WORDS.get((n_allocated, sign))
    rows, columns = attributes.integer("Rows"), attributes.integer("Columns")
    if (
        dtype is None
        or n_stored is None
        or not 0 < n_stored <= n_allocated
        or attributes.integer("HighBit") != n_stored - 1
        or attributes.integer("SamplesPerPixel") != 1
        or attributes.text("PhotometricInterpretation") not in _GREY
        or (data := bytes_of(dataset, _PIXEL_DATA)) is None
        or holds(dataset, _FLOAT_PIXELS)
        or holds(dataset, _DOUBLE_PIXELS)
        or not rows
        or not columns
    ):
        return None
    words = np.frombuffer(data, dtype, rows * columns, frame * rows * columns * dtype.itemsize)
    return (
        _bits_from(words.reshape(rows, columns), attributes)
        if n_stored != n_allocated
        else words.reshape(rows, columns)
    )


def _bits_from(words: NDArray[np.generic], attributes: Attributes) -> NDArray[np.generic]:
    """Values whose highest bit (0028,0102) stands above BitsStored (0028,0101), as older files have it (PS3.5 8.1.1)."""
    n_allocated = 8 * words.dtype.itemsize
    n_stored, high = attributes.integer("BitsStored") or n_allocated, attributes.integer("HighBit") or 0
    if high >= n_allocated:
        message = "(0028,0102) HighBit does not fit (0028,0100) BitsAllocated"
        raise ValueError(message)
    integers = words.astype(words.dtype.newbyteorder("="))
    return np.asarray(np.right_shift(np.left_shift(integers, n_allocated - 1 - high), n_allocated - n_stored))


def _check_length(dataset: Dataset, attributes: Attributes, place: str) -> None:
    """Check the length of uncompressed pixel data; one byte of padding to an even length is allowed."""
    if not holds(dataset, _PIXEL_DATA) or syntax_of(dataset).is_compressed:
        return
    rows, columns, bits = (attributes.integer(name) for name in ("Rows", "Columns", "BitsAllocated"))
    if not rows or not columns or not bits:
        raise Refused(codes.PIXELS_UNREADABLE.at(place, "(0028,0010), (0028,0011) or (0028,0100)"))
    n_bits = rows * columns * bits * (attributes.integer("NumberOfFrames") or 1)
    expected = (n_bits + 7) // 8
    data = bytes_of(dataset, _PIXEL_DATA)
    found = len(dataset.PixelData if data is None else data)
    if not expected <= found <= expected + expected % 2:
        raise Refused(codes.PIXEL_LENGTH.at(place, "(7FE0,0010) PixelData, bytes", measured=found, limit=expected))


class PlaneWriter:
    """Streams planes into a staged ``.nii.gz``: int16 as long as that is exact, float32 from the first plane on that needs it.

    Attributes
    ----------
    value_min, value_max
        Over all planes written.
    """

    def __init__(self, path: Path, grid: Grid, *, try_int16: bool) -> None:
        self._writer = NiftiWriter(path, grid, np.int16 if try_int16 else np.float32)
        self._last_ji: NDArray[np.generic] = np.zeros(grid.shape_kji[1:], np.int16)
        self.n_written = 0
        self.value_min = float("inf")
        self.value_max = float("-inf")

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def write(self, stored_ji: NDArray[np.generic], rescale: Rescale, parts: Sequence[float] = (1.0,)) -> None:
        """Append the next image of stored values, and before it what lies between the one before and it.

        Parameters
        ----------
        stored_ji, rescale
            Stored values and their rescale.
        parts
            Planes to append: 1 is the image itself, less lies so far from the one before to it (linear).
        """
        ends: tuple[float, float] | None = None
        if self._writer.dtype == np.int16:
            ends = int16_ends(stored_ji, rescale)
            if ends is None:
                self._writer.promote(np.float32)
        values: NDArray[np.generic] = as_float32(stored_ji, rescale) if ends is None else as_int16(stored_ji, rescale)
        low, high = ends or (float(values.min()), float(values.max()))
        self.value_min, self.value_max = min(self.value_min, float(low)), max(self.value_max, float(high))
        for part in parts:
            self._writer.write(values if part == 1.0 else between(self._last_ji, values, part))
            self.n_written += 1
        self._last_ji = values

    @property
    def dtype(self) -> str:
        """Voxel type of the file."""
        return str(self._writer.dtype.name)

    @property
    def written(self) -> Written:
        """The image, after closing."""
        return self._writer.written

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, traceback)
