"""An MR series as United Imaging stores mosaics: all slices as tiles of one image, their positions in private items.

Tiles run row by row from the upper left, slices ascending; (0065,xx50) tells how many, (0065,xx51) where each lies, and the
image itself has no position, as in the scanner's own files.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umd_curate.synth.header import Header
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Load, Series, Slice

_PER_SLICE = frozenset(("ImagePositionPatient", "SliceLocation", "InstanceNumber", "SOPInstanceUID"))


def mosaic(series: Series, study: Study) -> Sequence[Series]:
    """The series as one tiled image."""
    ascending = sorted(series.slices, key=lambda one: float(str(one.header["SliceLocation"])))
    rows, columns = int(str(series.header["Rows"])), int(str(series.header["Columns"]))
    across = math.ceil(math.sqrt(len(ascending)))
    down = math.ceil(len(ascending) / across)
    items: list[Header] = [
        {
            "AcquisitionDate": series.header["AcquisitionDate"],
            "AcquisitionTime": series.header["AcquisitionTime"],
            "ImagePositionPatient": one.header["ImagePositionPatient"],
            "SliceLocation": one.header["SliceLocation"],
        }
        for one in ascending
    ]
    image_type = series.header["ImageType"]
    assert isinstance(image_type, list)  # noqa: S101  (headers are ours)
    header: Header = {key: value for key, value in series.header.items() if key != "ImagesInAcquisition"}
    header |= {
        "ImageType": [*(str(value) for value in image_type), "VFRAME"],
        "Rows": rows * down,
        "Columns": columns * across,
        (0x00650010, "LO"): "Image Private Header",
        (0x00651050, "DS"): str(len(ascending)),
        (0x00651051, "SQ"): items,
    }
    own: Header = {key: value for key, value in ascending[0].header.items() if key not in _PER_SLICE}
    own |= {"SOPInstanceUID": study.uid("instance", series.name, "mosaic"), "InstanceNumber": 1}
    tiles = _tiled([one.load for one in ascending], (down, across), (rows, columns))
    return (replace(series, header=header, slices=(Slice(own, tiles),)),)


def _tiled(loads: Sequence[Load], grid: tuple[int, int], shape: tuple[int, int]) -> Load:
    """The planes side by side, `grid` rows and columns of tiles; tiles without a plane are 0."""

    def load() -> bytes:
        canvas = np.zeros((grid[0], shape[0], grid[1], shape[1]), "<u2")
        for number, plane in enumerate(loads):
            canvas[number // grid[1], :, number % grid[1]] = np.frombuffer(plane(), "<u2").reshape(shape)
        return canvas.tobytes()

    return load
