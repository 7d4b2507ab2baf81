"""JPEG with loss of 12 bits (extended process 2 and 4, PS3.5 8.2.1), which pydicom's own plugins leave aside: by GDCM.

Decides whether the stream is one that GDCM reads rightly: one sequential frame of 12 bits and one component, of the image's
rows and columns, and whole to its end marker. All else is a fault. GDCM gives words without sign; `io.py` makes it good.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Final

import gdcm
import numpy as np
from numpy.typing import NDArray

_START, _END = b"\xff\xd8", b"\xff\xd9"  # ISO/IEC 10918-1 table B.1: SOI, EOI
_SEQUENTIAL: Final = 0xC1  # SOF1, extended sequential DCT with Huffman codes
_SCAN: Final = 0xDA  # SOS: entropy-coded data follows
_PRECISION: Final = 12
_STDERR: Final = 2
_silent = threading.Lock()


def jpeg12(stream: bytes, rows: int, columns: int) -> NDArray[np.uint16]:
    """Samples [j, i] of one frame, 0 to 4095.

    Parameters
    ----------
    stream
        One JPEG stream.
    rows, columns
        Of the image, (0028,0010) and (0028,0011).

    Raises
    ------
    ValueError
        The stream is damaged, is of another kind, or of another size than the image.
    """
    if _frame_header(stream) != (_PRECISION, rows, columns, 1):
        message = "the JPEG stream is not of one 12-bit component in the image's size"
        raise ValueError(message)
    if not stream.rstrip(b"\0").endswith(_END):
        message = "the JPEG stream ends before its last pixel"
        raise ValueError(message)
    image = _image(stream, rows, columns)
    with _silence():
        data = image.GetBuffer().encode("utf-8", "surrogateescape")
    if len(data) != 2 * rows * columns:
        message = "the JPEG stream cannot be decoded"
        raise ValueError(message)
    return np.frombuffer(data, "<u2").reshape(rows, columns)


def _frame_header(stream: bytes) -> tuple[int, int, int, int] | None:
    """Precision, rows, columns and components of a sequential frame; None where the stream has another one or none."""
    if not stream.startswith(_START):
        return None
    place = 2
    while place + 10 <= len(stream) and stream[place] == 0xFF:
        marker, length = stream[place + 1], int.from_bytes(stream[place + 2 : place + 4])
        if marker == _SCAN or length < 2:
            return None
        if marker == _SEQUENTIAL:
            rows, columns = (int.from_bytes(stream[place + n : place + n + 2]) for n in (5, 7))
            return stream[place + 4], rows, columns, stream[place + 9]
        place += 2 + length
    return None


def _image(stream: bytes, rows: int, columns: int) -> "gdcm.Image":
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, _PRECISION, _PRECISION - 1, 0))
    return image


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep away from stderr what GDCM's codec says there for every frame: it tries 8 bits first."""
    with _silent:
        kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, _STDERR)
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            os.close(nowhere)
