"""Files to datasets, by pydicom. Its warnings quote header values, so they are caught here and never reach a log."""

import contextlib
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import FileDataset

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False

# What pydicom raises for a file that is not DICOM or broken; the caller turns it into a finding.
READ_FAULTS = (
    pydicom.errors.BytesLengthException,
    pydicom.errors.InvalidDicomError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    NotImplementedError,
    RecursionError,
    struct.error,
    zlib.error,
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow the warnings of DICOM libraries: they hold header values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_dataset(
    path: Path | BinaryIO,
    *,
    stop_before_pixels: bool = False,
    specific_tags: list[int] | None = None,
    force: bool = False,
) -> FileDataset:
    """Read a DICOM file; `force` also reads one without preamble and file meta.

    An open file is left where reading stopped: with `stop_before_pixels`, at the pixel data.

    Raises
    ------
    READ_FAULTS
        The file is not DICOM, or broken.
    """
    with quiet():
        return pydicom.dcmread(path, force=force, stop_before_pixels=stop_before_pixels, specific_tags=specific_tags)
