"""Writes the upright copy of a sheared image beside it: plane by plane, so that no whole image is in memory."""

import itertools
from pathlib import Path

from umd_curate.convert.upright import Upright
from umd_curate.convert.verify import corner_error_mm
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Refused
from umd_curate.store.nifti import NiftiWriter, Written, read_grid, read_planes


def set_upright(path: Path, sheared: Path, fill: float, place: str) -> Written:
    """Keep the sheared image of `path` as `sheared`, and write its upright copy as `path`; return what was written.

    Parameters
    ----------
    path
        A staged ``.nii.gz`` whose slices are shifted against each other.
    sheared
        Where it goes.
    fill
        Value where no slice was.
    place
        Short id of the series.

    Raises
    ------
    Refused
        Read back, the copy is not what was written; both files are gone.
    """
    path.replace(sheared)
    upright = Upright(read_grid(sheared), fill)
    planes = read_planes(sheared)
    first = next(planes)
    with NiftiWriter(path, upright.grid, first.dtype) as writer:
        for k, plane in enumerate(itertools.chain([first], planes)):
            writer.write(upright.plane(k, plane))
    error, tolerance = corner_error_mm(read_grid(path), upright.grid, upright.grid.corners_ras_mm())
    if error > tolerance:
        sheared.unlink()
        raise Refused(codes.AFFINE_WRONG.at(place, "upright copy; corners, mm", measured=error, limit=tolerance))
    return writer.written
