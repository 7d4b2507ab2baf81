"""Files to datasets, by pydicom. Its warnings quote header values, so they are caught here and never reach a log."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import FileDataset

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow the warnings of DICOM libraries: they hold header values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_dataset(
    path: Path, *, stop_before_pixels: bool = False, specific_tags: list[int] | None = None, force: bool = False
) -> FileDataset:
    """Read a DICOM file; `force` also reads one without preamble and file meta.

    Raises
    ------
    pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError
        Whatever pydicom raises for a file that is not DICOM or broken; the caller turns it into a finding.
    """
    with quiet():
        return pydicom.dcmread(path, force=force, stop_before_pixels=stop_before_pixels, specific_tags=specific_tags)
